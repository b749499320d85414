// Connection state recovery, frame by frame: what a client that brings a pid and an offset is sent, and where none may
// be believed.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { Endpoint } from "../lib/engine.js";
import { apps, fresh, range, startServer, test } from "../lib/harness.js";
import { call, channelAuth, trigger, userAuth } from "../lib/sign.js";
import { until } from "../lib/wait.js";

const app = { ...apps.main, limits: { client_events_per_second_max: 0 } };
const sections = {
  apps: [app],
  channels: [{ match: "domain.*", durability: "quorum", keep_client_events: true }],
  socketio: { ping_interval_ms: 400, ping_timeout_ms: 400 },
};
let server;
before(async () => {
  server = await startServer(sections);
});
after(() => server?.stop());

const publish = async (on, channel, from, to = from, extra = {}) => {
  for (const n of range(from, to)) {
    const answer = await trigger(on, app, channel, "n", n, extra);
    assert.equal(answer.status, 200, answer.text);
  }
};

const endpoint = (on = server) => new Endpoint(on.port, "/socket.io/");
const dial = async (t, payload = {}, on = server) => {
  const wire = await endpoint(on).connect();
  t.after(() => wire.cut());
  wire.send(`40${JSON.stringify(payload)}`);
  wire.before = [];
  for (;;) {
    const packet = await wire.packet("CONNECT");
    if (packet.startsWith("40")) return Object.assign(wire, JSON.parse(packet.slice(2)));
    wire.before.push(packet);
  }
};
// Resolves when the client was told that it is on the channel, and (`settled`) the offset that names it.
const subscribe = async (wire, channel, settled = true) => {
  wire.send(`428${JSON.stringify(["subscribe", { channel, auth: channelAuth(app, wire.sid, channel) }])}`);
  if (settled) await wire.next((packet) => packet.includes("parley:position"), "the offset");
  assert.doesNotMatch(await wire.next((packet) => packet.startsWith("438"), "an answer"), /error/);
};
const parsed = (packet) => JSON.parse(packet.slice(packet.indexOf("[")));
const lastOffset = (wire) => wire.packets.filter((packet) => typeof packet === "string" && packet.startsWith("42[")).map(parsed).map((args) => args.at(-1)).filter((last) => typeof last === "string").at(-1);

test("what was missed comes first, then CONNECT with the same sid and pid", async (t) => {
  const channel = fresh("private-domain.");
  const first = await dial(t);
  assert.equal(typeof first.pid, "string");
  assert.ok(first.pid.length >= 16, "a pid cannot be guessed");
  assert.notEqual(first.pid, first.sid);
  await subscribe(first, channel);
  await publish(server, channel, 1, 3);
  await first.next((packet) => packet.includes('["n"') && parsed(packet)[2] === 3, "3");
  const { sid, pid } = first;
  const offset = lastOffset(first);
  first.cut();
  await publish(server, channel, 4, 5);
  const second = await until(async () => {
    const tried = await dial(t, { pid, offset });
    return tried;
  }, "a connection");
  assert.deepEqual([second.sid, second.pid], [sid, pid]);
  assert.deepEqual(second.before.map((packet) => parsed(packet).slice(0, 3)), [["n", channel, 4], ["n", channel, 5]]);
  for (const packet of second.before) assert.equal(typeof parsed(packet)[3], "string");
});

test("an older offset brings more, an offset by pid alone brings all since the subscription", async (t) => {
  for (const [what, missing] of [["older", [2, 3, 4]], ["none", [1, 2, 3, 4]]]) {
    const channel = fresh("private-domain.");
    const first = await dial(t);
    await subscribe(first, channel);
    await publish(server, channel, 1);
    await first.next((packet) => packet.includes('["n"'), "1");
    const offset = what === "older" ? lastOffset(first) : undefined;
    await publish(server, channel, 2, 3);
    await first.next((packet) => packet.includes('["n"') && parsed(packet)[2] === 3, "3");
    first.cut();
    await publish(server, channel, 4);
    const second = await dial(t, { pid: first.pid, ...(offset ? { offset } : {}) });
    assert.equal(second.sid, first.sid, what);
    assert.deepEqual(second.before.map((packet) => parsed(packet)[2]), missing, what);
  }
});

