// Engine.IO 3, as socket.io-client 2 and old pages speak it: bodies with lengths, binary in three forms, JSONP,
// pings from the client, namespaces that carry a query. Against the fixture of conformance mode, which
// pings nobody: pingInterval 300 ms, pingTimeout 200 ms.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { Endpoint, exchange } from "../lib/engine.js";
import { binaryBody, Endpoint3, packetsOf, parseText, textBody } from "../lib/engine3.js";
import { apps, fresh, range, startServer, test } from "../lib/harness.js";
import { channelAuth, token, trigger } from "../lib/sign.js";
import { until } from "../lib/wait.js";

const app = apps.main;
let server;
let fixture;
let echo; // Engine.IO alone
let main; // the application's endpoint
before(async () => {
  server = await startServer({ socketio: { app: app.id, namespaces: [`/chat=${app.id}`] } }, { args: ["--conformance", "--conformance-port", "0"] });
  fixture = new Endpoint3(server.conformancePort);
  echo = new Endpoint3(server.port, "/engine.io/");
  main = new Endpoint3(server.port);
});
after(() => server?.stop());

// A session that is connected to the main namespace, its greeting read.
const joined = async (query) => {
  const session = await fixture.open(query);
  assert.deepEqual(await session.packets(2), ["40", '42["auth",{}]']);
  return session;
};
// A WebSocket, kept alive by the client's pings.
const wired = async (t, endpoint = fixture, query = {}) => {
  const wire = await endpoint.connect(query);
  const pinging = setInterval(() => wire.open && wire.send("2"), 100);
  t.after(() => {
    clearInterval(pinging);
    wire.cut();
  });
  wire.message = () => wire.next((packet) => packet !== "3", "a packet");
  return wire;
};
const greeted = async (t) => {
  const wire = await wired(t);
  assert.equal(await wire.message(), "40");
  assert.equal(await wire.message(), '42["auth",{}]');
  return wire;
};

