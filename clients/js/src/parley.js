// What attach() gives: the additions to one client, and what the parts of a page share of it.
import { Channel } from "./channel.js";
import { ParleyError } from "./errors.js";
import { Feed } from "./feed.js";
import { Leases } from "./leases.js";
import { Roster, StatusBoard } from "./people.js";
import { formatPosition, parsePosition } from "./position.js";
import { PusherClient } from "./pusher_client.js";
import { SocketIoClient } from "./socketio_client.js";
import { Unread } from "./unread.js";

/**
 * @typedef {import("./client.js").Client} Client
 * @typedef {import("./client.js").HistoryQuery} HistoryQuery
 * @typedef {import("./client.js").Gap} Gap
 * @typedef {import("./people.js").UserStatus} UserStatus
 */

/**
 * @typedef {object} HistoryPublication
 * @property {number} offset
 * @property {string} event
 * @property {any} data a string as it was published over HTTP; the value itself of a client event
 * @property {number} time Unix milliseconds
 * @property {string | number} [user_id] as the application said it
 */

/**
 * @typedef {object} HistoryPage
 * @property {string | null} epoch null: nothing was ever published, or the channel keeps no history
 * @property {number} newest
 * @property {number} oldest
 * @property {boolean} gap what lay right after `since` is not kept any more
 * @property {boolean} more
 * @property {HistoryPublication[]} publications
 */

/**
 * @typedef {object} ParleyOptions
 * @property {number} [leaveDelay] milliseconds between the last use of a channel and leaving it, 3000
 * @property {number} [timeout] milliseconds until a question counts as not answered, 10000
 * @property {boolean} [activity] tell the server when nobody looks at the page (away) and when somebody does again
 * @property {{ headers?: Record<string, string> }} [auth] over Socket.IO, what `subscribe` carries, if not the headers in `auth` of the socket or of Echo
 */

const statusPagesMax = 40; // 10,000 people

export class Parley {
  /** @type {Client} */
  #client;
  /** @type {Leases<Channel>} */
  #channels;
  /** @type {Leases<any>} */
  #stores;
  /** @type {Map<string, Channel>} */
  #open = new Map();
  /** @type {Set<(channel: string, gap: Gap) => void>} */
  #onGap = new Set();
  /** @type {(() => void) | null} */
  #stopActivity = null;
  #away = false;
  #closed = false;

