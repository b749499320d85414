// Nodes that know each other: they find one another, notice who is killed, stopped, goes or comes back, and take in
// nobody of another cluster. Real processes on the loopback.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterEach } from "node:test";

import { apps, test } from "../lib/harness.js";
import { runParley, Server, temporaryDirectory } from "../lib/server.js";
import { trigger } from "../lib/sign.js";
import { until } from "../lib/wait.js";

const adminKey = "admin-key-of-these-tests-0001";
const started = [];
afterEach(async () => {
  for (const server of started.splice(0)) await server.stop();
});

const clusterPort = (server) => Number(/listening for other nodes .*port=(\d+)/.exec(server.logText())[1]);
const place = (server) => `127.0.0.1:${clusterPort(server)}`;

async function startNode(name, cluster = {}, options = {}) {
  const server = new Server({
    config: { apps: [apps.main], admin: { key: adminKey }, cluster: { enabled: true, host: "127.0.0.1", port: 0, name, ...cluster } },
    dev: true,
    ...options,
  });
  started.push(server);
  await server.start();
  await until(() => server.logText().includes("listening for other nodes"), `${name} to listen`);
  return server;
}

async function list(server) {
  const answer = await fetch(`${server.url}/admin/nodes`, { headers: { Authorization: `Bearer ${adminKey}` } });
  assert.equal(answer.status, 200);
  return answer.json();
}
const states = async (server) => Object.fromEntries((await list(server)).nodes.map((node) => [node.name, node.state]));
const sees = (server, wanted) => until(async () => {
  const seen = await states(server);
  return Object.entries(wanted).every(([name, state]) => seen[name] === state);
}, () => `${server.url} to see ${JSON.stringify(wanted)}; log: ${server.logTail(20)}`);

async function three(cluster = {}) {
  const a = await startNode("a", cluster);
  const b = await startNode("b", { join: [place(a)], ...cluster });
  const c = await startNode("c", { join: [place(a)], ...cluster });
  for (const node of [a, b, c]) await sees(node, { a: "alive", b: "alive", c: "alive" });
  return { a, b, c };
}
const said = (server, what, from = 0) => server.log.slice(from).join("").split("\n").filter((line) => line.includes(what));

test("three nodes of which two know the first are one cluster, and say so", async () => {
  const { a, b, c } = await three({ zone: "north" });
  const lists = await until(async () => {
    const all = await Promise.all([a, b, c].map(list));
    return new Set(all.map((one) => one.cluster)).size === 1 && all[0].cluster !== null && all.every((one) => one.nodes.every((node) => node.linked)) && all;
  }, "one cluster, and links between all");
  for (const { nodes, refused } of lists) {
    assert.equal(nodes.length, 3);
    assert.deepEqual(refused, []);
    assert.equal(nodes.filter((node) => node.self).length, 1);
    assert.ok(nodes.every((node) => node.zone === "north" && node.configured_otherwise === false));
  }
  const printed = await runParley(["nodes", "--url", b.url, "--admin-key", adminKey]);
  assert.equal(printed.code, 0, printed.stderr);
  assert.match(printed.stdout, new RegExp(`^cluster ${lists[0].cluster}`));
  assert.match(printed.stdout, /^a +alive +\d+ s +127\.0\.0\.1:\d+ +north /m);
  assert.match(printed.stdout, /this node/);
});

test("a node that is alone lists itself", async () => {
  const server = new Server({ config: { apps: [apps.main], admin: { key: adminKey } }, dev: true });
  started.push(server);
  await server.start();
  const { cluster, nodes } = await list(server);
  assert.equal(cluster, null);
  assert.equal(nodes.length, 1);
  assert.equal(nodes[0].self, true);
  assert.equal(await server.metric("parley_cluster_members"), 0);
});

test("a node waits for those that are expected, and says for how many", async () => {
  const a = await startNode("a", { expect_nodes: 2 });
  const health = async () => fetch(`${a.url}/health/ready`);
  const answer = await health();
  assert.equal(answer.status, 503);
  assert.match(await answer.text(), /no cluster yet: 1 of the 2 nodes/);
  await startNode("b", { expect_nodes: 2, join: [place(a)] });
  await until(async () => (await health()).status === 200, "the two to be a cluster");
});

test("who is killed is dead for the others, and is itself again when it comes back", async () => {
  const { a, b, c } = await three();
  const before = (await list(a)).nodes.find((node) => node.name === "c");
  const killed = Date.now();
  await c.kill9();
  for (const node of [a, b]) await sees(node, { c: "dead" });
  const times = [a, b].map((node) => Date.parse(said(node, "a node is dead")[0].split(" ")[0]) - killed);
  console.log(`noticed after ${times.join(" and ")} ms`);
  // By silence alone it would take eight seconds and more: the closed links are what told.
  assert.ok(Math.max(...times) < 8_000, `noticed after ${times}`);
  await c.start();
  for (const node of [a, b, c]) await sees(node, { a: "alive", b: "alive", c: "alive" });
  const after = (await list(a)).nodes.find((node) => node.name === "c");
  assert.equal(after.node, before.node);
  assert.ok(after.incarnation > before.incarnation);
  assert.equal((await list(a)).nodes.length, 3);
});

test("who stands still for five seconds is suspected, and never dead", async () => {
  const { a, b, c } = await three();
  c.signal("SIGSTOP");
  const stopped = performance.now();
  await until(() => said(a, "a node does not answer").length + said(b, "a node does not answer").length > 0, "c to be suspected");
  await until(() => performance.now() - stopped > 5_000, "five seconds");
  c.signal("SIGCONT");
  for (const node of [a, b, c]) await sees(node, { a: "alive", b: "alive", c: "alive" });
  for (const node of [a, b, c]) assert.deepEqual(said(node, "a node is dead"), []);
});

