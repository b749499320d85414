// Data that is JSON and that UTF-8 cannot say: half a surrogate pair, as `"😀".slice(0, 1)` gives it. And JSON that is
// nested deep. It goes on byte for byte, on every way through the server; where the server needs a text, the half
// becomes U+FFFD. No connection ends for it.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { sockets } from "../lib/clients.js";
import { apps, fresh, raw, startServer, test } from "../lib/harness.js";
import { Receiver } from "../lib/receiver.js";
import { call, channelAuth, token } from "../lib/sign.js";
import { Inbox } from "../lib/wait.js";

const app = apps.main;
const half = "😀".slice(0, 1);
const values = {
  "half a character": { text: `ab${half}`, [`${half}key`]: ["😀".slice(1), half + half, "😀"] },
  "a string that is one": half,
  "an array of them": [half, `한${half}글`],
  "JSON as a string": JSON.stringify({ text: half }),
  "a hundred levels": JSON.parse("[".repeat(100) + '{"a":1}' + "]".repeat(100)),
};

let server;
let receiver;
before(async () => {
  receiver = await Receiver.start(app);
  server = await startServer({ webhooks: [{ name: "audit", app: app.id, url: receiver.url, events: ["client_event"], retry_pause_max_seconds: 1 }] });
});
after(async () => {
  await server?.stop();
  await receiver?.stop();
});

// A subscriber by Socket.IO and what it heard.
async function listener(t, channel) {
  const io = sockets["socket.io-client 4.8"](server.url, {
    transports: ["websocket"],
    auth: { token: token(app, { sub: fresh("user-"), channels: ["*"] }) },
  });
  t.after(() => io.disconnect());
  const heard = new Inbox("what Socket.IO heard");
  io.onAny((event, name, data) => heard.push({ event, name, data }));
  await new Promise((done) => io.on("connect", () => io.emit("subscribe", { channel }, done)));
  io.heard = heard;
  io.ended = new Inbox("why it ended");
  io.on("disconnect", (why) => io.ended.push(why));
  return io;
}

// What a page gets: stock clients parse the string of data once more, if it is JSON.
const parsed = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

for (const [what, value] of Object.entries(values)) {
  test(`published by HTTP: ${what}`, async (t) => {
    const channel = fresh("private-kept.");
    const client = await raw(t, server);
    await client.joined(channel);
    const io = await listener(t, channel);
    const data = typeof value === "string" ? value : JSON.stringify(value);
    const answer = await call(server, app, "POST", `/apps/${app.id}/events`, { body: JSON.stringify({ name: "told", channel, data }) });
    assert.equal(answer.status, 200, answer.text);
    assert.equal((await client.next("told")).data, data, "the same text");
    assert.deepEqual((await io.heard.find(({ event }) => event === "told", "the event")).data, parsed(data));

    const history = await call(server, app, "GET", `/apps/${app.id}/channels/${channel}/history`);
    assert.equal(history.json.publications[0].data, data);
    const page = await new Promise((done) => io.emit("history", { channel, id: 1 }, done));
    assert.deepEqual(page.publications[0].data, parsed(data));
    assert.equal(io.ended.items.length, 0);
  });

  test(`a client event: ${what}`, async (t) => {
    const channel = fresh("private-kept.");
    const [sender, client] = [await raw(t, server), await raw(t, server)];
    await sender.joined(channel);
    await client.joined(channel);
    const io = await listener(t, channel);
    sender.send({ event: "client-typing", channel, data: value });
    const got = await client.next("client-typing");
    assert.deepEqual(got.data, value);
    assert.ok(got.raw.includes(`"data":${JSON.stringify(value)}`), "byte for byte");
    assert.deepEqual((await io.heard.find(({ event }) => event === "client-typing", "the event")).data, value);
    const told = await receiver.events.find((event) => event.channel === channel, "the webhook");
    assert.equal(told.data, typeof value === "string" ? value : JSON.stringify(value));

    io.emit("client event", { channel, event: "client-back", data: value });
    assert.deepEqual((await client.next("client-back")).data, value);
    assert.equal(io.ended.items.length, 0);
  });
}

test("names and ids: the server's own text has U+FFFD, the member's info is as it was", async (t) => {
  const channel = fresh("presence-domain.");
  const watcher = await raw(t, server);
  await watcher.joined(channel, { member: { user_id: "watcher" } });
  const client = await raw(t, server);
  const member = { user_id: `u${half}`, user_info: { name: `Ada ${half}` } };
  assert.equal((await client.subscribe(channel, { member })).event, "pusher_internal:subscription_succeeded");
  const added = JSON.parse((await watcher.next("pusher_internal:member_added")).data);
  assert.deepEqual(added, { user_id: "u\ufffd", user_info: { name: `Ada ${half}` } });
  assert.equal((await client.signIn({ id: "7", user_info: { name: half } })).event, "pusher:signin_success");

  const users = await call(server, app, "GET", `/apps/${app.id}/channels/${channel}/users`);
  assert.deepEqual(users.json.users.map(({ id }) => id), ["watcher", "u\ufffd"]);
});

test("a token whose claims have one, and an event's name", async (t) => {
  const channel = fresh("presence-domain.");
  const watcher = await raw(t, server);
  await watcher.joined(channel, { member: { user_id: "watcher" } });
  const claims = token(app, { sub: "9", info: { name: half }, jti: half, channels: ["*"] });
  const client = await raw(t, server, app, { path: `/t/${claims}/app/${app.key}` });
  client.send({ event: "pusher:subscribe", data: { channel, auth: "" } });
  assert.deepEqual(JSON.parse((await watcher.next("pusher_internal:member_added")).data), { user_id: "9", user_info: { name: half } });
  client.send({ event: `client-${half}`, channel, data: {} });
  await watcher.next("client-\ufffd");
});
