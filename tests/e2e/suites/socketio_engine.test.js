// Engine.IO 4, request by request and frame by frame, against the echo of conformance mode: every
// message comes back; pings every 300 ms, 200 ms to answer them.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { gunzipSync, inflateSync } from "node:zlib";

import { Plain } from "../lib/crowd.js";
import { Endpoint, exchange, separator, Wire } from "../lib/engine.js";
import { assertEchoes, assertError, assertGone } from "../lib/engine_checks.js";
import { range, startServer, test } from "../lib/harness.js";
import { until, within } from "../lib/wait.js";

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
// Refused in plain HTTP; the reference writes the same answer after the upgrade, which no client can read.
const assertNeverOpens = async (t, socket) => {
  t.after(() => socket.cut());
  const refused = await within(Promise.race([socket.refused, socket.closed]), "a refusal");
  if (refused.status !== undefined) assert.deepEqual([refused.status, refused.text], [400, "Unsupported protocol version"]);
  assert.deepEqual(socket.frames.items, []);
};
describe("handshake by polling", () => {
  test("the open packet has what clients need, and nobody may cache it", async () => {
    const { opening, handshake } = await echo.open();
    assert.equal(opening.headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(opening.headers["cache-control"], "no-store");
    assert.deepEqual(Object.keys(handshake).sort(), ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"]);
    assert.deepEqual({ ...handshake, sid: "" }, { sid: "", upgrades: ["websocket"], pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 });
  });

  test("session ids are long, fit into a URL, and none comes twice", async () => {
    const sids = await Promise.all(range(1, 200).map(async () => (await echo.open()).sid));
    assert.equal(new Set(sids).size, sids.length);
    for (const sid of sids) assert.match(sid, /^[A-Za-z0-9_.~-]{16,64}$/);
  });

  for (const [what, path] of Object.entries({ "with a slash at the end of the path": "/engine.io/", "without it": "/engine.io" })) {
    test(`a session is opened ${what}`, async () => {
      await assertEchoes(await new Endpoint(server.port, path).open());
    });
  }

  test("unknown parameters and a cache buster are no matter", async () => {
    await assertEchoes(await echo.open({ t: "Oabc.1", whatever: "x y&z=1" }));
  });

  const get = (query) => exchange(server.port, "GET", `/engine.io/?${query}`);
  for (const query of ["transport=polling", "EIO=abc&transport=polling", "EIO=&transport=polling", "EIO=5&transport=polling"]) {
    test(`a version that is neither 3 nor 4: ${query}`, async () => assertError(await get(query), 5, "Unsupported protocol version"));
  }
  for (const query of ["EIO=4", "EIO=4&transport=abc", "EIO=4&transport=", "EIO=4&transport=__proto__", ""]) {
    test(`a transport that is missing or unknown: "${query}"`, async () => assertError(await get(query), 0, "Transport unknown"));
  }
  for (const sid of ["abc", "", "x".repeat(2_000), "%00", "__proto__"]) {
    if (sid === "") continue; // that is a new session
    test(`a session that nobody has: ${sid.slice(0, 20)}`, async () => assertError(await get(`EIO=4&transport=polling&sid=${sid}`), 1, "Session ID unknown"));
  }
  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
    test(`a session does not begin with ${method}`, async () => {
      assertError(await echo.request(method, { transport: "polling" }), 2, "Bad handshake method");
    });
  }
  test("a WebSocket handshake without an upgrade is a bad request", async () => {
    assertError(await get("EIO=4&transport=websocket"), 3, "Bad request");
  });
  test("a polling session is not reached as websocket without an upgrade", async () => {
    const { sid } = await echo.open();
    assertError(await get(`EIO=4&transport=websocket&sid=${sid}`), 3, "Bad request");
  });
  test("an Origin with control characters is refused", async (t) => {
    const client = new Plain(server.port);
    t.after(() => client.destroy());
    client.write(Buffer.from("GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nOrigin: http://a\x01b\r\nConnection: close\r\n\r\n", "latin1"));
    await client.whenClosed();
    assert.match(client.received.toString("latin1"), /^HTTP\/1\.1 400/);
  });
});

describe("messages by polling", () => {
  test("one packet", async () => {
    const session = await echo.open();
    const posted = await session.post("4hello");
    assert.equal(posted.status, 200);
    assert.equal(posted.text, "ok");
    assert.match(posted.headers["content-type"], /^text\/html/);
    assert.equal(posted.headers["cache-control"], "no-store");
    const polled = await session.poll();
    assert.equal(polled.status, 200);
    assert.equal(polled.text, "4hello");
    assert.equal(polled.headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(polled.headers["cache-control"], "no-store");
  });

  test("several packets in one body come back in order", async () => {
    const session = await echo.open();
    assert.equal((await session.post(`4test1${separator}4test2${separator}4test3`)).text, "ok");
    assert.deepEqual(await session.messages(3), ["4test1", "4test2", "4test3"]);
  });

  test("text and binary together; binary is base64", async () => {
    const session = await echo.open();
    await session.post(["4hello", "bAQIDBA==", "4", "b", "4bye", "bAQID", "bAQ=="]);
    assert.deepEqual(await session.messages(7), ["4hello", "bAQIDBA==", "4", "b", "4bye", "bAQID", "bAQ=="]);
  });

  test("what is written in any language arrives as it was", async () => {
    const session = await echo.open();
    const texts = ["4héllo → 世界 👋", "4\u0000\u0001\u001f", '4"\\\n', `4${"€".repeat(5_000)}`];
    await session.post(texts);
    assert.deepEqual(await session.messages(4), texts);
  });

  test("a poll waits for the next packet", async () => {
    const session = await echo.open();
    const waiting = session.poll();
    await session.post("4late");
    assert.equal((await waiting).text, "4late");
  });

  test("a thousand messages in many posts: each once, in order", async () => {
    const session = await echo.open();
    const sent = range(1, 1000).map((n) => `4${n}`);
    const posting = (async () => {
      for (let at = 0; at < sent.length; at += 50) await session.post(sent.slice(at, at + 50));
    })();
    assert.deepEqual(await session.messages(1000), sent);
    await posting;
  });

  test("answers above 1,024 bytes may be compressed for who accepts that; others never", async () => {
    const session = await echo.open();
    const ask = async (text, accepts) => {
      await session.post(text);
      for (;;) {
        const answer = await session.poll({ headers: accepts ? { "Accept-Encoding": accepts } : {} });
        const encoding = answer.headers["content-encoding"];
        const body = encoding === "gzip" ? gunzipSync(answer.bytes).toString() : encoding === "deflate" ? inflateSync(answer.bytes).toString() : answer.text;
        if (body === "2") await session.post("3");
        else return { encoding, body };
      }
    };
    const long = `4${"long ".repeat(1_000)}`;
    assert.deepEqual(await ask("4short", "gzip, deflate"), { encoding: undefined, body: "4short" });
    assert.deepEqual(await ask(long, undefined), { encoding: undefined, body: long });
    assert.deepEqual(await ask(long, "identity"), { encoding: undefined, body: long });
    assert.equal((await ask(long, "gzip, deflate")).body, long);
    assert.equal((await ask(long, "deflate")).body, long);
  });

  test("a message as large as maxPayload passes", async () => {
    const session = await echo.open();
    const text = `4${"x".repeat(999_999)}`;
    assert.equal((await session.post(text)).status, 200);
    assert.ok((await session.messages(1))[0] === text);
  });

  test("a body one byte larger is answered 413, and the session is closed", async () => {
    const session = await echo.open();
    const answer = await session.post(`4${"x".repeat(1_000_000)}`);
    assert.equal(answer.status, 413);
    assert.equal(answer.text, "");
    await session.ended();
    await assertGone(session);
  });

  test("a body that only turns out to be too large is answered 413, too", async (t) => {
    const session = await echo.open();
    const client = new Plain(server.port);
    t.after(() => client.destroy());
    client.write(`POST ${echo.target({ transport: "polling", sid: session.sid })} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n`);
    client.write(`1\r\n4\r\n`);
    for (const _ of range(1, 21)) client.write(`c350\r\n${"x".repeat(50_000)}\r\n`);
    await client.until(/^HTTP\/1\.1 413/);
    await session.ended();
  });

  test("application/octet-stream is not spoken in version 4: 400, and the session is closed", async () => {
    const session = await echo.open();
    const answer = await session.post(Buffer.from([4, 1, 2, 3]), { headers: { "Content-Type": "application/octet-stream" } });
    assert.equal(answer.status, 400);
    assert.equal(answer.text, "");
    await session.ended();
  });

  for (const method of ["PUT", "DELETE", "PATCH"]) {
    test(`${method} on a session is answered 500, and it goes on`, async () => {
      const session = await echo.open();
      const answer = await session.request(method);
      assert.equal(answer.status, 500);
      assert.equal(answer.text, "");
      await assertEchoes(session);
    });
  }

  for (const [what, body] of Object.entries({
    "no packet type": "abc",
    "an unknown packet type": "7x",
    "a digit beyond": "9",
    "nothing between two separators": `4a${separator}${separator}4b`,
    "base64 that is none": "b!*!",
    "a good packet before a bad one": `4good${separator}xbad`,
  })) {
    test(`the session is closed on ${what}`, async () => {
      const session = await echo.open();
      await session.post(body);
      await session.ended();
      await assertGone(session);
    });
  }
});

describe("two requests at once", () => {
  test("a second poll: the first is told to close, the second is refused, the session is gone", async () => {
    const session = await echo.open();
    const [one, two] = [session.poll(), session.poll()];
    const answers = [await one, await two].sort((a, b) => a.status - b.status);
    assert.deepEqual(answers.map(({ status }) => status), [200, 400]);
    assert.equal(answers[0].text, "1");
    assert.equal(answers[1].text, "");
    await assertGone(session);
  });

  test("a second post while one is being read: refused, the session is gone", async (t) => {
    const session = await echo.open();
    const client = new Plain(server.port);
    t.after(() => client.destroy());
    const target = echo.target({ transport: "polling", sid: session.sid });
    // One connection: the server has read the beginning of the post when it has answered what came before.
    client.write("GET /engine.io/?EIO=4 HTTP/1.1\r\nHost: x\r\n\r\n");
    client.write(`POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n4begin`);
    await client.until(/Transport unknown/);
    const answer = await until(async () => {
      const tried = await session.post("4other");
      return tried.status !== 200 && tried;
    }, "the refusal");
    assert.equal(answer.status, 400);
    assert.equal(answer.text, "");
    await assertGone(session);
  });

  test("a poll that the client gives up closes the session", async () => {
    const session = await echo.open();
    const poll = session.poll();
    // A post that is answered shows nothing about the poll: the poll is there when a second one would be
    // refused. So let one echo through a first poll, and give up the second.
    await session.post("4one");
    await poll;
    const given = session.poll();
    await new Promise(setImmediate);
    await session.endpoint.request("GET", { transport: "abc" });
    given.abort();
    await until(async () => (await session.post("3")).status === 400, "the session to end");
    await assertGone(session);
  });
});

describe("messages by WebSocket", () => {
  test("the open packet names no upgrades", async (t) => {
    const { handshake } = await wire(t);
    assert.deepEqual({ ...handshake, sid: "" }, { sid: "", upgrades: [], pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 });
    assert.match(handshake.sid, /^[A-Za-z0-9_.~-]{16,64}$/);
  });

  test("text, binary, and nothing at all come back as they went", async (t) => {
    const client = await wire(t);
    const sent = ["4hello", Buffer.from([1, 2, 3, 4]), "4", Buffer.alloc(0), "4héllo → 世界 👋", Buffer.from("4text")];
    for (const packet of sent) client.send(packet);
    for (const packet of sent) assert.deepEqual(await client.next((got) => got[0] !== "0", "an echo"), packet);
  });

  test("a separator is no separator here", async (t) => {
    const client = await wire(t);
    client.send(`4one${separator}4two`);
    assert.equal(await client.packet(), `4one${separator}4two`);
  });

  test("compression that is offered is not taken up", async (t) => {
    const client = await wire(t, echo, {}, { perMessageDeflate: true });
    assert.equal(client.ws.extensions, "");
  });

  for (const packet of ["abc", "7", "9x", "2", "2x"]) {
    test(`closed without a status: a client that sends "${packet}"`, async (t) => {
      const client = await wire(t);
      client.send(packet);
      assert.equal((await client.whenClosed()).code, 1005);
    });
  }

  test("an empty frame closes the session", async (t) => {
    const client = await wire(t);
    client.send("");
    await client.whenClosed();
  });

  test("a message as large as maxPayload passes, a larger one closes with 1009", async (t) => {
    const client = await wire(t);
    client.send(`4${"x".repeat(999_999)}`);
    assert.equal((await client.packet()).length, 1_000_000);
    client.send(Buffer.alloc(1_000_000, 7));
    assert.equal((await client.packet()).length, 1_000_000);
    client.send(`4${"x".repeat(1_000_000)}`);
    assert.equal((await client.whenClosed()).code, 1009);
  });

  for (const [query, text] of Object.entries({
    "EIO=4": "Transport unknown",
    "EIO=4&transport=abc": "Transport unknown",
    "EIO=4&transport=websocket&sid=nobody": "Session ID unknown",
  })) {
    test(`an upgrade is refused in plain HTTP: ${query}`, async (t) => {
      const socket = new Wire(server.port, `/engine.io/?${query}`);
      t.after(() => socket.cut());
      const answer = await socket.whenRefused();
      assert.equal(answer.status, 400);
      assert.equal(answer.text, text);
      assert.equal(answer.headers["content-length"], String(text.length));
      assert.match(answer.headers["content-type"], /^text\/html/);
      assert.equal(answer.headers.connection, "close");
    });
  }

  for (const query of ["transport=websocket", "EIO=abc&transport=websocket", "EIO=5&transport=websocket"]) {
    test(`a version that is neither 3 nor 4: ${query}`, async (t) => assertNeverOpens(t, new Wire(server.port, `/engine.io/?${query}`)));
  }
});

describe("heartbeat", () => {
  test("by polling: the server asks, the client answers, and so on", async () => {
    const session = await echo.open();
    for (const _ of range(1, 4)) {
      const polled = await session.poll();
      assert.equal(polled.status, 200);
      assert.equal(polled.text, "2");
      assert.equal((await session.post("3")).status, 200);
    }
  });

  test("by polling: no answer in time ends the session", async () => {
    const session = await echo.open();
    assert.equal((await session.poll()).text, "2");
    await until(async () => (await session.post("4x")).status === 400, "the session to end");
    await assertGone(session);
  });

  test("by polling: who never comes is dropped", async () => {
    const session = await echo.open();
    // Asking with a method that polling has not does not count as coming.
    const answer = await until(async () => {
      const tried = await session.request("PUT");
      return tried.status === 400 && tried;
    }, "the session to be dropped");
    assertError(answer, 1, "Session ID unknown");
  });

  test("by polling: the server's patience is pingInterval and pingTimeout from the last answer", async () => {
    const began = performance.now();
    const session = await echo.open();
    for (const _ of range(1, 3)) {
      assert.equal((await session.poll()).text, "2");
      await session.post("3");
    }
    assert.ok(performance.now() - began > 3 * 300 - 50, "pings came too early");
  });

  test("by WebSocket: the server asks every pingInterval, and the session lives as long as it is answered", async (t) => {
    const began = performance.now();
    const client = await wire(t);
    await until(() => client.pings >= 5, "five pings");
    const took = performance.now() - began;
    assert.ok(took > 5 * 300 - 100, `five pings within ${took} ms`);
    client.send("4alive");
    await client.next((packet) => packet === "4alive", "the echo");
  });

  test("by WebSocket: no answer in time closes without a status", async (t) => {
    const client = await wire(t, echo, {}, { pongs: false });
    const { code } = await client.whenClosed();
    assert.equal(code, 1005);
    assert.equal(client.pings, 1);
  });

  test("messages are no answer to a ping", async (t) => {
    const client = await wire(t, echo, {}, { pongs: false });
    const talking = setInterval(() => client.open && client.send("4x"), 20);
    t.after(() => clearInterval(talking));
    await client.whenClosed();
    assert.equal(client.pings, 1);
  });
});

describe("close", () => {
  test("by polling, with a poll that waits", async () => {
    const session = await echo.open();
    const poll = session.poll();
    await session.endpoint.request("GET", { transport: "abc" });
    assert.equal((await session.post("1")).status, 200);
    const polled = await poll;
    assert.equal(polled.status, 200);
    assert.equal(polled.text, "6");
    await assertGone(session);
  });

  test("by polling, without one", async () => {
    const session = await echo.open();
    assert.equal((await session.post("1")).status, 200);
    await assertGone(session);
    assertError(await session.post("4x"), 1, "Session ID unknown");
  });

  test("by polling, after a message in the same body", async () => {
    const session = await echo.open();
    await session.post(`4last${separator}1`);
    await session.ended();
  });

  test("by WebSocket, with a packet", async (t) => {
    const client = await wire(t);
    client.send("1");
    assert.equal((await client.whenClosed()).code, 1005);
    assertError(await echo.request("GET", { transport: "polling", sid: client.sid }), 1, "Session ID unknown");
  });

  for (const [how, end] of Object.entries({ "with a close frame": (client) => client.ws.close(1000), "by a lost connection": (client) => client.cut() })) {
    test(`by WebSocket, ${how}: the session is gone`, async (t) => {
      const client = await wire(t);
      end(client);
      await until(async () => {
        const answer = await echo.request("GET", { transport: "polling", sid: client.sid });
        return answer.json.code === 1;
      }, "the session to be gone");
    });
  }

  test("the session id of a WebSocket is of no use for polling", async (t) => {
    const client = await wire(t);
    assertError(await echo.request("GET", { transport: "polling", sid: client.sid }), 3, "Bad request");
    client.send("4alive");
    assert.equal(await client.packet(), "4alive");
  });
});

describe("what the configuration says", () => {
  test("the application's endpoint tells its own times and maxPayload", async () => {
    const { handshake } = await slow.open();
    assert.deepEqual({ ...handshake, sid: "" }, { sid: "", upgrades: ["websocket"], pingInterval: 25_000, pingTimeout: 20_000, maxPayload: 50_000 });
  });

  test("message_bytes_max bounds bodies and frames", async (t) => {
    const session = await slow.open();
    assert.equal((await session.post(`40${" ".repeat(50_000)}`)).status, 413);
    const client = await wire(t, slow);
    client.send(`40${" ".repeat(50_000)}`);
    assert.equal((await client.whenClosed()).code, 1009);
  });

  test("another path, and none at all", async (t) => {
    const moved = await startServer({ socketio: { path: "/live/socket" } });
    t.after(() => moved.stop());
    for (const path of ["/live/socket/", "/live/socket"]) assert.equal((await new Endpoint(moved.port, path).open()).opening.status, 200);
    assert.equal((await new Endpoint(moved.port, "/socket.io/").request("GET", { transport: "polling" })).status, 404);
    const off = await startServer({ socketio: { enabled: false } });
    t.after(() => off.stop());
    assert.equal((await new Endpoint(off.port, "/socket.io/").request("GET", { transport: "polling" })).status, 404);
  });

  test("without eio3, version 3 is refused and version 4 is not", async (t) => {
    const own = await startServer({ socketio: { eio3: false } });
    t.after(() => own.stop());
    const old = new Endpoint(own.port, "/socket.io/", { eio: 3 });
    assertError(await old.request("GET", { transport: "polling" }), 5, "Unsupported protocol version");
    await assertNeverOpens(t, old.socket());
    await new Endpoint(own.port, "/socket.io/").open();
  });
});
