// Socket.IO protocol 5, packet by packet, against the fixture of conformance mode: `message` comes back as
// `message-back`, `message-with-ack` is acknowledged with its arguments, `auth` tells what CONNECT carried.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { Endpoint, exchange, separator, Wire } from "../lib/engine.js";
import { range, startServer, test } from "../lib/harness.js";
import { until, within } from "../lib/wait.js";

let server;
let endpoint;
before(async () => {
  server = await startServer({}, { args: ["--conformance", "--conformance-port", "0"] });
  assert.ok(server.conformancePort > 0, "the ready line names no conformance port");
  endpoint = new Endpoint(server.conformancePort, "/socket.io/");
});
after(() => server?.stop());

const open = async (t) => {
  const client = await endpoint.connect();
  t.after(() => client.cut());
  return client;
};
// Connected to a namespace; its greeting is read.
const joined = async (t, namespace = "") => {
  const client = await open(t);
  await join(client, namespace);
  return client;
};
const join = async (client, namespace = "") => {
  client.send(`40${namespace}`);
  const answer = await client.packet("CONNECT");
  assert.ok(answer.startsWith(`40${namespace}`), answer);
  assert.match(await client.packet("auth"), /^42.*\["auth",/);
  return JSON.parse(answer.slice(2 + namespace.length)).sid;
};
const assertEchoes = async (client, text = "still here") => {
  client.send(`42["message","${text}"]`);
  assert.equal(await client.packet("the echo"), `42["message-back","${text}"]`);
};
const rest = (packet) => JSON.parse(packet.replace(/^[^[{]*/, ""));

describe("the session below", () => {
  test("says the times of the fixture, by polling and by WebSocket", async (t) => {
    const times = { pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 };
    const { handshake } = await endpoint.open();
    assert.deepEqual({ ...handshake, sid: typeof handshake.sid }, { sid: "string", upgrades: ["websocket"], ...times });
    const client = await open(t);
    assert.deepEqual({ ...client.handshake, sid: typeof client.sid }, { sid: "string", upgrades: [], ...times });
  });

  for (const query of ["transport=polling", "EIO=abc&transport=polling", "EIO=4", "EIO=4&transport=abc"]) {
    test(`is refused to who asks for it wrongly: ${query}`, async () => {
      assert.equal((await exchange(server.conformancePort, "GET", `/socket.io/?${query}`)).status, 400);
    });
    test(`is refused to who asks for it wrongly, by WebSocket: ${query.replace("polling", "websocket")}`, async (t) => {
      const socket = new Wire(server.conformancePort, `/socket.io/?${query.replace("polling", "websocket")}`);
      t.after(() => socket.cut());
      await within(Promise.race([socket.refused, socket.closed]), "a refusal");
      assert.deepEqual(socket.frames.items, []);
    });
  }

  test("does not begin with a POST or a PUT", async () => {
    for (const method of ["POST", "PUT"]) assert.equal((await endpoint.request(method, { transport: "polling" })).status, 400, method);
  });

  test("is asked for pongs before anybody connects, by polling and by WebSocket", async (t) => {
    const client = await open(t);
    await until(() => client.pings >= 2, "two pings");
    const session = await endpoint.open();
    for (const _ of range(1, 2)) {
      assert.equal((await session.poll()).text, "2");
      assert.equal((await session.post("3")).text, "ok");
    }
  });

  test("ends when pings are not answered, by polling and by WebSocket", async (t) => {
    const client = await endpoint.connect({}, { pongs: false });
    t.after(() => client.cut());
    const session = await endpoint.open();
    await client.whenClosed(900); // before connectTimeout does it
    await until(async () => (await session.request("PUT")).json?.code === 1, "the session to be dropped");
  });

  test("ends when the client says so, by polling and by WebSocket", async (t) => {
    const session = await endpoint.open();
    assert.equal((await session.post("1")).text, "ok");
    assert.equal((await session.poll()).status, 400);
    const client = await open(t);
    client.send("1");
    await client.whenClosed(900);
  });

  test("goes over to a WebSocket before anybody connects; its id is of no use then", async (t) => {
    const session = await endpoint.open();
    const client = await session.upgrade();
    t.after(() => client.cut());
    await join(client);
    assert.equal((await session.poll()).status, 400);
    const other = session.socket();
    t.after(() => other.cut());
    await other.whenClosed();
    await assertEchoes(client);
  });
});

describe("connect", () => {
  test("to the main namespace", async (t) => {
    const client = await open(t);
    client.send("40");
    const answer = await client.packet();
    assert.match(answer, /^40\{/);
    assert.deepEqual(Object.keys(rest(answer)), ["sid"]);
    assert.equal(await client.packet(), '42["auth",{}]');
  });

  test("with a payload", async (t) => {
    const client = await open(t);
    client.send('40{"token":"123","more":{"a":[1,null,true,"ü"]}}');
    assert.match(await client.packet(), /^40\{"sid":"[^"]+"\}$/);
    assert.equal(await client.packet(), '42["auth",{"token":"123","more":{"a":[1,null,true,"ü"]}}]');
  });

  for (const [what, packet] of Object.entries({ "with a comma": "40/custom,", "without a comma": "40/custom" })) {
    test(`to another namespace, ${what}`, async (t) => {
      const client = await open(t);
      client.send(packet);
      assert.match(await client.packet(), /^40\/custom,\{"sid":"[^"]+"\}$/);
      assert.equal(await client.packet(), '42/custom,["auth",{}]');
    });
  }

  test("to another namespace, with a payload", async (t) => {
    const client = await open(t);
    client.send('40/custom,{"token":"abc"}');
    assert.match(await client.packet(), /^40\/custom,\{"sid":"[^"]+"\}$/);
    assert.equal(await client.packet(), '42/custom,["auth",{"token":"abc"}]');
  });

  test("with a pid and an offset, which mean nothing where nothing is recovered", async (t) => {
    const client = await open(t);
    client.send('40{"pid":"x","offset":"y"}');
    assert.match(await client.packet(), /^40\{"sid":"[^"]+"\}$/);
    assert.equal(await client.packet(), '42["auth",{"pid":"x","offset":"y"}]');
  });

  test("by polling", async () => {
    const session = await endpoint.open();
    await session.post('40{"token":"123"}');
    const [connect, auth] = await session.messages(2);
    assert.match(connect, /^40\{"sid":"[^"]+"\}$/);
    assert.equal(auth, '42["auth",{"token":"123"}]');
  });

  test("to two namespaces at once: each has a socket id of its own, which is not the session's", async (t) => {
    const client = await open(t);
    const ids = [client.sid, await join(client), await join(client, "/custom,")];
    assert.equal(new Set(ids).size, 3, ids.join(" "));
  });

  test("to a namespace that is none: an error, and the others go on", async (t) => {
    const client = await joined(t);
    client.send("40/random");
    assert.equal(await client.packet(), '44/random,{"message":"Invalid namespace"}');
    client.send('40/random2,{"token":"x"}');
    assert.equal(await client.packet(), '44/random2,{"message":"Invalid namespace"}');
    await assertEchoes(client);
  });

  test("nobody connects: closed after connectTimeout, by WebSocket", async (t) => {
    const began = performance.now();
    const client = await open(t);
    await client.whenClosed();
    const took = performance.now() - began;
    assert.ok(took > 900, `closed after ${took} ms`);
  });

  test("nobody connects: closed after connectTimeout, by polling", async () => {
    const began = performance.now();
    const session = await endpoint.open();
    await session.ended();
    const took = performance.now() - began;
    assert.ok(took > 900, `closed after ${took} ms`);
  });

  test("let into no namespace: closed after connectTimeout, too", async (t) => {
    const client = await open(t);
    client.send("40/random");
    assert.match(await client.packet(), /^44\/random,/);
    await client.whenClosed();
  });

  test("connected in time: not closed by connectTimeout", async (t) => {
    const client = await joined(t);
    const began = client.pings;
    // Five pings are 1.5 s.
    await client.frames.wait(() => client.pings >= began + 5, "five pings");
    await assertEchoes(client);
  });

  for (const packet of ["4", "4abc", '42["message","x"]', "41", '430["x"]', '42/custom,["message"]', '44{"message":"x"}', Buffer.from([1])]) {
    test(`closed: ${Buffer.isBuffer(packet) ? "a binary frame" : packet} before any CONNECT`, async (t) => {
      const client = await open(t);
      client.send(packet);
      await client.whenClosed(900); // before connectTimeout does it
    });
  }

  test("closed: CONNECT twice to one namespace", async (t) => {
    const client = await joined(t);
    client.send("40");
    await client.whenClosed();
  });

  for (const packet of ['40"x"', "40[]", "40null", '40{"a":', "40{}x", "40x", '40/custom,"x"', "40/custom,[]"]) {
    test(`closed: a CONNECT that is none: ${packet}`, async (t) => {
      const client = await open(t);
      client.send(packet);
      await client.whenClosed(900);
    });
  }
});

describe("disconnect", () => {
  test("from the main namespace: the session stays, and may connect again under another id", async (t) => {
    const client = await open(t);
    const first = await join(client);
    client.send("41");
    const before = client.pings;
    await client.frames.wait(() => client.pings >= before + 2, "pings");
    assert.ok(client.open);
    assert.notEqual(await join(client), first);
    await assertEchoes(client);
  });

  for (const packet of ["41/custom,", "41/custom"]) {
    test(`from another namespace (${packet}): the main one goes on`, async (t) => {
      const client = await joined(t);
      await join(client, "/custom,");
      client.send(packet);
      await assertEchoes(client);
      await join(client, "/custom,");
    });
  }

  test("closed: a DISCONNECT with a payload", async (t) => {
    const client = await joined(t);
    client.send('41{"why":1}');
    await client.whenClosed();
  });

  test("every namespace ends with the session", async (t) => {
    const client = await joined(t);
    await join(client, "/custom,");
    client.ws.close();
    await client.whenClosed();
  });
});

describe("messages", () => {
  test("plain", async (t) => {
    const client = await joined(t);
    client.send('42["message",1,"2",{"3":[true]}]');
    assert.equal(await client.packet(), '42["message-back",1,"2",{"3":[true]}]');
  });

  test("without arguments, and with many", async (t) => {
    const client = await joined(t);
    client.send('42["message"]');
    assert.equal(await client.packet(), '42["message-back"]');
    const many = JSON.stringify(["message", ...range(1, 500)]);
    client.send(`42${many}`);
    assert.deepEqual(rest(await client.packet()).slice(1), range(1, 500));
  });

  test("what JSON can say arrives as it was said", async (t) => {
    const client = await joined(t);
    const said = [null, true, -0.5, 1e21, "", "\u2028 \u0000 \" \\ /", "世界 👋", [[], {}], { a: { b: [{ c: null }] }, __proto: 1, "": 0 }];
    client.send(`42${JSON.stringify(["message", ...said])}`);
    assert.deepEqual(rest(await client.packet()), ["message-back", ...said]);
  });

  test("many, in order, by WebSocket and by polling", async (t) => {
    const client = await joined(t);
    for (const n of range(1, 1000)) client.send(`42["message",${n}]`);
    for (const n of range(1, 1000)) assert.equal(await client.packet(), `42["message-back",${n}]`);
    const session = await endpoint.open();
    await session.post("40");
    await session.messages(2);
    for (const n of range(0, 9)) await session.post(range(1, 100).map((m) => `42["message",${n * 100 + m}]`));
    assert.deepEqual(await session.messages(1000), range(1, 1000).map((n) => `42["message-back",${n}]`));
  });

  test("across an upgrade", async (t) => {
    const session = await endpoint.open();
    await session.post("40");
    await session.messages(2);
    await session.post('42["message","polling"]');
    const client = await session.upgrade();
    t.after(() => client.cut());
    client.send('42["message","websocket"]');
    assert.equal(await client.packet(), '42["message-back","polling"]');
    assert.equal(await client.packet(), '42["message-back","websocket"]');
  });

  for (const [what, packet, answer] of [
    ["arguments", '42456["message-with-ack",1,"2",{"3":[false]}]', '43456[1,"2",{"3":[false]}]'],
    ["the id 0", '420["message-with-ack","x"]', '430["x"]'],
    ["no arguments", '427["message-with-ack"]', "437[]"],
    ["a large id", '429007199254740991["message-with-ack",1]', "439007199254740991[1]"],
  ]) {
    test(`acknowledged, with ${what}`, async (t) => {
      const client = await joined(t);
      client.send(packet);
      assert.equal(await client.packet(), answer);
    });
  }

  test("acknowledgements that nobody waits for are passed over", async (t) => {
    const client = await joined(t);
    client.send('43999["x"]');
    client.send("430[]");
    await assertEchoes(client);
  });

  test("events that nobody listens to are passed over, by name or by number", async (t) => {
    const client = await joined(t);
    for (const packet of ['42["nobody listens",1]', "42[7,1]", '42["constructor"]', '42["__proto__",{}]', '42[""]']) client.send(packet);
    await assertEchoes(client);
  });
});

describe("binary", () => {
  const placeholder = (num) => ({ _placeholder: true, num });

  test("two attachments", async (t) => {
    const client = await joined(t);
    client.send('452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    client.send(Buffer.from([1, 2, 3]));
    client.send(Buffer.from([4, 5, 6]));
    assert.equal(await client.packet(), '452-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    assert.deepEqual(await client.packet(), Buffer.from([1, 2, 3]));
    assert.deepEqual(await client.packet(), Buffer.from([4, 5, 6]));
  });

  test("acknowledged", async (t) => {
    const client = await joined(t);
    client.send('452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    client.send(Buffer.from([1, 2, 3]));
    client.send(Buffer.from([4, 5, 6]));
    assert.equal(await client.packet(), '462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    assert.deepEqual(await client.packet(), Buffer.from([1, 2, 3]));
    assert.deepEqual(await client.packet(), Buffer.from([4, 5, 6]));
  });

  test("deep in objects, out of order, and empty", async (t) => {
    const client = await joined(t);
    const attachments = [[0], [], [255, 254]].map((bytes) => Buffer.from(bytes));
    client.send(`453-${JSON.stringify(["message", { a: [placeholder(2)], b: { c: placeholder(0) } }, placeholder(1)])}`);
    for (const bytes of attachments) client.send(bytes);
    // Which placeholder means which attachment is what counts, not how they are numbered on the way back.
    const answer = await client.packet();
    assert.match(answer, /^453-\["message-back",/);
    const back = [await client.packet(), await client.packet(), await client.packet()];
    const put = (value) => (value?._placeholder ? back[value.num] : Array.isArray(value) ? value.map(put) : typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, put(inner)])) : value);
    assert.deepEqual(put(rest(answer.slice(4))).slice(1), [{ a: [attachments[2]], b: { c: attachments[0] } }, attachments[1]]);
  });

  test("by polling it is base64", async () => {
    const session = await endpoint.open();
    await session.post("40");
    await session.messages(2);
    await session.post(['451-["message",{"_placeholder":true,"num":0}]', "bAQIDBA=="]);
    assert.deepEqual(await session.messages(2), ['451-["message-back",{"_placeholder":true,"num":0}]', "bAQIDBA=="]);
    // The attachment may come with the next body.
    await session.post('451-9["message-with-ack",{"_placeholder":true,"num":0}]');
    await session.post(["bAQID", '42["message","after"]']);
    assert.deepEqual(await session.messages(3), ['461-9[{"_placeholder":true,"num":0}]', "bAQID", '42["message-back","after"]']);
  });

  test("a text event with something that looks like a placeholder is data", async (t) => {
    const client = await joined(t);
    const packet = JSON.stringify(["message", placeholder(0), placeholder("x")]);
    client.send(`42${packet}`);
    assert.equal(await client.packet(), `42${packet.replace("message", "message-back")}`);
    await assertEchoes(client);
  });

  test("large attachments pass as long as each is within maxPayload", async (t) => {
    const client = await joined(t);
    client.send(`453-${JSON.stringify(["message", placeholder(0), placeholder(1), placeholder(2)])}`);
    for (const n of range(1, 3)) client.send(Buffer.alloc(900_000, n));
    await client.packet();
    for (const n of range(1, 3)) {
      const bytes = await client.packet();
      assert.ok(bytes.length === 900_000 && bytes[0] === n && bytes[899_999] === n);
    }
  });

  test("ten attachments are allowed, eleven are not", async (t) => {
    const packet = (count) => `45${count}-${JSON.stringify(["message", ...range(0, count - 1).map(placeholder)])}`;
    const client = await joined(t);
    client.send(packet(10));
    for (const n of range(1, 10)) client.send(Buffer.from([n]));
    assert.equal((await client.packet()).slice(0, 5), "4510-");
    for (const n of range(1, 10)) assert.deepEqual(await client.packet(), Buffer.from([n]));
    client.send(packet(11));
    await client.whenClosed();
  });

  const bytes = Buffer.from([1, 2, 3]);
  for (const [what, frames] of Object.entries({
    "a million attachments": ['451000000-["message",{"_placeholder":true,"num":0}]'],
    "a number of attachments beyond all numbers": [`45${"9".repeat(400)}-["message"]`],
    "no number of attachments": ['45["message",{"_placeholder":true,"num":0}]', bytes],
    "a number without a dash": ['451["message",{"_placeholder":true,"num":0}]', bytes],
    "a negative number": ['45-1-["message",{"_placeholder":true,"num":0}]', bytes],
    "a broken number": ['451.5-["message",{"_placeholder":true,"num":0}]', bytes],
    "no number but a dash": ['45-["message",{"_placeholder":true,"num":0}]', bytes],
    "a text packet instead of the attachment": ['451-["message",{"_placeholder":true,"num":0}]', '42["message","x"]'],
    "a text packet between attachments": ['452-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', bytes, '42["message","x"]'],
    "an attachment that nobody announced": [bytes],
    "one attachment too many": ['451-["message",{"_placeholder":true,"num":0}]', bytes, bytes],
    "a placeholder beyond the attachments": ['451-["message",{"_placeholder":true,"num":1}]', bytes],
    "a placeholder far beyond": ['451-["message",{"_placeholder":true,"num":1000000000}]', bytes],
    "a negative placeholder": ['451-["message",{"_placeholder":true,"num":-1}]', bytes],
    "a placeholder that is text": ['451-["message",{"_placeholder":true,"num":"0"}]', bytes],
    "a broken placeholder": ['451-["message",{"_placeholder":true,"num":0.5}]', bytes],
    "a placeholder without a number": ['451-["message",{"_placeholder":true}]', bytes],
  })) {
    test(`closed: ${what}`, async (t) => {
      const client = await joined(t);
      for (const packet of frames) client.send(packet);
      await client.whenClosed();
    });
  }
});

describe("packets that are none", () => {
  for (const packet of [
    "4",
    "4abc",
    "47",
    '48["x"]',
    "42",
    "42{}",
    '42"message"',
    "42null",
    "421",
    "42[]",
    "42[{}]",
    "42[null]",
    "42[true]",
    '42["message"',
    '42["message"]x',
    '42abc["message-with-ack",1]',
    '42-1["message-with-ack",1]',
    "43",
    "430{}",
    '43"x"',
    '44{"message":"x"}',
    '42["connect","x"]',
    '42["connect_error","x"]',
    '42["disconnect","x"]',
    '42["disconnecting"]',
    '42["newListener","x"]',
    '42["removeListener","x"]',
    '420["connect","with an acknowledgement"]',
    '451-["connect",{"_placeholder":true,"num":0}]',
  ]) {
    test(`closed: ${packet}`, async (t) => {
      const client = await joined(t);
      client.send(packet);
      await client.whenClosed();
    });
  }

  test("closed by polling, too", async () => {
    const session = await endpoint.open();
    await session.post("40");
    await session.messages(2);
    await session.post(`42["message","before"]${separator}42{}`);
    await session.ended();
  });

  test("a packet for a namespace that one is not in ends or changes nothing, and never is served", async (t) => {
    const client = await joined(t);
    client.send('42/custom,["message","x"]');
    client.send('42["message","after"]');
    const next = await Promise.race([client.packet(), client.whenClosed()]);
    assert.ok(next === '42["message-back","after"]' || next.code !== undefined, JSON.stringify(next));
  });

  test("a hundred thousand brackets harm only who sent them", async (t) => {
    const witness = await joined(t);
    for (const [open_, close] of [["[", "]"], ['{"a":', "}"]]) {
      const client = await joined(t);
      client.send(`42["message",${open_.repeat(100_000)}1${close.repeat(100_000)}]`);
      await Promise.race([client.packet(), client.whenClosed()]);
    }
    await assertEchoes(witness);
  });

  test("a namespace of a hundred kilobytes is answered, and is none", async (t) => {
    const client = await joined(t);
    client.send(`40/${"x".repeat(100_000)}`);
    const answer = await Promise.race([client.packet(), client.whenClosed()]);
    assert.ok(answer.code !== undefined || answer.startsWith("44/x"), JSON.stringify(answer).slice(0, 100));
  });
});
