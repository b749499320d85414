// Laravel's own RedisBroadcaster publishes through a real redis-server, and unmodified pusher-js hears it.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { Backend } from "../lib/backend.js";
import { pusherOptions, pushers, sdk } from "../lib/clients.js";
import { apps, fresh, range, raw, startServer, test as anyTest } from "../lib/harness.js";
import { connected, disconnected, Laravel, Redis, skip } from "../lib/redis.js";
import { runParley } from "../lib/server.js";
import { history } from "../lib/sign.js";
import { Inbox, until } from "../lib/wait.js";

const test = (name, body) => anyTest(name, { skip }, body);
const prefix = "shop_database_";
let redis;
let laravel;
let server;
let backend;

const withRedis = (settings = {}, sections = {}, options = {}) =>
  startServer({ redis: { enabled: true, port: redis.port, app: apps.main.id, reconnect_pause_ms: 20, reconnect_pause_max_ms: 100, ...settings }, ...sections }, options);

before(async () => {
  if (skip) return;
  redis = await Redis.start();
  laravel = new Laravel(redis, prefix);
  backend = await Backend.start(apps.main);
  server = await withRedis({ key_prefix: prefix });
  await connected(server);
});
after(async () => {
  await server?.stop();
  await laravel?.stop();
  await backend?.stop();
  await redis?.stop();
});

// A pusher-js client on these channels, and what it hears there.
async function listener(t, channels, { on = server, user = "1" } = {}) {
  const client = new pushers["pusher-js 8"](apps.main.key, pusherOptions(on, backend, { user }));
  t.after(() => client.disconnect());
  const heard = new Inbox(`what user ${user} heard`);
  for (const channel of channels) {
    client.subscribe(channel).bind_global((event, data) => /^(pusher:|user\.status)/.test(event) || heard.push({ channel, event, data }));
  }
  await until(() => channels.every((channel) => client.channel(channel).subscribed), "the subscriptions");
  return { client, heard };
}

test("message.sent of Laravel reaches public, private and presence channels", async (t) => {
  const channels = [fresh("news."), fresh("private-domain."), fresh("presence-domain.")];
  const { heard } = await listener(t, channels);
  const data = { message: { id: 1, text: "é/\"\\ 🙂" }, n: 1.5, list: [], none: null };
  assert.equal(await laravel.broadcast(channels, "message.sent", data), "ok");
  await heard.atLeast(3, () => true, "the event");
  for (const channel of channels) {
    // Laravel leaves the `socket` it has taken out of the payload in it only when it was there.
    assert.deepEqual(heard.items.find((item) => item.channel === channel), { channel, event: "message.sent", data });
  }
  assert.equal(heard.items.length, 3);
});

test("an event's class name passes, and data is not touched", async (t) => {
  const channel = fresh("private-domain.");
  const client = await raw(t, server);
  await client.joined(channel);
  const text = '{ "n":1.10, "big":12345678901234567890, "u":"\\u00e9\\/", "o":{"b":1,"a":2} }';
  assert.equal(await redis.publish(`${prefix}${channel}`, `{"event":"App\\\\Events\\\\Sent","data":${text},"socket":null}`), 1);
  const frame = await client.next("App\\Events\\Sent");
  assert.equal(frame.data, text);
});

test("toOthers() leaves out who caused the event", async (t) => {
  const channel = fresh("private-domain.");
  const ann = await listener(t, [channel], { user: "ann" });
  const ben = await listener(t, [channel], { user: "ben" });
  await laravel.broadcast(channel, "typed", { by: "ann", socket: ann.client.connection.socket_id });
  await laravel.broadcast(channel, "typed", { by: "nobody", socket: "5wIdMlNoRbnFBVd2AAAA" });
  await ben.heard.atLeast(2, ({ event }) => event === "typed", "both events");
  await ann.heard.find(({ event }) => event === "typed", "the second event");
  assert.deepEqual(ann.heard.items.map(({ data }) => data.by), ["nobody"]);
});

test("a durable channel keeps what came through Redis, in order", async (t) => {
  const channel = fresh("private-domain.");
  const { heard } = await listener(t, [channel]);
  for (const id of range(1, 50)) await laravel.broadcast(channel, "message.sent", { id });
  await heard.atLeast(50, () => true, "events");
  assert.deepEqual(heard.items.map(({ data }) => data.id), range(1, 50));
  const page = await history(server, apps.main, channel, { limit: "100" });
  assert.deepEqual(page.json.publications.map(({ data }) => JSON.parse(data).id), range(1, 50));
  // The signed API publishes beside it, into the same order.
  await sdk(server, apps.main).trigger(channel, "message.sent", { id: 51 });
  await heard.atLeast(51, () => true, "events");
});

