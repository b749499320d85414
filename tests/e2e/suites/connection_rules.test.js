// The rules of the wire, frame by frame, with a raw client: who is let in, with which code who is not,
// and what each wrong frame is answered.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { Wire } from "../lib/engine.js";
import { apps, fresh, range, raw, startServer, test } from "../lib/harness.js";
import { RawClient } from "../lib/raw.js";
import { channelAuth, trigger } from "../lib/sign.js";
import { until, within } from "../lib/wait.js";

let server;
before(async () => {
  server = await startServer({ timing: { activity_timeout: 30, silence_before_ping: 1, pong_timeout: 1 } });
});
after(() => server?.stop());

// Refused: the upgrade succeeds, pusher:error says why, and the close has the same code.
async function refused(t, code, app, options) {
  const client = new RawClient(server, app, options);
  t.after(() => client.cut());
  const error = await client.next("pusher:error");
  const data = typeof error.data === "string" ? JSON.parse(error.data) : error.data;
  assert.equal(data.code, code);
  assert.ok(data.message.length > 5);
  assert.equal((await client.whenClosed()).code, code);
  assert.equal(client.frames.count(({ event }) => event === "pusher:connection_established"), 0);
}

test("the first frame names the socket and the activity timeout, data as a string", async (t) => {
  const client = await raw(t, server);
  const [first] = client.frames.items;
  assert.equal(typeof first.data, "string");
  assert.match(client.socketId, /^\d{1,10}\.\d{1,10}$/);
  assert.equal(client.activityTimeout, 30);
});

test("socket ids are not repeated", async (t) => {
  const clients = await Promise.all(range(1, 50).map(() => raw(t, server)));
  assert.equal(new Set(clients.map(({ socketId }) => socketId)).size, 50);
});

test("4001: unknown key", (t) => refused(t, 4001, { key: "nobody" }));
test("4003: app disabled", (t) => refused(t, 4003, apps.disabled));
test("4000: app wants TLS", (t) => refused(t, 4000, apps.tls));
test("4006: unreadable protocol version", (t) => refused(t, 4006, apps.main, { query: "protocol=seven" }));
test("4007: unsupported protocol version", (t) => refused(t, 4007, apps.main, { query: "protocol=99" }));
test("4008: no protocol version", (t) => refused(t, 4008, apps.main, { query: "client=js" }));
for (const protocol of [5, 6, 7]) {
  test(`protocol ${protocol} is accepted`, (t) => raw(t, server, apps.main, { query: `protocol=${protocol}` }));
}
test("a foreign origin is refused with 403 before the upgrade", async (t) => {
  for (const origin of ["https://evil.example", "http://good.example", "https://good.example:8443", "https://wild.example", "null"]) {
    const client = new RawClient(server, apps.origins, { headers: { Origin: origin } });
    t.after(() => client.cut());
    await client.whenClosed();
    assert.match(client.error.message, /403/, origin);
  }
});
test("a client that is no browser and sends the server's own address as Origin is told what to do", async () => {
  const answer = await new Wire(server.port, `/app/${apps.origins.key}?protocol=7`, { headers: { Origin: server.url } }).whenRefused();
  assert.equal(answer.status, 403);
  assert.match(answer.text, /own address.*allowed_origins/);
});

for (const origin of ["https://good.example", "https://any.wild.example"]) {
  test(`origin ${origin} is allowed`, (t) => raw(t, server, apps.origins, { headers: { Origin: origin } }));
}

test("4100: over the app's connection limit, and in again when one left", async (t) => {
  const one = await raw(t, server, apps.small);
  await raw(t, server, apps.small);
  await refused(t, 4100, apps.small);
  await one.close();
  await until(async () => {
    const client = new RawClient(server, apps.small);
    t.after(() => client.cut());
    const frame = await client.frames.find(() => true, "a first frame");
    if (frame.event !== "pusher:connection_established") throw new Error(frame.raw);
    return true;
  }, "a place in the app");
});

test("4009: neither signed in nor authorised in time", async (t) => {
  const client = await raw(t, server, apps.strict);
  assert.equal((await client.whenClosed()).code, 4009);
});

