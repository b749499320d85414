// From polling to WebSocket, frame by frame: the probe, what may go wrong with it, and that nothing is lost meanwhile.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { Endpoint } from "../lib/engine.js";
import { assertEchoes, assertError, second } from "../lib/engine_checks.js";
import { range, startServer, test } from "../lib/harness.js";
import { until } from "../lib/wait.js";

let server;
let echo; // Engine.IO alone
let slow; // the application's endpoint, with short times where tests would wait
before(async () => {
  server = await startServer({ socketio: { upgrade_timeout_ms: 300, message_bytes_max: 50_000 } }, { args: ["--conformance", "--conformance-port", "0"] });
  echo = new Endpoint(server.port);
  slow = new Endpoint(server.port, "/socket.io/");
});
after(() => server?.stop());

const wire = async (t, endpoint = echo, ...rest) => {
  const connected = await endpoint.connect(...rest);
  t.after(() => connected.cut());
  return connected;
};
const upgraded = async (t, session) => {
  const opened = await session.upgrade();
  t.after(() => opened.cut());
  return opened;
};

test("from polling to WebSocket", async (t) => {
  const session = await echo.open();
  const client = await upgraded(t, session);
  client.send("4hello");
  assert.equal(await client.packet(), "4hello");
  client.send(Buffer.from([1, 2, 3]));
  assert.deepEqual(await client.packet(), Buffer.from([1, 2, 3]));
  await until(() => client.pings >= 3, "pings on the WebSocket");
});

test("while it is probed, the poll that waits is answered with a noop, and again", async (t) => {
  const session = await echo.open();
  const client = second(t, session);
  await client.opened;
  const poll = session.poll();
  client.send("2probe");
  assert.equal(await client.packet(), "3probe");
  assert.match((await poll).text, /^(6|2)$/);
  assert.match((await session.poll()).text, /^(6|2)$/, "the next poll is not left to wait either");
  client.send("5");
  client.send("4hello");
  assert.equal(await client.packet(), "4hello");
});

test("a client need not wait for the answer to its probe", async (t) => {
  const session = await echo.open();
  const client = second(t, session);
  await client.opened;
  for (const packet of ["2probe", "5", "4hello"]) client.send(packet);
  assert.equal(await client.packet(), "3probe");
  assert.equal(await client.next((packet) => packet !== "6", "the echo"), "4hello");
  assertError(await session.poll(), 3, "Bad request");
});

test("until the client says so, messages go by polling", async (t) => {
  const session = await echo.open();
  const client = second(t, session);
  await client.opened;
  client.send("2probe");
  await client.packet();
  await session.post("4before");
  assert.deepEqual(await session.messages(1), ["4before"]);
  client.send("5");
  client.send("4after");
  assert.equal(await client.packet(), "4after");
});

test("what nobody has polled yet goes over the WebSocket afterwards, in order", async (t) => {
  const session = await echo.open();
  await session.post(["4one", "4two", "bAQID"]);
  const client = await upgraded(t, session);
  client.send("4three");
  assert.deepEqual([await client.packet(), await client.packet(), await client.packet(), await client.packet()], ["4one", "4two", Buffer.from([1, 2, 3]), "4three"]);
});

test("under load nothing is lost, doubled or out of order", async (t) => {
  for (const round of range(1, 10)) {
    const session = await echo.open();
    const got = [];
    let polling = true;
    const polls = (async () => {
      while (polling) {
        const answer = await session.poll();
        if (answer.status !== 200) return;
        for (const packet of answer.packets) {
          if (packet === "2") await session.post("3").catch(() => {});
          else if (packet[0] === "4") got.push(packet);
        }
      }
    })();
    let sent = 0;
    const say = () => `4${++sent}`;
    for (const _ of range(1, round)) await session.post([say(), say()]);
    const client = second(t, session);
    await client.opened;
    client.send("2probe");
    await session.post([say(), say(), say()]);
    await client.next((packet) => packet === "3probe", "3probe");
    await session.post([say(), say()]);
    // A client pauses its polling, then says so.
    polling = false;
    await polls;
    client.send("5");
    for (const _ of range(1, 20)) client.send(say());
    await until(() => got.length + client.packets.filter((packet) => packet[0] === "4").length >= sent, () => `${sent} echoes`);
    assert.deepEqual([...got, ...client.packets.filter((packet) => packet[0] === "4")], range(1, sent).map((n) => `4${n}`));
    client.cut();
  }
});

test("after it, polling requests of the session are refused", async (t) => {
  const session = await echo.open();
  const client = await upgraded(t, session);
  client.send("4a");
  await client.packet();
  assertError(await session.poll(), 3, "Bad request");
  assertError(await session.post("4hello"), 3, "Bad request");
  client.send("4hello");
  assert.equal(await client.packet(), "4hello");
});

test("a second WebSocket after it is closed; the first goes on", async (t) => {
  const session = await echo.open();
  const client = await upgraded(t, session);
  client.send("4a");
  await client.packet();
  const other = second(t, session);
  await other.whenClosed();
  client.send("4hello");
  assert.equal(await client.packet(), "4hello");
});

test("a second WebSocket during it is closed; the first goes on", async (t) => {
  const session = await echo.open();
  const client = second(t, session);
  await client.opened;
  client.send("2probe");
  await client.packet();
  const other = second(t, session);
  await other.whenClosed();
  client.send("5");
  client.send("4hello");
  assert.equal(await client.packet(), "4hello");
});

test("a second WebSocket for a session that began as one is closed; the first goes on", async (t) => {
  const client = await wire(t);
  const other = second(t, client, echo);
  await other.whenClosed();
  client.send("4hello");
  assert.equal(await client.packet(), "4hello");
});

for (const first of ["4hello", "2", "2prob", "3probe", "5", "abc", Buffer.from("2probe")]) {
  test(`a first frame that is no probe closes the WebSocket, and polling goes on: ${Buffer.isBuffer(first) ? "binary" : first}`, async (t) => {
    const session = await echo.open();
    const client = second(t, session);
    await client.opened;
    client.send(first);
    await client.whenClosed();
    await assertEchoes(session);
  });
}

test("after a failed attempt the next one succeeds", async (t) => {
  const session = await echo.open();
  const failed = second(t, session);
  await failed.opened;
  failed.send("4no");
  await failed.whenClosed();
  const client = await upgraded(t, session);
  client.send("4hello");
  assert.equal(await client.next((packet) => packet[0] === "4", "the echo"), "4hello");
});

test("a probe that breaks off leaves the session to polling", async (t) => {
  const session = await echo.open();
  const client = second(t, session);
  await client.opened;
  client.send("2probe");
  await client.packet();
  client.cut();
  await client.whenClosed();
  await assertEchoes(session);
});

for (const [what, frames] of Object.entries({ "never begun": [], "never finished": ["2probe"] })) {
  test(`an upgrade that is ${what} is closed after upgradeTimeout, and polling goes on`, async (t) => {
    const session = await slow.open();
    const began = performance.now();
    const client = second(t, session, slow);
    await client.opened;
    for (const packet of frames) client.send(packet);
    await client.whenClosed();
    const took = performance.now() - began;
    assert.ok(took > 250, `closed after ${took} ms`);
    assert.equal((await session.post("40")).text, "ok");
    assert.match(await session.next((packet) => packet.startsWith("40"), "CONNECT"), /^40\{"sid"/);
  });
}
