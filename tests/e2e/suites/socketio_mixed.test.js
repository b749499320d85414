// One channel, many kinds of client: pusher-js, laravel-echo with either connector, an old script. Each hears
// everything that the others do, once; nobody can tell who speaks which protocol.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { Backend } from "../lib/backend.js";
import { sdk } from "../lib/clients.js";
import { apps, fresh, range, raw, startServer, test } from "../lib/harness.js";
import { fence, gather, kinds, participant, publisher as publisherOn } from "../lib/participants.js";
import { call, history, token } from "../lib/sign.js";
import { connect } from "../lib/sockets.js";
import { until } from "../lib/wait.js";

let server;
let backend;
const app = { ...apps.main, limits: { client_events_per_second_max: 0 } };
const sections = () => ({
  apps: [{ ...app, allowed_origins: ["https://shop.example"], auth: { url: `${backend.url}/broadcasting/auth` } }],
  channels: [
    { match: "domain.*", durability: "quorum", presence_grace_ms: 1500, presence_linger_ms: 100 },
    { match: "kept.*", durability: "quorum", keep_client_events: true },
    { match: "user.*", durability: "quorum", presence_grace_ms: 500, presence_linger_ms: 100 },
  ],
});
const where = (on = server) => ({ server: on, backend, app });
before(async () => {
  backend = await Backend.start(app);
  server = await startServer(sections());
});
after(async () => {
  await server?.stop();
  await backend?.stop();
});

const publisher = (channel, on = server) => publisherOn(on, app, channel);

for (const prefix of ["", "private-", "presence-"]) {
  test(`${prefix || "public "}channel: everybody hears every message, once and in order`, async (t) => {
    const channel = fresh(`${prefix}domain.`);
    const publish = publisher(channel);
    const all = await gather(t, where(), channel, ["message.sent", "fence"], publish);
    for (const n of range(1, 30)) await publish("message.sent", { n, text: "héllo → 世界" });
    await fence(publish, all);
    for (const one of all) assert.deepEqual(one.events("message.sent"), range(1, 30).map((n) => ({ n, text: "héllo → 世界" })), one.kind);
  });
}

test("toOthers(): the socket id of whoever speaks leaves out exactly that one", async (t) => {
  const channel = fresh("private-domain.");
  const publish = publisher(channel);
  const all = await gather(t, where(), channel, ["message.sent", "fence"], publish);
  for (const [index, one] of all.entries()) {
    assert.match(one.id, /^\d+\.\d+$/, one.kind);
    await publish("message.sent", index, { socket_id: one.id });
  }
  // As the SDK of the application does it, too.
  await sdk(server, app).trigger(channel, "message.sent", "sdk", { socket_id: all[3].id });
  await fence(publish, all);
  for (const [index, one] of all.entries()) {
    const others = [...all.keys()].filter((other) => other !== index);
    assert.deepEqual(one.events("message.sent"), index === 3 ? others : [...others, "sdk"], one.kind);
  }
});

test("whispers go from everybody to everybody else", async (t) => {
  const channel = fresh("presence-domain.");
  const publish = publisher(channel);
  const all = await gather(t, where(), channel, ["client-typing", "fence"], publish);
  for (const [index, one] of all.entries()) one.whisper("typing", { from: index });
  for (const one of all) {
    await until(() => one.events("client-typing").length >= all.length - 1, () => `${one.kind}: ${all.length - 1} whispers; ${one.heard.tail()}`);
  }
  await fence(publish, all);
  for (const [index, one] of all.entries()) {
    assert.deepEqual(one.events("client-typing").map(({ from }) => from).sort(), [...all.keys()].filter((other) => other !== index), one.kind);
  }
});

