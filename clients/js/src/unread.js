// What came in several channels and was not read yet. How far somebody has read is kept in a Storage (localStorage), if wanted: then
// what came while nobody was here counts too, and reading in one tab is reading in all.
import { Store } from "./store.js";
import { parsePosition } from "./position.js";

/**
 * @typedef {import("./feed.js").Publication} Publication
 * @typedef {import("./feed.js").Feed} Feed
 */

/** @typedef {Pick<Storage, "getItem" | "setItem">} MarkStorage */

/**
 * @typedef {object} UnreadOptions
 * @property {string[]} channels
 * @property {string[]} [events] what counts (default: every publication but client events and statuses)
 * @property {string} [storageKey] keeps how far was read in localStorage, under this name and the channel's; name the user in it
 */

/** @typedef {{ state: "loading" | "live", byChannel: ReadonlyMap<string, Publication[]> }} UnreadState */

/** @type {UnreadState} */
export const emptyUnread = Object.freeze({ state: "loading", byChannel: new Map() });

const unreadMax = 1000; // of a channel; a badge says 999+ long before

/** @extends {Store<UnreadState>} */
export class Unread extends Store {
  #storageKey;
  /** @type {MarkStorage | null} */
  #storage;
  /** @type {Map<string, { feed: Feed, release: (options?: { now?: boolean }) => void, stop: () => void, position: string | null, serial: number, begun: boolean }>} */
  #channels = new Map();
  /** @type {(() => void) | null} */
  #stopStorage = null;

  /**
   * @param {import("./parley.js").Parley} parley
   * @param {UnreadOptions} options
   */
  constructor(parley, { channels, events, storageKey }) {
    super(emptyUnread, () => this.#take());
    this.#storageKey = storageKey;
    this.#storage = storageKey ? storageOf() : null;
    for (const channel of channels) {
      const position = this.#read(channel);
      const { value: feed, release } = parley.feed(channel, { events, limit: 100, keep: unreadMax, ...(position ? { since: position } : {}) });
      const entry = { feed, release, position, serial: 0, begun: position !== null, stop: feed.onChange(() => this.#moved(channel)) };
      this.#channels.set(channel, entry);
      this.#moved(channel);
    }
    if (this.#storage && typeof addEventListener === "function") {
      const listener = (/** @type {any} */ { key, newValue }) => this.#readElsewhere(key, newValue);
      addEventListener("storage", listener);
      this.#stopStorage = () => removeEventListener("storage", listener);
    }
  }

  close() {
    this.#stopStorage?.();
    for (const { stop, release } of this.#channels.values()) {
      stop();
      release({ now: true });
    }
  }

  /**
   * Everything that came so far was read; of all channels, if none is named.
   * @param {string} [channel]
   */
  markRead(channel) {
    for (const [name, entry] of this.#channels) {
      if (channel !== undefined && name !== channel) continue;
      entry.serial = entry.feed.serial;
      this.#mark(name, entry.feed.snapshot.position);
      // Where publications come without a position, history is asked for it: another visit has to know.
      const { serial } = entry;
      entry.feed.settle().then(() => this.#mark(name, entry.feed.positionAt(serial)));
    }
    this.changed();
  }

  // Read up to there, if that is farther than before.
  /**
   * @param {string} channel
   * @param {string | null} value
   */
  #mark(channel, value) {
    const entry = this.#channels.get(channel);
    const [told, known] = [parsePosition(value), parsePosition(entry?.position)];
    if (!entry || !told || (known && told.epoch === known.epoch && told.offset <= known.offset)) return;
    entry.position = value;
    this.#write(channel, /** @type {string} */ (value));
    this.changed();
  }

  /** @param {string} channel */
  #moved(channel) {
    const entry = this.#channels.get(channel);
    if (entry && !entry.begun && entry.feed.snapshot.state === "live") {
      // The first visit: what is there already counts as read.
      entry.begun = true;
      entry.position = entry.feed.begunAt;
      if (entry.position) this.#write(channel, entry.position);
    }
    this.changed();
  }

  /**
   * @param {string | null} key
   * @param {string | null} value
   */
  #readElsewhere(key, value) {
    for (const channel of this.#channels.keys()) {
      if (key === this.#nameOf(channel)) this.#mark(channel, value);
    }
  }

  /** @param {string} channel */
  #nameOf(channel) {
    return `${this.#storageKey}:${channel}`;
  }

  // A storage that is full or forbidden keeps nothing; the page goes on.
  /** @param {string} channel */
  #read(channel) {
    try {
      const position = this.#storage?.getItem(this.#nameOf(channel)) ?? null;
      return parsePosition(position) ? position : null;
    } catch {
      return null;
    }
  }

  /**
   * @param {string} channel
   * @param {string} position
   */
  #write(channel, position) {
    try {
      this.#storage?.setItem(this.#nameOf(channel), position);
    } catch {
      // as above
    }
  }

  /** @returns {UnreadState} */
  #take() {
    let live = true;
    /** @type {Map<string, Publication[]>} */
    const byChannel = new Map();
    for (const [channel, { feed, position, serial, begun }] of this.#channels) {
      const { state, publications, position: here } = feed.snapshot;
      if (state === "loading") live = false;
      const read = parsePosition(position);
      const sameEpoch = read !== null && read.epoch === parsePosition(here)?.epoch;
      const unread = (/** @type {Publication} */ { offset, serial: own }) =>
        own > serial && !(sameEpoch && offset !== null && offset <= read.offset);
      byChannel.set(channel, begun ? publications.filter(unread) : []);
    }
    return { state: live ? "live" : "loading", byChannel };
  }
}

/** @returns {MarkStorage | null} */
function storageOf() {
  try {
    return typeof localStorage === "undefined" ? null : localStorage;
  } catch {
    return null; // forbidden
  }
}
