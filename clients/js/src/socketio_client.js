// socket.io-client (3 or newer), as it is, in laravel-echo-server's convention: `subscribe` and `unsubscribe` out, (event, channel, data)
// in. What was missed comes by Socket.IO's own connection state recovery; when the server could not recover the connection,
// feeds ask history from where they stopped.
//
// `emit` of this one socket is wrapped to know whether the application wants a channel: a component that unmounts must not
// take it away, nor the other way round.
//
// The convention has no answer to `subscribe` on private channels. The acknowledgement is one where the server gives it; otherwise a
// question is asked until it is not answered by `not_subscribed` any more.
import { Claims } from "./claims.js";
import { isPassing, ParleyError } from "./errors.js";
import { parsePosition } from "./position.js";

/**
 * @typedef {import("./position.js").Position} Position
 * @typedef {import("./client.js").Sink} Sink
 * @typedef {import("./client.js").Client} Client
 * @typedef {import("./client.js").Member} Member
 */

const probeFirstMs = 150;
const probeMaxMs = 5000;
const ours = new Set(["presence:subscribed", "presence:joining", "presence:leaving", "subscription_error", "parley:gap"]);

/** @implements {Client} */
export class SocketIoClient {
  kind = "socket.io";
  #socket;
  /** @type {Sink} */
  #sink;
  #timeout;
  #headers;
  #claims = new Claims();
  /** @type {Map<string, Position>} */
  #last = new Map();
  /** Of our channels: is it there, and what asks for it. @type {Map<string, { subscribed: boolean, probe: any, delay: number }>} */
  #ours = new Map();
  #emit;
  /** @type {(() => void)[]} */
  #undo = [];
  #connections = 0;
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

  /** Socket.IO keeps the position itself. */
  get positions() {
    return this.connected;
  }

  // ---- channels ----

  /** @param {string} channel */
  subscribe(channel) {
    this.#claims.ours.add(channel);
    if (!this.#ours.has(channel)) this.#ours.set(channel, { subscribed: false, probe: undefined, delay: probeFirstMs });
    if (this.connected) this.#ask(channel);
  }

  /** @param {string} channel */
  unsubscribe(channel) {
    clearTimeout(this.#ours.get(channel)?.probe);
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

  /** @param {string} channel */
  position(channel) {
    return this.#last.get(channel) ?? null;
  }

  /**
   * @param {string} channel
   * @param {Position} position
   */
  setPosition(channel, position) {
    this.#last.set(channel, position);
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

  // The protocol has no word for it here.
  activity() {}

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
      const [event, what] = args;
      if (event === "subscribe" && what?.channel) this.#claims.application.add(what.channel);
      if (event === "unsubscribe" && what?.channel) {
        this.#claims.application.delete(what.channel);
        if (this.#claims.wanted(what.channel)) return socket;
        this.#last.delete(what.channel);
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
    this.#last.delete(channel);
    if (this.connected) this.#emit("unsubscribe", { channel, auth: { headers: this.#headers() ?? {} } });
  }

  #connected() {
    const recovered = this.#connections++ > 0 && this.#socket.recovered === true;
    this.#sink.connected();
    for (const [channel, state] of this.#ours) {
      state.subscribed = false;
      state.delay = probeFirstMs;
      // A recovered connection is on its channels; asked is all the same who is there now.
      if (recovered && !channel.startsWith("presence-")) this.#isThere(channel, true);
      else this.#ask(channel);
    }
  }

  #disconnected() {
    for (const state of this.#ours.values()) {
      state.subscribed = false;
      clearTimeout(state.probe);
    }
    for (const reject of [...this.#asked]) reject(new ParleyError("disconnected"));
    this.#sink.disconnected();
  }

  // Asks to be subscribed, and whether it happened.
  /** @param {string} channel */
  #ask(channel) {
    const state = this.#ours.get(channel);
    if (!state) return;
    clearTimeout(state.probe);
    this.#emit("subscribe", { channel, auth: { headers: this.#headers() ?? {} } }, (/** @type {any} */ answer) => {
      if (answer && answer.error) this.#failed(channel, answer);
      else if (!channel.startsWith("presence-")) this.#isThere(channel, false);
    });
    if (channel.startsWith("presence-")) return; // presence:subscribed tells
    state.probe = setTimeout(() => this.#probe(channel), state.delay);
  }

  /** @param {string} channel */
  async #probe(channel) {
    const state = this.#ours.get(channel);
    if (!state || state.subscribed || !this.connected) return;
    try {
      await this.history(channel, { limit: 1 });
      this.#isThere(channel, false);
    } catch (error) {
      const code = error instanceof ParleyError ? error.code : "";
      if (this.#ours.get(channel) !== state || state.subscribed || code === "disconnected") return;
      if (code !== "not_subscribed" && !isPassing(error)) return this.#isThere(channel, false); // it is another thing that is refused
      state.delay = Math.min(state.delay * 2, probeMaxMs);
      state.probe = setTimeout(() => this.#probe(channel), state.delay);
    }
  }

  /**
   * @param {string} channel
   * @param {boolean} recovered
   * @param {Member[] | null} [members]
   */
  #isThere(channel, recovered, members = null) {
    const state = this.#ours.get(channel);
    if (!state || (state.subscribed && !members)) return;
    clearTimeout(state.probe);
    state.subscribed = true;
    this.#sink.subscribed(channel, { recovered, position: this.#last.get(channel) ?? null, members });
  }

  /**
   * @param {string} channel
   * @param {any} why
   */
  #failed(channel, why) {
    const state = this.#ours.get(channel);
    if (!state) return;
    clearTimeout(state.probe);
    state.subscribed = false;
    this.#sink.failed(channel, why);
  }

  /** @param {any[]} args */
  #heard([event, channel, data, offset]) {
    if (typeof channel !== "string") return;
    if (event === "parley:gap") return this.#sink.gap(channel, data);
    const position = parsePosition(offset);
    if (position) this.#last.set(channel, position);
    if (!this.#ours.has(channel)) return;
    if (event === "presence:subscribed") this.#isThere(channel, false, data.map(memberOf));
    else if (event === "presence:joining") this.#sink.joined(channel, memberOf(data));
    else if (event === "presence:leaving") this.#sink.left(channel, memberOf(data));
    else if (event === "subscription_error") this.#failed(channel, { type: "AuthError", status: data });
    else if (!ours.has(event)) this.#sink.event(channel, event, data, position);
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