test("here, joining, leaving: the same for all", async (t) => {
  const channel = fresh("presence-domain.");
  const all = [];
  const names = () => all.map(({ user }) => `User ${user}`);
  for (const [index, kind] of kinds.entries()) {
    const one = participant(t, kind, `u${index + 1}`, where());
    all.push(one);
    await one.join(channel, ["fence"]);
    await one.heard.find(([what]) => what === "here", `${kind}: here`);
    assert.deepEqual(one.told("here"), [names().sort().join()], kind);
    for (const other of all.slice(0, -1)) await other.heard.find(([what, name]) => what === "joining" && name === `User ${one.user}`, `${other.kind}: joining`);
  }
  const everybody = [...all];
  const left = [];
  while (all.length > 1) {
    const one = all.shift();
    one.leave(channel);
    left.push(`User ${one.user}`);
    for (const other of all) await other.heard.find(([what, name]) => what === "leaving" && name === `User ${one.user}`, `${other.kind}: leaving`);
  }
  await fence(publisher(channel), all);
  const order = everybody.map(({ user }) => `User ${user}`);
  for (const [index, one] of everybody.entries()) {
    assert.deepEqual(one.told("joining"), order.slice(index + 1), `${one.kind}: each of the later ones once, never oneself`);
    assert.deepEqual(one.told("leaving"), left.slice(0, index), `${one.kind}: until it left itself`);
  }
});

test("one user with two protocols is one member, and one of the two closed is no farewell", async (t) => {
  const channel = fresh("presence-domain.");
  const watcher = participant(t, "laravel-echo 2 + socket.io-client 4.8", "watcher", where());
  await watcher.join(channel, ["fence"]);
  await watcher.heard.find(([what]) => what === "here", "here");
  const tabs = ["pusher-js 8", "laravel-echo 1.16 + socket.io-client 2.5", "laravel-echo 2 + socket.io-client 4.8"].map((kind) => participant(t, kind, "ada", where()));
  for (const tab of tabs) {
    await tab.join(channel, ["fence"]);
    await tab.heard.find(([what]) => what === "here", `${tab.kind}: here`);
    assert.deepEqual(tab.told("here"), ["User ada,User watcher"]);
  }
  const users = await call(server, app, "GET", `/apps/${app.id}/channels/${channel}/users`);
  assert.deepEqual(users.json.users.map(({ id }) => id).sort(), ["ada", "watcher"]);
  const counted = await call(server, app, "GET", `/apps/${app.id}/channels/${channel}`, { query: { info: "user_count,subscription_count" } });
  assert.equal(counted.json.user_count, 2);
  tabs[0].end();
  tabs[1].end();
  await fence(publisher(channel), [watcher, tabs[2]]);
  assert.deepEqual(watcher.told("leaving"), []);
  tabs[2].leave(channel);
  await watcher.heard.find(([what]) => what === "leaving", "leaving");
  assert.deepEqual(watcher.told("joining"), ["User ada"]);
  assert.deepEqual(watcher.told("leaving"), ["User ada"]);
});

test("notifications and classes: event names with backslashes", async (t) => {
  const names = ["Illuminate\\Notifications\\Events\\BroadcastNotificationCreated", "App\\Events\\OrderShipped", "Vendor\\Thing\\Happened"];
  const channel = "private-App.Models.User.7";
  const publish = publisher(channel);
  const all = await gather(t, where(), channel, [...names, "fence"], publish);
  const heard = all.map(() => []);
  for (const [index, one] of all.entries()) {
    if (!one.echo) continue;
    one.channel.notification((notification) => heard[index].push(["notification", notification]));
    one.channel.listen("OrderShipped", (order) => heard[index].push(["class", order]));
    one.channel.listen("\\Vendor\\Thing\\Happened", (thing) => heard[index].push(["other", thing]));
  }
  for (const name of names) await publish(name, { id: name.length });
  await fence(publish, all);
  for (const [index, one] of all.entries()) {
    for (const name of names) assert.deepEqual(one.events(name), [{ id: name.length }], `${one.kind}: ${name}`);
    if (one.echo) assert.deepEqual(heard[index], [["notification", { id: names[0].length }], ["class", { id: names[1].length }], ["other", { id: names[2].length }]], one.kind);
  }
});

