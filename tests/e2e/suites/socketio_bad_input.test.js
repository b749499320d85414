// Rough treatment by Socket.IO clients that are none. After each: the process lives, its memory has not run
// away, and a client that was there before hears and is heard. What is random prints its seed when it fails;
// PARLEY_E2E_SEED repeats it.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { after, afterEach, before, describe } from "node:test";

import { frame, handshake, Plain } from "../lib/crowd.js";
import { Endpoint, exchange, keepAlive, separator } from "../lib/engine.js";
import { binaryBody, Endpoint3, textBody } from "../lib/engine3.js";
import { apps, fresh, range, startServer, test } from "../lib/harness.js";
import { channelAuth, trigger } from "../lib/sign.js";
import { connect } from "../lib/sockets.js";
import { until, within } from "../lib/wait.js";

const app = { ...apps.main, limits: { client_events_per_second_max: 0, client_requests_per_second_max: 0 } };
const path = "/socket.io/";
const bound = 100_000; // of a message
let server;
let four;
let three;
let witness;
let witnessed = 0;
let memory;
const resident = () => server.metric("process_resident_memory_bytes");
const ending = [];
const witnessChannel = "private-domain.witness";
before(async () => {
  server = await startServer({
    apps: [app],
    // All come from one address here, and what that may have is not what is tried: hostile_places does.
    limits: { write_queue_bytes_max: 262_144, catch_up_buffer_bytes_max: 131_072, sessions_opening_per_address_max: 0, opens_per_second_per_address_max: 0 },
    // The witness must not be dropped because this machine is busy with what is thrown at the server.
    socketio: { ping_interval_ms: 2_000, ping_timeout_ms: 10_000, connect_timeout_ms: 2_000, upgrade_timeout_ms: 1_000, message_bytes_max: bound, namespaces: [`/chat=${app.id}`] },
  });
  four = new Endpoint(server.port, path);
  three = new Endpoint3(server.port, path);
  witness = await connect({ after: (end) => ending.push(end) }, server, {});
  await witness.join(app, witnessChannel);
  memory = await resident();
});
after(async () => {
  for (const end of ending) end();
  await server?.stop();
});
afterEach(async () => {
  assert.ok(server.alive, `the process ended: ${JSON.stringify(server.exit)}`);
  await server.expectAlive();
  const answer = await trigger(server, app, witnessChannel, "still-here", ++witnessed);
  assert.equal(answer.status, 200, answer.text);
  await witness.heard.find(({ event, args }) => event === "still-here" && args[1] === witnessed, "still-here");
  assert.equal(witness.state.count(({ event }) => event === "disconnect"), 0, "the witness was thrown out");
  assert.equal((await witness.request("history", { channel: witnessChannel, limit: 1 })).channel, witnessChannel);
  const grown = (await resident()) - memory;
  assert.ok(grown < 300_000_000, `the process grew by ${Math.round(grown / 1e6)} MB`);
});

// A generator that can be repeated.
const seed = Number(process.env.PARLEY_E2E_SEED || randomInt(2 ** 31));
function random(name) {
  let state = [...name].reduce((sum, character) => (Math.imul(sum, 31) + character.charCodeAt(0)) | 0, seed) >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit) => Math.floor(next() * limit);
  return { below, pick: (list) => list[below(list.length)] };
}
const seeded = (name, body) =>
  test(name, { timeout: 180_000 }, async (t) => {
    try {
      await body(t, random(name));
    } catch (error) {
      process.stderr.write(`PARLEY_E2E_SEED=${seed}\n`);
      throw error;
    }
  });

const dial = async (t, packets = ["40"]) => {
  const wire = await four.connect();
  t.after(() => wire.cut());
  for (const packet of packets) wire.send(packet);
  if (packets[0] === "40") wire.socketId = JSON.parse((await wire.next((packet) => packet.startsWith("40"), "CONNECT")).slice(2)).sid;
  return wire;
};
// Something either is answered or ends; within the deadline.
const settled = (wire) => Promise.race([wire.packet(), wire.whenClosed()]);

