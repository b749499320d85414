// The metrics: names that Prometheus' own checker likes, and numbers that follow what happens.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before } from "node:test";

import { apps, fresh, range, raw, startServer, test } from "../lib/harness.js";
import { trigger } from "../lib/sign.js";
import { until } from "../lib/wait.js";

let server;
before(async () => {
  server = await startServer();
});
after(() => server?.stop());

const expected = [
  "parley_connections", "parley_connections_opened_total", "parley_subscriptions", "parley_channels", "parley_publishes_total",
  "parley_deliveries_total", "parley_publish_to_write_seconds_bucket", "parley_publish_ack_seconds_bucket", "parley_log_fsync_seconds_bucket",
  "parley_write_queue_bytes", "parley_actor_mailbox_messages", "parley_requests_in_flight", "parley_frames_received_total", "parley_frames_sent_total",
  "parley_http_requests_total", "parley_presence_members", "parley_shards", "parley_storage_available", "parley_build_info", "parley_start_time_seconds",
];

test("promtool has nothing to complain about", async (t) => {
  const client = await raw(t, server);
  await client.joined(fresh("presence-domain."), { member: { user_id: "1" } });
  await trigger(server, apps.main, fresh("domain."), "x", {});
  const text = await server.metrics();
  const checker = spawn("promtool", ["check", "metrics"], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  checker.stdout.on("data", (chunk) => (said += chunk));
  checker.stderr.on("data", (chunk) => (said += chunk));
  const missing = new Promise((done) => checker.on("error", () => done("ENOENT")));
  const ended = new Promise((done) => checker.on("close", done));
  checker.stdin.on("error", () => {});
  checker.stdin.end(text);
  const code = await Promise.race([ended, missing]);
  if (code === "ENOENT") return t.skip("promtool is not installed");
  assert.equal(said.trim(), "");
  assert.equal(code, 0);
});

test("the expected names are there", async (t) => {
  const client = await raw(t, server);
  const channel = fresh("domain.");
  await client.joined(channel);
  await trigger(server, apps.main, channel, "x", {});
  await client.next("x");
  const text = await server.metrics();
  const absent = expected.filter((name) => !new RegExp(`^${name}[ {]`, "m").test(text));
  assert.deepEqual(absent, []);
});

test("numbers follow what happens", async (t) => {
  const channel = fresh("domain.");
  const clients = await Promise.all(range(1, 5).map(() => raw(t, server)));
  for (const client of clients) await client.joined(channel);
  await until(async () => (await server.metric("parley_connections", { protocol: "pusher" })) >= 5, "5 connections");
  const delivered = await server.metric("parley_deliveries_total");
  const published = await server.metric("parley_publishes_total");
  for (const n of range(1, 10)) await trigger(server, apps.main, channel, "x", { n });
  for (const client of clients) await client.frames.atLeast(10, ({ event }) => event === "x", "x");
  await until(async () => (await server.metric("parley_deliveries_total")) - delivered === 50, "50 deliveries");
  assert.equal((await server.metric("parley_publishes_total")) - published, 10);
  assert.ok((await server.metric("parley_log_fsync_seconds_count")) > 0);
  for (const client of clients) client.cut();
  await until(async () => (await server.metric("parley_connections", { protocol: "pusher" })) === 0, "no connections");
  await until(async () => (await server.metric("parley_subscriptions")) === 0, "no subscriptions");
});

test("no label holds an id: the number of series does not grow with channels and users", async (t) => {
  const client = await raw(t, server);
  const count = async () => (await server.metrics()).split("\n").filter((line) => line && !line.startsWith("#")).length;
  await trigger(server, apps.main, fresh("domain."), "x", {});
  const before = await count();
  for (const n of range(1, 30)) {
    await client.joined(fresh("presence-domain."), { member: { user_id: String(n) } });
    await trigger(server, apps.main, fresh("domain."), `event${n}`, {});
  }
  assert.ok((await count()) - before < 10, "series grew");
});
