// What talked to laravel-echo-server's HTTP API talks to this one: keys instead of signatures, its answers. And
// its configuration file becomes one of ours.
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";

import { Backend } from "../lib/backend.js";
import { pusherOptions, pushers, sdk } from "../lib/clients.js";
import { apps, fresh, raw, startServer, test } from "../lib/harness.js";
import { connected, Laravel, Redis, skip as withoutRedis } from "../lib/redis.js";
import { runParley, Server, temporaryDirectory } from "../lib/server.js";
import { call, send, signedPath } from "../lib/sign.js";
import { Inbox, until } from "../lib/wait.js";

const key = "b2b3b4b5b6b7b8b9c0c1c2c3c4c5c6c7";
const app = { ...apps.main, api_keys: ["a1a2a3a4a5a6a7a8a9a0b1b2b3b4b5b6", key] };
let server;
let backend;

before(async () => {
  server = await startServer({ apps: [app, apps.other] });
  backend = await Backend.start(app);
});
after(async () => {
  await server?.stop();
  await backend?.stop();
});

const byKey = (method, path, body, headers = { Authorization: `Bearer ${key}` }) =>
  send(server, method, `/apps/${app.id}/${path}`, body === undefined ? "" : JSON.stringify(body), headers);

async function listener(t, channel, { on = server, user = "1", who = app } = {}) {
  const client = new pushers["pusher-js 8"](who.key, pusherOptions(on, backend, { user }));
  t.after(() => client.disconnect());
  const heard = new Inbox(`what user ${user} heard`);
  client.subscribe(channel).bind_global((event, data) => /^(pusher:|user\.status)/.test(event) || heard.push({ event, data }));
  await until(() => client.channel(channel).subscribed, "the subscription");
  return { client, heard };
}

test("POST events publishes to pusher-js and says ok", async (t) => {
  const channel = fresh("private-domain.");
  const { heard } = await listener(t, channel);
  for (const [body, data] of [
    [{ name: "object", data: { id: 1 } }, { id: 1 }],
    [{ name: "text", data: '{"id":2}' }, { id: 2 }],
    [{ name: "plain", data: "no JSON" }, "no JSON"],
    [{ name: "foreign", data: "3", socket_id: "5wIdMlNoRbnFBVd2AAAA" }, 3],
  ]) {
    const answer = await byKey("POST", "events", { ...body, channel });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(answer.json, { message: "ok" });
    assert.deepEqual((await heard.find(({ event }) => event === body.name, body.name)).data, data);
  }
});

test("the same body twice is two events; several channels get one each", async (t) => {
  const channel = fresh("news.");
  const { heard } = await listener(t, channel);
  const body = { name: "again", data: "1", channels: [channel, fresh("news.")] };
  for (let i = 0; i < 2; ++i) assert.deepEqual((await byKey("POST", "events", body)).json, { message: "ok" });
  await heard.atLeast(2, ({ event }) => event === "again", "events");
});

test("socket_id leaves out who caused the event", async (t) => {
  const channel = fresh("news.");
  const ann = await listener(t, channel, { user: "ann" });
  const ben = await listener(t, channel, { user: "ben" });
  await byKey("POST", "events", { name: "first", data: "1", channel, socket_id: ann.client.connection.socket_id });
  await byKey("POST", "events", { name: "second", data: "2", channel });
  await ben.heard.atLeast(2, () => true, "events");
  await ann.heard.find(({ event }) => event === "second", "the second event");
  assert.deepEqual(ann.heard.items.map(({ event }) => event), ["second"]);
});

test("channels, one channel and its users", async (t) => {
  const channel = fresh("presence-domain.");
  await listener(t, channel, { user: "42" });
  await listener(t, channel, { user: "42" });
  await listener(t, channel, { user: "ada" });
  assert.deepEqual((await byKey("GET", `channels?filter_by_prefix=${channel}`)).json, { channels: { [channel]: { subscription_count: 3, occupied: true } } });
  assert.deepEqual((await byKey("GET", `channels/${channel}`)).json, { subscription_count: 3, occupied: true, user_count: 2 });
  assert.deepEqual((await byKey("GET", `channels/${fresh("news.")}`)).json, { subscription_count: 0, occupied: false });
  const { users } = (await byKey("GET", `channels/${channel}/users`)).json;
  assert.deepEqual(users.sort((a, b) => String(a.id).localeCompare(String(b.id))), [
    { id: 42, user_info: { id: "42", name: "User 42" } },
    { id: "ada", user_info: { id: "ada", name: "User ada" } },
  ]);
  const none = await byKey("GET", `channels/${fresh("news.")}/users`);
  assert.equal(none.status, 400);
  assert.deepEqual(none.json, { error: "User list is only possible for Presence Channels" });
});

