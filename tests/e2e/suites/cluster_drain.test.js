// Stopping the nodes of a cluster in order: who is stopped hands over first, nothing that was acknowledged is lost, and
// the pause is short. Which node may be stopped, who is drained, who is removed. Real processes on the loopback.
import assert from "node:assert/strict";
import { afterEach } from "node:test";

import { place, startNode, sum } from "../lib/cluster.js";
import { apps, config, fresh, range, test } from "../lib/harness.js";
import { runParley } from "../lib/server.js";
import { call, trigger } from "../lib/sign.js";
import { until } from "../lib/wait.js";

const adminKey = "admin-key-of-these-tests-0001";
const started = [];
const loads = [];
afterEach(async () => {
  for (const load of loads.splice(0)) load.aborted = !(load.going = false);
  for (const server of started.splice(0)) await server.stop();
});

const configured = (name, cluster = {}) => ({
  ...config({ cluster: { enabled: true, host: "127.0.0.1", port: 0, name, settle_after: 1, moves_max: 32, expect_nodes: 2, ...cluster }, admin: { key: adminKey } }),
  server: { drain_seconds: 1 },
});

const start = (name, cluster) => startNode(started, name, configured(name, cluster));

const settled = (nodes, voters = nodes.length) =>
  until(async () => {
    if ((await sum(nodes, "parley_shards_led")) !== 64 || (await sum(nodes, "parley_shards_short_of_replicas")) !== 0) return false;
    return (await sum(nodes, "parley_shards_without_leader")) === 0 && (await sum(nodes, "parley_shards_voters")) === 64 * voters;
  }, () => `64 shards with ${voters} voters each; ${nodes.map((node) => node.logTail(5)).join("\n")}`, 60_000);

async function cluster(count) {
  const nodes = [];
  for (const name of "abcd".slice(0, count)) nodes.push(await start(name, { join: nodes.map(place) }));
  await settled(nodes, Math.min(count, 3));
  return nodes;
}

async function canStop(node) {
  const answer = await fetch(`${node.url}/health/can-stop`);
  return { code: answer.status, ...(await answer.json()) };
}
const mayStop = (node, wanted) => until(async () => (await canStop(node)).code === wanted, () => `can-stop to answer ${wanted}`, 30_000);
const admin = async (node, method, path) => {
  const answer = await fetch(`${node.url}/admin/${path}`, { method, headers: { Authorization: `Bearer ${adminKey}` } });
  return { status: answer.status, json: await answer.json() };
};
const row = async (node, name) => (await admin(node, "GET", "nodes")).json.nodes.find((one) => one.name === name);
const cli = (node, ...words) => runParley([...words, "--url", node.url], { env: { PARLEY_ADMIN_KEY: adminKey } });