test("other applications and other prefixes hear nothing", async (t) => {
  const channel = fresh("news.");
  const beside = await raw(t, server, apps.other);
  await beside.joined(channel);
  const { heard } = await listener(t, [channel, `${prefix}${channel}`]);
  assert.equal(await redis.publish(channel, { event: "e", data: 1, socket: null }), 0);
  assert.equal(await redis.publish(`blog_database_${channel}`, { event: "e", data: 1, socket: null }), 0);
  await laravel.broadcast(channel, "ours", {});
  await heard.find(({ event }) => event === "ours", "our event");
  assert.equal(heard.items.length, 1);
  await beside.settle();
  assert.equal(beside.of(channel, "ours").length, 0);
});

test("what is malformed, too large or not allowed costs itself only", async (t) => {
  const channel = fresh("news.");
  const { heard } = await listener(t, [channel]);
  const results = async (result) => server.metric("parley_redis_messages_total", { result });
  const before = Object.fromEntries(await Promise.all(["malformed", "too_large", "bad_event_name", "bad_channel_name"].map(async (result) => [result, await results(result)])));
  const at = `${prefix}${channel}`;
  for (const text of ["", "hello", "{", "[]", '{"event":7,"data":1}', '{"data":1}', "\u0000", `{"event":"e","data":${"[".repeat(2_000)}${"]".repeat(2_000)}}`]) {
    assert.equal(await redis.publish(at, text), 1);
  }
  await redis.publish(at, { event: "large", data: "x".repeat(102_401) });
  await redis.publish(at, { event: "huge", data: "x".repeat(8_000_000) });
  await redis.publish(at, { event: "pusher:error", data: {} });
  await redis.publish(`${prefix}no channel`, { event: "e", data: {} });
  await redis.publish(at, { event: "fits", data: "x".repeat(102_398) });
  await heard.find(({ event }) => event === "fits", "the event behind them");
  assert.equal(heard.items.length, 1);
  assert.equal((await results("malformed")) - before.malformed, 8);
  assert.equal((await results("too_large")) - before.too_large, 2);
  assert.equal((await results("bad_event_name")) - before.bad_event_name, 1);
  assert.equal((await results("bad_channel_name")) - before.bad_channel_name, 1);
  const lines = server.logText().split("\n").filter((line) => line.includes("redis: message dropped") && line.includes("result=malformed"));
  assert.equal(lines.length, 1, "one line for all of a kind");
});

test("a message beyond Redis' own bounds ends the connection, which comes back", async (t) => {
  const own = await withRedis({ key_prefix: prefix }, { limits: { redis_message_bytes_max: 1_000_000 } });
  t.after(() => own.stop());
  await connected(own);
  const channel = fresh("news.");
  const { heard } = await listener(t, [channel], { on: own });
  await redis.publish(`${prefix}${channel}`, { event: "huge", data: "x".repeat(5_000_000) });
  await until(() => own.logText().includes("redis: back"), "the new subscription");
  await laravel.broadcast(channel, "after", {});
  await heard.find(({ event }) => event === "after", "the event behind it");
  assert.equal(heard.items.length, 1);
});

test("five thousand at once arrive, each once and in order", async (t) => {
  const channel = fresh("private-domain.");
  const { heard } = await listener(t, [channel]);
  await redis.command("EVAL", `for i = 1, 5000 do redis.call('publish', ARGV[1], '{"event":"e","data":{"i":' .. i .. '},"socket":null}') end`, "0", `${prefix}${channel}`);
  await heard.atLeast(5000, () => true, "events");
  assert.deepEqual(heard.items.map(({ data }) => data.i), range(1, 5000));
});

test("Redis may go and come back: both are told once, clients stay", async (t) => {
  const own = await Redis.start();
  const php = new Laravel(own, prefix);
  const node = await withRedis({ port: own.port, key_prefix: prefix });
  t.after(async () => {
    await node.stop();
    await php.stop();
    await own.stop();
  });
  await connected(node);
  const channel = fresh("private-domain.");
  const { client, heard } = await listener(t, [channel], { on: node });
  const socketId = client.connection.socket_id;
  await php.broadcast(channel, "before", {});
  await heard.find(({ event }) => event === "before", "the first event");
  await own.down();
  await disconnected(node);
  assert.match(await php.broadcast(channel, "during", {}), /RedisException/);
  assert.equal((await fetch(`${node.url}/health/ready`)).status, 200, "clients are served without Redis");
  await own.up();
  await connected(node);
  // phpredis has noticed too, and connects anew.
  await until(async () => (await php.broadcast(channel, "after", {})) === "ok", "Laravel to publish again");
  await heard.find(({ event }) => event === "after", "an event after the restart");
  assert.equal(client.connection.socket_id, socketId);
  const told = (line) => node.logText().split("\n").filter((one) => one.includes(line)).length;
  assert.equal(told("redis: lost"), 1);
  assert.equal(told("redis: back"), 1);
});

