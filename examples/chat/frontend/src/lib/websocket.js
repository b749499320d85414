// The one connection of this tab. It is opened by the first page that wants it, outlives changes of route and StrictMode's
// double mount, and is closed a moment after the last page, or at once by signing out.
const transports = {
  parley: async () => (await import("./transports/parley")).ParleyTransport,
  echo: async () => (await import("./transports/echo")).EchoTransport,
  socketio: async () => (await import("./transports/socketio")).SocketIoTransport,
  polling: async () => (await import("./transports/polling")).PollingTransport,
};

const closeDelayMs = 1000;
const loadAgainMs = 3000;
const nothing = Object.freeze({ transport: null, state: "connecting" });

/** @type {{ key: string, transport: any, holders: number, timer: any, closed: boolean } | null} */
let current = null;
let snapshot = nothing;
const listeners = new Set();

function changed() {
  snapshot = current?.transport ? { transport: current.transport, state: current.transport.state } : nothing;
  for (const listener of [...listeners]) listener();
}

/**
 * How the pages are told: the deployment's word, or `?realtime=` in the address, which this tab remembers.
 * @param {string} configured
 */
export function realtimeMode(configured) {
  const asked = new URLSearchParams(window.location.search).get("realtime");
  try {
    if (known(asked)) sessionStorage.setItem("realtime", asked);
    const kept = sessionStorage.getItem("realtime");
    return known(kept) ? kept : configured;
  } catch {
    return known(asked) ? asked : configured; // no storage is allowed here
  }
}

const known = (mode) => Object.hasOwn(transports, mode ?? "");

async function open(entry, options) {
  let Transport;
  try {
    Transport = await transports[realtimeMode(options.settings.realtime)]();
  } catch (error) {
    console.warn("the connection's code could not be loaded; trying again", error);
    if (!entry.closed) entry.timer = setTimeout(() => open(entry, options), loadAgainMs);
    return;
  }
  if (entry.closed) return;
  entry.transport = new Transport({ ...options, onState: changed });
  changed();
}

/**
 * @param {{ user: { id: number }, settings: any, api: import("./api").Api }} options
 * @returns {() => void} gives it back
 */
export function hold(options) {
  const key = String(options.user.id);
  if (current && current.key !== key) disconnect(); // somebody else signed in
  if (!current) {
    current = { key, transport: null, holders: 0, timer: undefined, closed: false };
    open(current, options);
  }
  const entry = current;
  entry.holders++;
  clearTimeout(entry.timer);
  return () => {
    if (--entry.holders > 0) return;
    entry.timer = setTimeout(() => entry === current && disconnect(), closeDelayMs);
  };
}

/** At once: signing out. */
export function disconnect() {
  const entry = current;
  if (!entry) return;
  clearTimeout(entry.timer);
  entry.closed = true;
  current = null;
  entry.transport?.close();
  changed();
}

/** For useSyncExternalStore. */
export const connection = {
  subscribe(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  now: () => snapshot,
  onServer: () => nothing,
};