test("authorised in time: stays", async (t) => {
  const client = await raw(t, server, apps.strict);
  await client.joined(fresh("private-domain."));
  const late = await raw(t, server, apps.strict);
  await late.whenClosed(); // by then the first one's time is over too
  await client.settle();
});

test("a path that is not served", async (t) => {
  const client = new RawClient(server, apps.main, { path: "/nowhere" });
  t.after(() => client.cut());
  const closed = await client.whenClosed();
  assert.ok(closed.code === 4005 || client.error?.message.includes("404"), `${closed.code} ${client.error}`);
});

test("pusher:ping is answered; a silent client is pinged and then closed with 4201", async (t) => {
  const client = await raw(t, server, apps.main, { pongs: false });
  client.send({ event: "pusher:ping", data: {} });
  await client.next("pusher:pong");
  await client.next("pusher:ping");
  assert.equal((await client.whenClosed()).code, 4201);
});

test("a client that answers pings stays", async (t) => {
  const client = await raw(t, server);
  await client.frames.atLeast(3, ({ event }) => event === "pusher:ping", "pusher:ping");
  await client.settle();
});

test("WebSocket pings are answered with their payload", async (t) => {
  const client = await raw(t, server);
  const pong = new Promise((done) => client.ws.once("pong", (data) => done(data.toString())));
  client.ws.ping("are you there");
  assert.equal(await within(pong, "a pong"), "are you there");
});

const wrongFrames = [
  ["no JSON", "hello"],
  ["a JSON array", "[]"],
  ["a JSON number", "5"],
  ["null", "null"],
  ["truncated JSON", '{"event":"pusher:ping"'],
  ["no event", "{}"],
  ["a number as event", '{"event":5,"data":{}}'],
  ["null as event", '{"event":null}'],
  ["an empty event", '{"event":"","data":{}}'],
  ["an unknown pusher: event", '{"event":"pusher:nonsense","data":{}}'],
  ["a pusher_internal: event", '{"event":"pusher_internal:member_added","channel":"presence-x","data":"{}"}'],
  ["an event of the application without client-", '{"event":"message.sent","channel":"private-x","data":{}}'],
  ["subscribe without data", '{"event":"pusher:subscribe"}'],
  ["subscribe with data null", '{"event":"pusher:subscribe","data":null}'],
  ["subscribe with a string that is no JSON", '{"event":"pusher:subscribe","data":"x"}'],
  ["subscribe with an array", '{"event":"pusher:subscribe","data":[]}'],
  ["subscribe without channel", '{"event":"pusher:subscribe","data":{}}'],
  ["subscribe to channel 5", '{"event":"pusher:subscribe","data":{"channel":5}}'],
  ["subscribe to channel null", '{"event":"pusher:subscribe","data":{"channel":null}}'],
  ["subscribe to an object", '{"event":"pusher:subscribe","data":{"channel":{}}}'],
  ["auth of a wrong type", '{"event":"pusher:subscribe","data":{"channel":"private-a","auth":7}}'],
  ["channel_data of a wrong type", '{"event":"pusher:subscribe","data":{"channel":"presence-a","auth":"k:s","channel_data":{}}}'],
  ["unsubscribe without channel", '{"event":"pusher:unsubscribe","data":{}}'],
  ["unsubscribe of a wrong type", '{"event":"pusher:unsubscribe","data":{"channel":[]}}'],
  ["signin without data", '{"event":"pusher:signin"}'],
  ["signin with wrong types", '{"event":"pusher:signin","data":{"auth":1,"user_data":2}}'],
  ["a client event without channel", '{"event":"client-x","data":{}}'],
  ["a client event on channel 5", '{"event":"client-x","channel":5,"data":{}}'],
  ["a client event on a channel that is not subscribed", '{"event":"client-x","channel":"private-nobody","data":{}}'],
  ["a client event with a wrong ack", '{"event":"client-x","channel":"private-nobody","data":{},"ack":"one"}'],
  ["JSON nested too deep", `{"event":"client-x","channel":"private-a","data":${"[".repeat(5000)}${"]".repeat(5000)}}`],
];
for (const [what, frame] of wrongFrames) {
  test(`wrong frame is answered and the connection lives: ${what}`, async (t) => {
    const client = await raw(t, server);
    client.send(frame);
    const answer = await client.frames.find(({ event }) => /pusher:error|subscription_error|parley:ack/.test(event), "an error");
    assert.ok(JSON.stringify(answer).length > 20);
    await client.settle();
  });
}

