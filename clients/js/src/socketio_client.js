// socket.io-client (3 or newer), as it is, in laravel-echo-server's convention: `subscribe` and `unsubscribe` out, (event, channel, data)
// in. What was missed comes by Socket.IO's own connection state recovery; when the server could not recover the connection,
// feeds ask history from where they stopped. The offset that Socket.IO puts behind an event is the server's own business (it is that
// of all channels at once), so live publications have no position here.
//
// `emit` of this one socket is wrapped to know whether the application wants a channel: a component that unmounts must not
// take it away, nor the other way round.
import { Claims } from "./claims.js";
import { ParleyError } from "./errors.js";
import { formatPosition } from "./position.js";

/**
 * @typedef {import("./position.js").Position} Position
 * @typedef {import("./client.js").Sink} Sink
 * @typedef {import("./client.js").Client} Client
 * @typedef {import("./client.js").Member} Member
 */

const ours = new Set(["presence:subscribed", "presence:joining", "presence:leaving", "subscription_error", "subscription_count", "parley:gap"]);

/** @implements {Client} */
export class SocketIoClient {
  kind = "socket.io";
  #socket;
  /** @type {Sink} */
  #sink;
  #timeout;
  #headers;
  #claims = new Claims();
  /** What the next subscription begins after. @type {Map<string, Position>} */
  #since = new Map();
  /** @type {Map<string, { subscribed: boolean }>} */
  #ours = new Map();
  /** The connection of now continues the one before. */
  #recovered = false;
  #emit;
  /** @type {(() => void)[]} */
  #undo = [];
  /** @type {Set<(error: Error) => void>} */
  #asked = new Set();

  /**
   * @param {any} socket
   * @param {Sink} sink
   * @param {{ timeout: number, headers: () => Record<string, string> | undefined }} options
   */
  constructor(socket, sink, { timeout, headers }) {
    this.#socket = socket;
    this.#sink = sink;
    this.#timeout = timeout;
    this.#headers = headers;
    this.#emit = socket.emit.bind(socket);
    this.#wrap();
    const heard = (/** @type {any[]} */ ...args) => this.#heard(args);
    socket.onAny(heard);
    this.#undo.push(() => socket.offAny(heard));
    this.#on("connect", () => this.#connected());
    this.#on("disconnect", () => this.#disconnected());
    if (socket.connected) this.#connected();
  }

