// The `pusher` server SDK, and the HTTP API as other SDKs and curl call it.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before } from "node:test";

import { sdk } from "../lib/clients.js";
import { apps, fresh, range, raw, startServer, test } from "../lib/harness.js";
import { call, history, send, signedPath, trigger } from "../lib/sign.js";
import { Inbox, until } from "../lib/wait.js";

let server;
let pusher;
const app = apps.main;
const events = `/apps/${app.id}/events`;
before(async () => {
  server = await startServer();
  pusher = sdk(server, app);
});
after(() => server?.stop());

test("trigger to one channel answers 200 and an object", async () => {
  const answer = await pusher.trigger(fresh("domain."), "message.sent", { text: "hi" });
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), {});
});

test("trigger to 100 channels at once reaches each", async (t) => {
  const names = range(1, 100).map(() => fresh("domain."));
  const client = await raw(t, server);
  for (const name of names) client.send({ event: "pusher:subscribe", data: { channel: name } });
  await client.frames.atLeast(100, ({ event }) => event === "pusher_internal:subscription_succeeded", "subscriptions");
  assert.equal((await pusher.trigger(names, "all", { n: 1 })).status, 200);
  const got = await client.frames.atLeast(100, ({ event }) => event === "all", "all");
  assert.deepEqual(new Set(got.map(({ channel }) => channel)), new Set(names));
});

test("101 channels are refused, and nothing is published", async () => {
  const names = range(1, 101).map(() => fresh("domain."));
  const body = { name: "all", data: "{}", channels: names };
  assert.equal((await call(server, app, "POST", events, { body })).status, 400);
  assert.equal((await history(server, app, names[0])).json.publications.length, 0);
});

test("a batch reaches its channels in order; with info it is answered per item", async (t) => {
  const [one, two] = [fresh("domain."), fresh("domain.")];
  const client = await raw(t, server);
  await client.joined(one);
  await client.joined(two);
  const batch = [
    { channel: one, name: "a", data: { n: 1 }, info: "subscription_count" },
    { channel: two, name: "b", data: { n: 2 } },
    { channel: one, name: "c", data: { n: 3 }, socket_id: client.socketId },
    { channel: one, name: "d", data: { n: 4 } },
  ];
  const answer = await pusher.triggerBatch(batch);
  assert.deepEqual(await answer.json(), { batch: [{ subscription_count: 1 }, {}, {}, {}] });
  await client.next("b");
  await client.next("d");
  assert.deepEqual(client.of(one).map(({ event }) => event).slice(1), ["a", "d"]);
});

test("a batch with one bad item publishes nothing", async () => {
  const good = fresh("domain.");
  const body = { batch: [{ channel: good, name: "a", data: "{}" }, { channel: "not valid!", name: "a", data: "{}" }] };
  assert.equal((await call(server, app, "POST", `/apps/${app.id}/batch_events`, { body })).status, 400);
  assert.equal((await history(server, app, good)).json.publications.length, 0);
  const eleven = { batch: range(1, 11).map(() => ({ channel: good, name: "a", data: "{}" })) };
  assert.equal((await call(server, app, "POST", `/apps/${app.id}/batch_events`, { body: eleven })).status, 400);
});

test("info: counts in the answer to a trigger, only where they apply", async (t) => {
  const [plain, presence] = [fresh("domain."), fresh("presence-domain.")];
  const [one, two] = [await raw(t, server), await raw(t, server)];
  await one.joined(plain);
  await one.joined(presence, { member: { user_id: "7" } });
  await two.joined(presence, { member: { user_id: "7" } });
  const answer = await pusher.trigger([plain, presence], "x", {}, { info: "user_count,subscription_count" });
  assert.deepEqual(await answer.json(), {
    channels: { [plain]: { subscription_count: 1 }, [presence]: { user_count: 1, subscription_count: 2 } },
  });
});