test("a pid is good once: of all who bring it, one has the session", async (t) => {
  const channel = fresh("private-domain.");
  const first = await dial(t);
  await subscribe(first, channel);
  await publish(server, channel, 1);
  await first.next((packet) => packet.includes('["n"'), "1");
  const again = { pid: first.pid, offset: lastOffset(first) };
  first.cut();
  const all = await Promise.all(range(1, 5).map(() => dial(t, again)));
  all.push(await dial(t, again));
  // Who lost it to another is closed, or never had it.
  const holders = () => all.filter(({ open, sid }) => open && sid === first.sid);
  await until(() => holders().length <= 1, () => `one holder, there are ${holders().length}`);
  await publish(server, channel, 2);
  for (const wire of all.filter(({ open, sid }) => open && sid !== first.sid)) {
    assert.notEqual(wire.pid, first.pid);
    assert.deepEqual(wire.before, []);
    wire.send(`421${JSON.stringify(["presence", { channel }])}`);
    assert.match(await wire.next((packet) => packet.startsWith("431")), /not_subscribed/);
  }
  for (const wire of holders()) await wire.next((packet) => packet.includes('["n"') && parsed(packet)[2] === 2, "2");
  assert.equal(all.flatMap((wire) => wire.packets.filter((packet) => packet.includes?.('["n"') && parsed(packet)[2] === 2)).length, holders().length);
  assert.equal(holders().length, 1);
});

test("pids and offsets that are none get a new session, and harm nobody", async (t) => {
  const channel = fresh("private-domain.");
  const witness = await dial(t);
  await subscribe(witness, channel);
  await publish(server, channel, 1);
  await witness.next((packet) => packet.includes('["n"'), "1");
  const offset = lastOffset(witness);
  const flipped = witness.pid.slice(0, -1) + (witness.pid.endsWith("A") ? "B" : "A");
  for (const payload of [
    { pid: "x" },
    { pid: "" },
    { pid: "x".repeat(10_000) },
    { pid: flipped },
    { pid: witness.sid },
    { pid: 7, offset: 7 },
    { pid: null },
    { pid: {}, offset: [] },
    { pid: "../../x\u0000", offset },
    { offset },
  ]) {
    const wire = await dial(t, payload);
    assert.notEqual(wire.sid, witness.sid, JSON.stringify(payload).slice(0, 80));
    assert.notEqual(wire.pid, witness.pid);
    assert.deepEqual(wire.before, []);
  }
});

test("offsets that are none with a pid that is one: never a hole that is not told", async (t) => {
  const other = fresh("private-domain.");
  const stranger = await dial(t);
  await subscribe(stranger, other);
  await publish(server, other, 1);
  await stranger.next((packet) => packet.includes('["n"'), "1");
  const foreign = lastOffset(stranger);
  for (const offset of ["x", "", "a.b-c.d", "x".repeat(100_000), 7, null, {}, foreign, "\u0000"]) {
    const channel = fresh("private-domain.");
    const first = await dial(t);
    await subscribe(first, channel);
    await publish(server, channel, 1, 2);
    await first.next((packet) => packet.includes('["n"') && parsed(packet)[2] === 2, "2");
    first.cut();
    await publish(server, channel, 3);
    const second = await dial(t, { pid: first.pid, offset });
    // Either a new session, or everything that may be missing.
    const got = second.before.map((packet) => parsed(packet)[2]);
    if (second.pid === first.pid) assert.deepEqual(got, range(4 - got.length, 3), String(offset).slice(0, 40));
    else assert.deepEqual(second.before, []);
    if (second.pid === first.pid) assert.ok(got.length >= 1, "3 is missing");
  }
});

