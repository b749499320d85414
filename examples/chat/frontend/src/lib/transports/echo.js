// Laravel Echo with pusher-js, as in every Laravel front-end. `stock: true` makes it resume by the client id in its address
// (docs/resume.md of Parley); with @parley/client (parley.js) positions do that.
import Echo from "laravel-echo";
import Pusher from "pusher-js";

import { ApiError, persistently } from "../api";
import { uuid } from "../uuid";
import { socketAddress } from "./address";

const leaveDelayMs = 3000; // StrictMode's double mount and a change of route are no leave
const revivals = [2000, 3000, 4500, 7000, 10_000, 15_000];

export class EchoTransport {
  kind = "echo";
  /** For ParleyProvider. */
  client = null;
  /** @type {"connecting" | "connected" | "unavailable" | "refused"} */
  state = "connecting";
  echo;
  #onState;
  #channels = new Map();
  #attempts = 0;
  #timer;
  /** What is asked for the connection of now: another one has another socket id. */
  #asking = new AbortController();
  #closed = false;

  /** @param {{ settings: any, api: import("../api").Api, onState: () => void }} options */
  constructor({ settings, api, onState }, { stock = true } = {}) {
    const { hostname, port, secure } = socketAddress(settings.websocketUrl);
    this.#onState = onState;
    // Questions to the backend carry the visitor's cookie, also from another port, and are asked again while it restarts:
    // pusher-js itself would give up.
    const authorize = (path) => (what, callback) => {
      const body = { socket_id: what.socketId, ...(what.channelName ? { channel_name: what.channelName } : {}) };
      const { signal } = this.#asking;
      persistently(() => api.post(path, body), { attempts: Infinity, signal }).then(
        (answer) => signal.aborted || callback(null, answer),
        (error) => signal.aborted || callback(error, null),
      );
    };
    this.echo = new Echo({
      broadcaster: "reverb",
      Pusher,
      key: settings.appKey,
      wsHost: hostname,
      wsPort: port,
      wssPort: port,
      forceTLS: secure,
      enabledTransports: ["ws"],
      wsPath: stock ? `/r/${uuid()}` : "",
      pongTimeout: 6000,
      channelAuthorization: { customHandler: authorize("/broadcasting/auth") },
      userAuthentication: { customHandler: authorize("/broadcasting/user-auth"), headers: {} },
    });
    this.pusher.connection.bind("state_change", ({ current }) => this.#changed(current));
    this.#changed(this.pusher.connection.state); // it has begun to connect already
    this.pusher.signin(); // who this is: without it nobody would be online
    window.addEventListener("online", this.#online);
    if (stock) {
      this.pusher.connection.bind("connected", () => document.hidden && this.#activity());
      document.addEventListener("visibilitychange", this.#activity);
    }
  }

  get pusher() {
    return this.echo.connector.pusher;
  }

  get socketId() {
    return this.pusher.connection.socket_id;
  }

  /**
   * @param {string} name `private-domain.7`
   * @param {{ subscribed?: (how: { recovered: boolean }) => void, failed?: (why: { status?: number, message: string }) => void,
   *   gap?: () => void, events?: Record<string, (data: any) => void> }} listener
   * @returns {() => void} takes it away
   */
  subscribe(name, listener) {
    let entry = this.#channels.get(name);
    if (!entry) {
      entry = { channel: this.#join(name), listeners: 0 };
      this.#channels.set(name, entry);
    }
    clearTimeout(entry.timer);
    entry.listeners++;
    const { channel } = entry;
    const { subscription } = channel;
    let before = false;
    // With the id in the address what was missed comes by itself after a reconnect; what lies before the first time does not.
    const succeeded = () => {
      listener.subscribed?.({ recovered: before });
      before = true;
    };
    const failed = (why) => listener.failed?.(refusal(why));
    const events = { ...listener.events, "parley:gap": () => listener.gap?.() };
    subscription.bind("pusher:subscription_succeeded", succeeded);
    subscription.bind("pusher:subscription_error", failed);
    for (const [event, handler] of Object.entries(events)) channel.listen(`.${event}`, handler);
    let gone = false;
    if (subscription.subscribed) queueMicrotask(() => gone || succeeded());
    return () => {
      gone = true;
      subscription.unbind("pusher:subscription_succeeded", succeeded);
      subscription.unbind("pusher:subscription_error", failed);
      for (const [event, handler] of Object.entries(events)) channel.stopListening(`.${event}`, handler);
      if (--entry.listeners > 0) return;
      entry.timer = setTimeout(() => {
        this.#channels.delete(name);
        this.echo.leaveChannel(name);
      }, leaveDelayMs);
    };
  }

  /** A client event to the others of a private or presence channel. False: not sent. */
  whisper(name, event, data) {
    const channel = this.#channels.get(name)?.channel;
    if (!channel?.subscription.subscribed) return false;
    channel.whisper(event, data);
    return true;
  }

  close() {
    this.#closed = true;
    this.#asking.abort();
    clearTimeout(this.#timer);
    window.removeEventListener("online", this.#online);
    document.removeEventListener("visibilitychange", this.#activity);
    for (const { timer } of this.#channels.values()) clearTimeout(timer);
    this.#channels.clear();
    this.pusher.connection.unbind_all();
    this.echo.disconnect();
  }

  /** Now, instead of when pusher-js would. */
  retry() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#closed || this.pusher.connection.state === "connected") return;
    this.pusher.disconnect();
    this.pusher.connect();
  }

  #join(name) {
    if (name.startsWith("presence-")) return this.echo.join(name.slice("presence-".length));
    if (name.startsWith("private-")) return this.echo.private(name.slice("private-".length));
    return this.echo.channel(name);
  }

  #online = () => this.retry();

  // Away is who looks at none of their tabs.
  #activity = () => this.pusher.send_event("parley:activity", { state: document.hidden ? "away" : "online" });

  #changed(current) {
    if (this.#closed) return;
    if (current === "connected") {
      this.#attempts = 0;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    } else {
      this.#asking.abort();
      this.#asking = new AbortController();
      // Once refused, as by a server that is just starting, pusher-js pauses for 15 seconds and longer, or for ever.
      this.#timer ??= setTimeout(() => this.retry(), revivals[Math.min(this.#attempts++, revivals.length - 1)] * (0.75 + Math.random() / 2));
    }
    const state = { connected: "connected", connecting: this.state === "connecting" ? "connecting" : "unavailable", disconnected: "refused", failed: "refused" }[current] ?? "unavailable";
    // Between our own disconnect() and connect() it is still the same outage.
    queueMicrotask(() => {
      if (this.#closed || (current === "disconnected" && this.pusher.connection.state !== "disconnected")) return;
      if (this.state === state) return;
      this.state = state;
      this.#onState();
    });
  }
}

/** What pusher-js says of a subscription that was refused. */
export function refusal(why) {
  const error = why?.error ?? why;
  return { status: why?.status, message: (error instanceof ApiError ? error.message : typeof error === "string" ? error : error?.message) || "The server refused." };
}
