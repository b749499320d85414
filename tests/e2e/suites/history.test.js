// History over HTTP, and resume as our own clients do it: by position.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { apps, fresh, range, raw, startServer, test } from "../lib/harness.js";
import { call, history, send, signedPath, trigger } from "../lib/sign.js";
import { until } from "../lib/wait.js";

let server;
const app = apps.main;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

const publish = async (channel, from, to) => {
  for (const n of range(from, to)) {
    const answer = await trigger(server, app, channel, "n", { n });
    assert.equal(answer.status, 200, answer.text);
  }
};
const page = async (channel, query) => {
  const answer = await history(server, app, channel, query);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
};
const numbers = ({ publications }) => publications.map(({ data }) => (typeof data === "string" ? JSON.parse(data) : data).n);
const live = (client, channel) => client.of(channel, "n").map(({ data }) => JSON.parse(data).n);

test("what is published is in the history, with offsets without holes, times and the same bytes", async () => {
  const channel = fresh("private-domain.");
  const before = Date.now();
  await publish(channel, 1, 5);
  const got = await page(channel);
  assert.equal(got.channel, channel);
  assert.match(got.epoch, /^[0-9a-f]{16}$/);
  assert.deepEqual(numbers(got), [1, 2, 3, 4, 5]);
  const offsets = got.publications.map(({ offset }) => offset);
  assert.deepEqual(offsets, range(offsets[0], offsets[0] + 4));
  assert.equal(got.newest, offsets[4]);
  assert.equal(got.more, false);
  assert.equal(got.gap, false);
  for (const { event, time } of got.publications) {
    assert.equal(event, "n");
    assert.ok(time >= before - 1000 && time <= Date.now() + 1000);
  }
});

test("pages forward and backward meet at the same publications, each once", async () => {
  const channel = fresh("domain.");
  await publish(channel, 1, 25);
  const forward = [];
  let next;
  for (let more = true; more; ) {
    const got = await page(channel, { limit: 10, ...(next ? { since: next } : {}) });
    forward.push(...numbers(got));
    ({ more, next } = got);
  }
  assert.deepEqual(forward, range(1, 25));
  const backward = [];
  next = undefined;
  for (let more = true; more; ) {
    const got = await page(channel, { limit: 10, direction: "backward", ...(next ? { since: next } : {}) });
    backward.push(...numbers(got));
    ({ more, next } = got);
  }
  assert.deepEqual(backward, range(1, 25).reverse());
});

test("since a position, from and to a time, limit", async () => {
  const channel = fresh("domain.");
  await publish(channel, 1, 3);
  const first = await page(channel);
  const lastTime = first.publications.at(-1).time;
  await until(() => Date.now() > lastTime + 5, "a later millisecond");
  const between = Date.now();
  await until(() => Date.now() > between + 5, "a later millisecond");
  await publish(channel, 4, 6);
  assert.deepEqual(numbers(await page(channel, { since: `${first.epoch}:${first.publications[1].offset}` })), [3, 4, 5, 6]);
  assert.deepEqual(numbers(await page(channel, { from: between })), [4, 5, 6]);
  assert.deepEqual(numbers(await page(channel, { to: between })), [1, 2, 3]);
  assert.deepEqual(numbers(await page(channel, { limit: 2 })), [1, 2]);
  assert.deepEqual(numbers(await page(channel, { limit: 2, direction: "backward" })), [6, 5]);
});

test("wrong parameters are 400, a stranger's are 401, another tenant sees nothing", async () => {
  const channel = fresh("domain.");
  await publish(channel, 1, 1);
  const wrong = [{ since: "x" }, { since: "1" }, { since: "0123456789abcdef:" }, { since: ":5" }, { limit: "0" }, { limit: "-1" }, { limit: "x" }, { direction: "up" }, { from: "x" }, { to: "-" }];
  for (const query of wrong) {
    const answer = await history(server, app, channel, query);
    assert.equal(answer.status, 400, `${JSON.stringify(query)}: ${answer.text}`);
  }
  assert.equal((await history(server, { ...app, secret: "wrong" }, channel)).status, 401);
  assert.equal((await send(server, "GET", `/apps/${app.id}/channels/${channel}/history`)).status, 401);
  assert.equal((await history(server, apps.other, channel)).json.publications.length, 0);
});

test("a channel without history answers an empty page; an ephemeral one too", async () => {
  for (const channel of [fresh("domain."), fresh("room.")]) {
    const got = await page(channel);
    assert.deepEqual(got.publications, []);
    assert.equal(got.more, false);
  }
});