// Publishes without a break, each text until it is taken, and notes when each channel's were.
class Load {
  constructor(nodes, channels) {
    this.nodes = nodes;
    this.said = new Map(channels.map((channel) => [channel, []]));
    this.at = new Map(channels.map((channel) => [channel, []]));
    this.next = 0;
  }
  begin() {
    this.going = true;
    loads.push(this);
    this.publishers = [...this.said.keys()].map((channel) => this.publish(channel));
  }
  async publish(channel) {
    while (this.going) {
      const text = `${++this.next}`;
      const ends = Date.now() + 20_000;
      for (let turn = 0; ; turn++) {
        const node = this.nodes[turn % this.nodes.length];
        const answer = await trigger(node, apps.main, channel, "message.sent", { text }, {}, { headers: { "Idempotency-Key": `${channel}-${text}` } }).catch((error) => ({ status: 0, text: error.message }));
        if (answer.status === 200) break;
        if (this.aborted) return; // the test has ended
        assert.ok(Date.now() < ends, `${text} was never taken: ${answer.status} ${answer.text}`);
        await new Promise((resolve) => setTimeout(resolve, 5)); // a pace, nothing is waited for
      }
      this.said.get(channel).push(text);
      this.at.get(channel).push(Date.now());
      await new Promise((resolve) => setTimeout(resolve, 5)); // the same
    }
  }
  async more(count) {
    const wanted = [...this.said].map(([channel, texts]) => [channel, texts.length + count]);
    await until(() => wanted.every(([channel, length]) => this.said.get(channel).length >= length), `${count} more of each channel`, 30_000);
  }
  async end() {
    await this.more(1);
    this.going = false;
    await Promise.all(this.publishers);
  }
  // Of any channel, in milliseconds.
  longestPause(since) {
    let longest = 0;
    for (const times of this.at.values()) {
      const within = times.filter((time) => time >= since);
      for (let i = 1; i < within.length; i++) longest = Math.max(longest, within[i] - within[i - 1]);
    }
    return longest;
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

test("a rolling restart under load loses nothing that was acknowledged, and pauses shortly", async (t) => {
  const nodes = await cluster(3);
  const channels = range(1, 12).map(() => fresh("private-domain."));
  for (const victim of range(0, 2)) {
    const others = nodes.filter((_, index) => index !== victim);
    await until(async () => (await nodes[victim].metric("parley_shards_led")) > 0 || victim > 0, "leads to hand over");
    const load = new Load(others, channels.map((channel) => `${channel}-${victim}`));
    load.begin();
    await load.more(10);
    await mayStop(nodes[victim], 200);
    const led = await nodes[victim].metric("parley_shards_led");
    const since = Date.now();
    const exit = await nodes[victim].end("SIGTERM");
    assert.equal(exit.code, 0);
    await load.more(20);
    const pause = load.longestPause(since);
    await load.end();
    t.diagnostic(`stopping ${"abc"[victim]}, which led ${led} shards: the longest pause of a channel was ${pause} ms`);
    assert.ok(pause < 1_000, `the longest pause without acknowledgements was ${pause} ms`);
    for (const node of others) for (const [channel, said] of load.said) assert.deepEqual(await texts(node, channel), said);
    nodes[victim].configure(configured("abc"[victim], { join: others.map(place) }));
    await nodes[victim].start();
    await settled(nodes);
  }
});

test("a node knows whether it may be stopped", async () => {
  const a = await start("a", { expect_nodes: 1 });
  assert.deepEqual(await canStop(a), { code: 200, status: "ok" });
  const b = await start("b", { join: [place(a)] });
  await settled([a, b]);
  for (const node of [a, b]) {
    await mayStop(node, 503);
    const answer = await until(async () => {
      const said = await canStop(node);
      return said.shards?.length === 64 && said;
    }, "two to need each other for all shards", 30_000);
    assert.match(answer.reason, /^64 shards would be left without a majority/);
  }
  const c = await start("c", { join: [place(a), place(b)] });
  await settled([a, b, c]);
  for (const node of [a, b, c]) await mayStop(node, 200);
  await c.kill9();
  for (const node of [a, b]) await mayStop(node, 503);
});

test("who is drained leads nothing, keeps its replicas, and is given leads again", async () => {
  const [a, b, c] = await cluster(3);
  const drained = await cli(b, "drain", "a");
  assert.equal(drained.code, 0, drained.stderr);
  assert.match(drained.stdout, /^a drains: it leads nothing/);
  assert.equal(await a.metric("parley_shards_led"), 0);
  await settled([a, b, c]); // three voters of each shard still
  assert.equal((await row(c, "a")).draining, true);
  assert.match((await cli(c, "nodes")).stdout, /\ba +alive .*draining/);
  assert.equal((await fetch(`${a.url}/health/ready`)).status, 503);
  await mayStop(a, 200);
  await mayStop(b, 503);
  const back = await cli(c, "undrain", "a");
  assert.equal(back.code, 0, back.stderr);
  await until(async () => (await row(b, "a")).draining === false, "everybody to know");
  await until(async () => (await fetch(`${a.url}/health/ready`)).status === 200, "it to be ready again");
  await mayStop(b, 200);
  // Without a name: the one that is asked.
  assert.equal((await cli(c, "drain")).code, 0);
  assert.equal(await c.metric("parley_shards_led"), 0);
  const unknown = await cli(a, "drain", "nobody");
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no node of this cluster is called nobody/);
});

test("who is removed is replaced at once, and does not come back with its data", async () => {
  const [a, b, c, d] = await cluster(4);
  const channel = fresh("private-domain.");
  const load = new Load([a, b, c], [channel]);
  load.begin();
  await load.more(5);
  const refused = await cli(a, "nodes", "remove", "d");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /d is alive: stop it first/);
  await d.kill9();
  for (const node of [a, b, c]) await until(async () => (await row(node, "d")).state === "dead", "its death to be known", 30_000);
  await until(async () => (await sum([a, b, c], "parley_shards_without_leader")) === 0, "leaders without it", 30_000);
  const removed = await cli(b, "nodes", "remove", "d");
  assert.equal(removed.code, 0, removed.stderr);
  await until(async () => (await row(c, "d")).removed === true, "everybody to know");
  await settled([a, b, c]);
  d.configure(configured("d", { join: [a, b, c].map(place) }));
  await d.start().catch(() => {});
  await until(() => !d.alive, "it to end");
  assert.match(d.logText(), /this node was removed from its cluster/);
  await assert.rejects(d.start(), /was removed from its cluster/);
  await load.more(5);
  await load.end();
  for (const node of [a, b, c]) assert.deepEqual(await texts(node, channel), load.said.get(channel));
});
