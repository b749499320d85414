// Nodes that share their channels: whatever is said at one of them is heard at all, is in one history, and outlives the
// node that took it. Real processes on the loopback, killed for good.
import assert from "node:assert/strict";
import { afterEach } from "node:test";

import { place, startNode, sum } from "../lib/cluster.js";
import { apps, config, fresh, range, raw, test } from "../lib/harness.js";
import { call, trigger } from "../lib/sign.js";
import { until } from "../lib/wait.js";

const started = [];
afterEach(async () => {
  for (const server of started.splice(0)) await server.stop();
});

const configured = (name, cluster = {}) => config({ cluster: { enabled: true, host: "127.0.0.1", port: 0, name, settle_after: 1, moves_max: 32, ...cluster } });

const start = (name, cluster) => startNode(started, name, configured(name, cluster));

// Every shard has a leader, which has a voter on each of the nodes.
const settled = (nodes, voters = nodes.length) =>
  until(async () => {
    if ((await sum(nodes, "parley_shards_led")) !== 64 || (await sum(nodes, "parley_shards_short_of_replicas")) !== 0) return false;
    if ((await sum(nodes, "parley_shards_without_leader")) !== 0) return false;
    for (const node of nodes) if ((await node.metric("parley_cluster_members")) < voters) return false;
    return (await sum(nodes, "parley_shards_voters")) === 64 * voters;
  }, () => `64 shards with ${voters} voters each; ${nodes.map((node) => node.logTail(5)).join("\n")}`, 60_000);

async function three() {
  const a = await start("a", { expect_nodes: 2 });
  const b = await start("b", { expect_nodes: 2, join: [place(a)] });
  const c = await start("c", { expect_nodes: 2, join: [place(a), place(b)] });
  await settled([a, b, c]);
  return [a, b, c];
}

// As an application does it: again, with the same key, until it is taken.
async function publish(nodes, channel, text, { patience = 20_000 } = {}) {
  const key = `${channel}-${text}`;
  const ends = Date.now() + patience;
  for (let turn = 0; ; turn++) {
    const node = nodes[turn % nodes.length];
    const answer = await trigger(node, apps.main, channel, "message.sent", { text }, {}, { headers: { "Idempotency-Key": key } }).catch((error) => ({ status: 0, text: error.message }));
    if (answer.status === 200) return;
    assert.ok(Date.now() < ends, `${text} was never taken: ${answer.status} ${answer.text}`);
  }
}

async function texts(node, channel) {
  const all = [];
  for (let since; ; ) {
    const { json } = await until(async () => {
      const got = await call(node, apps.main, "GET", `/apps/${apps.main.id}/channels/${channel}/history`, { query: { limit: "1000", ...(since ? { since } : {}) } });
      return got.status === 200 && got;
    }, `the history of ${channel} at ${node.url}`);
    all.push(...json.publications.map((item) => JSON.parse(item.data).text));
    if (!json.more) return all;
    since = json.next;
  }
}

test("what is published at any node is heard at every one, in one order, and is in one history", async (t) => {
  const nodes = await three();
  const channels = range(1, 6).map(() => fresh("private-domain."));
  const clients = [];
  for (const node of nodes) {
    const client = await raw(t, node);
    for (const channel of channels) await client.joined(channel);
    clients.push(client);
  }
  for (const number of range(1, 5)) {
    for (const channel of channels) await publish([nodes[number % 3]], channel, `m${number}`);
  }
  const wanted = range(1, 5).map((number) => `m${number}`);
  for (const client of clients) {
    for (const channel of channels) {
      await until(() => client.of(channel, "message.sent").length >= 5, `five messages of ${channel}`);
      assert.deepEqual(client.of(channel, "message.sent").map(({ data }) => (typeof data === "string" ? JSON.parse(data) : data).text), wanted);
    }
  }
  for (const node of nodes) for (const channel of channels) assert.deepEqual(await texts(node, channel), wanted);
});

test("whichever node is killed, what was acknowledged is there, once and in order, and it goes on", async () => {
  const nodes = await three();
  const channels = range(1, 8).map(() => fresh("private-domain."));
  const said = new Map(channels.map((channel) => [channel, []]));
  let next = 0;
  for (const victim of range(0, 2)) {
    let going = true;
    const others = nodes.filter((_, index) => index !== victim);
    const publishers = channels.map(async (channel) => {
      while (going) {
        const text = `${++next}`;
        await publish(others, channel, text);
        said.get(channel).push(text);
        await new Promise((resolve) => setTimeout(resolve, 5)); // a pace, nothing is waited for
      }
    });
    const enough = next + 40;
    await until(() => next >= enough, "messages before the kill");
    await nodes[victim].kill9();
    const before = new Map(channels.map((channel) => [channel, said.get(channel).length]));
    await until(() => channels.every((channel) => said.get(channel).length > before.get(channel) + 1), "each channel to go on without it", 30_000);
    going = false;
    await Promise.all(publishers);
    for (const node of others) for (const channel of channels) assert.deepEqual(await texts(node, channel), said.get(channel));
    // It has another port now: it is the one that looks for the others.
    nodes[victim].configure(configured("abc"[victim], { expect_nodes: 2, join: others.map(place) }));
    await nodes[victim].start();
    await settled(nodes);
  }
  for (const node of nodes) for (const channel of channels) assert.deepEqual(await texts(node, channel), said.get(channel));
});

test("a node with data becomes three while it serves, and is not needed any more", async () => {
  const a = await start("a");
  const channels = range(1, 20).map(() => fresh("private-domain."));
  for (const channel of channels) for (const number of range(1, 10)) await publish([a], channel, `m${number}`);
  const b = await start("b", { join: [place(a)] });
  const c = await start("c", { join: [place(a)] });
  for (const channel of channels) await publish([a, b, c], channel, "meanwhile");
  await settled([a, b, c]);
  await a.kill9();
  for (const channel of channels) await publish([b, c], channel, "after");
  const wanted = [...range(1, 10).map((number) => `m${number}`), "meanwhile", "after"];
  for (const node of [b, c]) for (const channel of channels) assert.deepEqual(await texts(node, channel), wanted);
});
