// React hooks over attach(). Each hook is a claim on something that the page shares (leases.js), so a double mount in
// StrictMode, a changed dependency or a change of route neither leaves a channel nor asks twice. On the server there is no
// client; the hooks then give their first state.
import { createContext, createElement, useCallback, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";

import { emptyFeed } from "./feed.js";
import { attach } from "./index.js";
import { feedKey, unreadKey } from "./parley.js";
import { emptyRoster, emptyStatus } from "./people.js";
import { emptyUnread } from "./unread.js";

/**
 * @typedef {import("./parley.js").Parley} Parley
 * @typedef {import("./channel.js").ChannelState} ChannelState
 * @typedef {import("./channel.js").Delivery} Delivery
 * @typedef {import("./client.js").Member} Member
 * @typedef {import("./feed.js").Publication} Publication
 * @typedef {import("./people.js").UserStatus} UserStatus
 */

/** @type {import("react").Context<Parley | null>} */
const ParleyContext = createContext(/** @type {Parley | null} */ (null));

/**
 * @param {object} props
 * @param {any} props.client an instance of pusher-js, Laravel Echo or socket.io-client; null while there is none
 * @param {import("./parley.js").ParleyOptions} [props.options] of the first time
 * @param {import("react").ReactNode} [props.children]
 */
export function ParleyProvider({ client, options, children }) {
  const [first] = useState(options);
  const parley = useMemo(() => (client ? attach(client, first) : null), [client, first]);
  return createElement(ParleyContext.Provider, { value: parley }, children);
}

/** @returns {Parley | null} null while the provider has no client */
export const useParley = () => useContext(ParleyContext);

/** @type {ChannelState} */
const idle = Object.freeze({ state: "subscribing", error: null });

/**
 * A claim on a store of the page's, and its snapshot.
 * @template S
 * @param {string | null} key null: nothing is wanted now
 * @param {(parley: Parley) => import("./leases.js").Lease<any>} acquire
 * @param {S} empty
 * @returns {S}
 */
function useStore(key, acquire, empty) {
  const parley = useParley();
  const latest = useRef(acquire);
  latest.current = acquire;
  const subscribe = useCallback(
    (/** @type {() => void} */ notify) => {
      if (!parley || key === null) return () => {};
      const { value, release } = latest.current(parley);
      const stop = value.onChange(notify);
      return () => {
        stop();
        release();
      };
    },
    [parley, key],
  );
  const snapshot = () => (parley && key !== null ? (parley.peek(key)?.snapshot ?? empty) : empty);
  return useSyncExternalStore(subscribe, snapshot, () => empty);
}

// What a component gave in this render, for what happens later.
/**
 * @template T
 * @param {T} value
 */
function useLatest(value) {
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  return latest;
}

/**
 * @callback Handler
 * @param {any} data
 * @param {Delivery} delivery
 * @returns {void}
 */

/**
 * Listens to a channel while the component is there. Handlers may be new functions in each render.
 * @param {string | null | undefined} channel its whole name: `private-domain.7`; none: listens to nothing
 * @param {Record<string, Handler>} [handlers] by event; `*` hears all
 * @returns {ChannelState & { whisper: (event: string, data: unknown) => boolean }}
 */
export function useChannel(channel, handlers) {
  const parley = useParley();
  const latest = useLatest(handlers);
  const name = channel || null;
  const state = useStore(name && `channel:${name}`, (parley) => parley.channel(/** @type {string} */ (name)), idle);
  useEffect(() => {
    if (!parley || !name) return;
    const { value, release } = parley.channel(name);
    const stop = value.listen({
      event: (delivery) => {
        latest.current?.[delivery.event]?.(delivery.data, delivery);
        latest.current?.["*"]?.(delivery.data, delivery);
      },
    });
    return () => {
      stop();
      release();
    };
  }, [parley, name, latest]);
  const whisper = useCallback(
    (/** @type {string} */ event, /** @type {unknown} */ data) => {
      const open = parley && name ? parley.peek(`channel:${name}`) : null;
      return open ? open.whisper(event, data) : false;
    },
    [parley, name],
  );
  return useMemo(() => ({ ...state, whisper }), [state, whisper]);
}

/**
 * A channel's publications: the newest from history, then live ones, in order, each once, also over a lost connection. This
 * is what a page that polled needs.
 * @param {string | null | undefined} channel
 * @param {import("./feed.js").FeedOptions} [options]
 * @returns {import("./feed.js").FeedState & { loadOlder: () => Promise<void> }}
 */
export function useHistory(channel, options = {}) {
  const parley = useParley();
  const name = channel || null;
  const key = name && feedKey(name, options);
  const state = useStore(key, (parley) => parley.feed(/** @type {string} */ (name), options), emptyFeed);
  const loadOlder = useCallback(async () => {
    if (parley && key) await parley.peek(key)?.loadOlder();
  }, [parley, key]);
  return useMemo(() => ({ ...state, loadOlder }), [state, loadOlder]);
}

/**
 * Who is in a presence channel.
 * @param {string | null | undefined} channel `presence-domain.7`
 * @returns {import("./people.js").RosterState}
 */
export function usePresence(channel) {
  const name = channel || null;
  return useStore(name && `roster:${name}`, (parley) => parley.roster(/** @type {string} */ (name)), emptyRoster);
}

/**
 * How the users of a domain are: asked once, then told.
 * @param {string | null | undefined} channel a private or presence channel of the domain: `private-domain.7`
 * @returns {import("./people.js").StatusState & { statusOf: (userId: string | number) => UserStatus }}
 */
export function useUserStatus(channel) {
  const name = channel || null;
  const state = useStore(name && `status:${name}`, (parley) => parley.statusBoard(/** @type {string} */ (name)), emptyStatus);
  return useMemo(
    () => ({
      ...state,
      statusOf: (/** @type {string | number} */ userId) => state.users.get(String(userId)) ?? { user_id: String(userId), status: "offline", since: null, last_seen: null },
    }),
    [state],
  );
}

/**
 * @typedef {object} Notifications
 * @property {"loading" | "live"} state
 * @property {number} total
 * @property {Record<string, number>} unread by channel
 * @property {Publication | null} latest the last unread one
 * @property {Publication[]} publications all unread ones, oldest first
 * @property {(channel?: string) => void} markRead one channel, or all
 */

/**
 * Counts what came in channels and was not read.
 * @param {string[]} channels
 * @param {Omit<import("./unread.js").UnreadOptions, "channels"> & { isOwn?: (publication: Publication) => boolean }} [options] `isOwn`: does not count
 * @returns {Notifications}
 */
export function useMessageNotifications(channels, { isOwn, ...options } = {}) {
  const parley = useParley();
  const wanted = { channels, ...options };
  const key = channels.length > 0 ? unreadKey(wanted) : null;
  const state = useStore(key, (parley) => parley.unread(wanted), emptyUnread);
  const latest = useRef(isOwn);
  latest.current = isOwn;
  const markRead = useCallback((/** @type {string | undefined} */ channel) => (key ? parley?.peek(key)?.markRead(channel) : undefined), [parley, key]);
  return useMemo(() => {
    /** @type {Record<string, number>} */
    const unread = {};
    /** @type {Publication[]} */
    const publications = [];
    for (const [channel, all] of state.byChannel) {
      const others = latest.current ? all.filter((publication) => !latest.current?.(publication)) : all;
      unread[channel] = others.length;
      publications.push(...others);
    }
    publications.sort((a, b) => a.time - b.time);
    return { state: state.state, total: publications.length, unread, latest: publications[publications.length - 1] ?? null, publications, markRead };
  }, [state, markRead]);
}