test("a wrong password is said, never shown, and the server serves without Redis", async (t) => {
  const own = await Redis.start({ password: "the-right-password" });
  t.after(() => own.stop());
  const options = (password) => ({ env: { PARLEY_REDIS_PASSWORD: password } });
  const wrong = await withRedis({ port: own.port, key_prefix: prefix }, {}, options("a-wrong-password"));
  t.after(() => wrong.stop());
  await until(() => wrong.logText().includes("it refuses the login"), "the line about the login");
  assert.equal(await wrong.metric("parley_redis_connected"), 0);
  await sdk(wrong, apps.main).trigger(fresh("news."), "e", {});
  await until(async () => Number(/errorstat_WRONGPASS:count=(\d+)/.exec(await own.command("INFO", "errorstats"))?.[1]) >= 3, "three attempts");
  const exit = await wrong.end("SIGTERM");
  assert.deepEqual(exit, { code: 0, signal: null });
  assert.doesNotMatch(wrong.logText(), /a-wrong-password/);
  assert.equal(wrong.logText().split("\n").filter((line) => line.includes("it refuses the login")).length, 1, "not once for each attempt");

  const right = await withRedis({ port: own.port, key_prefix: prefix }, {}, options("the-right-password"));
  t.after(() => right.stop());
  await connected(right);
  assert.equal(await own.publish(`${prefix}news`, { event: "e", data: 1 }), 1);
});

test("a prefix that is not configured is learned, and nobody else's events are handed out", async (t) => {
  const own = await withRedis();
  t.after(() => own.stop());
  await connected(own);
  const room = fresh("private-domain.");
  const news = fresh("news.");
  const { heard } = await listener(t, [room, news], { on: own });
  // Somebody without rights, on names that another application's private channels would have as public ones.
  const thief = await raw(t, own);
  for (const name of [`blog_database_${room}`, `${prefix}${room}`, `blog_${room}`]) await thief.joined(name);
  const result = (name) => own.metric("parley_redis_messages_total", { result: name });
  await redis.publish(news, { event: "too early", data: 1 });
  await until(async () => (await result("unknown_prefix")) === 1, "the count of what is not known yet");
  await laravel.broadcast(room, "first", {});
  await laravel.broadcast(news, "second", {});
  await redis.publish(`blog_database_${room}`, { event: "stolen", data: 1 });
  await redis.publish(`${prefix}${prefix}${room}`, { event: "stolen", data: 1 });
  await laravel.broadcast(room, "last", {});
  await heard.find(({ event }) => event === "last", "the last event");
  await heard.find(({ event }) => event === "second", "what was published on the other channel");
  assert.deepEqual(heard.items.map(({ event }) => event).sort(), ["first", "last", "second"]);
  assert.equal(await result("other_prefix"), 2);
  await thief.settle();
  assert.equal(thief.frames.count((frame) => ["stolen", "first", "last", "second"].includes(frame.event)), 0);
  const log = own.logText();
  assert.equal(log.match(/redis: learned the prefix.*key_prefix=shop_database_/g)?.length, 1);
  assert.equal(log.match(/two applications publish here.*other=blog_database_/g)?.length, 1);
  assert.match(log, /redis\.key_prefix is not set/);
});

test("names without a prefix, when that is what the configuration says", async (t) => {
  const own = await withRedis({ detect_prefix: false });
  const php = new Laravel(redis, "");
  t.after(async () => {
    await own.stop();
    await php.stop();
  });
  await connected(own);
  const channel = fresh("news.");
  const { heard } = await listener(t, [channel], { on: own });
  await php.broadcast(channel, "e", { id: 1 });
  assert.deepEqual((await heard.find(() => true, "the event")).data, { id: 1 });
});

test("`parley check` says how to find the prefix out", async (t) => {
  const file = server.configFile;
  const { code, stdout, stderr } = await runParley(["check", "--config", file]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /only channels under `shop_database_` are seen.*config\('database.redis.options.prefix'\)/);
  assert.match(stdout, /key_prefix = "shop_database_"/);
});

test("SIGTERM ends it at once, Redis there or not", async (t) => {
  const own = await Redis.start();
  const node = await withRedis({ port: own.port, key_prefix: prefix, reconnect_pause_ms: 60_000, reconnect_pause_max_ms: 60_000 }, { server: { drain_seconds: 0 } });
  t.after(() => node.stop());
  await connected(node);
  await own.stop();
  await disconnected(node);
  assert.deepEqual(await node.end("SIGTERM"), { code: 0, signal: null });
});