test("a binary frame is answered with an error", async (t) => {
  const client = await raw(t, server);
  client.ws.send(Buffer.from('{"event":"pusher:ping","data":{}}'), { binary: true });
  await client.next("pusher:error");
});

test("fields that nobody knows are ignored", async (t) => {
  const client = await raw(t, server, apps.main, { query: "protocol=7&flash=false&new=1&x[]=2" });
  client.send({ event: "pusher:ping", data: { any: 1 }, extra: [1, 2], channel: null });
  await client.next("pusher:pong");
});

for (const name of ["", "white space", "umläut", "slash/es", "a#b", "#server-to-user-", "x".repeat(201), 'quo"te']) {
  test(`channel name refused: ${JSON.stringify(name.slice(0, 20))}${name.length > 20 ? "…" : ""}`, async (t) => {
    const client = await raw(t, server);
    client.send({ event: "pusher:subscribe", data: { channel: name } });
    await client.frames.find(({ event }) => /pusher:error|subscription_error/.test(event), "an error");
    await client.settle();
  });
}
test("every character that names may have is accepted, up to 200 of them", async (t) => {
  const client = await raw(t, server);
  await client.joined("azAZ09_-=@,.;");
  await client.joined(fresh("x").padEnd(200, "y"));
});

test("a refused subscription has all three signs: subscription_error, pusher:error 4009, no close", async (t) => {
  const client = await raw(t, server);
  client.send({ event: "pusher:subscribe", data: { channel: "private-domain.7", auth: `${apps.main.key}:${"0".repeat(64)}` } });
  const refusal = await client.next("pusher:subscription_error");
  assert.equal(JSON.parse(refusal.data).status, 401);
  const error = await client.next("pusher:error");
  assert.equal((typeof error.data === "string" ? JSON.parse(error.data) : error.data).code, 4009);
  await client.settle();
});

const wrongAuth = {
  "signed with another app's key": ({ socketId }, channel) => channelAuth(apps.other, socketId, channel),
  "another app's secret under the right key": ({ socketId }, channel) => `${apps.main.key}:${channelAuth(apps.other, socketId, channel).split(":")[1]}`,
  "signed for another socket": (_, channel) => channelAuth(apps.main, "1.1", channel),
  "signed for another channel": ({ socketId }) => channelAuth(apps.main, socketId, "private-other"),
  "upper-case hex": ({ socketId }, channel) => channelAuth(apps.main, socketId, channel).replace(/:.*/, (hex) => hex.toUpperCase()),
  "cut short": ({ socketId }, channel) => channelAuth(apps.main, socketId, channel).slice(0, -1),
  "empty": () => "",
  "only the key": () => `${apps.main.key}:`,
};
for (const [what, make] of Object.entries(wrongAuth)) {
  test(`auth refused: ${what}`, async (t) => {
    const client = await raw(t, server);
    const channel = "private-domain.9";
    client.send({ event: "pusher:subscribe", data: { channel, auth: make(client, channel) } });
    await client.next("pusher:subscription_error");
  });
}

test("while a secret rotates both are accepted, and no third", async (t) => {
  const client = await raw(t, server, apps.rotating);
  await client.joined("private-domain.new");
  client.app = { ...apps.rotating, secret: apps.rotating.secret_previous };
  await client.joined("private-domain.old");
  client.app = { ...apps.rotating, secret: "something else entirely" };
  assert.equal((await client.subscribe("private-domain.none")).event, "pusher:subscription_error");
});

test("presence needs channel_data with a user_id, as a string or a number", async (t) => {
  const client = await raw(t, server);
  for (const member of ["", "x", "[]", "{}", '{"user_id":null}', '{"user_id":""}', '{"user_id":{}}', '{"user_id":true}']) {
    const answer = await client.subscribe(fresh("presence-room."), { member });
    assert.equal(answer.event, "pusher:subscription_error", member);
  }
  for (const [member, id] of [['{"user_id":42}', 42], ['{"user_id":"42"}', "42"]]) {
    const answer = await client.joined(fresh("presence-room."), { member });
    assert.deepEqual(JSON.parse(answer.data).presence, { ids: [id], hash: { [id]: null }, count: 1 });
  }
});