  get connected() {
    return Boolean(this.#socket.connected);
  }

  positions = false;

  // ---- channels ----

  /** @param {string} channel */
  subscribe(channel) {
    this.#claims.ours.add(channel);
    if (!this.#ours.has(channel)) this.#ours.set(channel, { subscribed: false });
    if (this.connected) this.#ask(channel);
  }

  /** @param {string} channel */
  unsubscribe(channel) {
    this.#ours.delete(channel);
    this.#claims.ours.delete(channel);
    if (!this.#claims.wanted(channel)) this.#leave(channel);
  }

  /** @param {string} channel */
  isSubscribed(channel) {
    return this.connected && this.#ours.get(channel)?.subscribed === true;
  }

  /**
   * @param {string} channel
   * @param {string} event
   * @param {unknown} data
   */
  whisper(channel, event, data) {
    if (!this.connected) return false;
    this.#emit("client event", { channel, event: `client-${event}`, data });
    return true;
  }

  position() {
    return null;
  }

  /**
   * @param {string} channel
   * @param {Position} position
   */
  setPosition(channel, position) {
    this.#since.set(channel, position);
  }

  // ---- questions ----

  /**
   * @param {string} channel
   * @param {import("./client.js").HistoryQuery} query
   */
  history(channel, query) {
    return this.#question("history", { channel, ...query });
  }

  /**
   * @param {string} channel
   * @param {string} after
   */
  status(channel, after) {
    return this.#question("status", after ? { channel, after } : { channel });
  }

  /** @param {Record<string, unknown>} what */
  publish(what) {
    return this.#question("publish", what);
  }

  /** @param {"online" | "away"} state */
  activity(state) {
    if (this.connected) this.#emit("activity", { state });
  }

  close() {
    for (const channel of [...this.#ours.keys()]) this.unsubscribe(channel);
    this.#disconnected();
    for (const undo of this.#undo.reverse()) undo();
  }

  // ---- below: what the socket tells ----

  #wrap() {
    const socket = this.#socket;
    const own = Object.hasOwn(socket, "emit");
    const before = socket.emit;
    const emit = (/** @type {any[]} */ ...args) => {
      const [event, what, ...rest] = args;
      if (event === "subscribe" && what?.channel) {
        this.#claims.application.add(what.channel);
        return this.#emit(event, this.#begun(what), ...rest);
      }
      if (event === "unsubscribe" && what?.channel) {
        this.#claims.application.delete(what.channel);
        if (this.#claims.wanted(what.channel)) return socket;
      }
      return this.#emit(...args);
    };
    socket.emit = emit;
    this.#undo.push(() => {
      if (socket.emit !== emit) return; // somebody wrapped it again
      if (own) socket.emit = before;
      else delete socket.emit;
    });
  }

  /**
   * @param {string} event
   * @param {(...args: any[]) => void} listener
   */
  #on(event, listener) {
    this.#socket.on(event, listener);
    this.#undo.push(() => this.#socket.off(event, listener));
  }

  /** @param {string} channel */
  #leave(channel) {
    if (this.connected) this.#emit("unsubscribe", { channel, ...this.#auth() });
  }

  // A subscription that begins after a position does so once; what comes later is Socket.IO's recovery or history.
  /** @param {{ channel: string, since?: string }} what */
  #begun(what) {
    const since = this.#since.get(what.channel);
    this.#since.delete(what.channel);
    return since && what.since === undefined ? { ...what, since: formatPosition(since) } : what;
  }

  #connected() {
    this.#recovered = this.#socket.recovered === true;
    this.#sink.connected();
    for (const channel of this.#ours.keys()) {
      // A recovered connection is on its channels; who is in a presence channel is told next.
      if (!this.#recovered) this.#ask(channel);
      else if (!channel.startsWith("presence-")) this.#isThere(channel, null);
    }
  }

  #disconnected() {
    for (const state of this.#ours.values()) state.subscribed = false;
    for (const reject of [...this.#asked]) reject(new ParleyError("disconnected"));
    this.#sink.disconnected();
  }

  /** @param {string} channel */
  #ask(channel) {
    this.#recovered = false; // of what follows, somebody has to ask
    this.#emit("subscribe", this.#begun({ channel, ...this.#auth() }), (/** @type {any} */ answer) => {
      // A refusal comes as subscription_error, too; a roster before this.
      if (!answer?.error && !channel.startsWith("presence-")) this.#isThere(channel, null);
    });
  }

  #auth() {
    return { auth: { headers: this.#headers() ?? {} } };
  }

  /**
   * @param {string} channel
   * @param {Member[] | null} members
   */
  #isThere(channel, members) {
    const state = this.#ours.get(channel);
    if (!state || (state.subscribed && !members)) return;
    // A roster may come again while one is there, when the application subscribes, too.
    const recovered = state.subscribed || this.#recovered;
    state.subscribed = true;
    this.#sink.subscribed(channel, { recovered, position: null, members });
  }

  /** @param {any[]} args */
  #heard([event, channel, data, more]) {
    if (typeof channel !== "string") return;
    if (event === "parley:gap") return this.#sink.gap(channel, data);
    const state = this.#ours.get(channel);
    if (!state) return;
    if (event === "presence:subscribed") {
      this.#isThere(channel, data.map(memberOf));
    } else if (event === "presence:joining") {
      this.#sink.joined(channel, memberOf(data));
    } else if (event === "presence:leaving") {
      this.#sink.left(channel, memberOf(data));
    } else if (event === "subscription_error") {
      state.subscribed = false;
      this.#sink.failed(channel, { type: "AuthError", status: data, ...more });
    } else if (!ours.has(event)) {
      this.#sink.event(channel, event, data, null);
    }
  }

  /**
   * @param {string} name
   * @param {Record<string, unknown>} what
   * @returns {Promise<any>}
   */
  #question(name, what) {
    return new Promise((resolve, reject) => {
      if (!this.connected) return reject(new ParleyError("disconnected"));
      const end = (/** @type {Error} */ error) => {
        clearTimeout(timer);
        this.#asked.delete(end);
        reject(error);
      };
      const timer = setTimeout(() => end(new ParleyError("timeout", `no answer to ${name}`)), this.#timeout);
      this.#asked.add(end);
      this.#emit(name, what, (/** @type {any} */ answer) => {
        if (answer && typeof answer.error === "string") return end(new ParleyError(answer.error, answer.message));
        clearTimeout(timer);
        this.#asked.delete(end);
        resolve(answer);
      });
    });
  }
}

/**
 * @param {any} member
 * @returns {Member}
 */
const memberOf = (member) => ({ user_id: String(member.user_id), user_info: member.user_info ?? null });
