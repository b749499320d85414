// Strangers invent client ids on a public durable channel. Whoever was there before keeps its position, or is told that
// it was forgotten; nobody comes back to a hole in silence.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { apps, fresh, range, startServer, test } from "../lib/harness.js";
import { elsewhere, long, strangers, underAttack } from "../lib/hostile.js";
import { RawClient } from "../lib/raw.js";
import { trigger } from "../lib/sign.js";
import { until } from "../lib/wait.js";

const app = apps.main;
const bound = long ? 10_000 : 400;
let server;
before(async () => (server = await startServer({ limits: { cursors_per_channel_max: bound } })));
after(() => server?.stop());

const publish = async (channel, from, to) => {
  for (const n of range(from, to)) assert.equal((await trigger(server, app, channel, "n", n)).status, 200);
};
// Joins as a stock client does that names itself, and goes as a lost network does.
async function visit(channel, id, localAddress) {
  const client = await RawClient.connect(server, app, { path: `/r/${id}/app/${app.key}`, localAddress });
  const answer = await client.joined(channel);
  return { client, answer };
}
async function invent(channel, count, localAddress = strangers) {
  const prefix = fresh("invented-");
  let next = 0;
  const one = async () => {
    while (next < count) {
      const { client } = await visit(channel, `${prefix}-${next++}`, localAddress);
      client.cut();
    }
  };
  await Promise.all(range(1, 20).map(one));
}
const numbers = (client, channel) => client.of(channel, "n").map(({ data }) => Number(data));

test("strangers' invented ids push out no position of other addresses", async (t) => {
  const channel = fresh("domain.positions");
  await publish(channel, 1, 1);
  const victim = fresh("victim-id-");
  (await visit(channel, victim, elsewhere)).client.cut();
  await underAttack(t, server, app, () => invent(channel, bound + 50));
  assert.ok((await server.metric("parley_cursors_forgotten_total")) > 0, "the bound was reached");
  await publish(channel, 2, 4);
  const { client, answer } = await visit(channel, victim, elsewhere);
  t.after(() => client.cut());
  await until(() => numbers(client, channel).length === 3, "the victim to get what it missed");
  assert.deepEqual(numbers(client, channel), [2, 3, 4]);
  assert.equal(answer.recovered, true);
  assert.deepEqual(client.of(channel, "parley:gap"), []);
});

test("who shares an address with strangers is told of a gap when it was forgotten", async (t) => {
  const channel = fresh("domain.positions");
  await publish(channel, 1, 1);
  const victim = fresh("victim-id-");
  (await visit(channel, victim, strangers)).client.cut();
  await invent(channel, bound + 50);
  await publish(channel, 2, 4);
  const { client, answer } = await visit(channel, victim, strangers);
  t.after(() => client.cut());
  assert.equal(answer.recovered, false);
  const gap = JSON.parse((await client.next("parley:gap")).data);
  assert.equal(gap.after, 0);
  assert.equal(gap.before, 5, "all until now may be missing");
  await publish(channel, 5, 5);
  await until(() => numbers(client, channel).includes(5), "what is new to come");
});

test("a client that was there before the first publication gets it, and the channel left nothing until then", async (t) => {
  const channel = fresh("domain.positions");
  const id = fresh("early-id-");
  const before = await server.metric("parley_cursor_bytes");
  (await visit(channel, id, elsewhere)).client.cut();
  assert.equal(await server.metric("parley_cursor_bytes"), before);
  await publish(channel, 1, 2);
  const { client } = await visit(channel, id, elsewhere);
  t.after(() => client.cut());
  await until(() => numbers(client, channel).length === 2, "what was missed to come");
  assert.deepEqual(numbers(client, channel), [1, 2]);
  assert.ok((await server.metric("parley_cursor_bytes")) > before);
});