test("the fixture of conformance mode has it, too", async (t) => {
  const own = await startServer({}, { args: ["--conformance", "--conformance-port", "0", "--conformance-recovery"] });
  t.after(() => own.stop());
  const fixture = new Endpoint(own.conformancePort, "/socket.io/");
  const open = async (payload) => {
    const wire = await fixture.connect();
    t.after(() => wire.cut());
    wire.send(`40${payload === undefined ? "" : JSON.stringify(payload)}`);
    return wire;
  };
  const first = await open();
  const { sid, pid } = JSON.parse((await first.packet()).slice(2));
  assert.equal(typeof pid, "string");
  const auth = parsed(await first.packet());
  assert.deepEqual(auth.slice(0, 2), ["auth", {}]);
  assert.equal(typeof auth[2], "string");
  first.send('42["message","one"]');
  const one = parsed(await first.packet());
  assert.deepEqual(one.slice(0, 2), ["message-back", "one"]);
  first.send('451-["message",{"_placeholder":true,"num":0}]');
  first.send(Buffer.from([1, 2, 3]));
  const two = await first.packet();
  assert.match(two, /^451-\["message-back",\{"_placeholder":true,"num":0\},"[^"]+"\]$/);
  assert.deepEqual(await first.packet(), Buffer.from([1, 2, 3]));
  first.send('4212["message-with-ack","x"]');
  assert.equal(await first.packet(), '4312["x"]', "no offset in an acknowledgement");
  first.ws.close();
  await first.whenClosed();
  const second = await open({ pid, offset: one[2] });
  assert.equal(await second.packet(), two);
  assert.deepEqual(await second.packet(), Buffer.from([1, 2, 3]));
  assert.deepEqual(JSON.parse((await second.packet()).slice(2)), { sid, pid });
  const stranger = await open({ pid: "x", offset: one[2] });
  const theirs = JSON.parse((await stranger.packet()).slice(2));
  assert.ok(theirs.sid !== sid && theirs.pid !== pid);
});

// What the next connection with what this one had is sent; the connection breaks without a word.
const toldWhere = (wire) => wire.next((packet) => packet.includes("parley:position") && !packet.includes('"?"'), "the offset, when it stands in the log");
const comeBack = (t, wire, extra = {}) => {
  const again = { pid: wire.pid, offset: lastOffset(wire), ...extra };
  wire.cut();
  return dial(t, again);
};
const numbers = (wire, channel) => wire.before.map(parsed).filter(([event, on]) => event === "n" && on === channel).map((args) => args[2]);
const isOn = async (wire, channel) => {
  wire.send(`429${JSON.stringify(["history", { channel, limit: 1 }])}`);
  return !(await wire.next((packet) => packet.startsWith("439"), "an answer")).includes("not_subscribed");
};

test("the offset names every channel, also one where nothing was ever said", async (t) => {
  const channels = range(1, 3).map(() => fresh("private-domain."));
  const first = await dial(t);
  for (const [index, channel] of channels.entries()) {
    await subscribe(first, channel);
    assert.equal(lastOffset(first).split(".").length - 1, index + 1, lastOffset(first));
  }
  await publish(server, channels[1], 1);
  await first.next((packet) => packet.includes('["n"'), "1");
  assert.deepEqual(lastOffset(first).match(/\.\d+/g).sort(), [".0", ".0", ".1"]);
  const second = await comeBack(t, first);
  assert.equal(second.sid, first.sid);
  for (const channel of channels) assert.ok(await isOn(second, channel));
});

test("an offset that names a channel which the session does not have: something may have been missed there", async (t) => {
  const [channel, other] = [fresh("private-domain."), fresh("private-domain.")];
  const stranger = await dial(t);
  await subscribe(stranger, other);
  const first = await dial(t);
  await subscribe(first, channel);
  assert.match(lastOffset(stranger), /^.{6}\.0$/);
  const second = await comeBack(t, first, { offset: `${lastOffset(first)}-${lastOffset(stranger)}` });
  assert.notEqual(second.sid, first.sid);
});

test("a channel that was left is not joined again, whether anything was said there or not", async (t) => {
  const [stays, quiet, loud] = [fresh("private-domain."), fresh("private-domain."), fresh("private-domain.")];
  const first = await dial(t);
  for (const channel of [stays, quiet, loud]) await subscribe(first, channel);
  await publish(server, loud, 1);
  await first.next((packet) => packet.includes('["n"'), "1");
  for (const channel of [quiet, loud]) {
    first.send(`425${JSON.stringify(["unsubscribe", { channel }])}`);
    await first.next((packet) => packet.startsWith("435"), "an answer");
    await toldWhere(first);
  }
  const second = await comeBack(t, first);
  assert.equal(second.sid, first.sid);
  assert.ok(await isOn(second, stays));
  for (const channel of [quiet, loud]) assert.ok(!(await isOn(second, channel)));
});

test("a channel without a history ends recovery while the client is on it, and only then", async (t) => {
  const [durable, passing] = [fresh("private-domain."), fresh("private-room.")];
  const first = await dial(t);
  await subscribe(first, durable);
  await subscribe(first, passing);
  const second = await comeBack(t, first);
  assert.notEqual(second.sid, first.sid);
  await subscribe(second, passing, false);
  await subscribe(second, durable, false);
  second.send(`425${JSON.stringify(["unsubscribe", { channel: passing }])}`);
  await second.next((packet) => packet.startsWith("435"), "an answer");
  await toldWhere(second);
  await publish(server, durable, 1);
  await second.next((packet) => packet.includes('["n"'), "1");
  const third = await comeBack(t, second);
  assert.equal(third.sid, second.sid);
});

test("kicked from a channel, then cut: it comes back to the others", async (t) => {
  const [stays, room] = [fresh("private-domain."), fresh("presence-domain.")];
  const id = fresh("ada");
  const first = await dial(t);
  await subscribe(first, stays);
  const data = JSON.stringify({ user_id: id, user_info: {} });
  first.send(`421${JSON.stringify(["subscribe", { channel: room, auth: channelAuth(app, first.sid, room, data), channel_data: data }])}`);
  await first.next((packet) => packet.startsWith("431"), "joined");
  await publish(server, room, 1);
  await first.next((packet) => packet.includes('["n"'), "1");
  assert.equal((await call(server, app, "POST", `/apps/${app.id}/users/${id}/kick`, { body: { channel: room, for_seconds: 60 } })).status, 200);
  await first.next((packet) => packet.includes("subscription_error"), "the kick");
  const told = await toldWhere(first);
  assert.equal(parsed(told)[1].split(".").length, 2, "one channel is left");
  const second = await comeBack(t, first);
  assert.equal(second.sid, first.sid);
  assert.ok(await isOn(second, stays));
  assert.ok(!(await isOn(second, room)));
});

test("its own events do not come to it as missed: published by HTTP with its id, or sent when the connection broke", async (t) => {
  const channel = fresh("private-domain.");
  const witness = await dial(t);
  await subscribe(witness, channel);
  const first = await dial(t);
  await subscribe(first, channel);
  await publish(server, channel, 1);
  await first.next((packet) => packet.includes('["n"'), "1");
  const offset = lastOffset(first);
  first.send(`42${JSON.stringify(["client event", { channel, event: "client-mine", data: 1 }])}`);
  await witness.next((packet) => packet.includes("client-mine"), "the event");
  const second = await (async () => {
    first.cut();
    await publish(server, channel, 2, 2, { socket_id: first.sid });
    await publish(server, channel, 3);
    return dial(t, { pid: first.pid, offset });
  })();
  assert.equal(second.sid, first.sid);
  assert.deepEqual(second.before.map(parsed).map(([event, , data]) => [event, data]), [["n", 3]]);
  // And what follows has its place behind them.
  await publish(server, channel, 4);
  await second.next((packet) => packet.includes('["n"'), "4");
  const third = await comeBack(t, second);
  assert.equal(third.sid, first.sid);
  assert.deepEqual(third.before, []);
});

test("connections that break while they are recovered cost nothing: the next one is", async (t) => {
  const channels = range(1, 5).map(() => fresh("private-domain."));
  const first = await dial(t);
  for (const channel of channels) await subscribe(first, channel);
  for (const channel of channels) await publish(server, channel, 1, 20);
  for (const channel of channels) await first.next((packet) => packet.includes('["n"') && packet.includes(channel) && parsed(packet)[2] === 20, "20");
  const again = { pid: first.pid, offset: lastOffset(first) };
  first.cut();
  for (const channel of channels) await publish(server, channel, 21, 40);
  // Each ends at another moment: with the frame, with the next turn, a little later.
  const heard = [];
  for (const turns of range(0, 14)) {
    const wire = await endpoint().connect();
    wire.send(`40${JSON.stringify(again)}`);
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
    // Once it was told that it is connected, the session is this one's.
    const connected = wire.packets.find((packet) => typeof packet === "string" && packet.startsWith("40"));
    if (connected !== undefined && JSON.parse(connected.slice(2)).sid === first.sid) {
      again.offset = lastOffset(wire) ?? again.offset;
      heard.push(...wire.packets.filter((packet) => packet.includes?.('["n"')));
    }
    wire.cut();
  }
  // What was taken comes back in a moment.
  const last = await until(async () => {
    const wire = await dial(t, again);
    return wire.sid === first.sid && wire;
  }, "to be recovered");
  last.before.unshift(...heard);
  for (const channel of channels) assert.deepEqual(numbers(last, channel), range(21, 40));
});

test("killed at any moment while channels are joined and left: what the client was told is so, or it is not recovered", { timeout: 180_000 }, async (t) => {
  const own = await startServer(sections);
  t.after(() => own.stop());
  for (const round of range(1, 16)) {
    const wire = await dial(t, {}, own);
    const count = round % 4 === 3 ? 40 : 3;
    const channels = range(1, count).map(() => fresh("private-domain."));
    channels.forEach((channel, n) => wire.send(`42${n}${JSON.stringify(["subscribe", { channel, auth: channelAuth(app, wire.sid, channel) }])}`));
    const settled = round % 4 === 0;
    const leaves = round % 2 === 0;
    const answered = settled || leaves ? count - 1 : Math.floor((count * round) / 16);
    await wire.next((packet) => packet.startsWith(`43${answered}[`), "an answer");
    if (leaves) {
      wire.send(`4299${JSON.stringify(["unsubscribe", { channel: channels[0] }])}`);
      await wire.next((packet) => packet.startsWith("4399["), "an answer");
      if (settled) await toldWhere(wire);
    }
    await own.restart();
    const joined = wire.packets.filter((packet) => typeof packet === "string" && /^43\d+\[/.test(packet)).map((packet) => parsed(packet)[0].channel).filter((channel) => channel !== undefined);
    const back = await dial(t, { pid: wire.pid, offset: lastOffset(wire) }, own);
    if (back.sid !== wire.sid) {
      assert.ok(!settled, `round ${round}: it stood in the log, and is not recovered`);
      continue;
    }
    for (const channel of joined) {
      const left = leaves && channel === channels[0];
      assert.equal(await isOn(back, channel), !left, `round ${round}: channel ${joined.indexOf(channel) + 1} of ${joined.length}${left ? " was left" : ""}`);
    }
  }
});

test("one that subscribes to the same channel again and again is written once, not each time", async (t) => {
  const channel = fresh("private-domain.");
  const wire = await dial(t);
  await subscribe(wire, channel);
  const written = () => server.metric("parley_commands_applied_total");
  await publish(server, channel, 1);
  const before = await written();
  for (const n of range(1, 300)) wire.send(`42${n}${JSON.stringify(["subscribe", { channel, auth: channelAuth(app, wire.sid, channel) }])}`);
  await wire.next((packet) => packet.startsWith("43300["), "the last answer");
  assert.ok((await written()) - before < 100, `${(await written()) - before} commands`);
});

test("who joins and leaves without end is kept some times in a second, and others are served", async (t) => {
  const [channel, other] = [fresh("private-domain."), fresh("private-domain.")];
  const wire = await dial(t);
  const witness = await dial(t);
  await subscribe(witness, other);
  const written = () => server.metric("parley_commands_applied_total");
  const before = await written();
  const begin = performance.now();
  for (const n of range(1, 500)) {
    wire.send(`42${JSON.stringify(["subscribe", { channel, auth: channelAuth(app, wire.sid, channel) }])}`);
    wire.send(`42${n}${JSON.stringify(["unsubscribe", { channel }])}`);
  }
  for (let n = 10; n <= 500; n += 10) await wire.next((packet) => packet.startsWith(`43${n}[`), `answer ${n}`);
  const took = (performance.now() - begin) / 1_000;
  const commands = (await written()) - before;
  assert.ok(commands < 60 + 40 * took, `${commands} commands in ${took} s`);
  await publish(server, other, 1);
  await witness.next((packet) => packet.includes('["n"'), "1");
});

test("what is said before CONNECT is answered comes to nothing, and hides nothing", async (t) => {
  const [channel, early] = [fresh("private-domain."), fresh("private-domain.")];
  const first = await dial(t);
  await subscribe(first, channel);
  const again = { pid: first.pid, offset: lastOffset(first) };
  first.cut();
  await publish(server, channel, 1);
  const wire = await endpoint().connect();
  t.after(() => wire.cut());
  wire.send(`40${JSON.stringify(again)}`);
  wire.send(`42${JSON.stringify(["subscribe", { channel: early, auth: channelAuth(app, first.sid, early) }])}`);
  const connected = JSON.parse((await wire.next((packet) => packet.startsWith("40"), "CONNECT")).slice(2));
  const before = wire.packets.filter((packet) => packet.includes?.('["n"')).map((packet) => parsed(packet)[2]);
  assert.deepEqual([connected.sid, before], connected.pid === first.pid ? [first.sid, [1]] : [connected.sid, []]);
});

test("a sign-in changes whose session it is: after a kill it is this user's, or not recovered", async (t) => {
  const own = await startServer(sections);
  t.after(() => own.stop());
  const wire = await dial(t, {}, own);
  await subscribe(wire, fresh("private-domain."));
  const user_data = JSON.stringify({ id: fresh("u") });
  wire.send(`421${JSON.stringify(["signin", { auth: userAuth(app, wire.sid, user_data), user_data }])}`);
  assert.doesNotMatch(await wire.next((packet) => packet.startsWith("431"), "an answer"), /error/);
  await own.restart();
  const back = await dial(t, { pid: wire.pid, offset: lastOffset(wire) }, own);
  assert.notEqual(back.sid, wire.sid, "nobody would have signed in again");
});
