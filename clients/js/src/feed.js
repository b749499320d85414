// A channel's publications as a page wants them: the newest ones from history, then what comes, in order, each once; after a lost
// connection what was missed; older ones on demand. One feed serves all components that want the same of a channel.
//
// Where publications carry positions, the feed covers a range of offsets without holes. A live publication that does not
// follow the range (the connection was gone, or the publication left out this very connection) makes it ask history for what
// lies between. Live publications without a position stand behind the range until history has them.
import { isPassing, ParleyError } from "./errors.js";
import { beginning, formatPosition, parsePosition } from "./position.js";
import { Store } from "./store.js";

/**
 * @typedef {import("./client.js").Gap} Gap
 */

/**
 * @typedef {object} Publication
 * @property {string} key unique in its channel, and the same for as long as it is shown
 * @property {string} channel
 * @property {string} event
 * @property {any} data parsed if it is JSON
 * @property {number | null} offset
 * @property {number} time Unix milliseconds: when it was stored; of one that came live, when it came
 * @property {string | null} userId who sent it, of client events
 * @property {number} serial grows in the order in which the page heard of them
 */

/**
 * @typedef {object} FeedOptions
 * @property {string[]} [events] only these (default: all)
 * @property {number} [limit] of one page of history, 50
 * @property {number} [keep] how many are kept in memory, 1000; older ones are asked for again
 * @property {string} [since] begin after this position, instead of with the newest page
 */

/**
 * @typedef {object} FeedState
 * @property {"loading" | "live" | "failed"} state `live`: what is here is complete and new ones come by themselves
 * @property {Publication[]} publications oldest first
 * @property {boolean} hasOlder
 * @property {boolean} loadingOlder
 * @property {Gap | null} gap the last one: something between is not kept any more, or was too much to be sent
 * @property {any} error
 * @property {string | null} position everything up to it is here
 */

/** @type {FeedState} */
export const emptyFeed = Object.freeze({
  state: "loading",
  publications: /** @type {Publication[]} */ (Object.freeze(/** @type {any} */ ([]))),
  hasOlder: false,
  loadingOlder: false,
  gap: null,
  error: null,
  position: null,
});

const fillPagesMax = 10; // beyond that the newest page is shown instead of all that was missed
const retryMs = 500;
const retryMaxMs = 10_000;

/** @extends {Store<FeedState>} */
export class Feed extends Store {
  /** Where the feed began: `since`, or the newest publication of its first page. @type {string | null} */
  begunAt = null;
  #parley;
  #lease;
  #stopListening;
  #options;
  #closed = false;
  /** @type {FeedState["state"]} */
  #state = "loading";
  /** @type {any} */
  #error = null;
  /** @type {Gap | null} */
  #gap = null;
  /** What is covered, both ends included. @type {{ epoch: string, low: number, high: number } | null} */
  #range = null;
  /** After which offset it gave up to fill, until the newest page is there. @type {number | null} */
  #behind = null;
  #hasOlder = false;
  #loadingOlder = false;
  /** In the range, by offset. @type {Publication[]} */
  #items = [];
  /** Behind a hole, or before the first page came. @type {Publication[]} */
  #early = [];
  /** Live, without a position. @type {Publication[]} */
  #tail = [];
  /** The epoch of what waits in #early. */
  #earlyEpoch = "";
  /** The server does not tell it. */
  #withoutHistory = false;
  /** @type {Promise<void> | null} */
  #syncing = null;
  #again = false;
  #serial = 0;
  #failures = 0;
  /** @type {any} */
  #retry;