test("status counts connections, seconds and bytes", async (t) => {
  const first = (await byKey("GET", "status")).json;
  await raw(t, server, app);
  const then = (await byKey("GET", "status")).json;
  assert.equal(then.subscription_count, first.subscription_count + 1);
  assert.ok(then.uptime >= first.uptime && first.uptime > 0);
  assert.ok(then.memory_usage.rss > 1_000_000);
  assert.equal((await fetch(`${server.url}/`)).status, 200);
});

test("the key may stand in the query; a wrong or missing one is 403 Unauthorized", async () => {
  assert.equal((await byKey("GET", `status?auth_key=${key}`, undefined, {})).status, 200);
  for (const [path, headers] of [
    ["status", {}],
    ["channels", {}],
    ["status?auth_key=wrong", {}],
    [`status?auth_key=${app.key}`, {}],
    [`status?auth_key=${app.secret}`, {}],
    ["status", { Authorization: "Bearer wrong" }],
    ["status", { Authorization: `Bearer ${key}x` }],
    ["status", { Authorization: `Bearer ${key.slice(1)}` }],
    [`status?auth_key=${key}`, { Authorization: "Bearer wrong" }],
  ]) {
    const answer = await byKey("GET", path, undefined, headers);
    assert.equal(answer.status, 403, path);
    assert.deepEqual(answer.json, { error: "Unauthorized" });
  }
  const before = await server.metric("parley_publishes_total");
  assert.equal((await byKey("POST", "events", { name: "e", data: "1", channel: "news" }, { Authorization: "Bearer wrong" })).status, 403);
  assert.equal(await server.metric("parley_publishes_total"), before);
});

test("a key opens only what laravel-echo-server had, and only its application", async () => {
  for (const [method, path] of [["GET", "users"], ["POST", "users/7/ban"], ["DELETE", "channels/news/history"], ["GET", "channels/news/history"], ["POST", "batch_events"]]) {
    assert.equal((await byKey(method, path, method === "POST" ? {} : undefined)).status, 404, path);
  }
  const beside = await send(server, "GET", `/apps/${apps.other.id}/channels`, "", { Authorization: `Bearer ${key}` });
  assert.equal(beside.status, 401);
  assert.equal(beside.json.error, "unauthorized");
});

test("Pusher's SDK and signatures are not concerned", async (t) => {
  const channel = fresh("news.");
  const { heard } = await listener(t, channel);
  await sdk(server, app).trigger(channel, "signed", { id: 1 });
  await heard.find(({ event }) => event === "signed", "the event");
  const answer = await call(server, app, "GET", `/apps/${app.id}/channels/${channel}`, { query: { info: "subscription_count" } });
  assert.deepEqual(answer.json, { occupied: true, subscription_count: 1 });
  const wrong = await send(server, "GET", `${signedPath(app, "GET", `/apps/${app.id}/channels`).slice(0, -4)}0000`, "", { Authorization: `Bearer ${key}` });
  assert.equal(wrong.status, 401, "a signature that is wrong is not made good by a key");
});

test("keys are changed by a reload", async (t) => {
  const own = await startServer({ apps: [app] });
  t.after(() => own.stop());
  const status = async (token) => (await send(own, "GET", `/apps/${app.id}/status`, "", { Authorization: `Bearer ${token}` })).status;
  assert.equal(await status(key), 200);
  own.configure({ apps: [{ ...app, api_keys: ["0123456789abcdef0123456789abcdef"] }] });
  own.signal("SIGHUP");
  await until(async () => (await status("0123456789abcdef0123456789abcdef")) === 200, "the new key");
  assert.equal(await status(key), 403);
});

// ---- parley check --from ----

