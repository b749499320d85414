// Webhooks, from what happens to what the backend acknowledged: signed, in order, again until they are
// taken, over kill -9, and as dead letters that an operator sends again.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { apps, config, fresh, range, startServer, test } from "../lib/harness.js";
import { RawClient } from "../lib/raw.js";
import { Receiver } from "../lib/receiver.js";
import { call } from "../lib/sign.js";
import { until } from "../lib/wait.js";

const app = apps.main;
const adminKey = "e2e-admin-key-5f0c2a9d81b34e67";
const userEvents = ["user_online", "user_offline", "user_connected", "user_disconnected"];

const webhook = (receiver, extra = {}) => ({
  name: "audit",
  app: app.id,
  url: receiver.url,
  events: userEvents,
  timeout_ms: 10_000,
  retry_pause_max_seconds: 1,
  retry_for_seconds: 3_600,
  ...extra,
});
const sections = (...webhooks) => ({ admin: { key: adminKey }, ...(webhooks.length > 0 ? { webhooks } : {}) });

// A server and a receiver of the test's own: what it does badly is nobody else's trouble.
async function pair(t, extra = {}, more = {}) {
  const receiver = await Receiver.start(app);
  const server = await startServer({ ...sections(webhook(receiver, extra)), ...more });
  t.after(async () => {
    await server.stop();
    await receiver.stop();
  });
  return { receiver, server };
}

