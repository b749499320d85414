// The messages of one domain as a page shows them: each once, in the order of their ids, then those that are on their way. They
// come from the page made on the server, from the socket, from the API and from the answer to sending; nobody has to care which was first.

export const keep = 1000; // in memory; older ones are asked for again

/**
 * @typedef {{ id: number, domain_id: number, sender: { id: number, name: string }, text: string, created_at: string }} Message
 * @typedef {{ client_id: string, text: string, created_at: string, state: "sending" | "failed", error?: string }} Outgoing
 * @typedef {{ messages: Message[], hasOlder: boolean }} Conversation
 */

/** @param {{ messages: Message[], has_older: boolean }} page @returns {Conversation} */
export const fromPage = ({ messages, has_older }) => ({ messages, hasOlder: has_older });

/**
 * @param {Conversation} conversation
 * @param {Message[]} added in any order
 * @returns {Conversation} the same object if nothing is new
 */
export function withMessages(conversation, added) {
  const known = new Set(conversation.messages.map(({ id }) => id));
  const news = [];
  for (const message of added) {
    if (known.has(message.id)) continue;
    known.add(message.id);
    news.push(message);
  }
  if (news.length === 0) return conversation;
  const messages = [...conversation.messages, ...news].sort((a, b) => a.id - b.id);
  return { ...conversation, messages };
}

/** Bounds what is kept, by leaving out the oldest. */
export function trimmed(conversation, most) {
  if (conversation.messages.length <= most) return conversation;
  return { messages: conversation.messages.slice(-most), hasOlder: true };
}

/**
 * A page of older ones, as the API answered to `before`.
 * @param {Conversation} conversation
 * @param {{ messages: Message[], has_older: boolean }} page
 */
export const withOlder = (conversation, page) => ({ ...withMessages(conversation, page.messages), hasOlder: page.has_older });

/**
 * A page of the newest ones. If there may be a hole between `mark`, up to which nothing is missing, and the page, then the page is
 * the new beginning, with what is newer than it.
 * @param {Conversation} conversation
 * @param {{ messages: Message[], has_older: boolean }} page
 * @param {number} mark
 */
export function withNewest(conversation, page, mark) {
  const first = page.messages[0]?.id ?? 0;
  const last = page.messages.at(-1)?.id ?? 0;
  if (!page.has_older || first <= mark) return withMessages(conversation, page.messages);
  return withMessages(fromPage(page), conversation.messages.filter(({ id }) => id > last));
}

/** The id of the first one that `me` has not read, or null. */
export function firstUnread(messages, lastReadId, me) {
  return messages.find(({ id, sender }) => id > lastReadId && sender.id !== me)?.id ?? null;
}