describe("floods", () => {
  test("five thousand sessions that nobody polls: others are served, and all are dropped in time", { timeout: 180_000 }, async () => {
    const agent = keepAlive();
    const sids = [];
    const open = async () => {
      for (let n = 0; n < 250; n++) {
        const answer = await exchange(server.port, "GET", four.target({ transport: "polling" }), { agent });
        assert.ok([200, 429, 503].includes(answer.status), `${answer.status} ${answer.text}`);
        if (answer.status === 200) sids.push(JSON.parse(answer.text.slice(1)).sid);
      }
    };
    await Promise.all(range(1, 20).map(open));
    assert.ok(sids.length >= 100);
    const client = await four.open();
    await client.post("40");
    assert.match(await client.next((packet) => packet.startsWith("40"), "CONNECT"), /sid/);
    await until(async () => {
      const left = await Promise.all([sids[0], sids.at(-1), sids[sids.length >> 1]].map((sid) => exchange(server.port, "PUT", four.target({ transport: "polling", sid }), { agent })));
      return left.every(({ status, text }) => status === 400 && text.includes("Session ID unknown"));
    }, "the sessions to be dropped", 180_000); // a close that nobody polls is kept for 30 s
    agent.destroy();
  });

  test("a thousand WebSockets that never connect to a namespace are closed after connectTimeout", async (t) => {
    const crowd = range(1, 1000).map(() => new Plain(server.port));
    t.after(() => crowd.forEach((client) => client.destroy()));
    for (const client of crowd) client.write(handshake(four.target({ transport: "websocket" })));
    await Promise.all(crowd.map((client) => client.until(/"sid"/, "the open packet")));
    for (const client of crowd) client.keep = false;
    await connect(t, server, {});
    await Promise.all(crowd.map((client) => client.whenClosed()));
  });

  test("a connection that goes in and out of namespaces ten thousand times", async (t) => {
    const wire = await dial(t, []);
    for (const n of range(1, 5_000)) {
      if (!wire.open) break;
      wire.send("40/chat,");
      wire.send("41/chat,");
      if (n % 100 === 0) await new Promise(setImmediate);
    }
    // What it may connect to in a second is used up, but not for ever.
    const connected = async () => {
      for (;;) {
        wire.send("40");
        if ((await wire.next((packet) => /^4[04]\{/.test(packet), "an answer to CONNECT")).startsWith("40{")) return;
      }
    };
    await Promise.race([connected(), wire.whenClosed()]);
  });

  test("thousands of namespaces that are none", async (t) => {
    const wire = await dial(t);
    for (const n of range(1, 3_000)) wire.send(`40/none${n},`);
    wire.send('421["presence",{"channel":"x"}]');
    await Promise.race([wire.next((packet) => packet.startsWith?.("431"), "an answer"), wire.whenClosed()]);
  });

  test("thousands of subscriptions that are refused", async (t) => {
    const wire = await dial(t);
    for (const n of range(1, 3_000)) wire.send(`42["subscribe",{"channel":"private-domain.${n}","auth":"${app.key}:${"0".repeat(64)}"}]`);
    wire.send('421["presence",{"channel":"x"}]');
    await Promise.race([wire.next((packet) => packet.startsWith?.("431"), "an answer"), wire.whenClosed()]);
  });

  test("sessions that are kept for recovery: a thousand come, join and break off", { timeout: 180_000 }, async () => {
    const channel = fresh("private-domain.");
    for (const _ of range(1, 20)) {
      await Promise.all(
        range(1, 50).map(async () => {
          const wire = await four.connect();
          wire.send("40");
          const { sid } = JSON.parse((await wire.next((packet) => packet.startsWith("40"), "CONNECT")).slice(2));
          wire.send(`421${JSON.stringify(["subscribe", { channel, auth: channelAuth(app, sid, channel) }])}`);
          await wire.next((packet) => packet.startsWith("431"), "joined");
          wire.cut();
        }),
      );
    }
  });

  test("two hundred WebSockets for one session: the one that was first goes on", async (t) => {
    const session = await four.open();
    await session.post("40");
    await session.next((packet) => packet.startsWith("40"), "CONNECT");
    const first = await session.upgrade();
    t.after(() => first.cut());
    first.send('421["presence",{"channel":"x"}]');
    await first.next((packet) => packet.startsWith("431"), "an answer");
    const others = range(1, 200).map(() => session.socket());
    t.after(() => others.forEach((wire) => wire.cut()));
    await Promise.all(others.map((wire) => wire.whenClosed()));
    first.send('422["presence",{"channel":"x"}]');
    await first.next((packet) => packet.startsWith("432"), "an answer");
  });
});

describe("bodies and frames without end", () => {
  const post = (sid, head) => `POST ${four.target({ transport: "polling", sid })} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n${head}\r\n\r\n`;

  for (const length of ["100001", "999999999999", "18446744073709551616", "-1", "1e9", "0x10"]) {
    test(`a body that says it has ${length} bytes`, async (t) => {
      const { sid } = await four.open();
      const client = new Plain(server.port);
      t.after(() => client.destroy());
      client.write(post(sid, `Content-Length: ${length}`));
      client.write("4x");
      const [, status] = await client.until(/^HTTP\/1\.1 (\d+)/);
      assert.ok(["400", "413"].includes(status), status);
    });
  }

  test("bodies that end in the middle, in every place", async () => {
    const session = await four.open();
    await session.post("40");
    const body = `42["client event",{"channel":"x"}]${separator}451-["x",{"_placeholder":true,"num":0}]${separator}bAQID`;
    const whole = post(session.sid, `Content-Length: ${body.length}`) + body;
    for (let length = 1; length < whole.length; length += 3) {
      const client = new Plain(server.port);
      client.write(whole.slice(0, length));
      await new Promise(setImmediate);
      client.socket.resetAndDestroy();
    }
  });

  test("a frame that announces 2^62 bytes, and one of endless fragments", async (t) => {
    for (const write of [
      (client) => client.write(frame("4x", { length: 2 ** 62 })),
      (client) => {
        client.write(frame("4", { fin: false }));
        for (const _ of range(1, 300)) client.write(frame("x".repeat(1_000), { opcode: 0, fin: false }));
      },
    ]) {
      const client = new Plain(server.port);
      t.after(() => client.destroy());
      client.write(handshake(four.target({ transport: "websocket" })));
      await client.until(/"sid"/);
      write(client);
      await client.whenClosed();
      assert.equal(client.closeCode, 1009);
    }
  });

  test("attachments that never come to an end hold little and harm nobody", async (t) => {
    const crowd = await Promise.all(range(1, 100).map(() => dial(t)));
    for (const wire of crowd) {
      wire.send(`4510-${JSON.stringify(["subscribe", ...range(0, 9).map((num) => ({ _placeholder: true, num }))])}`);
      for (const _ of range(1, 9)) wire.send(Buffer.alloc(90_000));
    }
    // Answered in their pings, they still wait for the tenth.
    await Promise.all(crowd.map((wire) => Promise.race([until(() => wire.pings >= 1, "a ping"), wire.whenClosed()])));
  });

  test("CONNECT with as much as a message may hold", async (t) => {
    const wire = await dial(t, [`40{"token":"${"x".repeat(bound - 100)}"}`]);
    await settled(wire);
    const nested = await dial(t, [`40${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`]);
    await settled(nested);
  });

  test("requests that trickle in keep nobody waiting", async (t) => {
    const crowd = range(1, 200).map(() => new Plain(server.port));
    t.after(() => crowd.forEach((client) => client.destroy()));
    for (const client of crowd) client.write(`GET ${four.target({ transport: "polling" })} HTTP/1.1\r\nHost: x\r\nX-Slow: `);
    await connect(t, server, { transport: "polling" });
  });
});

// Pings are far apart here, so that nobody is dropped for not answering them.
describe("who does not read", () => {
  let patient;
  let calm;
  before(async () => {
    patient = await startServer({ apps: [app], limits: { write_queue_bytes_max: 262_144, catch_up_buffer_bytes_max: 131_072 } });
    calm = new Endpoint(patient.port, path);
  });
  after(() => patient?.stop());

  const filler = "x".repeat(8_000);
  const count = 1_500; // 12 MB: more than the kernel's buffers hold
  const joinedByPolling = async (channel) => {
    const session = await calm.open();
    await session.post("40");
    const { sid } = JSON.parse((await session.next((packet) => packet.startsWith("40"), "CONNECT")).slice(2));
    await session.post(`421${JSON.stringify(["subscribe", { channel, auth: channelAuth(app, sid, channel) }])}`);
    await session.next((packet) => packet.startsWith("431"), "joined");
    return session;
  };
  // Everything is poured, one who reads has it all in order, and the server's memory stays within bounds.
  const pour = async (t, channel) => {
    const quick = await connect(t, patient, {});
    await quick.join(app, channel);
    const before = await patient.metric("process_resident_memory_bytes");
    for (const n of range(1, count)) assert.equal((await trigger(patient, app, channel, "pour", { n, filler })).status, 200);
    await quick.heard.atLeast(count, ({ event }) => event === "pour", "messages");
    assert.deepEqual(quick.data(channel, "pour").map(({ n }) => n), range(1, count));
    const grown = (await patient.metric("process_resident_memory_bytes")) - before;
    // The history itself is kept in the caches of the storage.
    assert.ok(grown < 200_000_000, `the process grew by ${Math.round(grown / 1e6)} MB`);
  };

  test("by WebSocket: closed when its queue is full, and the others wait for nothing", async (t) => {
    const channel = fresh("private-domain.");
    const slow = new Plain(patient.port);
    t.after(() => slow.destroy());
    slow.write(handshake(calm.target({ transport: "websocket" })));
    await slow.until(/"sid"/);
    slow.write(frame("40"));
    const [, socketId] = await slow.until(/40\{"sid":"([^"]+)"/);
    slow.write(frame(`421${JSON.stringify(["subscribe", { channel, auth: channelAuth(app, socketId, channel) }])}`));
    await slow.until(/431\[/);
    slow.socket.pause();
    await pour(t, channel);
    slow.ignore();
    slow.socket.resume();
    await slow.whenClosed();
  });

  test("by polling: the queue of a session that is not polled is bounded, and the next poll is told the end", async (t) => {
    const channel = fresh("private-domain.");
    const session = await joinedByPolling(channel);
    await pour(t, channel);
    let bytes = 0;
    for (;;) {
      const answer = await session.poll();
      bytes += answer.bytes.length;
      assert.ok(bytes < 2_000_000, `${bytes} bytes were held for it`);
      if (answer.status === 400 || answer.packets.includes("1")) break;
      assert.equal(answer.status, 200);
    }
  });

  test("by polling: answers that nobody takes from the socket", async (t) => {
    const channel = fresh("private-domain.");
    const session = await joinedByPolling(channel);
    const client = new Plain(patient.port);
    t.after(() => client.destroy());
    client.socket.pause();
    for (const _ of range(1, 200)) client.write(`GET ${calm.target({ transport: "polling", sid: session.sid })} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await pour(t, channel);
  });
});

describe("words that are none", () => {
  const odd = [undefined, null, 7, "text", true, [], {}, { channel: null }, { channel: 7 }, { channel: "" }, { channel: [] }, { channel: "x".repeat(5_000) }, { channel: "a b" }, { channel: "private-\u0000" }, { channel: "#server-to-user-1" }, { channel: "private-domain.7", auth: 7 }, { channel: "private-domain.7", auth: [] }, { channel: "private-domain.7", auth: { headers: 7 } }, { channel: "private-domain.7", auth: { headers: { "X\r\nY": "a\r\nb", Authorization: {} } } }, { channel: "domain.1", since: 7 }, { channel: "domain.1", since: "x:y" }, { channel: "domain.1", rewind: -1 }, { channel: "domain.1", rewind: 1e300 }, { channel: "presence-domain.1", auth: "x:y", channel_data: 7 }, { channel: "presence-domain.1", auth: "x:y", channel_data: "{" }];
  for (const event of ["subscribe", "unsubscribe", "client event", "publish", "history", "presence", "status", "activity", "token"]) {
    test(`${event} with arguments of every kind: errors for who asks, and nothing else`, async (t) => {
      let wire = await dial(t);
      let id = 0;
      for (const argument of odd) {
        for (const more of [[], ["more", 7]]) {
          const packet = (number) => `42${number}${JSON.stringify([event, ...(argument === undefined ? [] : [argument]), ...more])}`;
          wire.send(packet(""));
          wire.send(packet(++id));
          wire.send(`42${++id}["presence",{"channel":"none"}]`);
          const fence = await Promise.race([wire.next((got) => got.startsWith?.(`43${id}[`), "an answer"), wire.whenClosed()]);
          if (typeof fence === "string") assert.match(fence, /not_subscribed/);
          else wire = await dial(t);
        }
      }
    });
  }

  const samples = ["40", "41", '40/chat,{"token":"x"}', '42["subscribe",{"channel":"domain.fuzz"}]', '421["subscribe",{"channel":"private-domain.fuzz","auth":"a:b"}]', '42["client event",{"channel":"x","event":"client-x","data":{"a":[1,2,{"b":null}]}}]', '451-["x",{"_placeholder":true,"num":0}]', '461-7[{"_placeholder":true,"num":0}]', '43999["x"]', '44{"message":"x"}', "2", "3", "5", "6", "1", "2probe", '422["history",{"channel":"x","since":"00000000000a1b2c:1"}]'];
  const alphabet = ['"', "{", "}", "[", "]", ",", ":", "\\", "/", "-", "0", "9", "1e9", "null", "\u0000", "\u001e", "é", "👋", "_placeholder", "true", "\ud800"];
  const mutate = ({ below, pick }) => {
    let text = pick(samples);
    for (let n = below(4); n > 0; n--) {
      const at = below(text.length + 1);
      const what = below(4);
      if (what === 0) text = text.slice(0, at) + pick(alphabet) + text.slice(at);
      else if (what === 1) text = text.slice(0, at) + text.slice(at + 1 + below(5));
      else if (what === 2) text = text.slice(0, at) + text.slice(at).split("").reverse().join("");
      else text = text.slice(0, at) + text;
    }
    return text;
  };
  const bytesOf = ({ below }) => Buffer.from(range(1, below(60) + 1).map(() => below(256)));

  seeded("frames that are nearly right", async (t, dice) => {
    for (const _ of range(1, 60)) {
      const wire = await four.connect();
      if (dice.below(4)) wire.send("40");
      for (const __ of range(1, 40)) {
        if (!wire.open) break;
        wire.send(dice.below(6) ? mutate(dice) : bytesOf(dice));
      }
      wire.cut();
    }
  });

  seeded("polling bodies that are nearly right, of both versions", async (t, dice) => {
    for (const _ of range(1, 150)) {
      const [endpoint, body] = dice.pick([
        [four, () => range(0, dice.below(5)).map(() => mutate(dice)).join(separator)],
        [three, () => textBody(...range(0, dice.below(5)).map(() => mutate(dice)))],
        [three, () => textBody(mutate(dice), mutate(dice)).slice(dice.below(4), 20 + dice.below(80))],
        [three, () => binaryBody(...range(0, dice.below(5)).map(() => (dice.below(3) ? mutate(dice) : bytesOf(dice))))],
        [three, () => Buffer.concat([binaryBody(mutate(dice)).subarray(0, 2 + dice.below(20)), bytesOf(dice)])],
        [four, () => bytesOf(dice)],
        [three, () => bytesOf(dice)],
        [three, () => `d=${mutate(dice)}`],
      ]);
      const jsonp = dice.below(8) === 0;
      const session = await endpoint.open(jsonp ? {} : { b64: dice.below(2) ? "1" : "0" });
      for (const __ of range(1, 4)) {
        const type = dice.pick(["text/plain;charset=UTF-8", "application/octet-stream", "application/x-www-form-urlencoded", "application/json", "", "x"]);
        const answer = await session.request("POST", { body: body(), headers: type ? { "Content-Type": type } : {} });
        assert.ok([200, 400, 413].includes(answer.status), `${answer.status} ${answer.text}`);
        if (answer.status !== 200) break;
        if (dice.below(2)) await within(session.request("GET"), "a poll");
      }
    }
  });

  seeded("probes and upgrades in any order", async (t, dice) => {
    for (const _ of range(1, 80)) {
      const endpoint = dice.pick([four, three]);
      const session = await endpoint.open();
      const wires = range(0, dice.below(3)).map(() => session.socket());
      t.after(() => wires.forEach((wire) => wire.cut()));
      await Promise.all(wires.map((wire) => Promise.race([wire.opened.catch(() => {}), wire.closed])));
      const packets = ["2probe", "5", "2", "3", "3probe", "6", "4x", "40", "1", "", Buffer.from("2probe"), '42["presence",{}]'];
      for (const __ of range(1, 1 + dice.below(8))) {
        const wire = dice.pick(wires);
        const what = dice.below(8);
        if (what === 0) session.request("GET").catch(() => {});
        else if (what === 1) session.request("POST", { body: endpoint === three ? "2:40" : "40" }).catch(() => {});
        else if (what === 2) wire.cut();
        else if (wire.open) wire.send(dice.pick(packets));
        if (dice.below(2)) await new Promise(setImmediate);
      }
    }
  });

  const targets = {
    "no query": "",
    "an empty transport": "?EIO=4&transport=",
    "two transports": "?EIO=4&transport=polling&transport=websocket",
    "two versions": "?EIO=4&EIO=3&transport=polling",
    "two sids": "?EIO=4&transport=polling&sid=a&sid=b",
    "a path below": "x/y?EIO=4&transport=polling",
    "percent signs that are none": "?EIO=4&transport=polling&sid=%zz%",
    "a query of 7,000 characters": `?EIO=4&transport=polling&x=${"y".repeat(7_000)}`,
    "webtransport": "?EIO=4&transport=webtransport",
    "flashsocket": "?EIO=3&transport=flashsocket",
  };
  for (const [what, query] of Object.entries(targets)) {
    test(`${what}: an answer in plain HTTP for every method, and by upgrade`, async (t) => {
      for (const method of ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE"]) {
        const answer = await exchange(server.port, method, `${path}${query}`, method === "POST" ? { body: "4x" } : {});
        assert.ok(answer.status >= 200 && answer.status < 501, `${method}: ${answer.status}`);
        assert.notEqual(answer.status, 101);
      }
      const client = new Plain(server.port);
      t.after(() => client.destroy());
      client.write(handshake(`${path}${query}`));
      await Promise.race([client.until(/^HTTP\/1\.1 \d+/), client.whenClosed()]);
    });
  }

  test("an upgrade that is none: a wrong version, no key, a body", async (t) => {
    const target = four.target({ transport: "websocket" });
    for (const request of [
      handshake(target).replace("Version: 13", "Version: 8"),
      handshake(target).replace(/Sec-WebSocket-Key.*\r\n/, ""),
      handshake(target).replace("Upgrade: websocket", "Upgrade: h2c"),
      handshake(target).replace("GET", "POST"),
    ]) {
      const client = new Plain(server.port);
      t.after(() => client.destroy());
      client.write(request);
      const [, status] = await client.until(/^HTTP\/1\.1 (\d+)/);
      assert.match(status, /^(4\d\d|50[15])$/);
    }
  });

  test("what RFC 6455 forbids is closed here as it is elsewhere", async (t) => {
    for (const [bytes, codes] of [
      [frame("4x", { masked: false }), [1002]],
      [frame("4x", { rsv: 4 }), [1002]],
      [frame("4x", { opcode: 3 }), [1002]],
      [frame("x".repeat(126), { opcode: 9 }), [1002]],
      [frame(Buffer.from([0x34, 0xc3, 0x28])), [1007]],
    ]) {
      const client = new Plain(server.port);
      t.after(() => client.destroy());
      client.write(handshake(four.target({ transport: "websocket" })));
      await client.until(/"sid"/);
      client.write(bytes);
      await client.whenClosed();
      assert.ok(codes.includes(client.closeCode), String(client.closeCode));
    }
  });
});
