// What the chat example's pages count and put in order, without a browser.
import assert from "node:assert/strict";
import { webcrypto } from "node:crypto";
import { test } from "node:test";

import { ApiError, persistently } from "../../../examples/chat/frontend/src/lib/api.js";
import { firstUnread, fromPage, trimmed, withMessages, withNewest, withOlder } from "../../../examples/chat/frontend/src/lib/messages.js";
import { ago, statusInWords } from "../../../examples/chat/frontend/src/lib/time.js";
import { counted, heard, read, totalOf, unreadOf } from "../../../examples/chat/frontend/src/lib/unread.js";
import { uuid } from "../../../examples/chat/frontend/src/lib/uuid.js";

globalThis.crypto ??= webcrypto; // every browser has it, Node 18 has not

const message = (id, sender = 2) => ({ id, domain_id: 1, sender: { id: sender, name: "Ben" }, text: `text ${id}`, created_at: "2026-01-01T00:00:00Z" });
const page = (ids, has_older = false) => ({ messages: ids.map((id) => message(id)), has_older });
const ids = ({ messages }) => messages.map(({ id }) => id);

test("a conversation has each message once, in the order of ids, wherever it came from", () => {
  const first = fromPage(page([3, 4]));
  assert.equal(withMessages(first, page([4, 3]).messages), first, "nothing new is the same object");
  assert.deepEqual(ids(withMessages(first, page([7, 5, 4, 7]).messages)), [3, 4, 5, 7]);
  const older = withOlder(fromPage(page([3, 4], true)), page([1, 2]));
  assert.deepEqual([ids(older), older.hasOlder], [[1, 2, 3, 4], false]);
});

test("a page of the newest fills up, or begins anew where something may lie between", () => {
  const has = withMessages(fromPage(page([1, 2, 3])), page([9]).messages); // 9 was sent from here
  assert.deepEqual(ids(withNewest(has, page([3, 4, 9, 10], true), 3)), [1, 2, 3, 4, 9, 10]);
  const anew = withNewest(withMessages(has, page([12]).messages), page([8, 9, 10], true), 3);
  assert.deepEqual([ids(anew), anew.hasOlder], [[8, 9, 10, 12], true]);
  assert.deepEqual(ids(withNewest(has, page([2, 3, 8, 9]), 0)), [1, 2, 3, 8, 9], "the page is the whole conversation");
});

test("what is kept has a bound, and the rest can be asked for again", () => {
  const much = fromPage(page([1, 2, 3, 4, 5]));
  assert.deepEqual([ids(trimmed(much, 3)), trimmed(much, 3).hasOlder], [[3, 4, 5], true]);
  assert.equal(trimmed(much, 5), much);
});

test("the first unread one is not one's own", () => {
  assert.equal(firstUnread([message(1), message(2, 1), message(3)], 1, 1), 3);
  assert.equal(firstUnread([message(1), message(2, 1)], 1, 1), null);
});

test("unread: the server's count and what came after it, no message twice", () => {
  const answer = (unread, last_read_id, newest_id) => [{ id: 1, unread, last_read_id, newest_id }];
  let now = counted(new Map(), answer(2, 10, 12));
  assert.equal(totalOf(now), 2);
  now = heard(now, 1, 12); // is in the count already: its broadcast was slow
  assert.equal(unreadOf(now, 1), 2);
  now = heard(heard(heard(now, 1, 13), 1, 13), 1, 14);
  assert.equal(unreadOf(now, 1), 4);
  now = counted(now, answer(3, 10, 13)); // an answer that knows 13, but not 14
  assert.equal(unreadOf(now, 1), 4);
  now = read(now, 1, 13);
  assert.equal(unreadOf(now, 1), 1);
  assert.equal(read(now, 1, 11), now, "a mark does not go back");
  now = counted(now, answer(3, 10, 13)); // asked before the mark was there
  assert.equal(unreadOf(now, 1), 1);
  now = read(now, 1, 14);
  assert.equal(totalOf(now), 0);
  assert.equal(heard(now, 2, 99), now, "of a domain that is not one's own");
});

test("times in words", () => {
  const now = Date.UTC(2026, 0, 2, 12);
  const seen = (ms) => statusInWords({ status: "offline", last_seen: new Date(now - ms).toISOString() }, now);
  assert.deepEqual([20_000, 60_000, 5 * 60_000, 3_600_000, 50 * 3_600_000].map(seen), ["last seen just now", "last seen 1 minute ago", "last seen 5 minutes ago", "last seen 1 hour ago", "last seen 2 days ago"]);
  assert.equal(ago(now + 5000, now), "just now", "a clock that is behind");
  assert.equal(statusInWords({ status: "away", last_seen: null }, now), "away");
  assert.equal(statusInWords({ status: "offline", last_seen: null }, now), "offline");
});

test("asking again ends with an answer, a refusal, or the page", async () => {
  let asked = 0;
  const failing = (status, times) => async () => {
    if (++asked <= times) throw new ApiError(status, "no");
    return "answer";
  };
  assert.equal(await persistently(failing(0, 1)), "answer");
  asked = 0;
  await assert.rejects(persistently(failing(403, 9)), ({ status }) => status === 403);
  assert.equal(asked, 1);
  asked = 0;
  await assert.rejects(persistently(failing(503, 9), { attempts: 2 }), ({ status }) => status === 503);
  assert.equal(asked, 2);
});

test("ids of messages are UUIDs of version 4, each another", () => {
  const made = new Set(Array.from({ length: 100 }, uuid));
  assert.equal(made.size, 100);
  for (const id of made) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