test("leave: the one who left hears no more, the others do", async (t) => {
  const channel = fresh("private-domain.");
  const elsewhere = fresh("domain.");
  const publish = publisher(channel);
  const all = await gather(t, where(), channel, ["message.sent", "fence"], publish);
  for (const one of all) {
    one.leave(channel);
    await one.join(elsewhere, ["fence"]);
  }
  const toElsewhere = publisher(elsewhere);
  for (const one of all) {
    const before = one.events("fence").length;
    await until(async () => {
      await toElsewhere("fence", {});
      return one.events("fence").length > before;
    }, `${one.kind} elsewhere`);
  }
  await publish("message.sent", "late");
  await fence(toElsewhere, all);
  for (const one of all) assert.deepEqual(one.events("message.sent"), [], one.kind);
});

test("a denied channel is denied to all, and their other channels are not", async (t) => {
  const [channel, open] = [fresh("private-domain."), fresh("private-domain.")];
  backend.denied.add(channel);
  const all = await gather(t, where(), open, ["fence"], publisher(open));
  const errors = all.map(() => []);
  for (const [index, one] of all.entries()) {
    const socket = one.echo?.connector.socket ?? one.client?.socket;
    socket?.on("subscription_error", (on, status) => errors[index].push([on, status]));
    await one.join(channel, ["secret"]);
  }
  await until(() => errors.every((list, index) => list.length > 0 || !(all[index].echo?.connector.socket ?? all[index].client?.socket)), "subscription errors");
  await publisher(channel)("secret", {});
  await fence(publisher(open), all);
  for (const [index, one] of all.entries()) {
    assert.deepEqual(one.events("secret"), [], one.kind);
    if (errors[index].length) assert.deepEqual(errors[index], [[channel, 403]], one.kind);
  }
});

for (const kind of kinds.filter((one) => one.includes("socket.io"))) {
  test(`StrictMode, ${kind}: join, leave, join within one tick; one stay, and nobody flaps`, async (t) => {
    const channel = fresh("presence-domain.");
    const watcher = participant(t, "pusher-js 8", "watcher", where());
    await watcher.join(channel, ["fence"]);
    await watcher.heard.find(([what]) => what === "here", "here");
    const one = participant(t, kind, "react", where());
    if (one.connecting) await one.connecting;
    void one.join(channel, ["message.sent"]);
    one.leave(channel);
    await one.join(channel, ["message.sent", "fence"]);
    await watcher.heard.find(([what, name]) => what === "joining" && name === "User react", "joining");
    const publish = publisher(channel);
    await until(async () => {
      await publish("message.sent", "x");
      return one.events("message.sent").length > 0;
    }, "a message");
    await fence(publish, [watcher, one]);
    assert.deepEqual([watcher.told("joining"), watcher.told("leaving")], [["User react"], []]);
  });
}

test("kill -9 and restart: everybody comes back to the channel", async (t) => {
  const own = await startServer(sections());
  t.after(() => own.stop());
  const channel = fresh("private-domain.");
  const publish = publisher(channel, own);
  // pusher-js pauses for 15 seconds when its first attempts are refused; `resume` has it.
  const all = await gather(t, where(own), channel, ["message.sent", "fence"], publish, kinds.filter((kind) => kind.includes("socket.io") && !kind.startsWith("a script")));
  await own.restart();
  for (const one of all) {
    await until(async () => {
      await publish("message.sent", "after");
      return one.events("message.sent").length > 0;
    }, () => `${one.kind} to be back; ${one.heard.tail()}`);
  }
});

test("an acknowledged publication of a Socket.IO client reaches pusher-js, and has a position in the history", async (t) => {
  const channel = fresh("private-kept.");
  const all = await gather(t, where(), channel, ["client-said", "fence"], publisher(channel));
  const client = await connect(t, server, {});
  await client.join(app, channel);
  const { position } = await client.request("publish", { channel, event: "client-said", data: { n: 1 }, idempotency_key: "one" });
  await fence(publisher(channel), all);
  for (const one of all) assert.deepEqual(one.events("client-said"), [{ n: 1 }], one.kind);
  const { epoch, publications } = (await history(server, app, channel)).json;
  const kept = publications.filter(({ event }) => event === "client-said");
  assert.deepEqual(kept.map(({ offset }) => `${epoch}:${offset}`), [position]);
});

