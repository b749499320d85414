// One channel while somebody here uses it: subscribed for the first, left a moment after the last (leases.js). Tells how the
// subscription is and what it hears.
import { Store } from "./store.js";

/**
 * @typedef {import("./client.js").Position} Position
 * @typedef {import("./client.js").Member} Member
 * @typedef {import("./client.js").Subscribed} Subscribed
 * @typedef {import("./client.js").Gap} Gap
 */

/**
 * What came on a channel.
 * @typedef {{ channel: string, event: string, data: any, position: Position | null }} Delivery
 */

/**
 * `subscribing`, also while the connection is gone; `subscribed`; `failed`: refused, kicked, or not allowed, `error` says why.
 * @typedef {{ state: "subscribing" | "subscribed" | "failed", error: any }} ChannelState
 */

/**
 * What one part of the page hears of a channel.
 * @typedef {object} Listener
 * @property {(how: Subscribed) => void} [subscribed] also again, after a reconnect
 * @property {(delivery: Delivery) => void} [event]
 * @property {(member: Member) => void} [joined]
 * @property {(member: Member) => void} [left]
 * @property {(gap: Gap) => void} [gap]
 * @property {(why: any) => void} [failed]
 */

/** @type {ChannelState} */
const waiting = Object.freeze({ state: "subscribing", error: null });

/** @extends {Store<ChannelState>} */
export class Channel extends Store {
  /** @type {ChannelState} */
  #state = waiting;
  /** @type {Set<Listener>} */
  #listeners = new Set();
  #client;
  #onClose;
  /** The members as they are, for who comes later. @type {Map<string, Member>} */
  #members = new Map();

  /**
   * @param {string} name
   * @param {import("./client.js").Client} client
   * @param {() => void} onClose
   */
  constructor(name, client, onClose) {
    super(waiting, () => this.#state);
    this.name = name;
    this.#client = client;
    this.#onClose = onClose;
  }

  open() {
    this.#client.subscribe(this.name);
  }

  // Somebody asks again for what was refused.
  retry() {
    if (this.#state.state !== "failed") return;
    this.#become(waiting);
    this.open();
  }

  get members() {
    return [...this.#members.values()];
  }

  /**
   * @param {Listener} listener is told at once of a subscription that is there
   * @returns {() => void} takes it away
   */
  listen(listener) {
    this.#listeners.add(listener);
    if (this.#state.state === "subscribed") {
      listener.subscribed?.({ recovered: true, position: this.#client.position(this.name), members: this.members });
    } else if (this.#state.state === "failed") {
      listener.failed?.(this.#state.error);
    }
    return () => this.#listeners.delete(listener);
  }

  /**
   * A client event to the others. False: not sent.
   * @param {string} event without `client-`
   * @param {unknown} data
   */
  whisper(event, data) {
    return this.#state.state === "subscribed" && this.#client.whisper(this.name, event, data);
  }

  close() {
    this.#listeners.clear();
    this.#onClose();
    this.#client.unsubscribe(this.name);
  }

  // ---- what the client hears ----

  /** @param {Subscribed} how */
  onSubscribed(how) {
    this.#become({ state: "subscribed", error: null });
    if (how.members) this.#members = new Map(how.members.map((member) => [member.user_id, member]));
    this.#tell((listener) => listener.subscribed?.(how));
  }

  onDisconnected() {
    if (this.#state.state === "subscribed") this.#become(waiting);
  }

  onConnected() {
    // pusher-js asks again for every channel on a new connection, also for a refused one.
    if (this.#state.state === "failed") this.#become(waiting);
  }

  /** @param {any} why */
  onFailed(why) {
    this.#become({ state: "failed", error: why });
    this.#members.clear();
    this.#tell((listener) => listener.failed?.(why));
  }

  /** @param {Delivery} delivery */
  onEvent(delivery) {
    this.#tell((listener) => listener.event?.(delivery));
  }

  /** @param {Member} member */
  onJoined(member) {
    this.#members.set(member.user_id, member);
    this.#tell((listener) => listener.joined?.(member));
  }

  /** @param {Member} member */
  onLeft(member) {
    this.#members.delete(member.user_id);
    this.#tell((listener) => listener.left?.(member));
  }

  /** @param {Gap} gap */
  onGap(gap) {
    this.#tell((listener) => listener.gap?.(gap));
  }

  /** @param {ChannelState} state */
  #become(state) {
    this.#state = state;
    this.changed();
  }

  // One listener's exception is not the others' business, nor the client's.
  /** @param {(listener: Listener) => void} tell */
  #tell(tell) {
    for (const listener of [...this.#listeners]) {
      try {
        tell(listener);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