function write(t, name, content) {
  const directory = temporaryDirectory("import");
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, name);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content, null, 2));
  return file;
}

test("a laravel-echo-server.json becomes a server that Laravel publishes through", { skip: withoutRedis }, async (t) => {
  const redis = await Redis.start({ password: "a-password" });
  const laravel = new Laravel(redis, "laravel_database_");
  t.after(async () => {
    await laravel.stop();
    await redis.stop();
  });
  const file = write(t, "laravel-echo-server.json", {
    authHost: backend.url,
    authEndpoint: "/broadcasting/auth",
    clients: [{ appId: "db0a4b8cfd5a8fb9", key }],
    database: "redis",
    databaseConfig: { redis: { host: "127.0.0.1", port: String(redis.port), password: "a-password", keyPrefix: "laravel_database_" }, publishPresence: true },
    devMode: false,
    host: null,
    port: "6001",
    protocol: "http",
    subscribers: { http: true, redis: true },
  });
  const made = await runParley(["check", "--from", file]);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stderr, /left out: databaseConfig\.publishPresence: /);
  assert.doesNotMatch(made.stderr, /mistake|a-password/);
  const toml = write(t, "parley.toml", made.stdout);
  const checked = await runParley(["check", "--config", toml]);
  assert.equal(checked.code, 0, checked.stderr);
  assert.doesNotMatch(checked.stdout, /a-password|b2b3b4b5/);

  const node = await Server.start({ config: made.stdout });
  t.after(() => node.stop());
  await connected(node);
  const id = "db0a4b8cfd5a8fb9";
  const imported = { id, key: /^key = "(.*)"$/m.exec(made.stdout)[1], secret: /^secret = "(.*)"$/m.exec(made.stdout)[1] };
  const channel = fresh("news.");
  const { heard } = await listener(t, channel, { on: node, who: imported });
  assert.equal(await laravel.broadcast(channel, "through redis", { id: 1 }), "ok");
  await heard.find(({ event }) => event === "through redis", "what Laravel published");
  const answer = await send(node, "POST", `/apps/${id}/events`, JSON.stringify({ name: "by key", data: "1", channel }), { Authorization: `Bearer ${key}` });
  assert.deepEqual(answer.json, { message: "ok" });
  await heard.find(({ event }) => event === "by key", "what was published by key");
  await sdk(node, imported).trigger(channel, "signed", {});
  await heard.find(({ event }) => event === "signed", "what was signed with the new secret");
});

test("each time other secrets are made", async (t) => {
  const file = write(t, "laravel-echo-server.json", {});
  const secrets = [];
  for (let i = 0; i < 2; ++i) secrets.push(/^secret = "(.*)"$/m.exec((await runParley(["check", "--from", file])).stdout)[1]);
  assert.match(secrets[0], /^[0-9a-f]{40}$/);
  assert.notEqual(secrets[0], secrets[1]);
});

test("a file that cannot be read or is no JSON is refused with 1 and a sentence", async (t) => {
  for (const [file, said] of [
    ["/nowhere/laravel-echo-server.json", /cannot read \/nowhere.*No such file/],
    [write(t, "laravel-echo-server.json", '{\n  "port": 6001,\n}'), /laravel-echo-server\.json: line 3: this is not JSON/],
    [write(t, "laravel-echo-server.json", "[]"), /holds no JSON object/],
    [write(t, "laravel-echo-server.json", ""), /line 1: this is not JSON/],
  ]) {
    const { code, stdout, stderr } = await runParley(["check", "--from", file]);
    assert.equal(code, 1, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, said);
  }
});

test("variables of laravel-echo-server come before its file", async (t) => {
  const file = write(t, "laravel-echo-server.json", { port: 6001, authHost: "http://localhost" });
  const env = { LARAVEL_ECHO_SERVER_PORT: "6009", LARAVEL_ECHO_SERVER_AUTH_HOST: "https://shop.example.com", LARAVEL_ECHO_SERVER_REDIS_PASSWORD: "hidden" };
  const { code, stdout, stderr } = await runParley(["check", "--from", file], { env });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /port = 6009/);
  assert.match(stdout, /url = "https:\/\/shop\.example\.com\/broadcasting\/auth"/);
  assert.doesNotMatch(stdout + stderr, /hidden/);
});