test("positions are the same in both protocols", async (t) => {
  const channel = fresh("private-domain.");
  const publish = publisher(channel);
  for (const n of range(1, 6)) await publish("n", n);
  const socket = await connect(t, server, {});
  const { position } = await socket.join(app, channel);
  const pusher = await raw(t, server, app);
  const joined = await pusher.joined(channel);
  assert.equal(position, `${joined.epoch}:${joined.offset}`);
  for (const n of range(7, 9)) await publish("n", n);
  const [laterSocket, laterPusher] = [await connect(t, server, {}), await raw(t, server, app)];
  assert.equal((await laterSocket.subscribe(channel, { ...laterSocket.proof(app, channel), since: `${joined.epoch}:${joined.offset}` })).recovered, true);
  assert.equal((await laterPusher.joined(channel, { extra: { since: position } })).recovered, true);
  await publish("n", 10);
  await laterSocket.heard.find(({ args }) => args[1] === 10, "10");
  await laterPusher.frames.find(({ event, data }) => event === "n" && data === "10", "10");
  assert.deepEqual(laterSocket.data(channel, "n"), range(7, 10));
  assert.deepEqual(laterPusher.of(channel, "n").map(({ data }) => Number(data)), range(7, 10));
});

test("a user's status is one, whatever protocol the connections speak", async (t) => {
  const [domain, id] = [fresh("d"), fresh("u")];
  const watcher = await raw(t, server, app);
  await watcher.joined(`private-domain.${domain}`);
  const changes = () => watcher.of(`private-domain.${domain}`, "user.status.changed").map(({ data }) => JSON.parse(data)).filter(({ user_id }) => user_id === id).map(({ status }) => status);
  const socket = await connect(t, server, { token: token(app, { sub: id, domains: [domain] }) });
  await until(() => changes().join() === "online", () => `online; ${changes()}`);
  const pusher = await raw(t, server, app, { path: `/t/${token(app, { sub: id, domains: [domain] })}/app/${app.key}` });
  socket.end();
  await pusher.settle();
  await publisher(`private-domain.${domain}`)("fence", {});
  await watcher.next("fence");
  pusher.cut();
  await until(() => changes().join() === "online,offline", () => `online,offline; ${changes()}`);
});

test("terminate ends a user's connections in both protocols", async (t) => {
  const id = fresh("u");
  const socket = await connect(t, server, { token: token(app, { sub: id }) });
  const old = await connect(t, server, { token: token(app, { sub: id }), generation: "socket.io-client 2.5" });
  const pusher = await raw(t, server, app, { path: `/t/${token(app, { sub: id })}/app/${app.key}` });
  const other = await connect(t, server, { token: token(app, { sub: fresh("u") }) });
  assert.equal((await call(server, app, "POST", `/apps/${app.id}/users/${id}/terminate_connections`)).status, 200);
  assert.equal((await pusher.whenClosed()).code, 4009);
  for (const client of [socket, old]) await client.state.find(({ event }) => event === "disconnect", "a disconnect");
  assert.equal(other.state.count(({ event }) => event === "disconnect"), 0);
});

test("who is subscribed is counted over both protocols", async (t) => {
  const channel = fresh("domain.");
  const all = await gather(t, where(), channel, ["fence"], publisher(channel), ["pusher-js 8", "laravel-echo 2 + socket.io-client 4.8", "a script with socket.io-client 2.5"]);
  const counted = async () => (await call(server, app, "GET", `/apps/${app.id}/channels/${channel}`, { query: { info: "subscription_count" } })).json;
  assert.equal((await counted()).subscription_count, 3);
  for (const one of all) one.end();
  await until(async () => (await counted()).occupied === false, "an empty channel");
});