  /**
   * @param {{ pusher?: any, socket?: any, headers?: () => Record<string, string> | undefined }} found
   * @param {ParleyOptions} [options]
   */
  constructor(found, { leaveDelay = 3000, timeout = 10_000, activity = false, auth } = {}) {
    this.#channels = new Leases(leaveDelay);
    this.#stores = new Leases(leaveDelay);
    /** @type {import("./client.js").Sink} */
    const sink = {
      connected: () => {
        for (const channel of this.#open.values()) channel.onConnected();
        if (this.#away) this.#client?.activity("away");
      },
      disconnected: () => {
        for (const channel of this.#open.values()) channel.onDisconnected();
      },
      subscribed: (channel, how) => this.#open.get(channel)?.onSubscribed(how),
      failed: (channel, why) => this.#open.get(channel)?.onFailed(why),
      event: (channel, event, data, position) => this.#open.get(channel)?.onEvent({ channel, event, data, position }),
      joined: (channel, member) => this.#open.get(channel)?.onJoined(member),
      left: (channel, member) => this.#open.get(channel)?.onLeft(member),
      gap: (channel, gap) => {
        this.#open.get(channel)?.onGap(gap);
        for (const listener of [...this.#onGap]) listener(channel, gap);
      },
    };
    this.#client = found.pusher
      ? new PusherClient(found.pusher, sink, { timeout })
      : new SocketIoClient(found.socket, sink, { timeout, headers: () => auth?.headers ?? found.headers?.() });
    if (activity) this.#watchActivity();
  }

  /** `pusher` or `socket.io`. */
  get kind() {
    return this.#client.kind;
  }

  get connected() {
    return this.#client.connected;
  }

  /** Positions of live publications are seen on this connection. Without them history is asked more often; nothing else changes. */
  get positions() {
    return this.#client.positions;
  }

  // ---- what the server is asked ----

  /**
   * A page of a channel's history. The connection must be subscribed to the channel.
   * @param {string} channel
   * @param {HistoryQuery} [query]
   * @returns {Promise<HistoryPage>}
   */
  async history(channel, { since, limit, direction } = {}) {
    /** @type {HistoryQuery} */
    const query = {};
    if (since !== undefined) query.since = since;
    if (limit !== undefined) query.limit = limit;
    if (direction !== undefined) query.direction = direction;
    this.#check();
    return this.#client.history(channel, query);
  }

  /**
   * How the people of a domain are; all of them. The connection must be subscribed to a private or presence channel of the domain.
   * @param {string} channel
   * @returns {Promise<UserStatus[]>}
   */
  async status(channel) {
    /** @type {UserStatus[]} */
    const all = [];
    await this.statusPages(channel, (users) => all.push(...users));
    return all;
  }

  /**
   * The same page by page, each handed over in the turn in which it came.
   * @param {string} channel
   * @param {(users: UserStatus[]) => void} take
   */
  async statusPages(channel, take) {
    let after = "";
    for (let pages = 0; pages < statusPagesMax; pages++) {
      this.#check();
      const { users, next } = await this.#client.status(channel, after);
      take(users);
      if (!next) return;
      after = next;
    }
  }

  /**
   * Over Socket.IO: a client event, acknowledged. On a channel that keeps client events it is stored by then and has a position.
   * @param {string} channel
   * @param {string} event `client-…`
   * @param {unknown} data
   * @param {{ idempotencyKey?: string }} [options] the same key again is answered with the first position
   * @returns {Promise<{ position?: string, duplicate: boolean }>}
   */
  async publish(channel, event, data, { idempotencyKey } = {}) {
    this.#check();
    if (!this.#client.publish) throw new ParleyError("unsupported", "publishing with an acknowledgement is for Socket.IO; here there are client events");
    return this.#client.publish({ channel, event, data, ...(idempotencyKey === undefined ? {} : { idempotency_key: idempotencyKey }) });
  }

  /**
   * @param {"online" | "away"} state is somebody looking at this page?
   */
  activity(state) {
    this.#away = state === "away";
    this.#client.activity(state);
  }

  // ---- resume ----

  /**
   * The position up to which this page has a channel's publications. Socket.IO keeps it to itself: there it is null.
   * @param {string} channel
   * @returns {string | null}
   */
  position(channel) {
    const position = this.#client.position(channel);
    return position && formatPosition(position);
  }

  /**
   * Before subscribing: what came after this position is sent, as if the connection had been there since. For pages that were
   * made on the server from what was there at that position.
   * @param {string} channel
   * @param {string} position
   */
  resume(channel, position) {
    const parsed = parsePosition(position);
    if (!parsed) throw new ParleyError("bad_position", "a position is epoch:offset as it was received");
    this.#client.setPosition(channel, parsed);
  }

  /**
   * Something between `after` and `before` will not come: load the page's state afresh. (Feeds and hooks do so by themselves.)
   * @param {(channel: string, gap: Gap) => void} listener
   * @returns {() => void} takes it away
   */
  onGap(listener) {
    this.#onGap.add(listener);
    return () => this.#onGap.delete(listener);
  }

  // ---- what parts of a page share; each call is a claim, to be released ----

  /**
   * @param {string} name
   * @returns {import("./leases.js").Lease<Channel>}
   */
  channel(name) {
    this.#check();
    let opened = false;
    const lease = this.#channels.acquire(name, () => {
      const channel = new Channel(name, this.#client, () => this.#open.delete(name));
      this.#open.set(name, channel);
      opened = true;
      return channel;
    });
    if (opened) lease.value.open();
    else lease.value.retry();
    return lease;
  }

  /**
   * @param {string} channel
   * @param {import("./feed.js").FeedOptions} [options]
   * @returns {import("./leases.js").Lease<Feed>}
   */
  feed(channel, options = {}) {
    return this.#store(feedKey(channel, options), () => new Feed(this, channel, options));
  }

  /**
   * @param {string} channel a presence channel
   * @returns {import("./leases.js").Lease<Roster>}
   */
  roster(channel) {
    return this.#store(`roster:${channel}`, () => new Roster(this, channel));
  }

  /**
   * @param {string} channel a private or presence channel of a domain
   * @returns {import("./leases.js").Lease<StatusBoard>}
   */
  statusBoard(channel) {
    return this.#store(`status:${channel}`, () => new StatusBoard(this, channel));
  }

  /**
   * @param {import("./unread.js").UnreadOptions} options
   * @returns {import("./leases.js").Lease<Unread>}
   */
  unread(options) {
    return this.#store(unreadKey(options), () => new Unread(this, options));
  }

  /**
   * An open store by its key, without a claim.
   * @param {string} key
   */
  peek(key) {
    return key.startsWith("channel:") ? this.#channels.peek(key.slice("channel:".length)) : this.#stores.peek(key);
  }

  /** Takes everything off the client again. The client itself stays as it is. */
  close() {
    if (this.#closed) return;
    this.#stores.closeAll();
    this.#channels.closeAll();
    this.#closed = true;
    this.#stopActivity?.();
    this.#client.close();
  }

  get closed() {
    return this.#closed;
  }

  #check() {
    if (this.#closed) throw new ParleyError("closed");
  }

  /**
   * @param {string} key
   * @param {() => any} open
   */
  #store(key, open) {
    this.#check();
    return this.#stores.acquire(key, open);
  }

  #watchActivity() {
    if (typeof document === "undefined") return;
    const tell = () => this.activity(document.hidden ? "away" : "online");
    document.addEventListener("visibilitychange", tell);
    this.#stopActivity = () => document.removeEventListener("visibilitychange", tell);
    if (document.hidden) tell();
  }
}

/**
 * @param {string} channel
 * @param {import("./feed.js").FeedOptions} options
 */
export const feedKey = (channel, { events, limit, keep, since }) => `feed:${JSON.stringify([channel, events, limit, keep, since])}`;

/** @param {import("./unread.js").UnreadOptions} options */
export const unreadKey = ({ channels, events, storageKey }) => `unread:${JSON.stringify([channels, events, storageKey])}`;