test("user_info comes back as it was sent", async (t) => {
  const client = await raw(t, server);
  const info = '{"z":1,"a":{"name":"Zoë","n":1.50}}';
  const answer = await client.joined(fresh("presence-room."), { member: `{"user_info":${info},"user_id":"7"}` });
  assert.ok(answer.data.includes(info), answer.data);
});

test("client events: refused on public and encrypted channels and where the app does not want them", async (t) => {
  const client = await raw(t, server);
  const quiet = await raw(t, server, apps.quiet);
  const cases = [
    [client, "room.1"],
    [client, "cache-room.1"],
    [client, "private-encrypted-room.1"],
    [quiet, "private-room.1"],
  ];
  for (const [sender, channel] of cases) {
    await sender.joined(channel);
    const from = sender.frames.items.length;
    sender.send({ event: "client-typing", channel, data: {} });
    await sender.frames.find(({ event }) => event === "pusher:error", `an error for ${channel}`, { from });
  }
});

test("a client event's data keeps its bytes and its type", async (t) => {
  const channel = fresh("private-room.");
  const [sender, receiver] = [await raw(t, server), await raw(t, server)];
  await sender.joined(channel);
  await receiver.joined(channel);
  const data = ['{"b":1.0,"a":12345678901234567890}', '"text"', "[1,2.50]", "7e2", "null", "false"];
  for (const bytes of data) sender.send(`{"event":"client-x","channel":"${channel}","data":${bytes}}`);
  const got = await receiver.frames.atLeast(data.length, ({ event }) => event === "client-x", "client-x");
  got.forEach((frame, index) => assert.ok(frame.raw.includes(`"data":${data[index]}`), frame.raw));
});

test("acknowledged client events: a position where they are kept, none where not, an error where refused", async (t) => {
  const client = await raw(t, server);
  const kept = fresh("private-kept.");
  const passing = fresh("private-room.");
  await client.joined(kept);
  await client.joined(passing);
  const ack = async (number, frame) => {
    client.send({ ...frame, ack: number });
    const found = await client.frames.find(({ event, data }) => event === "parley:ack" && (typeof data === "string" ? JSON.parse(data) : data).ack === number, `ack ${number}`);
    return typeof found.data === "string" ? JSON.parse(found.data) : found.data;
  };
  const first = await ack(1, { event: "client-a", channel: kept, data: {} });
  const second = await ack(2, { event: "client-a", channel: kept, data: {} });
  assert.match(first.epoch, /^[0-9a-f]{16}$/);
  assert.equal(second.offset, first.offset + 1);
  const ephemeral = await ack(3, { event: "client-a", channel: passing, data: {} });
  assert.equal(ephemeral.offset, undefined);
  const denied = await ack(4, { event: "client-a", channel: "private-nowhere", data: {} });
  assert.equal(denied.error, "not_subscribed");
  const again = await ack(5, { event: "client-a", channel: kept, data: {}, idempotency_key: "k1" });
  const repeated = await ack(6, { event: "client-a", channel: kept, data: {}, idempotency_key: "k1" });
  assert.equal(repeated.offset, again.offset);
});

test("sign-in: user_data unchanged, one identity a connection", async (t) => {
  const client = await raw(t, server);
  const user = { id: "42", user_info: { name: "Ada" } };
  const success = await client.signIn(user);
  assert.equal(JSON.parse(success.data).user_data, JSON.stringify(user));
  assert.equal((await client.signIn({ id: "43" })).event, "pusher:error");
  await client.settle();
});