test("channel queries: list with prefix and counts, one channel, its users", async (t) => {
  const tag = fresh("q");
  const names = [`presence-${tag}.a`, `presence-${tag}.b`, `private-${tag}.c`];
  const client = await raw(t, server);
  const second = await raw(t, server);
  await client.joined(names[0], { member: { user_id: "7", user_info: {} } });
  await second.joined(names[0], { member: { user_id: 42 } });
  await client.joined(names[1], { member: { user_id: "7" } });
  await client.joined(names[2]);

  const list = await (await pusher.get({ path: "/channels", params: { filter_by_prefix: `presence-${tag}`, info: "user_count" } })).json();
  assert.deepEqual(list, { channels: { [names[0]]: { user_count: 2 }, [names[1]]: { user_count: 1 } } });
  const all = await (await pusher.get({ path: "/channels" })).json();
  assert.deepEqual(all.channels[names[0]], { occupied: true, user_count: 2, subscription_count: 2 });
  assert.deepEqual(all.channels[names[2]], { occupied: true, subscription_count: 1 });

  const one = await (await pusher.get({ path: `/channels/${names[0]}`, params: { info: "user_count,subscription_count" } })).json();
  assert.deepEqual(one, { occupied: true, user_count: 2, subscription_count: 2 });
  const nobody = await (await pusher.get({ path: `/channels/${tag}.nobody` })).json();
  assert.deepEqual(nobody, { occupied: false, subscription_count: 0 });
  const users = await (await pusher.get({ path: `/channels/${names[0]}/users` })).json();
  assert.deepEqual(users.users.map(({ id }) => id).sort(), [42, "7"]);

  const none = await (await pusher.get({ path: "/channels", params: { filter_by_prefix: `${tag}-nothing` } })).json();
  assert.deepEqual(none, { channels: {} });
  for (const [path, params] of [["/channels", { info: "user_count" }], [`/channels/${names[2]}`, { info: "user_count" }], [`/channels/${names[2]}/users`, {}]]) {
    await assert.rejects(pusher.get({ path, params }), ({ status }) => status === 400, path);
  }
});

test("the cached event of a cache channel can be asked for", async () => {
  const name = fresh("cache-domain.");
  const ask = async () => (await (await pusher.get({ path: `/channels/${name}`, params: { info: "cache" } })).json()).cache;
  assert.equal(await ask(), null);
  await pusher.trigger(name, "price", { euro: 1 });
  const cached = await ask();
  assert.equal(cached.data, '{"euro":1}');
  assert.ok(cached.ttl > 0 && cached.ttl <= 1800);
});

test("a vacated channel is no longer listed", async (t) => {
  const name = fresh("domain.");
  const client = await raw(t, server);
  await client.joined(name);
  await client.close();
  await until(async () => !(name in (await (await pusher.get({ path: "/channels" })).json()).channels), "the channel to be vacated");
});

test("signatures: wrong secret, key of another app, stale and future timestamps, changed body and path: 401", async () => {
  const body = JSON.stringify({ name: "x", channel: fresh("domain."), data: "{}" });
  const now = Math.floor(Date.now() / 1000);
  const good = signedPath(app, "POST", events, { body });
  const refused = {
    "wrong secret": [signedPath({ ...app, secret: "wrong" }, "POST", events, { body }), body],
    "another app's key": [signedPath(apps.other, "POST", events, { body }), body],
    "11 minutes old": [signedPath(app, "POST", events, { body, timestamp: now - 660 }), body],
    "11 minutes ahead": [signedPath(app, "POST", events, { body, timestamp: now + 660 }), body],
    "changed body": [good, body.replace("{}", "[]")],
    "changed query": [`${good}&extra=1`, body],
    "no signature": [events, body],
    "no md5": [good.replace(/body_md5=[^&]*&/, ""), body],
    "signed for GET": [signedPath(app, "GET", events, { body }), body],
  };
  for (const [what, [path, text]] of Object.entries(refused)) {
    const answer = await send(server, "POST", path, text);
    assert.equal(answer.status, 401, `${what}: ${answer.text}`);
    assert.ok(answer.text.length > 5 && !answer.text.includes(app.secret));
  }
  assert.equal((await send(server, "POST", good, body)).status, 200);
  assert.equal((await call(server, { ...app, id: "nope" }, "POST", "/apps/nope/events", { body })).status, 404);
  assert.equal((await call(server, apps.disabled, "POST", `/apps/${apps.disabled.id}/events`, { body })).status, 403);
  await assert.rejects(sdk(server, { ...app, secret: "wrong" }).trigger("domain.1", "x", {}), ({ status }) => status === 401);
  for (const minutes of [-9, 9]) {
    const path = signedPath(app, "POST", events, { body, timestamp: now + minutes * 60 });
    assert.equal((await send(server, "POST", path, body)).status, 200, `${minutes} minutes`);
  }
});

test("a captured publish passes for a few seconds and never again, also after a restart", async () => {
  const own = await startServer();
  try {
    const channel = fresh("domain.");
    const body = JSON.stringify({ name: "pay", channel, data: "{}" });
    const captured = signedPath(app, "POST", events, { body });
    let published = 0;
    await until(async () => {
      const { status, json, text } = await send(own, "POST", captured, body);
      if (status === 200) published += 1;
      else assert.deepEqual([status, json.error], [401, "replayed"], text);
      return status === 401;
    }, "a refusal of what was signed seconds ago");
    assert.ok(published >= 1);
    await own.restart();
    assert.equal((await send(own, "POST", captured, body)).status, 401);
    assert.equal((await history(own, app, channel, { limit: 1 })).json.newest, published, "each that was accepted is there");
  } finally {
    await own.stop();
  }
});