test("who is told to end leaves, and nobody waits for it", async () => {
  const { a, b, c } = await three();
  const from = new Map([a, b].map((node) => [node, node.log.length]));
  const ended = c.end("SIGTERM");
  for (const node of [a, b]) await sees(node, { c: "left" });
  assert.equal((await ended).code, 0);
  for (const node of [a, b]) {
    assert.deepEqual(said(node, "a node is dead", from.get(node)), []);
    assert.deepEqual(said(node, "a node does not answer", from.get(node)), []);
  }
  await c.start();
  for (const node of [a, b]) await sees(node, { c: "alive" });
});

test("a node with years of data becomes one of three, and those that join have none", async () => {
  const old = new Server({ config: { apps: [apps.main], admin: { key: adminKey } }, dev: true });
  started.push(old);
  await old.start();
  assert.equal((await trigger(old, apps.main, "private-domain.1", "message.sent", { n: 1 })).status, 200);
  await old.end("SIGTERM");
  old.configure({ apps: [apps.main], admin: { key: adminKey }, cluster: { enabled: true, port: 0, name: "old" } });
  await old.start();
  await until(() => old.logText().includes("listening for other nodes"), "it to listen");
  const own = await until(async () => (await list(old)).cluster, "its cluster");
  const b = await startNode("b", { join: [place(old)] });
  const c = await startNode("c", { join: [place(old)] });
  for (const node of [old, b, c]) await sees(node, { old: "alive", b: "alive", c: "alive" });
  await until(async () => (await Promise.all([old, b, c].map(list))).every((one) => one.cluster === own), "all to be of its cluster");
});

test("two clusters that both hold data are never one, and each says what it has met", async () => {
  const a = await startNode("west");
  const b = await startNode("east");
  for (const node of [a, b]) await until(async () => (await fetch(`${node.url}/health/ready`)).status === 200, "a node that has its shards");
  for (const node of [a, b]) assert.equal((await trigger(node, apps.main, "private-domain.1", "message.sent", { n: 1 })).status, 200);
  const own = (await list(b)).cluster;
  assert.notEqual((await list(a)).cluster, own);
  b.configure({ apps: [apps.main], admin: { key: adminKey }, cluster: { enabled: true, port: 0, name: "east", join: [place(a)] } });
  await b.end("SIGTERM");
  await b.start();
  for (const [node, other] of [[a, "east"], [b, "west"]]) {
    const { refused } = await until(async () => {
      const seen = await list(node);
      return seen.refused.length > 0 && seen;
    }, `the other cluster to be refused; log: ${node.logTail(20)}`);
    assert.match(refused.join("\n"), new RegExp(`\\b${other}\\b`));
    assert.match(refused.join("\n"), new RegExp(own));
    assert.equal((await list(node)).nodes.filter((row) => row.state === "alive").length, 1);
    assert.equal((await trigger(node, apps.main, "private-domain.1", "message.sent", { n: 2 })).status, 200);
  }
  const printed = await runParley(["nodes", "--url", a.url, "--admin-key", adminKey]);
  assert.match(printed.stdout, /^refused: /m);
});

test("without --dev, nodes have certificates of one authority, and whoever has none is no node", async () => {
  const dir = temporaryDirectory("certificates");
  const file = (name) => join(dir, name);
  const openssl = (...args) => execFileSync("openssl", args, { stdio: "pipe" });
  const authority = (name) => openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", `/CN=${name}`, "-keyout", file(`${name}.key`), "-out", file(`${name}.pem`));
  const certificate = (name, by) => {
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", `/CN=${name}`, "-keyout", file(`${name}.key`), "-out", file(`${name}.csr`));
    openssl("x509", "-req", "-in", file(`${name}.csr`), "-CA", file(`${by}.pem`), "-CAkey", file(`${by}.key`), "-CAcreateserial", "-days", "2", "-out", file(`${name}.pem`));
    return { tls: { certificate: file(`${name}.pem`), key: file(`${name}.key`), authority: file(`${by}.pem`) } };
  };
  authority("ours");
  authority("theirs");
  const strict = { dev: false };
  const a = await startNode("a", certificate("a", "ours"), strict);
  const b = await startNode("b", { join: [place(a)], ...certificate("b", "ours") }, strict);
  for (const node of [a, b]) await sees(node, { a: "alive", b: "alive" });
  const stranger = await startNode("stranger", { join: [place(a)], ...certificate("stranger", "theirs") }, strict);
  const bare = await startNode("bare", { join: [place(a)] });
  for (const node of [stranger, bare]) await until(async () => (await node.metric("parley_peer_dials_failed_total")) >= 1, "it to be turned away");
  assert.ok((await a.metric("parley_peer_hellos_refused_total", { reason: "tls" })) >= 1);
  for (const node of [stranger, bare]) assert.equal((await list(node)).nodes.length, 1);
  assert.equal((await list(a)).nodes.length, 2);
  const without = await runParley(["check", "--set", "cluster.enabled=true"], { env: { PARLEY_APP_ID: "1", PARLEY_APP_KEY: "some-key", PARLEY_APP_SECRET: "3f9ac1d27be048563f9a" } });
  assert.notEqual(without.code, 0);
  assert.match(without.stderr, /cluster\.tls\.authority/);
});