test("a sign-in that fails is told by pusher:error 4009 and ends the connection with 4009", async (t) => {
  const fails = async (what, send) => {
    const client = await raw(t, server);
    send(client);
    const error = await client.next("pusher:error");
    assert.equal((typeof error.data === "string" ? JSON.parse(error.data) : error.data).code, 4009, what);
    assert.equal((await client.whenClosed()).code, 4009, what);
  };
  await fails("a wrong secret", (client) => {
    client.app = { ...apps.main, secret: "wrong" };
    client.signIn({ id: "42" }).catch(() => {});
  });
  await fails("no JSON", (client) => client.send('{"event":"pusher:signin","data":{"auth":"k:s","user_data":"x"}}'));
  for (const user of [{}, { id: "" }, { id: null }, { id: {} }, { id: 1.5 }, { id: "a\0b" }, [], { id: "x".repeat(1_000) }]) {
    await fails(JSON.stringify(user).slice(0, 40), (client) => void client.signIn(user).catch(() => {}));
  }
});

test("server-to-user channels are for the user alone", async (t) => {
  const client = await raw(t, server);
  assert.notEqual((await client.subscribe("#server-to-user-7").catch(() => ({ event: "none" }))).event, "pusher_internal:subscription_succeeded");
  await client.signIn({ id: "7" });
  await client.joined("#server-to-user-7");
  assert.notEqual((await client.subscribe("#server-to-user-8")).event, "pusher_internal:subscription_succeeded");
});

test("a signed-in connection may join presence without channel_data", async (t) => {
  const client = await raw(t, server);
  await client.signIn({ id: "42", user_info: { name: "Ada" } });
  const channel = fresh("presence-room.");
  client.send({ event: "pusher:subscribe", data: { channel, auth: channelAuth(apps.main, client.socketId, channel) } });
  const answer = await client.next("pusher_internal:subscription_succeeded");
  assert.deepEqual(JSON.parse(answer.data).presence.hash, { 42: { name: "Ada" } });
});

test("4302: a watchlist that is too long; the sign-in stands", async (t) => {
  const client = await raw(t, server);
  client.signIn({ id: "1", watchlist: range(1, 101).map(String) }).catch(() => {});
  await client.next("pusher:signin_success");
  const error = await client.next("pusher:error");
  assert.equal((typeof error.data === "string" ? JSON.parse(error.data) : error.data).code, 4302);
});

test("subscribing twice is answered again and delivers once", async (t) => {
  const client = await raw(t, server);
  const channel = fresh("domain.");
  await client.joined(channel);
  await client.joined(channel);
  await trigger(server, apps.main, channel, "once", {});
  await trigger(server, apps.main, channel, "fence", {});
  await client.next("fence");
  assert.equal(client.of(channel, "once").length, 1);
});

test("after unsubscribe nothing comes; unsubscribing what is not subscribed harms nobody", async (t) => {
  const client = await raw(t, server);
  const [gone, stays] = [fresh("domain."), fresh("domain.")];
  await client.joined(gone);
  await client.joined(stays);
  client.unsubscribe(gone);
  client.unsubscribe("never-there");
  await client.settle();
  await trigger(server, apps.main, gone, "late", {});
  await trigger(server, apps.main, stays, "fence", {});
  await client.next("fence");
  assert.equal(client.of(gone, "late").length, 0);
});

test("tenants do not hear each other", async (t) => {
  const channel = fresh("domain.");
  const [one, two] = [await raw(t, server, apps.main), await raw(t, server, apps.other)];
  await one.joined(channel);
  await two.joined(channel);
  await trigger(server, apps.main, channel, "ours", {});
  await trigger(server, apps.other, channel, "theirs", {});
  await one.next("ours");
  await two.next("theirs");
  await trigger(server, apps.main, channel, "fence", {});
  await trigger(server, apps.other, channel, "fence", {});
  await one.next("fence");
  await two.next("fence");
  assert.equal(one.of(channel, "theirs").length + two.of(channel, "ours").length, 0);
});

test("more channels than one connection may have are refused one by one", async (t) => {
  const limited = await startServer({ apps: [{ ...apps.main, limits: { channels_per_connection_max: 3 } }] });
  t.after(() => limited.stop());
  const client = await raw(t, limited);
  for (const name of ["room.1", "room.2", "room.3"]) await client.joined(name);
  assert.equal((await client.subscribe("room.4")).event, "pusher:subscription_error");
  client.unsubscribe("room.1");
  await client.joined("room.4");
});