test("where replays are always refused the second of two equal publishes is one, also after a restart", async () => {
  const own = await startServer({ apps: [{ ...app, refuse_replays: "always" }] });
  try {
    const channel = fresh("domain.");
    const body = JSON.stringify({ name: "pay", channel, data: "{}" });
    const captured = signedPath(app, "POST", events, { body });
    assert.equal((await send(own, "POST", captured, body)).status, 200);
    const replay = await send(own, "POST", captured, body);
    assert.equal(replay.status, 401, replay.text);
    await own.restart();
    assert.equal((await send(own, "POST", captured, body)).status, 401);
    assert.equal((await history(own, app, channel)).json.publications.length, 1);
  } finally {
    await own.stop();
  }
});

test("below a path prefix both forms of the signed path are taken", async (t) => {
  const own = await startServer({ server: { path_prefix: "/ws" } });
  t.after(() => own.stop());
  const body = JSON.stringify({ name: "x", channel: fresh("domain."), data: "{}" });
  const bare = signedPath(app, "POST", events, { body });
  const whole = signedPath(app, "POST", `/ws${events}`, { body });
  // As sent by the SDK; with the prefix cut off by a proxy; signed without it and sent below it.
  for (const path of [whole, whole.replace("/ws", ""), bare, `/ws${bare}`]) assert.equal((await send(own, "POST", path, body)).status, 200, path);
  const other = signedPath(app, "POST", `/xy${events}`, { body }).replace("/xy", "");
  assert.equal((await send(own, "POST", other, body)).status, 401);
});