test("one publication can be deleted; its offset stays its own", async () => {
  const channel = fresh("domain.");
  await publish(channel, 1, 3);
  const { epoch, publications } = await page(channel);
  const target = `/apps/${app.id}/channels/${channel}/history/${epoch}:${publications[1].offset}`;
  const answer = await send(server, "DELETE", signedPath(app, "DELETE", target));
  assert.equal(answer.status, 200, answer.text);
  await publish(channel, 4, 4);
  const left = await page(channel);
  assert.deepEqual(numbers(left), [1, 3, 4]);
  assert.equal(left.publications[2].offset, publications[2].offset + 1);
  assert.ok((await call(server, app, "DELETE", `/apps/${app.id}/channels/${channel}/history/nonsense`)).status >= 400);
});

test("a channel's history can be deleted, and stays deleted after a restart", async () => {
  const own = await startServer();
  try {
    const channel = fresh("domain.");
    for (const n of range(1, 3)) await trigger(own, app, channel, "n", { n });
    const before = (await history(own, app, channel)).json;
    assert.equal((await call(own, app, "DELETE", `/apps/${app.id}/channels/${channel}/history`)).status, 200);
    await trigger(own, app, channel, "n", { n: 4 });
    assert.deepEqual(numbers((await history(own, app, channel)).json), [4]);
    await own.restart();
    const after = (await history(own, app, channel)).json;
    assert.deepEqual(numbers(after), [4]);
    // A position names one publication forever: either a new epoch or a higher offset.
    assert.ok(after.epoch !== before.epoch || after.publications[0].offset > before.newest);
  } finally {
    await own.stop();
  }
});

test("retention by count keeps the newest", async () => {
  const channel = fresh("short.");
  await publish(channel, 1, 12);
  const got = await page(channel);
  assert.deepEqual(numbers(got), range(8, 12));
  assert.equal(got.oldest, got.publications[0].offset);
  const old = await page(channel, { since: `${got.epoch}:${got.publications[0].offset - 4}` });
  assert.equal(old.gap, true);
});

test("client events are kept where the rule says so, with the user who sent them", async (t) => {
  const client = await raw(t, server);
  const [kept, passing] = [fresh("presence-kept."), fresh("presence-domain.")];
  for (const channel of [kept, passing]) {
    await client.joined(channel, { member: { user_id: "ada" } });
    client.send({ event: "client-said", channel, data: { n: 1 }, ack: 1 });
  }
  await client.frames.atLeast(2, ({ event }) => event === "parley:ack", "acks");
  const got = await page(kept);
  assert.equal(got.publications.length, 1);
  assert.equal(got.publications[0].user_id, "ada");
  assert.deepEqual(got.publications[0].data, { n: 1 });
  assert.equal((await page(passing)).publications.length, 0);
});

test("frames carry positions; the subscription tells the newest", async (t) => {
  const channel = fresh("domain.");
  await publish(channel, 1, 2);
  const client = await raw(t, server);
  const joined = await client.joined(channel);
  assert.match(joined.epoch, /^[0-9a-f]{16}$/);
  assert.equal(joined.recovered, undefined);
  await publish(channel, 3, 3);
  const frame = await client.next("n");
  assert.deepEqual([frame.epoch, frame.offset], [joined.epoch, joined.offset + 1]);
  const plain = await client.joined(fresh("room."));
  assert.equal(plain.offset, undefined);
});

test("since: exactly what came after the position, then live, once and in order", async (t) => {
  const channel = fresh("private-domain.");
  await trigger(server, app, channel, "begin", {}); // a channel without any publication has no position yet
  const first = await raw(t, server);
  const { epoch, offset } = await first.joined(channel);
  await publish(channel, 1, 10);
  await first.frames.atLeast(10, ({ event }) => event === "n", "n");
  const at = first.of(channel, "n")[3].offset;
  first.cut();
  await publish(channel, 11, 15);
  const second = await raw(t, server);
  const joined = await second.joined(channel, { extra: { since: `${epoch}:${at}` } });
  assert.equal(joined.recovered, true);
  assert.equal(joined.offset, offset + 15);
  await publish(channel, 16, 18);
  await second.frames.atLeast(14, ({ event }) => event === "n", "n");
  await second.settle();
  assert.deepEqual(live(second, channel), range(5, 18));
  const offsets = second.of(channel, "n").map((frame) => frame.offset);
  assert.deepEqual(offsets, range(at + 1, at + 14));
});

