// People of a channel: who is in a presence channel, and how the users of a domain are.
import { isPassing, ParleyError } from "./errors.js";
import { Store } from "./store.js";

/**
 * @typedef {import("./client.js").Member} Member
 * @typedef {import("./channel.js").ChannelState} ChannelState
 */

/** @typedef {{ state: ChannelState["state"], error: any, members: Member[], count: number }} RosterState */

/** @type {RosterState} */
export const emptyRoster = Object.freeze({ state: "subscribing", error: null, members: /** @type {Member[]} */ (Object.freeze(/** @type {any} */ ([]))), count: 0 });

/**
 * Who is in a presence channel. While the connection is gone it stays as it was, for the server gives everybody time to come back.
 * @extends {Store<RosterState>}
 */
export class Roster extends Store {
  /** @type {Map<string, Member>} */
  #members = new Map();
  #lease;
  #stop;

  /**
   * @param {import("./parley.js").Parley} parley
   * @param {string} channel
   */
  constructor(parley, channel) {
    super(emptyRoster, () => ({ ...this.#lease.value.snapshot, members: [...this.#members.values()], count: this.#members.size }));
    this.#lease = parley.channel(channel);
    const stops = [
      this.#lease.value.onChange(() => this.changed()),
      this.#lease.value.listen({
        subscribed: ({ members }) => {
          if (members) this.#members = new Map(members.map((member) => [member.user_id, member]));
          this.changed();
        },
        joined: (member) => {
          this.#members.set(member.user_id, member);
          this.changed();
        },
        left: (member) => {
          this.#members.delete(member.user_id);
          this.changed();
        },
        failed: () => {
          this.#members.clear();
          this.changed();
        },
      }),
    ];
    this.#stop = () => stops.forEach((stop) => stop());
  }

  close() {
    this.#stop();
    this.#lease.release({ now: true });
  }
}

/**
 * How somebody is. Times are Unix milliseconds.
 * @typedef {object} UserStatus
 * @property {string} user_id
 * @property {"online" | "away" | "offline"} status
 * @property {number | null} since
 * @property {number | null} last_seen
 * @property {any} [user_info]
 */

/** @typedef {{ state: "loading" | "live" | "failed", error: any, users: ReadonlyMap<string, UserStatus> }} StatusState */

/** @type {StatusState} */
export const emptyStatus = Object.freeze({ state: "loading", error: null, users: new Map() });

const retryMs = 1000;

/**
 * How the users of a domain are: asked once for each subscription, then kept by `user.status.changed`.
 * @extends {Store<StatusState>}
 */
export class StatusBoard extends Store {
  /** @type {Map<string, UserStatus>} */
  #users = new Map();
  /** @type {StatusState["state"]} */
  #state = "loading";
  /** @type {any} */
  #error = null;
  #parley;
  #lease;
  #stop;
  #closed = false;
  #round = 0;
  /** Whom the answers or the events of this round have named. @type {Set<string>} */
  #named = new Set();
  /** @type {any} */
  #retry;

  /**
   * @param {import("./parley.js").Parley} parley
   * @param {string} channel
   */
  constructor(parley, channel) {
    super(emptyStatus, () => ({ state: this.#state, error: this.#error, users: new Map(this.#users) }));
    this.channel = channel;
    this.#parley = parley;
    this.#lease = parley.channel(channel);
    this.#stop = this.#lease.value.listen({
      subscribed: () => this.#ask(),
      event: ({ event, data }) => {
        if (event === "user.status.changed") this.#set(data);
      },
      failed: (why) => {
        this.#state = "failed";
        this.#error = why;
        this.changed();
      },
    });
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#stop();
    this.#lease.release({ now: true });
  }

  async #ask() {
    const round = ++this.#round;
    clearTimeout(this.#retry);
    this.#named = new Set();
    try {
      // Status events are not kept: who was away asks again.
      await this.#parley.statusPages(this.channel, (users) => {
        if (round !== this.#round || this.#closed) return;
        for (const user of users) {
          // An answer is read beside the events and may be older than one that overtook it, also one of the same
          // millisecond. What is newer than the answer is told by an event in any case.
          const id = String(user.user_id);
          const told = this.#named.has(id) ? this.#users.get(id) : undefined;
          if (!told || Number(user.since) > Number(told.since)) this.#set(user);
        }
      });
      if (round !== this.#round || this.#closed) return;
      // Who was not named belongs to the domain no more.
      for (const id of [...this.#users.keys()]) if (!this.#named.has(id)) this.#users.delete(id);
      this.#state = "live";
      this.#error = null;
    } catch (error) {
      if (round !== this.#round || this.#closed) return;
      const code = error instanceof ParleyError ? error.code : "";
      if (code === "disconnected" || code === "closed" || code === "not_subscribed") return;
      this.#error = error;
      if (isPassing(error)) this.#retry = setTimeout(() => this.#ask(), retryMs);
      else this.#state = "failed";
    }
    this.changed();
  }

  /** @param {UserStatus & { previous?: string }} user */
  #set({ user_id: said, status, since, last_seen, user_info }) {
    const user_id = String(said); // as the application said it: maybe a number
    const known = this.#users.get(user_id);
    this.#named.add(user_id);
    this.#users.set(user_id, { user_id, status, since, last_seen, user_info: user_info === undefined ? known?.user_info : user_info });
    this.changed();
  }
}
