// pusher-js, as it is: what it hears and says for us. It is used by its documented methods, and by two of its inner parts:
//
//  - The frames. pusher-js drops the keys `epoch` and `offset` of a frame. Its transport is an event emitter that calls global
//    listeners first, so one of those sees each raw frame just before pusher-js dispatches it, in the same turn. Where that
//    transport cannot be found (another version), there are no positions (`positions` is false), and what was missed is asked
//    for by history instead.
//  - `subscribe`, `unsubscribe`, `subscribeAll` and `send_event` of this one instance are wrapped: to add `since` to a
//    subscription that is made again, to forget a position on leaving, and to know whether the application wants a channel.
import { Claims } from "./claims.js";
import { ParleyError } from "./errors.js";
import { formatPosition } from "./position.js";

/**
 * @typedef {import("./position.js").Position} Position
 * @typedef {import("./client.js").Sink} Sink
 * @typedef {import("./client.js").Client} Client
 * @typedef {import("./client.js").Member} Member
 */

const internal = "pusher_internal:";
const ours = new Set(["parley:history", "parley:history_error", "parley:status", "parley:gap"]);

/** @implements {Client} */
export class PusherClient {
  kind = "pusher";
  /** Raw frames are seen on the connection of now. */
  positions = false;
  #pusher;
  /** @type {Sink} */
  #sink;
  #timeout;
  #claims = new Claims();
  /** @type {Map<string, Position>} */
  #last = new Map();
  /** What is being dispatched: the extra keys of a frame. @type {any} */
  #frame = null;
  #resubscribing = false;
  #ids = 0;
  /** @type {Map<number, { resolve: (page: any) => void, reject: (error: Error) => void }>} */
  #asked = new Map();
  /** One question about status at a time: its answer carries no id. @type {Promise<unknown>} */
  #statusLine = Promise.resolve();
  /** @type {{ channel: string, resolve: (answer: any) => void, reject: (error: Error) => void } | null} */
  #statusAsked = null;
  /** @type {Map<string, (event: string, data: any) => void>} */
  #bound = new Map();
  /** @type {any} */
  #transport = null;
  #hook = (/** @type {string} */ name, /** @type {any} */ message) => {
    if (name === "message") this.#raw(message?.data);
  };
  /** @type {(() => void)[]} */
  #undo = [];

  /**
   * @param {any} pusher
   * @param {Sink} sink
   * @param {{ timeout: number }} options
   */
  constructor(pusher, sink, { timeout }) {
    this.#pusher = pusher;
    this.#sink = sink;
    this.#timeout = timeout;
    for (const channel of pusher.allChannels()) this.#claims.application.add(channel.name);
    this.#wrap();
    this.#bind(pusher.connection, "connected", () => this.#connected());
    this.#bind(pusher.connection, "message", (/** @type {any} */ event) => this.#answered(event));
    this.#bind(pusher.connection, "error", (/** @type {any} */ error) => this.#refused(error));
    this.#bind(pusher.connection, "state_change", (/** @type {any} */ { previous }) => {
      if (previous === "connected") this.#disconnected();
    });
    if (pusher.connection.state === "connected") this.#connected();
  }

  get connected() {
    return this.#pusher.connection.state === "connected";
  }

  // ---- channels ----

  /** @param {string} channel */
  subscribe(channel) {
    const before = this.#pusher.channel(channel);
    this.#claims.ours.add(channel);
    const object = this.#original.subscribe(channel);
    if (!this.#bound.has(channel)) this.#listenTo(object);
    if (before?.subscribed) {
      const members = this.#membersOf(object);
      queueMicrotask(() => {
        if (object.subscribed && this.#claims.ours.has(channel)) this.#sink.subscribed(channel, { recovered: true, position: this.#last.get(channel) ?? null, members });
      });
    }
  }

  /** @param {string} channel */
  unsubscribe(channel) {
    this.#claims.ours.delete(channel);
    const listener = this.#bound.get(channel);
    this.#bound.delete(channel);
    this.#pusher.channel(channel)?.unbind_global(listener);
    if (!this.#claims.wanted(channel)) this.#leave(channel);
  }

  /** @param {string} channel */
  isSubscribed(channel) {
    return this.connected && this.#pusher.channel(channel)?.subscribed === true;
  }

  /**
   * @param {string} channel
   * @param {string} event
   * @param {unknown} data
   */
  whisper(channel, event, data) {
    return Boolean(this.#original.send_event(`client-${event}`, data, channel));
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
   * @returns {Promise<any>}
   */
  history(channel, query) {
    const id = ++this.#ids;
    return this.#ask(`history of ${channel}`, (resolve, reject) => {
      this.#send("parley:history", { id, channel, ...query });
      this.#asked.set(id, { resolve, reject });
      return () => this.#asked.delete(id);
    });
  }

  /**
   * @param {string} channel
   * @param {string} after
   * @returns {Promise<any>}
   */
  status(channel, after) {
    const turn = this.#statusLine.then(() =>
      this.#ask(`status of ${channel}`, (resolve, reject) => {
        if (!this.isSubscribed(channel)) throw new ParleyError(this.connected ? "not_subscribed" : "disconnected");
        this.#send("parley:status", { channel, after });
        this.#statusAsked = { channel, resolve, reject };
        return () => {
          this.#statusAsked = null;
        };
      }),
    );
    this.#statusLine = turn.catch(() => {});
    return turn;
  }

  /** @param {"online" | "away"} state */
  activity(state) {
    if (this.connected) this.#pusher.send_event("parley:activity", { state });
  }

  close() {
    for (const channel of [...this.#bound.keys()]) this.unsubscribe(channel);
    this.#disconnected();
    for (const undo of this.#undo.reverse()) undo();
  }

  // ---- below: what pusher-js tells ----

  /** @type {Record<string, (...args: any[]) => any>} */
  #original = {};

  #wrap() {
    const pusher = this.#pusher;
    /**
     * @param {string} name
     * @param {(...args: any[]) => any} replacement
     */
    const replace = (name, replacement) => {
      const own = Object.hasOwn(pusher, name);
      const before = pusher[name];
      this.#original[name] = before.bind(pusher);
      pusher[name] = replacement;
      this.#undo.push(() => {
        if (pusher[name] !== replacement) return; // somebody wrapped it again
        if (own) pusher[name] = before;
        else delete pusher[name];
      });
    };
    replace("subscribe", (channel) => {
      if (!this.#resubscribing) this.#claims.application.add(channel);
      return this.#original.subscribe(channel);
    });
    replace("subscribeAll", () => {
      this.#resubscribing = true;
      try {
        return this.#original.subscribeAll();
      } finally {
        this.#resubscribing = false;
      }
    });
    replace("unsubscribe", (channel) => {
      this.#claims.application.delete(channel);
      if (!this.#claims.wanted(channel)) return this.#leave(channel);
      // The application has left, we stay: what it bound is taken off, as it would be with the channel.
      const object = pusher.channel(channel);
      object.unbind_all();
      object.bind_global(this.#bound.get(channel));
    });
    replace("send_event", (name, data, channel) => {
      if (name === "pusher:subscribe" && data && data.since === undefined) {
        const position = this.#last.get(data.channel);
        if (position) data = { ...data, since: formatPosition(position) };
      }
      return this.#original.send_event(name, data, channel);
    });
  }

  /**
   * @param {string} event
   * @param {unknown} data
   */
  #send(event, data) {
    // pusher-js calls itself connected for a second after the connection broke.
    if (this.#original.send_event(event, data) === false) throw new ParleyError("disconnected");
  }

  /** @param {string} channel */
  #leave(channel) {
    this.#last.delete(channel);
    return this.#original.unsubscribe(channel);
  }

  /**
   * @param {any} emitter
   * @param {string} event
   * @param {(data: any) => void} listener
   */
  #bind(emitter, event, listener) {
    emitter.bind(event, listener);
    this.#undo.push(() => emitter.unbind(event, listener));
  }

  #connected() {
    const transport = this.#pusher.connection.connection?.transport;
    this.positions = typeof transport?.bind_global === "function";
    if (this.positions) transport.bind_global(this.#hook);
    this.#transport = transport;
    this.#sink.connected();
  }

  #disconnected() {
    this.#frame = null;
    this.#transport?.unbind_global?.(this.#hook);
    this.#transport = null;
    const gone = new ParleyError("disconnected");
    for (const { reject } of [...this.#asked.values()]) reject(gone);
    this.#statusAsked?.reject(gone);
    this.#sink.disconnected();
  }

  /** @param {unknown} text */
  #raw(text) {
    this.#frame = null;
    // A cheap look first: most frames have no position.
    if (typeof text !== "string" || !text.includes('"epoch"')) return;
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return; // pusher-js reports it
    }
    if (typeof frame.channel !== "string") return;
    if (frame.event === "parley:gap") {
      const gap = typeof frame.data === "string" ? JSON.parse(frame.data) : frame.data;
      // What lies before `before` will not come: the next subscription must not ask for it again.
      if (this.#last.has(frame.channel) && typeof gap.epoch === "string") this.#last.set(frame.channel, { epoch: gap.epoch, offset: gap.before - 1 });
      return;
    }
    if (typeof frame.epoch !== "string" || !Number.isSafeInteger(frame.offset)) return;
    const position = { epoch: frame.epoch, offset: frame.offset };
    this.#frame = { channel: frame.channel, event: frame.event, position, recovered: frame.recovered };
    if (frame.event !== `${internal}subscription_succeeded`) {
      this.#last.set(frame.channel, position);
    } else if (!this.#last.has(frame.channel) && frame.recovered !== true) {
      // The position of a subscription is the newest one; after a resume what was missed is still to come, so there
      // only the publications themselves move ours.
      this.#last.set(frame.channel, position);
    }
  }

  /** @param {any} object a channel of pusher-js */
  #listenTo(object) {
    const channel = object.name;
    const listener = (/** @type {string} */ event, /** @type {any} */ data) => {
      if (event === "pusher:subscription_succeeded") {
        const frame = this.#frameOf(channel, `${internal}subscription_succeeded`);
        this.#sink.subscribed(channel, { recovered: frame?.recovered === true, position: frame?.position ?? null, members: this.#membersOf(object) });
      } else if (event === "pusher:subscription_error") {
        // pusher-js goes on thinking that the answer is to come (or that it is there, when it was taken back), and would
        // never ask again.
        object.subscriptionPending = false;
        object.subscribed = false;
        this.#sink.failed(channel, data);
      } else if (event === "pusher:member_added") {
        this.#sink.joined(channel, memberOf(data));
      } else if (event === "pusher:member_removed") {
        this.#sink.left(channel, memberOf(data));
      } else if (!event.startsWith("pusher:") && !ours.has(event)) {
        this.#sink.event(channel, event, data, this.#frameOf(channel, event)?.position ?? null);
      }
    };
    this.#bound.set(channel, listener);
    object.bind_global(listener);
  }

  /**
   * @param {string} channel
   * @param {string} event
   */
  #frameOf(channel, event) {
    const frame = this.#frame;
    return frame && frame.channel === channel && frame.event === event ? frame : null;
  }

  /**
   * @param {any} object
   * @returns {Member[] | null}
   */
  #membersOf(object) {
    if (!object.members) return null;
    /** @type {Member[]} */
    const members = [];
    object.members.each((/** @type {any} */ member) => members.push(memberOf(member)));
    return members;
  }

  // ---- answers ----

  /** @param {any} message */
  #answered({ event, channel, data }) {
    if (event === "parley:history") {
      this.#asked.get(data?.id)?.resolve(data);
    } else if (event === "parley:history_error") {
      this.#asked.get(data?.id)?.reject(new ParleyError(data.error, data.message));
    } else if (event === "parley:status" && this.#statusAsked?.channel === channel) {
      this.#statusAsked?.resolve(data);
    } else if (event === "parley:gap") {
      this.#sink.gap(channel, data); // of the application's channels, too
    }
  }

  // An error of the connection names no question. Those it can be about are answered with it.
  /** @param {any} error */
  #refused(error) {
    if (error?.type !== "PusherError") return;
    const { code, message = "" } = error.data ?? {};
    if (code === 4301) {
      this.#statusAsked?.reject(new ParleyError("rate_limited", message));
    } else if (this.#statusAsked && (message.includes("parley:status") || message.includes(this.#statusAsked.channel))) {
      this.#statusAsked.reject(new ParleyError("refused", message));
    }
    if (message.includes("parley:history")) {
      for (const { reject } of [...this.#asked.values()]) reject(new ParleyError("unsupported", message));
    }
  }

  /**
   * @param {string} what
   * @param {(resolve: (value: any) => void, reject: (error: Error) => void) => () => void} begin returns what ends the wait
   * @returns {Promise<any>}
   */
  async #ask(what, begin) {
    let end = () => {};
    let timer;
    try {
      return await new Promise((resolve, reject) => {
        timer = setTimeout(() => reject(new ParleyError("timeout", `no answer to the ${what}`)), this.#timeout);
        end = begin(resolve, reject);
      });
    } finally {
      clearTimeout(timer);
      end();
    }
  }
}

/**
 * @param {any} member of pusher-js
 * @returns {Member}
 */
const memberOf = (member) => ({ user_id: String(member.id), user_info: member.info ?? null });