test("since the newest position: recovered, nothing comes", async (t) => {
  const channel = fresh("domain.");
  await publish(channel, 1, 3);
  const client = await raw(t, server);
  const { epoch, offset } = await client.joined(channel);
  client.unsubscribe(channel);
  const joined = await client.joined(channel, { extra: { since: `${epoch}:${offset}` } });
  assert.equal(joined.recovered, true);
  await client.settle();
  assert.deepEqual(live(client, channel), []);
});

test("rewind: the newest N, then live", async (t) => {
  const channel = fresh("domain.");
  await publish(channel, 1, 10);
  const client = await raw(t, server);
  await client.joined(channel, { extra: { rewind: 3 } });
  await publish(channel, 11, 11);
  await client.frames.atLeast(4, ({ event }) => event === "n", "n");
  assert.deepEqual(live(client, channel), [8, 9, 10, 11]);
});

test("a gap is announced before later data: what is gone, then what is kept", async (t) => {
  const channel = fresh("short.");
  await publish(channel, 1, 1);
  const { epoch, newest } = await page(channel);
  await publish(channel, 2, 20);
  const client = await raw(t, server);
  const joined = await client.joined(channel, { extra: { since: `${epoch}:${newest}` } });
  assert.equal(joined.recovered, false);
  await client.frames.atLeast(5, ({ event }) => event === "n", "n");
  const events = client.of(channel).map(({ event }) => event);
  assert.deepEqual(events, ["pusher_internal:subscription_succeeded", "parley:gap", "n", "n", "n", "n", "n"]);
  const gap = JSON.parse((await client.next("parley:gap")).data);
  assert.deepEqual(gap, { after: newest, before: newest + 15, epoch });
  assert.deepEqual(live(client, channel), range(16, 20));
});

test("a position of another epoch, or from the future, is a gap and not an error", async (t) => {
  const channel = fresh("domain.");
  await publish(channel, 1, 2);
  const { epoch, newest } = await page(channel);
  for (const since of [`ffffffffffffffff:1`, `${epoch}:${newest + 1000}`]) {
    const client = await raw(t, server);
    assert.equal((await client.joined(channel, { extra: { since } })).recovered, false, since);
    await client.next("parley:gap");
  }
});

test("a since that cannot be read is refused with a reason", async (t) => {
  const client = await raw(t, server);
  for (const extra of [{ since: "x" }, { since: 5 }, { since: {} }, { rewind: "x" }, { rewind: -1 }]) {
    client.send({ event: "pusher:subscribe", data: { channel: fresh("domain."), ...extra } });
    const from = client.frames.items.length;
    await client.frames.find(({ event }) => /pusher:error|subscription_error/.test(event), `an error for ${JSON.stringify(extra)}`, { from: Math.max(0, from - 1) });
  }
  await client.settle();
});

test("subscribing in the middle of a stream of publishes misses nothing and doubles nothing", async (t) => {
  const channel = fresh("domain.");
  await trigger(server, app, channel, "begin", {});
  const scout = await raw(t, server);
  const { epoch, offset } = await scout.joined(channel);
  const total = 300;
  const publishing = (async () => {
    for (let n = 1; n <= total; n += 10) {
      await Promise.all(range(n, n + 9).map((number) => trigger(server, app, channel, "n", { n: number })));
    }
  })();
  const clients = [];
  for (let index = 0; index < 10; index++) {
    await scout.frames.atLeast(index * 25 + 1, ({ event }) => event === "n", "n");
    const client = await raw(t, server);
    await client.joined(channel, { extra: { since: `${epoch}:${offset}` } });
    clients.push(client);
  }
  await publishing;
  for (const client of clients) {
    await client.frames.atLeast(total, ({ event }) => event === "n", "n");
    await client.settle();
    assert.deepEqual(client.of(channel, "n").map((frame) => frame.offset), range(offset + 1, offset + total));
  }
});

test("history, positions and epochs are the same after kill -9", async (t) => {
  const own = await startServer();
  t.after(() => own.stop());
  const channel = fresh("domain.");
  for (const n of range(1, 10)) await trigger(own, app, channel, "n", { n });
  const before = (await history(own, app, channel)).json;
  await own.restart();
  assert.deepEqual((await history(own, app, channel)).json, before);
  const client = await raw(t, own);
  const joined = await client.joined(channel, { extra: { since: `${before.epoch}:${before.publications[6].offset}` } });
  assert.equal(joined.recovered, true);
  await client.frames.atLeast(3, ({ event }) => event === "n", "n");
  assert.deepEqual(live(client, channel), [8, 9, 10]);
});
