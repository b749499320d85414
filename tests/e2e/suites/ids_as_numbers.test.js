// Applications whose ids are numbers, as those in PHP mostly are: 2 and "2" are one user, and everybody is told the id
// as the application said it, because pages compare `member.id === user.id`.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { pusherOptions, pushers, sockets } from "../lib/clients.js";
import { apps, fresh, raw, startServer, test } from "../lib/harness.js";
import { Receiver } from "../lib/receiver.js";
import { call, channelAuth, token, trigger, userAuth } from "../lib/sign.js";
import { Inbox, until, within } from "../lib/wait.js";

const app = apps.main;
let server;
let receiver;
before(async () => {
  receiver = await Receiver.start(app);
  const webhooks = [{ name: "audit", app: app.id, url: receiver.url, retry_pause_max_seconds: 1 }];
  server = await startServer({ webhooks });
});
after(async () => {
  await server?.stop();
  await receiver?.stop();
});

let last = process.pid * 1_000;
const newId = () => ++last;

// The application signs what it pleases.
const custom = (user, member) => ({
  channelAuthorization: {
    customHandler: ({ socketId, channelName }, done) => {
      const channel_data = JSON.stringify(member);
      done(null, { auth: channelAuth(app, socketId, channelName, channel_data), channel_data });
    },
  },
  userAuthentication: {
    customHandler: ({ socketId }, done) => {
      const user_data = JSON.stringify(user);
      done(null, { auth: userAuth(app, socketId, user_data), user_data });
    },
  },
});

for (const [version, Pusher] of Object.entries(pushers)) {
  test(`${version}: signs in with a number, and is told of members by their numbers`, async (t) => {
    const [me, other] = [newId(), newId()];
    const connect = (id, more = {}) => {
      const client = new Pusher(app.key, pusherOptions(server, { url: "" }, custom({ id, ...more }, { user_id: id, user_info: { n: id } })));
      t.after(() => client.disconnect());
      return client;
    };
    const client = connect(me, { watchlist: [other, String(me)] });
    const online = new Inbox("who is online");
    client.user.watchlist.bind("online", ({ user_ids }) => user_ids.forEach((id) => online.push(id)));
    client.signin();
    await within(client.user.signinDonePromise, "sign-in");
    await until(() => client.user.serverToUserChannel?.subscribed, "the server-to-user channel");
    const channel = client.subscribe(fresh("presence-room."));
    const members = await within(new Promise((done) => channel.bind("pusher:subscription_succeeded", done)), "the members");
    assert.deepEqual(members.me, { id: me, info: { n: me } });
    const changes = new Inbox("changes of members");
    channel.bind("pusher:member_added", ({ id }) => changes.push(["added", id]));
    channel.bind("pusher:member_removed", ({ id }) => changes.push(["removed", id]));
    const friend = connect(other);
    friend.signin();
    friend.subscribe(channel.name);
    assert.deepEqual(await changes.find(([what]) => what === "added", "member_added"), ["added", other]);
    assert.strictEqual(await online.find((id) => id === other, "the friend online"), other);
    friend.disconnect();
    assert.deepEqual(await changes.find(([what]) => what === "removed", "member_removed"), ["removed", other]);
  });
}

test("a number and its text are one member and one user; each surface says the newest form", async (t) => {
  const id = newId();
  const channel = fresh("presence-domain.");
  const watcher = await raw(t, server);
  await watcher.joined(channel, { member: { user_id: "watcher" } });
  const asNumber = await raw(t, server);
  const roster = JSON.parse((await asNumber.joined(channel, { member: { user_id: id } })).data).presence;
  assert.deepEqual(roster.ids, ["watcher", id]);
  const asText = await raw(t, server);
  assert.equal(JSON.parse((await asText.joined(channel, { member: { user_id: String(id) } })).data).presence.count, 2);
  const added = await watcher.next("pusher_internal:member_added");
  assert.strictEqual(JSON.parse(added.data).user_id, id);
  assert.equal(watcher.of(channel, "pusher_internal:member_added").length, 1, "one member");

  asNumber.send({ event: "client-a", channel, data: {} });
  assert.strictEqual((await watcher.next("client-a")).user_id, id);
  asText.send({ event: "client-b", channel, data: {} });
  assert.strictEqual((await watcher.next("client-b")).user_id, String(id));

  await asNumber.signIn({ id });
  await asText.signIn({ id: String(id) });
  const status = async () => (await call(server, app, "POST", `/apps/${app.id}/users/status`, { body: { ids: [id] } })).json.users[id].status;
  await until(async () => (await status()) === "online", "the user online");
});

test("the API and webhooks say numbers as numbers", async (t) => {
  const id = newId();
  const channel = fresh("presence-domain.");
  const client = await raw(t, server);
  await client.joined(channel, { member: { user_id: id, user_info: { name: "Ada" } } });
  const users = await call(server, app, "GET", `/apps/${app.id}/channels/${channel}/users`);
  assert.deepEqual(users.json, { users: [{ id }] });
  const about = await until(async () => {
    const found = await call(server, app, "GET", `/apps/${app.id}/users/${id}`);
    return found.status === 200 && found.json;
  }, "the user's record");
  assert.strictEqual(about.id, id);
  client.send({ event: "client-typing", channel, data: { a: 1 } });
  await client.settle();
  client.unsubscribe(channel);
  for (const name of ["member_added", "client_event", "member_removed", "user_online"]) {
    const event = await receiver.events.find((one) => one.name === name && String(one.user_id) === String(id), name);
    assert.strictEqual(event.user_id, id, name);
  }
});

test("tokens and Socket.IO: numbers too", async (t) => {
  const id = newId();
  const channel = fresh("presence-domain.");
  const watcher = await raw(t, server);
  await watcher.joined(channel, { member: { user_id: "watcher" } });
  const io = sockets["socket.io-client 4.8"](server.url, {
    transports: ["websocket"],
    auth: { token: token(app, { sub: id, channels: [channel.slice("presence-".length)] }) },
  });
  t.after(() => io.disconnect());
  const members = new Inbox("the members");
  io.on("presence:subscribed", (name, list) => members.push(list));
  io.on("connect", () => io.emit("subscribe", { channel }));
  const list = await members.find(() => true, "presence:subscribed");
  assert.deepEqual(list.map(({ user_id }) => user_id), ["watcher", id]);
  assert.strictEqual(JSON.parse((await watcher.next("pusher_internal:member_added")).data).user_id, id);
  await trigger(server, app, channel, "fence", {});
  await watcher.next("fence");
});
