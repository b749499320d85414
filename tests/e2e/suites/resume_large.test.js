// Clients that missed far more than waits for one connection: they come up to date at their own pace, in order, or are
// told of a gap. PARLEY_LONG=1: a gigabyte at 2 MB/s.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before } from "node:test";

import { Backend } from "../lib/backend.js";
import { publishBulk } from "../lib/bulk.js";
import { long } from "../lib/hostile.js";
import { apps, fresh, startServer, test } from "../lib/harness.js";
import { recovering, recoverySections } from "../lib/recovering.js";
import { trigger } from "../lib/sign.js";
import { SlowReader } from "../lib/slow_reader.js";
import { until } from "../lib/wait.js";

const app = { ...apps.main };
const everything = { age_seconds: 0, count: 0, bytes: 0 };
let server;
let backend;
before(async () => {
  backend = await Backend.start(app);
  server = await startServer({
    ...recoverySections(app, backend),
    channels: [{ match: "brief.*", durability: "quorum", retention: { ...everything, count: 2_000 } }, { match: "domain.*", durability: "quorum", retention: everything }],
    log: { level: "warn" },
  });
});
after(async () => {
  await server?.stop();
  await backend?.stop();
});

const connect = async (t, options) => {
  const reader = await SlowReader.connect(server, app, options);
  t.after(() => reader.cut());
  return reader;
};
// A stock client was here once, and went.
const visited = async (t, id, channel) => {
  const reader = await connect(t, { id });
  const answer = await reader.subscribe(channel);
  assert.equal(answer.event, "pusher_internal:subscription_succeeded");
  await reader.cut();
  return answer;
};

test("a stock client that missed 24 MB in 12,000 messages gets all of it in order, and then what is new", async (t) => {
  const channel = fresh("private-domain.");
  const id = randomUUID();
  await visited(t, id, channel);
  await publishBulk(server, app, channel, 12_000, 2_000);
  const reader = await connect(t, { id, rate: 16_000_000 });
  await reader.subscribe(channel);
  await reader.reach(6_000);
  assert.equal((await trigger(server, app, channel, "m", "published while it catches up")).status, 200);
  await reader.reach(12_001);
  assert.equal((await trigger(server, app, channel, "m", "live")).status, 200);
  await reader.reach(12_002);
  assert.deepEqual([reader.first, reader.count, reader.problems, reader.gaps], [1, 12_002, [], []]);
});

test("who is cut off in the middle goes on there", async (t) => {
  const channel = fresh("private-domain.");
  const id = randomUUID();
  const total = 15_000; // more than the two sockets' buffers take
  await visited(t, id, channel);
  await publishBulk(server, app, channel, total, 2_000);
  let had = 0;
  let connections = 0;
  while (had < total) {
    const reader = await connect(t, { id, rate: 8_000_000 });
    connections += 1;
    await reader.subscribe(channel);
    // Until some of it is confirmed: a ping came behind it and was answered.
    const goal = Math.min(total, had + 3_000);
    await reader.reach(goal);
    const from = reader.others.items.length;
    if (goal < total) await reader.others.find((item) => item.event === "pusher:ping", "a confirming ping", { from });
    await reader.settle();
    assert.deepEqual(reader.problems, []);
    assert.ok(reader.first > (had > 0 ? 1 : 0), `connection ${connections} began at ${reader.first}`);
    assert.ok(reader.first <= had + 1, `${reader.first} came, the client had ${had}`);
    had = reader.last;
    await reader.cut();
  }
  assert.ok(connections > 1);
});

test("an own client's position: each of 8,000 messages comes exactly once", async (t) => {
  const channel = fresh("private-domain.");
  await publishBulk(server, app, channel, 8_000, 1_500);
  const reader = await connect(t, { rate: 16_000_000 });
  const answer = await reader.subscribe(channel, { since: "0000000000000000:0" });
  assert.equal(answer.recovered, true);
  await reader.reach(8_000);
  await reader.settle();
  assert.deepEqual([reader.first, reader.count, reader.problems], [1, 8_000, []]);
});

test("a connection that catches up on forty channels at once is no slow consumer", async (t) => {
  const channels = Array.from({ length: 40 }, () => fresh("domain."));
  for (const channel of channels) await publishBulk(server, app, channel, 20, 20_000);
  const reader = await connect(t, { rate: 16_000_000 });
  reader.take = (bytes) => {
    reader.slow(bytes.length);
    reader.others.push(JSON.parse(bytes.toString()));
  };
  for (const channel of channels) void reader.subscribe(channel, { since: "0000000000000000:0" });
  const of = (channel) => reader.others.items.filter((item) => item.channel === channel && item.event === "m").map((item) => item.offset);
  await until(() => reader.over || channels.every((channel) => of(channel).length === 20), () => `all messages of forty channels: ${channels.map((channel) => of(channel).length)}`, 60_000);
  assert.equal(reader.over, undefined);
  for (const channel of channels) assert.deepEqual(of(channel), Array.from({ length: 20 }, (_, n) => n + 1));
});

test("retention that overtakes a slow reader is an announced gap", async (t) => {
  const channel = fresh("private-brief.");
  await publishBulk(server, app, channel, 2_000, 8_000);
  const reader = await connect(t, { rate: 4_000_000 });
  await reader.subscribe(channel, { since: "0000000000000000:0" });
  await reader.reach(100);
  await publishBulk(server, app, channel, 4_000, 1_000);
  await reader.reach(6_000);
  assert.deepEqual(reader.problems, []);
  assert.ok(reader.gaps.length > 0, "it was told of no gap");
});

const { listen, proxyTo, cutWhile } = recovering(app, () => server);
for (const transport of ["websocket", "polling"]) {
  test(`socket.io-client by ${transport} is recovered although it missed 12 MB`, async (t) => {
    const channel = fresh("private-domain.");
    const proxy = await proxyTo(t);
    const client = await listen(t, proxy, [channel], { transport });
    assert.equal((await trigger(server, app, channel, "n", 1)).status, 200);
    await client.hears(1);
    await cutWhile(client, proxy, "rst", async () => {
      await publishBulk(server, app, channel, 6_000, 2_000);
      assert.equal((await trigger(server, app, channel, "n", 2)).status, 200);
    });
    assert.equal((await client.connection(2)).recovered, true);
    await until(() => client.numbers().includes(2), () => `the last of what was missed: ${client.data(channel, "m").length} came`, 60_000);
    assert.equal(client.data(channel, "m").length, 6_000);
    assert.deepEqual(client.numbers(), [1, 2]);
  });
}

test("a gigabyte at 2 MB/s completes in order", { skip: long ? false : "PARLEY_LONG=1", timeout: 1_200_000 }, async (t) => {
  const channel = fresh("private-domain.");
  const id = randomUUID();
  await visited(t, id, channel);
  await publishBulk(server, app, channel, 11_000, 95_000);
  const reader = await connect(t, { id, rate: 2_000_000 });
  await reader.subscribe(channel);
  await reader.reach(11_000);
  assert.ok(reader.bytes > 1_000_000_000);
  assert.deepEqual([reader.first, reader.count, reader.problems, reader.gaps], [1, 11_000, [], []]);
});