async function admin(server, method, path, body) {
  const answer = await fetch(`${server.url}/admin/webhooks${path}`, {
    method,
    headers: { Authorization: `Bearer ${adminKey}`, ...(body ? { "Content-Type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const json = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(json));
  return json;
}
const about = async (server, name = "audit") => (await admin(server, "GET", "")).webhooks.find(({ target }) => target === name);
const idle = (server) => until(async () => (await about(server)).waiting === 0, async () => `an empty queue: ${JSON.stringify(await about(server))}`);

async function signIn(server, id) {
  const client = await RawClient.connect(server, app);
  await client.signIn({ id });
  return client;
}

async function statusOf(server, id) {
  return (await call(server, app, "GET", `/apps/${app.id}/users/${id}`)).json?.status;
}

const names = (events) => events.map(({ name }) => name);

let shared;
let sharedReceiver;
before(async () => {
  sharedReceiver = await Receiver.start(app);
  shared = await startServer(sections(webhook(sharedReceiver, { headers: ["X-Environment: e2e"], timeout_ms: 30_000 })));
});
after(async () => {
  await shared?.stop();
  await sharedReceiver?.stop();
});

test("a user comes and goes: four signed events, in order, once", async (t) => {
  const id = fresh("user-");
  const client = await signIn(shared, id);
  t.after(() => client.cut());
  await sharedReceiver.expect(id, ["user_connected", "user_online"]);
  await client.close();
  const events = await sharedReceiver.expect(id, userEvents);
  assert.deepEqual(names(events), ["user_connected", "user_online", "user_disconnected", "user_offline"]);
  assert.equal(events[0].socket_id, client.socketId);
  assert.equal(events[2].socket_id, client.socketId);
  assert.ok(events[3].last_seen <= events[3].time_ms && events[3].last_seen > Date.now() - 60_000, JSON.stringify(events[3]));
  assert.deepEqual(events[3].domains, []);
  assert.equal(new Set(events.map((event) => event.id)).size, 4);
  for (const request of sharedReceiver.requests.items) {
    assert.ok(request.valid, "the pusher SDK says that the signature is good");
    assert.equal(request.headers["content-type"], "application/json");
    assert.match(request.headers["user-agent"], /^Parley\/\d/);
    assert.equal(request.headers["x-parley-attempt"], "1");
    assert.equal(request.headers["x-environment"], "e2e");
    assert.equal(request.time, Math.max(...request.events.map(({ time_ms }) => time_ms)));
  }
});

test("what happens on channels is told as Pusher tells it", async (t) => {
  const { receiver, server } = await pair(t, { events: ["pusher"], channels: ["told.*", "presence-told.*"] });
  const told = fresh("private-told.");
  const presence = fresh("presence-told.");
  const client = await RawClient.connect(server, app);
  t.after(() => client.cut());
  await client.joined(fresh("private-untold."));
  await client.joined(told);
  await client.joined(presence, { member: { user_id: "42" } });
  client.send({ event: "client-typing", channel: presence, data: { text: "hi" } });
  const all = (channel) => receiver.events.items.filter((event) => event.channel === channel);
  const of = (channel) => all(channel).filter(({ name }) => name !== "subscription_count");
  await receiver.events.find(({ name }) => name === "client_event", "the client event");
  await client.close();
  await until(() => [told, presence].every((channel) => of(channel).some(({ name }) => name === "channel_vacated")), "both to be vacated");
  assert.deepEqual(names(of(told)), ["channel_occupied", "channel_vacated"]);
  assert.equal(all(told).find(({ name }) => name === "subscription_count").subscription_count, 1);
  const wanted = ["channel_occupied", "member_added", "client_event", "member_removed", "channel_vacated"];
  assert.deepEqual(names(of(presence)), wanted);
  const [, added, typed, removed] = of(presence);
  assert.equal(added.user_id, "42");
  assert.equal(removed.user_id, "42");
  assert.deepEqual([typed.event, typed.socket_id, typed.user_id], ["client-typing", client.socketId, "42"]);
  assert.deepEqual(JSON.parse(typed.data), { text: "hi" });
  assert.ok(receiver.events.items.every(({ channel }) => [told, presence].includes(channel)), "no other channel is told of");
});

test("another secret does not open what was signed", async (t) => {
  const stranger = new Receiver({ ...app, secret: "somebody else's secret, of no use at all" });
  await stranger.up();
  const server = await startServer(sections(webhook(stranger)));
  t.after(() => Promise.all([server.stop(), stranger.stop()]));
  const client = await signIn(server, fresh("user-"));
  t.after(() => client.cut());
  const request = await stranger.requests.find(() => true, "a request");
  assert.equal(request.valid, false);
});

test("many users at once: every event arrives once, in order of each user", async (t) => {
  const ids = range(1, 100).map(() => fresh("user-"));
  const clients = await Promise.all(ids.map((id) => signIn(shared, id)));
  t.after(() => clients.forEach((client) => client.cut()));
  await Promise.all(clients.map((client) => client.close()));
  for (const id of ids) {
    const events = await sharedReceiver.expect(id, userEvents);
    assert.deepEqual(names(events), ["user_connected", "user_online", "user_disconnected", "user_offline"], JSON.stringify(events));
  }
  await idle(shared);
  assert.equal((await about(shared)).dead, 0);
});

test("errors, hangs, early ends and slow answers: again until it is taken, nothing out of order", { timeout: 180_000 }, async (t) => {
  const { receiver, server } = await pair(t, { concurrency_max: 1, batch_events_max: 5, timeout_ms: 3_000 });
  const slow = () => new Promise((done) => setTimeout(() => done("ok"), 300)); // the backend's time, not the test's
  receiver.script = [500, "close", "half", { status: 302, headers: { Location: "http://127.0.0.1:1/" } }, "hang", slow, { status: 503, body: "busy" }];
  const ids = range(1, 6).map(() => fresh("user-"));
  const clients = await Promise.all(ids.map((id) => signIn(server, id)));
  t.after(() => clients.forEach((client) => client.cut()));
  for (const client of clients) await client.close();
  for (const id of ids) {
    const events = await receiver.expect(id, userEvents, { timeout: 60_000 });
    assert.deepEqual(names(events), ["user_connected", "user_online", "user_disconnected", "user_offline"], JSON.stringify(events));
  }
  assert.equal(receiver.script.length, 0, "all of the script was met");
  await idle(server);
  assert.ok(receiver.requests.items.some(({ headers }) => headers["x-parley-attempt"] === "2"));
  // A kept connection that breaks before an answer is no failure: the HTTP client asks again at once.
  assert.ok((await server.metric("parley_webhook_failures_total", { target: "audit" })) >= 5);
  assert.equal(await server.metric("parley_webhook_events_delivered_total", { target: "audit" }), 24);
  assert.equal(await server.metric("parley_webhook_events_waiting", { target: "audit" }), 0);
  const acknowledged = receiver.events.items.map(({ id }) => id);
  assert.equal(new Set(acknowledged).size, acknowledged.length);
});

test("a receiver that is down for a while gets everything when it is back", { timeout: 180_000 }, async (t) => {
  const { receiver, server } = await pair(t);
  await receiver.down();
  const ids = range(1, 30).map(() => fresh("user-"));
  const clients = await Promise.all(ids.map((id) => signIn(server, id)));
  t.after(() => clients.forEach((client) => client.cut()));
  const state = await until(async () => {
    const now = await about(server);
    return now.failures >= 3 && now.waiting === 60 && now;
  }, "three failures in a row, and sixty events that wait");
  assert.match(state.last_failure, /connect|refused/i);
  await until(() => /webhook target is down/.test(server.logText()), "the log to say so");
  await receiver.up();
  for (const id of ids) {
    const events = await receiver.expect(id, ["user_connected", "user_online"], { timeout: 60_000 });
    assert.deepEqual(names(events), ["user_connected", "user_online"]);
  }
  await idle(server);
  await until(() => /webhook target is back/.test(server.logText()), "the log to say that it is back");
});

test("Retry-After is waited for", async (t) => {
  const { receiver, server } = await pair(t);
  receiver.script = [{ status: 503, headers: { "Retry-After": "3" } }];
  const id = fresh("user-");
  const client = await signIn(server, id);
  t.after(() => client.cut());
  await receiver.requests.find(() => true, "the first request");
  const begun = performance.now();
  await receiver.expect(id, ["user_connected", "user_online"]);
  assert.ok(performance.now() - begun >= 2_900);
});

test("kill -9 in between: nothing is lost, and only what was not settled comes twice", { timeout: 180_000 }, async (t) => {
  const { receiver, server } = await pair(t, { batch_events_max: 3 });
  const ids = [];
  for (const round of range(1, 5)) {
    if (round % 2 === 0) receiver.normal = "hang"; // dies with requests on their way
    const of_round = range(1, 10).map(() => fresh("user-"));
    ids.push(...of_round);
    const clients = await Promise.all(of_round.map((id) => signIn(server, id)));
    // From when they are known their events are stored, too.
    for (const id of of_round) await until(async () => (await statusOf(server, id)) === "online", `${id} to be stored`);
    await server.kill9();
    clients.forEach((client) => client.cut());
    receiver.normal = "ok";
    await server.start();
  }
  for (const id of ids) {
    await receiver.expect(id, ["user_connected", "user_online"], { timeout: 60_000 });
    // Doubles carry the id of the first one.
    const once = [...new Map(receiver.of(id).map((event) => [event.id, event])).values()];
    assert.deepEqual(names(once).slice(0, 2), ["user_connected", "user_online"]);
  }
  // After the crash they are away: told when the grace time of the restart is over.
  for (const id of ids) {
    await until(() => receiver.of(id).some(({ name }) => name === "user_offline"), `user_offline of ${id}`, 60_000);
    const once = [...new Map(receiver.of(id).map((event) => [event.id, event])).values()];
    assert.deepEqual(names(once), ["user_connected", "user_online", "user_disconnected", "user_offline"]);
  }
  for (const request of receiver.requests.items) assert.ok(request.valid);
  await idle(server);
});

test("what is not taken for too long is a dead letter, and is sent again when asked for", { timeout: 180_000 }, async (t) => {
  const { receiver, server } = await pair(t, { retry_for_seconds: 1 });
  receiver.normal = { status: 422, body: "I do not know this user" };
  const id = fresh("user-");
  const client = await signIn(server, id);
  t.after(() => client.cut());
  await until(async () => (await about(server)).dead === 2, async () => `two dead letters: ${JSON.stringify(await about(server))}`, 60_000);
  const { notices, next } = await admin(server, "GET", "/audit/dead");
  assert.deepEqual(names(notices), ["user_connected", "user_online"]);
  assert.equal(next, null);
  for (const notice of notices) assert.match(notice.why, /422: I do not know this user/);
  assert.equal(await server.metric("parley_webhook_events_dead", { target: "audit" }), 2);
  // They outlive the process.
  await server.restart();
  await until(async () => (await about(server)).dead >= 2, "the dead letters after the restart");
  receiver.normal = "ok";
  assert.deepEqual(await admin(server, "POST", "/audit/replay", { ids: [notices[1].id] }), { replayed: 1 });
  await receiver.events.find((event) => event.id === notices[1].id, "the replayed event");
  assert.deepEqual(await admin(server, "POST", "/audit/replay", { all: true }), { replayed: 1 });
  const again = await receiver.events.find((event) => event.id === notices[0].id, "the other replayed event");
  assert.equal(again.user_id, id);
  assert.deepEqual((await admin(server, "GET", "/audit/dead")).notices, []);
});

test("a target is switched off, taken out and put back without losing anything", async (t) => {
  const { receiver, server } = await pair(t, { enabled: false });
  const id = fresh("user-");
  const client = await signIn(server, id);
  t.after(() => client.cut());
  await until(async () => (await about(server)).waiting === 2, "two events that wait");
  assert.equal(receiver.requests.items.length, 0);
  const reload = (...webhooks) => {
    server.configure(config(sections(...webhooks)));
    server.signal("SIGHUP");
  };
  reload();
  await until(async () => (await about(server)).configured === false, "a target that is not configured");
  assert.equal((await about(server)).waiting, 2);
  reload(webhook(receiver));
  assert.deepEqual(names(await receiver.expect(id, ["user_connected", "user_online"])), ["user_connected", "user_online"]);
});