describe("handshake", () => {
  test("by polling: the open packet has its length before it", async () => {
    const { opening, handshake } = await fixture.open();
    assert.equal(opening.headers["content-type"], "text/plain; charset=UTF-8");
    assert.equal(opening.headers["cache-control"], "no-store");
    assert.match(opening.text, /^\d+:0\{/);
    assert.deepEqual([handshake.upgrades, handshake.pingInterval, handshake.pingTimeout], [["websocket"], 300, 200]);
  });

  test("by WebSocket: the open packet as in version 4, and no upgrades", async (t) => {
    const { handshake } = await wired(t);
    assert.deepEqual([handshake.upgrades, handshake.pingInterval, handshake.pingTimeout], [[], 300, 200]);
  });

  test("the server connects the client to the main namespace by itself", async (t) => {
    assert.deepEqual(await (await fixture.open()).packets(2), ["40", '42["auth",{}]']);
    const wire = await wired(t);
    assert.equal(await wire.message(), "40");
  });

  for (const query of ["transport=polling", "EIO=5&transport=polling", "EIO=abc&transport=polling", "EIO=&transport=polling", "EIO=2&transport=polling"]) {
    test(`anything but 4 is 3: ${query}`, async () => {
      const answer = await exchange(server.port, "GET", `/socket.io/?${query}`);
      assert.equal(answer.status, 200);
      assert.match(answer.text, /^\d+:0\{/);
    });
  }

  test("errors are those of version 4", async () => {
    for (const [method, query, code] of [["GET", {}, 0], ["GET", { transport: "abc" }, 0], ["GET", { transport: "polling", sid: "nobody" }, 1], ["POST", { transport: "polling" }, 2], ["PUT", { transport: "polling" }, 2], ["GET", { transport: "websocket" }, 3]]) {
      const answer = await fixture.request(method, query);
      assert.equal(answer.status, 400);
      assert.equal(answer.json.code, code);
    }
  });

  test("on the application's endpoint the session id is the socket id, in the form of the Pusher protocol", async () => {
    const sids = await Promise.all(range(1, 50).map(async () => (await main.open()).sid));
    assert.equal(new Set(sids).size, 50);
    for (const sid of sids) assert.match(sid, /^\d+\.\d+$/);
  });

  test("both versions on one port, each session its own", async () => {
    const old = await joined();
    const young = await new Endpoint(server.conformancePort, "/socket.io/").open();
    await young.post("40");
    await young.messages(2);
    await old.post('42["message","old"]');
    await young.post('42["message","young"]');
    assert.deepEqual(await young.messages(1), ['42["message-back","young"]']);
    assert.deepEqual(await old.packets(1), ['42["message-back","old"]']);
  });
});

describe("heartbeat", () => {
  test("the client pings, the server answers: by polling", async () => {
    const session = await joined();
    for (const _ of range(1, 5)) {
      assert.equal((await session.post("2")).text, "ok");
      assert.equal(await session.next(), "3");
    }
  });

  test("the client pings, the server answers and never pings itself: by WebSocket", async (t) => {
    const wire = await greeted(t);
    await until(() => wire.frames.count((packet) => packet === "3") >= 12, "pongs");
    assert.equal(wire.pings, 0);
  });

  test("a client that does not ping is closed after pingInterval and pingTimeout: by WebSocket", async (t) => {
    const began = performance.now();
    const wire = await fixture.connect({}, { pongs: false });
    t.after(() => wire.cut());
    await wire.whenClosed();
    assert.equal(wire.pings, 0);
    assert.ok(performance.now() - began > 400, "closed too early");
  });

  test("a client that does not ping is closed after pingInterval and pingTimeout: by polling", async () => {
    const began = performance.now();
    const session = await joined();
    await until(async () => (await session.poll()).status === 400, "the session to end");
    assert.ok(performance.now() - began > 400, "closed too early");
  });

  test("pongs are the server's: a client that sends one is closed", async (t) => {
    const wire = await greeted(t);
    wire.send("3");
    await wire.whenClosed();
  });
});

describe("text bodies", () => {
  test("lengths count UTF-16 units, both ways", async () => {
    const session = await joined();
    const texts = ["héy", "€", "👋", "世界 👋 → é", "\u0000\u001e:1:", "12:34"];
    await session.post(...texts.map((text) => `42${JSON.stringify(["message", text])}`));
    assert.deepEqual(await session.packets(texts.length), texts.map((text) => `42${JSON.stringify(["message-back", text])}`));
    const answer = await session.post('42["message","👋"]').then(() => session.poll());
    assert.deepEqual(parseText(answer.text), ['42["message-back","👋"]']);
    assert.equal(answer.text, textBody('42["message-back","👋"]'));
  });

  test("many packets in one body, in order", async () => {
    const session = await joined();
    for (const n of range(0, 9)) await session.post(...range(1, 50).map((m) => `42["message",${n * 50 + m}]`));
    assert.deepEqual(await session.packets(500), range(1, 500).map((n) => `42["message-back",${n}]`));
  });

  test("acknowledgements", async () => {
    const session = await joined();
    await session.post('4212["message-with-ack",1,{"a":[2]}]', '420["message-with-ack"]');
    assert.deepEqual(await session.packets(2), ['4312[1,{"a":[2]}]', "430[]"]);
  });

  for (const body of ["x", "4", "4hello", ":4hello", "x:4hello", "-1:4hello", "1.5:4h", "6:4hell", "99:4hello", "3:4hello", "0:", "1:", "00x:4", "9999999999999999999999:4hello", "2:4h2:", "1:7", "1:9", "4:abcd"]) {
    test(`the session is closed on a body that is none: ${body}`, async () => {
      const session = await joined();
      await session.raw(body);
      await session.ended();
    });
  }

  test("closed by the client", async () => {
    const session = await joined();
    assert.equal((await session.post("1")).status, 200);
    assert.equal((await session.poll()).json.code, 1);
  });

  test("closed by the client while a poll waits: it is answered with a noop", async () => {
    const session = await joined();
    const poll = session.poll();
    await fixture.request("GET", { transport: "abc" });
    assert.equal((await session.post("1")).status, 200);
    assert.equal((await poll).text, "1:6");
    assert.equal((await session.poll()).json.code, 1);
  });

  test("a second poll: the first is told to close, the second is refused, the session is gone", async () => {
    const session = await joined();
    const [one, two] = [session.poll(), session.poll()];
    const answers = [await one, await two].sort((a, b) => a.status - b.status);
    assert.deepEqual(answers.map(({ status, text }) => [status, text]), [[200, "1:1"], [400, ""]]);
    assert.equal((await session.poll()).json.code, 1);
  });
});

describe("binary", () => {
  const header = '451-["message",{"_placeholder":true,"num":0}]';
  const back = '451-["message-back",{"_placeholder":true,"num":0}]';
  const bytes = Buffer.from([1, 2, 3, 0, 255]);

  test("b64=1: `b`, the type, and base64", async () => {
    const session = await joined({ b64: "1" });
    await session.post(header, `b4${bytes.toString("base64")}`);
    const answer = await session.poll();
    assert.match(answer.headers["content-type"], /^text\/plain/);
    assert.deepEqual(packetsOf(answer), [back, `b4${bytes.toString("base64")}`]);
  });

  test("b64=1 is said once, when the session is opened, and holds for all of it", async () => {
    const session = await joined({ b64: "1" });
    session.query = {};
    for (const _ of range(1, 2)) {
      await session.post(header, `b4${bytes.toString("base64")}`);
      const answer = await session.poll();
      assert.match(answer.headers["content-type"], /^text\/plain/);
      assert.deepEqual(packetsOf(answer), [back, `b4${bytes.toString("base64")}`]);
    }
  });

  test("without b64: an octet stream with lengths in bytes", async () => {
    const session = await joined();
    await session.post('42["message","héy","€"]', header, `b4${bytes.toString("base64")}`);
    const got = [];
    for (let binary = false; !binary; ) {
      const answer = await session.poll();
      binary = answer.headers["content-type"] === "application/octet-stream";
      got.push(...packetsOf(answer));
    }
    assert.deepEqual(got, ['42["message-back","héy","€"]', back, bytes]);
  });

  test("an octet stream from the client", async () => {
    const session = await joined();
    assert.equal((await session.raw(binaryBody('42["message","héy","€"]', header, bytes, '421["message-with-ack","👋"]'))).text, "ok");
    const got = [];
    while (got.length < 4) got.push(...(await session.packets(1)));
    assert.deepEqual(got, ['42["message-back","héy","€"]', back, bytes, '431["👋"]']);
  });

  test("acknowledged, and empty", async () => {
    const session = await joined({ b64: "1" });
    await session.post('452-7["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', "b4AQID", "b4");
    assert.deepEqual(await session.packets(3), ['462-7[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', "b4AQID", "b4"]);
  });

  test("by WebSocket: the type is the first byte", async (t) => {
    const wire = await greeted(t);
    wire.send(header);
    wire.send(Buffer.concat([Buffer.from([4]), bytes]));
    assert.equal(await wire.message(), back);
    assert.deepEqual(await wire.message(), Buffer.concat([Buffer.from([4]), bytes]));
  });

  for (const [what, hex] of Object.entries({
    "no end of the length": "0001ff34 00",
    "a length without digits": "00ff34",
    "a digit that is none": "000aff34",
    "a length beyond the body": "000909ff3432",
    "a length of many digits": `00${"09".repeat(400)}ff34`,
    "a kind that is none": "0501ff34",
    "a binary packet of no type": "0100ff",
    "a text packet of no type": "0001ff78",
    "text that is no UTF-8": "0004ff3432c328",
  })) {
    test(`the session is closed on an octet stream with ${what}`, async () => {
      const session = await joined();
      await session.raw(Buffer.from(hex.replaceAll(" ", ""), "hex"));
      await session.ended();
    });
  }

  for (const frame of [Buffer.alloc(0), Buffer.from([9, 1]), Buffer.from([7])]) {
    test(`closed: a binary frame of no type: ${frame.toString("hex") || "empty"}`, async (t) => {
      const wire = await greeted(t);
      wire.send(frame);
      await wire.whenClosed();
    });
  }

  test("base64 that is none", async () => {
    const session = await joined({ b64: "1" });
    await session.post(header, "b4*!*");
    await session.ended();
  });
});

describe("the echo", () => {
  const bytes = Buffer.from([1, 2, 3, 4]);

  test("answers text and base64 in one text body", async () => {
    const session = await echo.open({ b64: "1" });
    assert.equal((await session.post("4hello", "4", "b4AQIDBA==", "b4")).text, "ok");
    assert.equal((await session.poll()).text, "6:4hello1:410:b4AQIDBA==2:b4");
  });

  test("answers bytes in a body of bytes to who can read it", async () => {
    const session = await echo.open();
    await session.post("4hello", "b4AQIDBA==");
    const answer = await session.poll();
    assert.equal(answer.headers["content-type"], "application/octet-stream");
    assert.deepEqual(answer.bytes, binaryBody("4hello", bytes));
  });

  test("answers by WebSocket, after an upgrade, too", async (t) => {
    const wire = await wired(t, echo);
    const session = await echo.open();
    const upgraded = session.socket();
    t.after(() => upgraded.cut());
    await upgraded.opened;
    for (const packet of ["2probe", "5"]) upgraded.send(packet);
    for (const client of [wire, upgraded]) {
      for (const packet of ["4hello", Buffer.concat([Buffer.from([4]), bytes])]) {
        client.send(packet);
        assert.deepEqual(await client.next((got) => got[0] === "4" || got[0] === 4, "the echo"), packet);
      }
    }
  });
});

describe("a WebSocket", () => {
  for (const packet of ["abc", "7", ""]) {
    test(`closed: a frame that is no packet: "${packet}"`, async (t) => {
      const wire = await greeted(t);
      wire.send(packet);
      await wire.whenClosed();
    });
  }

  test("closed by the client, with a packet", async (t) => {
    const wire = await greeted(t);
    wire.send("1");
    await wire.whenClosed();
    assert.equal((await fixture.request("GET", { transport: "polling", sid: wire.sid })).json.code, 1);
  });

  for (const packet of ["4abc", "42{}", '42abc["message-with-ack",1]']) {
    test(`closed: a message that is no packet: ${packet}`, async (t) => {
      const wire = await greeted(t);
      wire.send(packet);
      await wire.whenClosed();
    });
  }
});

describe("namespaces", () => {
  test("who leaves the main one keeps the session", async (t) => {
    const wire = await greeted(t);
    wire.send("41");
    const pongs = () => wire.frames.count((packet) => packet === "3");
    const before = pongs();
    // Pings every 100 ms: longer than pingInterval and pingTimeout.
    await until(() => pongs() >= before + 8, "pongs");
    assert.ok(wire.open);
  });

  test("connected by name, answered by name", async (t) => {
    const wire = await greeted(t);
    wire.send("40/custom");
    assert.match(await wire.message(), /^40\/custom,?$/);
    assert.equal(await wire.message(), '42/custom,["auth",{}]');
    wire.send("41/custom");
    wire.send('42["message","main"]');
    assert.equal(await wire.message(), '42["message-back","main"]');
  });

  test("with a query, which is no part of the name", async (t) => {
    for (const packet of ["40/custom?token=abc&x=1,", "40/custom?token=abc"]) {
      const wire = await greeted(t);
      wire.send(packet);
      assert.match(await wire.message(), /^40\/custom,?$/);
      assert.match(await wire.message(), /^42\/custom,\["auth",/);
    }
  });

  test("one that is none: told so, and the main one goes on", async (t) => {
    const wire = await greeted(t);
    wire.send("40/random");
    const [, reason] = /^44\/random,(.*)$/.exec(await wire.message());
    assert.equal(JSON.parse(reason).message ?? JSON.parse(reason), "Invalid namespace");
    wire.send('42["message","main"]');
    assert.equal(await wire.message(), '42["message-back","main"]');
  });
});

describe("JSONP", () => {
  // What a browser does with the script.
  const run = (text) => {
    const called = [];
    new Function("___eio", text)(new Proxy([], { get: (_, index) => (body) => called.push([index, body]) }));
    return called;
  };
  const form = { "Content-Type": "application/x-www-form-urlencoded" };

  test("bodies come as calls of a function, and safe in a script", async () => {
    const session = { endpoint: fixture, sid: "" };
    const opening = await fixture.request("GET", { transport: "polling", j: "0", b64: "1" });
    assert.match(opening.headers["content-type"], /^text\/(javascript|plain)/);
    const [[index, body]] = run(opening.text);
    assert.equal(index, "0");
    session.sid = JSON.parse(parseText(body)[0].slice(1)).sid;
    const ask = (method, options) => fixture.request(method, { transport: "polling", j: "0", b64: "1", sid: session.sid }, options);
    const greeting = [];
    while (greeting.length < 2) {
      for (const [i, text] of run((await ask("GET")).text)) {
        assert.equal(i, "0");
        greeting.push(...parseText(text));
      }
    }
    assert.deepEqual(greeting, ["40", '42["auth",{}]']);
    const message = '42["message","</script>\u2028 \\" line\\nbreak 👋"]';
    const posted = await ask("POST", { body: `d=${encodeURIComponent(textBody(message).replace(/\\n/g, "\\\\n"))}`, headers: form });
    assert.equal(posted.status, 200);
    assert.equal(posted.text, "ok");
    const answer = await ask("GET");
    assert.ok(!/[\u2028\u2029]/.test(answer.text), "line separators end a line of JavaScript");
    const [[, back]] = run(answer.text);
    assert.equal(parseText(back)[0], message.replace('"message"', '"message-back"'));
  });

  test("a script's page is judged for each namespace by its application, and no page is none of its", async (t) => {
    const own = await startServer({
      apps: [apps.main, { ...apps.other, allowed_origins: ["https://good.example"] }],
      socketio: { app: apps.main.id, namespaces: [`/admin=${apps.other.id}`] },
    });
    t.after(() => own.stop());
    const endpoint = new Endpoint3(own.port);
    for (const [page, answer] of [[undefined, "44"], ["https://evil.example/x", "44"], ["https://good.example/x", "40"]]) {
      const headers = page === undefined ? {} : { Referer: page };
      const query = { transport: "polling", j: "0", b64: "1" };
      const { sid } = JSON.parse(parseText(run((await endpoint.request("GET", query, { headers })).text)[0][1])[0].slice(1));
      const posted = await endpoint.request("POST", { ...query, sid }, { headers: { ...headers, ...form }, body: `d=${encodeURIComponent(textBody("40/admin"))}` });
      assert.equal(posted.status, 200, posted.text);
      let said;
      await until(async () => {
        const packets = run((await endpoint.request("GET", { ...query, sid }, { headers })).text).flatMap(([, text]) => parseText(text));
        said = packets.find((packet) => packet.includes("/admin"));
        return said;
      }, "an answer for the namespace");
      assert.ok(said.startsWith(`${answer}/admin`), `${page}: ${said}`);
    }
  });

  test("the index is a number whatever is said", async () => {
    for (const j of ["0;alert(1)", "x", "", "-1", "1e3", "../", "9".repeat(400)]) {
      const answer = await fixture.request("GET", { transport: "polling", j, b64: "1" });
      if (answer.status === 200 && answer.text.startsWith("___eio")) assert.match(answer.text, /^___eio\[\d*\]\("/, j);
      else assert.match(answer.text, /^\d+:0|^\{/, j);
    }
  });
});

describe("upgrade", () => {
  test("from polling to WebSocket, with what nobody had polled", async (t) => {
    const session = await joined();
    await session.post('42["message","polling"]');
    const wire = session.socket();
    t.after(() => wire.cut());
    await wire.opened;
    wire.send("2probe");
    assert.equal(await wire.packet(), "3probe");
    wire.send("5");
    wire.send('42["message","websocket"]');
    const pinging = setInterval(() => wire.open && wire.send("2"), 100);
    t.after(() => clearInterval(pinging));
    const messages = async () => wire.next((packet) => packet !== "3", "a message");
    assert.equal(await messages(), '42["message-back","polling"]');
    assert.equal(await messages(), '42["message-back","websocket"]');
    assert.equal((await session.poll()).json.code, 3);
  });

  test("the poll that waits is answered with a noop", async (t) => {
    const session = await joined();
    const poll = session.poll();
    const wire = session.socket();
    t.after(() => wire.cut());
    await wire.opened;
    wire.send("2probe");
    await wire.packet();
    assert.deepEqual(packetsOf(await poll), ["6"]);
    assert.deepEqual(packetsOf(await session.poll()), ["6"], "the next poll is not left to wait either");
  });

  test("a second WebSocket after it is closed; the first goes on", async (t) => {
    const session = await joined();
    const wire = session.socket();
    t.after(() => wire.cut());
    await wire.opened;
    for (const packet of ["2probe", "5", '42["message","over"]']) wire.send(packet);
    await wire.next((packet) => packet === '42["message-back","over"]', "the echo");
    const other = session.socket();
    t.after(() => other.cut());
    await other.whenClosed();
    wire.send('42["message","still here"]');
    assert.equal(await wire.next((packet) => packet[0] === "4", "the echo"), '42["message-back","still here"]');
  });
});

describe("an application's session", () => {
  test("the signature covers the session id; the query carries the token; no offsets, no pid", async (t) => {
    const channel = fresh("private-domain.");
    const wire = await wired(t, main);
    assert.equal(await wire.message(), "40");
    wire.send(`420${JSON.stringify(["subscribe", { channel, auth: channelAuth(app, wire.sid, channel) }])}`);
    const [answer] = JSON.parse((await wire.message()).slice(3));
    assert.equal(answer.channel, channel);
    await trigger(server, app, channel, "message.sent", { n: 1 });
    assert.equal(await wire.message(), `42${JSON.stringify(["message.sent", channel, { n: 1 }])}`);
    const domain = fresh("d");
    const named = await wired(t, main, { token: token(app, { sub: "42", domains: [domain] }) });
    assert.equal(await named.message(), "40");
    named.send(`421${JSON.stringify(["subscribe", { channel: `private-domain.${domain}` }])}`);
    assert.equal(JSON.parse((await named.message()).slice(3))[0].channel, `private-domain.${domain}`);
  });

  test("a namespace's token is in its query", async (t) => {
    const domain = fresh("d");
    const wire = await wired(t, main);
    assert.equal(await wire.message(), "40");
    wire.send(`40/chat?token=${token(app, { sub: "42", domains: [domain] })}`);
    assert.equal((await wire.message()).replace(/,$/, ""), "40/chat");
    wire.send(`42/chat,1${JSON.stringify(["subscribe", { channel: `private-domain.${domain}` }])}`);
    assert.equal(JSON.parse((await wire.message()).replace("43/chat,1", ""))[0].channel, `private-domain.${domain}`);
  });

  test("a token that is refused: 44 with the reason alone", async (t) => {
    const wire = await fixtureLess(t, { token: token(app, { sub: "42" }, { secret: "not-this-application" }) });
    const refusal = await wire.next((packet) => packet !== "3");
    assert.match(refusal, /^44/);
    const reason = JSON.parse(refusal.slice(2));
    assert.match(typeof reason === "string" ? reason : JSON.stringify(reason), /signature/);
  });
  const fixtureLess = (t, query) => wired(t, main, query);

  test("pages of any origin may poll in version 3, as they always could", async () => {
    const answer = await main.request("GET", { transport: "polling" }, { headers: { Origin: "https://anywhere.example" } });
    // Its browsers ask with credentials, whether they have any or not: they take no `*`.
    assert.deepEqual([answer.headers["access-control-allow-origin"], answer.headers["access-control-allow-credentials"]], ["https://anywhere.example", "true"]);
  });
});