  /**
   * @param {import("./parley.js").Parley} parley
   * @param {string} channel
   * @param {FeedOptions} options
   */
  constructor(parley, channel, options = {}) {
    super(emptyFeed, () => this.#take());
    this.channel = channel;
    this.#parley = parley;
    this.#options = { events: options.events ? new Set(options.events) : null, limit: options.limit ?? 50, keep: options.keep ?? 1000, since: options.since ?? null };
    this.#lease = parley.channel(channel);
    this.#stopListening = this.#lease.value.listen({
      subscribed: ({ recovered }) => this.#subscribed(recovered),
      event: (delivery) => this.#live(delivery),
      gap: () => this.#sync(),
      failed: (why) => this.#fail(why),
    });
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#stopListening();
    this.#lease.release({ now: true });
  }

  /** The newest serial: what the page has heard of so far. */
  get serial() {
    return this.#serial;
  }

  /**
   * The position of the last one that the page had heard of by then.
   * @param {number} serial
   * @returns {string | null}
   */
  positionAt(serial) {
    const last = this.#items.findLast((item) => item.serial <= serial);
    return last && this.#range ? formatPosition({ epoch: this.#range.epoch, offset: Number(last.offset) }) : null;
  }

  /** One page of older publications, before the first one. */
  async loadOlder() {
    const range = this.#range;
    if (!range || !this.#hasOlder || this.#loadingOlder || this.#closed) return;
    this.#loadingOlder = true;
    this.changed();
    try {
      const page = await this.#page({ since: formatPosition({ epoch: range.epoch, offset: range.low }), direction: "backward", limit: this.#options.limit });
      if (this.#range !== range || page.epoch !== range.epoch) return; // began anew meanwhile
      const found = [...page.publications].reverse();
      this.#items = [...this.#wanted(found), ...this.#items];
      range.low = page.more && found.length > 0 ? found[0].offset : Math.min(range.low, page.oldest ?? range.low);
      this.#hasOlder = page.more;
      this.#options.keep = Math.max(this.#options.keep, this.#items.length); // what was asked for stays
    } finally {
      this.#loadingOlder = false;
      this.changed();
    }
  }

  /** Asks history what the positions of those are that came without: resolves when `position` covers them. */
  async settle() {
    if (this.#tail.length > 0 && !this.#withoutHistory) await this.#sync();
  }

  // ---- the rest happens by itself ----

  /** @param {boolean} recovered */
  #subscribed(recovered) {
    if (this.#state === "failed") {
      this.#state = "loading";
      this.#error = null;
    }
    // What was missed comes by itself after a resume; a hole would show when something newer comes.
    if (this.#range && recovered) this.changed();
    else this.#sync();
  }

  /** @param {any} why */
  #fail(why) {
    clearTimeout(this.#retry);
    this.#state = "failed";
    this.#error = why;
    this.changed();
  }

  /** @param {import("./channel.js").Delivery} delivery */
  #live({ event, data, position }) {
    const publication = this.#make({ event, data, offset: position?.offset ?? null, time: Date.now(), userId: null });
    if (!position || this.#withoutHistory) {
      if (this.#isWanted(event)) this.#tail.push(publication);
      this.#trim();
      this.changed();
      return;
    }
    if (this.#range?.epoch === beginning.epoch) this.#range.epoch = position.epoch;
    if (this.#range && position.epoch !== this.#range.epoch) this.#beginAnew();
    if (this.#range && position.offset <= this.#range.high) return; // is here
    if (this.#earlyEpoch !== position.epoch) this.#early = [];
    this.#earlyEpoch = position.epoch;
    this.#early.push(publication);
    if (this.#early.length > this.#options.keep) this.#early.shift(); // history has it
    this.#drain();
    if (!this.#range || this.#early.length > 0) this.#sync();
    this.changed();
  }

  // Asks history until what is here is complete. One question at a time; who asks meanwhile waits for another round.
  #sync() {
    this.#again = true;
    this.#syncing ??= this.#ask().finally(() => {
      this.#syncing = null;
    });
    return this.#syncing;
  }

  async #ask() {
    clearTimeout(this.#retry);
    try {
      while (this.#again) {
        this.#again = false;
        await (this.#range ? this.#fill() : this.#begin());
        if (this.#closed) return;
        this.#drain();
      }
      this.#failures = 0;
      if (this.#state === "loading") this.#state = "live";
      this.#error = null;
    } catch (error) {
      this.#again = false;
      if (!this.#closed) this.#failed(error);
    } finally {
      if (!this.#closed) this.changed();
    }
  }

  /** @param {unknown} error */
  #failed(error) {
    const code = error instanceof ParleyError ? error.code : "";
    // The next subscription begins again.
    if (code === "disconnected" || code === "closed" || code === "not_subscribed") return;
    this.#error = error;
    if (isPassing(error)) {
      this.#retry = setTimeout(() => this.#sync(), Math.min(retryMs * 2 ** this.#failures++, retryMaxMs));
      return;
    }
    // No history to be had: what comes live is shown all the same.
    this.#withoutHistory = true;
    this.#behind = null;
    this.#tail = [...this.#tail, ...this.#early.filter(({ event }) => this.#isWanted(event))];
    this.#early = [];
    this.#state = "live";
  }

  /** @returns {Promise<void>} */
  async #begin() {
    if (this.#options.since) {
      const since = parsePosition(this.#options.since);
      if (since) {
        this.begunAt = this.#options.since;
        this.#range = { epoch: since.epoch, low: since.offset + 1, high: since.offset };
        this.#hasOlder = since.offset > 0;
        return this.#fill();
      }
    }
    const heard = this.#serial;
    const page = await this.#page({ direction: "backward", limit: this.#options.limit });
    // Nothing was ever published, or the channel keeps nothing.
    if (page.epoch === null || page.epoch === undefined) {
      this.begunAt ??= formatPosition(beginning);
      this.#behind = null;
      return;
    }
    const found = [...page.publications].reverse();
    const low = page.more && found.length > 0 ? found[0].offset : (page.oldest ?? 0);
    this.#range = { epoch: page.epoch, low, high: low - 1 };
    this.#hasOlder = page.more;
    if (this.#behind !== null) this.#gap = { after: this.#behind, before: low, epoch: page.epoch };
    this.#behind = null;
    this.#extend(found, page.newest ?? 0);
    // What came before the question and is not among the newest is older than those: history has it.
    this.#tail = this.#tail.filter(({ serial }) => serial > heard);
    this.begunAt ??= formatPosition({ epoch: page.epoch, offset: this.#range.high });
  }

  /** @returns {Promise<void>} */
  async #fill() {
    for (let pages = 0; this.#range && pages < fillPagesMax; pages++) {
      const range = this.#range;
      const high = range.high;
      const page = await this.#page({ since: formatPosition({ epoch: range.epoch, offset: high }), direction: "forward", limit: Math.max(100, this.#options.limit) });
      if (this.#closed || this.#range !== range) return;
      if (page.epoch === null || page.epoch === undefined) return; // nothing was ever published
      if (page.gap) {
        const before = page.publications[0]?.offset ?? (page.newest ?? 0) + 1;
        this.#gap = { after: high, before, epoch: page.epoch };
        this.#beginAnew();
        return this.#begin();
      }
      range.epoch = page.epoch; // a range from the beginning had none yet
      this.#extend(page.publications, page.more ? 0 : (page.newest ?? 0));
      if (!page.more) {
        // What is still behind a hole although history was read up to there lies behind deleted ones.
        if (this.#early.length > 0 && this.#early[0].offset !== null && this.#early[0].offset <= (page.newest ?? 0)) range.high = Math.max(range.high, page.newest);
        return;
      }
    }
    // More than a page wants to wait for: the newest ones, and the word that something lies between.
    this.#behind = this.#range?.high ?? 0;
    this.#beginAnew();
    return this.#begin();
  }

  #beginAnew() {
    this.#range = null;
    this.#items = [];
    this.#options.since = null;
  }

  /**
   * Adds what follows the range, which then reaches at least to `newest`.
   * @param {any[]} found publications of a page, oldest first
   * @param {number} newest
   */
  #extend(found, newest) {
    const range = /** @type {{ epoch: string, low: number, high: number }} */ (this.#range);
    const added = found.filter(({ offset }) => offset > range.high);
    this.#items = [...this.#items, ...this.#wanted(added)];
    range.high = Math.max(range.high, newest, ...added.slice(-1).map(({ offset }) => offset));
    this.#trim();
  }

  // Takes what waited and follows the range now.
  #drain() {
    const range = this.#range;
    if (!range) return;
    if (this.#earlyEpoch !== range.epoch) this.#early = [];
    this.#early.sort((a, b) => Number(a.offset) - Number(b.offset));
    while (this.#early.length > 0 && Number(this.#early[0].offset) <= range.high + 1) {
      const publication = /** @type {Publication} */ (this.#early.shift());
      if (Number(publication.offset) <= range.high) continue;
      range.high = Number(publication.offset);
      // Heard of is what can be shown.
      if (this.#isWanted(publication.event)) this.#items = [...this.#items, { ...publication, serial: ++this.#serial }];
    }
    this.#trim();
  }

  #trim() {
    const { keep } = this.#options;
    if (this.#tail.length > keep) this.#tail = this.#tail.slice(-keep);
    if (this.#items.length <= keep || !this.#range) return;
    this.#items = this.#items.slice(-keep);
    this.#range.low = Number(this.#items[0].offset);
    this.#hasOlder = true;
  }

  /**
   * @param {any[]} found
   * @returns {Publication[]}
   */
  #wanted(found) {
    return found
      .filter(({ event }) => this.#isWanted(event))
      .map(({ event, data, offset, time, user_id }) => this.#known(this.#make({ event, data: parsed(data), offset, time, userId: user_id === undefined ? null : String(user_id) })));
  }

  // A live publication without a position that history has now: it keeps its key, and is not shown twice.
  /** @param {Publication} publication */
  #known(publication) {
    const same = this.#tail.findIndex(({ event, data }) => event === publication.event && JSON.stringify(data) === JSON.stringify(publication.data));
    if (same < 0) return publication;
    const [{ key, serial }] = this.#tail.splice(same, 1);
    return { ...publication, key, serial };
  }

  /** @param {string} event */
  #isWanted(event) {
    return this.#options.events ? this.#options.events.has(event) : !event.startsWith("client-") && event !== "user.status.changed";
  }

  /**
   * @param {{ event: string, data: any, offset: number | null, time: number, userId: string | null }} parts
   * @returns {Publication}
   */
  #make(parts) {
    const serial = ++this.#serial;
    return { key: parts.offset === null ? `live-${serial}` : String(parts.offset), channel: this.channel, serial, ...parts };
  }

  /** @param {import("./client.js").HistoryQuery} query */
  #page(query) {
    return this.#parley.history(this.channel, query);
  }

  /** @returns {FeedState} */
  #take() {
    // Behind a hole is behind: it is shown when the hole is filled.
    return {
      state: this.#state,
      publications: [...this.#items, ...this.#tail],
      hasOlder: this.#hasOlder,
      loadingOlder: this.#loadingOlder,
      gap: this.#gap,
      error: this.#error,
      position: this.#range ? formatPosition({ epoch: this.#range.epoch, offset: this.#range.high }) : null,
    };
  }
}

/**
 * As pusher-js does it with a live event, so that both look alike.
 * @param {any} data
 */
function parsed(data) {
  if (typeof data !== "string") return data;
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