test("a clock that is wrong is named, and not the secret", async () => {
  const body = JSON.stringify({ name: "x", channel: fresh("domain."), data: "{}" });
  const late = signedPath(app, "POST", events, { body, timestamp: Math.floor(Date.now() / 1000) - 7_200 });
  const { status, json } = await send(server, "POST", late, body);
  assert.equal(status, 401);
  assert.match(json.message, /is 72\d\d s behind this server's clock, which says \d+/);
  assert.match(json.remedy, /clock/);
  assert.doesNotMatch(json.remedy, /secret/);
});

test("a key that reads as another with its channel uses up nothing", async (t) => {
  const [left, right] = [fresh("room."), fresh("room.")];
  const client = await raw(t, server);
  await client.joined(right);
  await trigger(server, app, left, "x", {}, { idempotency_key: `K\n${right}` });
  assert.equal((await trigger(server, app, right, "y", {}, { idempotency_key: "K" })).status, 200);
  await client.next("y");
});

test("equal SDK calls in one second are as many publishes, to durable and to passing channels", async (t) => {
  // The SDK's signature has a resolution of a second: equal calls are equal bytes.
  const durable = fresh("domain.");
  await Promise.all(range(1, 20).map(() => pusher.trigger(durable, "refresh", {})));
  assert.equal((await history(server, app, durable)).json.publications.length, 20);
  const passing = fresh("news.");
  const client = await raw(t, server);
  await client.joined(passing);
  await Promise.all(range(1, 20).map(() => pusher.trigger(passing, "refresh", {})));
  await client.frames.atLeast(20, ({ event, channel }) => event === "refresh" && channel === passing, "equal events");
});

for (const form of ["header", "body"]) {
  test(`an idempotency key in the ${form} is answered with the first result and published once`, async (t) => {
    const channel = fresh("domain.");
    const key = fresh("key-");
    const publish = (text) =>
      form === "header"
        ? trigger(server, app, channel, "pay", { text }, {}, { headers: { "Idempotency-Key": key } })
        : trigger(server, app, channel, "pay", { text }, { idempotency_key: key });
    const first = await publish("one");
    const second = await publish("one");
    assert.equal(first.status, 200, first.text);
    assert.equal(second.status, 200, second.text);
    assert.deepEqual(second.json, first.json);
    assert.equal((await history(server, app, channel)).json.publications.length, 1);
    // A replay of the same captured bytes is a retry too, when it carries a key.
    const body = JSON.stringify({ name: "pay", channel, data: "{}", idempotency_key: fresh("key-") });
    const captured = signedPath(app, "POST", events, { body });
    const answers = [await send(server, "POST", captured, body), await send(server, "POST", captured, body)];
    assert.deepEqual(answers.map(({ status }) => status), [200, 200], answers[1].text);
    assert.equal((await history(server, app, channel)).json.publications.length, 2);
  });
}

test("idempotency keys survive kill -9", async () => {
  const own = await startServer();
  try {
    const channel = fresh("domain.");
    const publish = () => trigger(own, app, channel, "pay", {}, { idempotency_key: "k" });
    assert.equal((await publish()).status, 200);
    await own.restart();
    assert.equal((await publish()).status, 200);
    assert.equal((await history(own, app, channel)).json.publications.length, 1);
  } finally {
    await own.stop();
  }
});

test("the limits of an event: data 413, names 400", async () => {
  const channel = fresh("domain.");
  const status = async (body) => (await call(server, app, "POST", events, { body })).status;
  assert.equal(await status({ name: "x", channel, data: "x".repeat(102_401) }), 413);
  assert.equal(await status({ name: "x", channel, data: "x".repeat(102_400) }), 200);
  assert.equal(await status({ name: "x".repeat(201), channel, data: "" }), 400);
  assert.equal(await status({ name: "x".repeat(200), channel, data: "" }), 200);
  assert.equal(await status({ name: "", channel, data: "" }), 400);
  assert.equal(await status({ name: "x", channel: "x".repeat(201), data: "" }), 400);
  assert.equal(await status({ name: "pusher:fake", channel, data: "" }), 400);
  assert.equal(await status({ name: "pusher_internal:fake", channel, data: "" }), 400);
});

test("a body over the node's bound is 413", async () => {
  const answer = await call(server, app, "POST", events, { body: "x".repeat(2_200_000) }).catch((error) => ({ status: error.code }));
  assert.ok([413, "ECONNRESET", "EPIPE"].includes(answer.status), String(answer.status));
  await server.expectAlive();
});

const badBodies = [
  "", "x", "null", "[]", "5", '"text"', "{", '{"name":"x"}', '{"channel":"domain.1"}', '{"name":"x","channel":"domain.1"}',
  '{"name":5,"channel":"domain.1","data":""}', '{"name":"x","channel":5,"data":""}', '{"name":"x","channels":"domain.1","data":""}',
  '{"name":"x","channels":[],"data":""}', '{"name":"x","channels":[5],"data":""}', '{"name":"x","channels":[null],"data":""}',
  '{"name":"x","channels":{},"data":""}', '{"name":"x","channel":"domain.1","data":"","socket_id":"x"}',
  '{"name":"x","channel":"domain.1","data":"","socket_id":5}', '{"name":"x","channel":"domain.1","data":"","info":5}',
  '{"name":"x","channel":"domain.1","data":"","idempotency_key":5}', '{"name":null,"channel":"domain.1","data":""}',
  `{"name":"x","channel":"domain.1","data":${"[".repeat(2000)}${"]".repeat(2000)}}`,
];
for (const body of badBodies) {
  test(`a body that is wrong is answered 400: ${body.slice(0, 60)}`, async () => {
    const answer = await call(server, app, "POST", events, { body });
    assert.equal(answer.status, 400, answer.text);
    assert.ok(answer.text.length > 5);
  });
}

test("data as an object is accepted and encoded", async (t) => {
  const channel = fresh("domain.");
  const client = await raw(t, server);
  await client.joined(channel);
  const answer = await call(server, app, "POST", events, { body: { name: "x", channel, data: { a: [1, "b"] } } });
  assert.equal(answer.status, 200, answer.text);
  assert.deepEqual(JSON.parse((await client.next("x")).data), { a: [1, "b"] });
});

test("unknown routes are 404, wrong methods are refused, an error says what", async () => {
  assert.equal((await call(server, app, "GET", `/apps/${app.id}/nowhere`)).status, 404);
  assert.equal((await send(server, "GET", "/nowhere")).status, 404);
  const wrongMethod = await call(server, app, "PUT", events, { body: "{}" });
  assert.ok([404, 405].includes(wrongMethod.status), String(wrongMethod.status));
});

test("keep-alive: pipelined requests are answered in order", async () => {
  const socket = connect(server.port, "127.0.0.1");
  const received = new Inbox("pipelined answers");
  socket.on("data", (chunk) => received.push(chunk.toString()));
  const request = (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
  socket.write(request("/health/live") + request("/nowhere") + request("/health/live"));
  await received.wait(() => (received.items.join("").match(/HTTP\/1\.1 \d+/g) ?? []).length === 3, "three answers");
  assert.deepEqual(received.items.join("").match(/HTTP\/1\.1 (\d+)/g), ["HTTP/1.1 200", "HTTP/1.1 404", "HTTP/1.1 200"]);
  socket.destroy();
});

test("the number of connections, and what / says", async (t) => {
  await raw(t, server, apps.other);
  const answer = await call(server, apps.other, "GET", `/apps/${apps.other.id}/connections`);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.connections, 1);
  assert.equal((await send(server, "GET", "/")).status, 200);
  assert.equal((await send(server, "GET", "/health/ready")).status, 200);
});
