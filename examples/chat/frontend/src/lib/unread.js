// How much is unread in each domain. The server counts; what the socket brings after that is added here. A message is in the
// database before it comes by the socket, so the server's count says up to which id it has looked (`newest_id`): no message counts twice.

/**
 * @typedef {{ id: number, unread: number, last_read_id: number, newest_id: number, live: ReadonlySet<number> }} Count
 * @typedef {ReadonlyMap<number, Count>} Unread
 */

/**
 * The server's answer; what came live and is newer than its count stays.
 * @param {Unread} before
 * @param {{ id: number, unread: number, last_read_id: number | null, newest_id?: number }[]} domains
 * @returns {Unread}
 */
export function counted(before, domains) {
  return new Map(
    domains.map(({ id, unread, last_read_id, newest_id = 0 }) => {
      const old = before.get(id);
      const mark = Math.max(last_read_id ?? 0, old?.last_read_id ?? 0);
      // Was read here, and the server does not know it yet.
      const count = mark >= newest_id ? 0 : unread;
      const live = new Set([...(old?.live ?? [])].filter((message) => message > newest_id && message > mark));
      return [id, { id, unread: count, last_read_id: mark, newest_id, live }];
    }),
  );
}

/** A message of somebody else came. */
export function heard(unread, domain, message) {
  const count = unread.get(domain);
  if (!count || message <= count.newest_id || message <= count.last_read_id || count.live.has(message)) return unread;
  return new Map(unread).set(domain, { ...count, live: new Set(count.live).add(message) });
}

/** Read up to a message; a mark never goes back. */
export function read(unread, domain, message) {
  const count = unread.get(domain);
  if (!count || message <= count.last_read_id) return unread;
  return new Map(unread).set(domain, {
    ...count,
    last_read_id: message,
    unread: message >= count.newest_id ? 0 : count.unread,
    live: new Set([...count.live].filter((id) => id > message)),
  });
}

export const unreadOf = (unread, domain) => {
  const count = unread.get(domain);
  return count ? count.unread + count.live.size : 0;
};

export const totalOf = (unread) => [...unread.keys()].reduce((sum, domain) => sum + unreadOf(unread, domain), 0);
