// Rough treatment of a running node. After each: the process lives, others are served, and nothing that
// was acknowledged is lost.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";

import { frame, handshake, Plain } from "../lib/crowd.js";
import { apps, config, fresh, range, raw, startServer, test } from "../lib/harness.js";
import { RawClient } from "../lib/raw.js";
import { runParley, Server, temporaryDirectory } from "../lib/server.js";
import { channelAuth, history, trigger } from "../lib/sign.js";
import { until } from "../lib/wait.js";

const app = { ...apps.main, limits: { client_events_per_second_max: 0 } };
const limits = {
  frame_bytes_max: 131_072,
  http_header_bytes_max: 8_192,
  http_body_bytes_max: 2_097_152,
  write_queue_bytes_max: 262_144,
  catch_up_buffer_bytes_max: 131_072,
  handshake_timeout: 1,
  http_idle_timeout: 2,
};
let server;
let witness;
let witnessed = 0;
before(async () => {
  server = await startServer({ apps: [app], limits });
  witness = await RawClient.connect(server, app);
  await witness.joined("private-domain.witness");
});
after(async () => {
  witness?.cut();
  await server?.stop();
});
// One client that was there before goes through it all.
afterEach(async () => {
  assert.ok(server.alive, `the process ended: ${JSON.stringify(server.exit)}`);
  const answer = await trigger(server, app, "private-domain.witness", "still-here", { n: ++witnessed });
  assert.equal(answer.status, 200, answer.text);
  await witness.frames.atLeast(witnessed, ({ event }) => event === "still-here", "still-here");
});

async function plain(t, { open = true } = {}) {
  const client = new Plain(server.port);
  t.after(() => client.destroy());
  if (open) await client.open(app);
  return client;
}

// What RFC 6455 forbids, with the close code that it names.
const violations = {
  "an unmasked frame": [frame("{}", { masked: false }), 1002],
  "a reserved bit": [frame("{}", { rsv: 4 }), 1002],
  "a reserved opcode": [frame("{}", { opcode: 3 }), 1002],
  "a reserved control opcode": [frame("", { opcode: 11 }), 1002],
  "a fragmented ping": [frame("x", { opcode: 9, fin: false }), 1002],
  "a ping over 125 bytes": [frame("x".repeat(126), { opcode: 9 }), 1002],
  "a continuation of nothing": [frame("x", { opcode: 0 }), 1002],
  "a new message within a fragmented one": [Buffer.concat([frame("x", { fin: false }), frame("y")]), 1002],
  "text that is no UTF-8": [frame(Buffer.from([0xc3, 0x28])), 1007],
  "UTF-8 that ends in the middle of a character": [frame(Buffer.from([0xe2, 0x82])), 1007],
  "a close frame of one byte": [frame("x", { opcode: 8 }), 1002],
  "a close code that may not be sent": [frame(Buffer.from([0x03, 0xee]), { opcode: 8 }), 1002],
  "a frame over the bound": [frame("x".repeat(140_000)), 1009],
  "a frame that announces 2^62 bytes": [frame("x", { length: 2 ** 62 }), 1009],
  "fragments that together go over the bound": [Buffer.concat([frame("x".repeat(100_000), { fin: false }), frame("x".repeat(100_000), { opcode: 0 })]), 1009],
};
for (const [what, [bytes, code]] of Object.entries(violations)) {
  test(`closed with ${code}: ${what}`, async (t) => {
    const client = await plain(t);
    client.write(bytes);
    await client.whenClosed();
    assert.equal(client.closeCode, code);
  });
}

test("a message in many fragments with a ping between is one message", async (t) => {
  const client = await plain(t);
  const text = '{"event":"pusher:ping","data":{}}';
  const parts = [...text].map((character, index) => frame(character, { opcode: index === 0 ? 1 : 0, fin: index === text.length - 1 }));
  client.write(Buffer.concat([...parts.slice(0, 5), frame("hi", { opcode: 9 }), ...parts.slice(5)]));
  await client.until(/pusher:pong/);
});

test("bytes that trickle in one by one are understood", async (t) => {
  const client = await plain(t);
  for (const byte of frame('{"event":"pusher:ping","data":{}}')) {
    client.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  await client.until(/pusher:pong/);
});

const requests = {
  "no HTTP at all": ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", /^HTTP\/1\.[01] 400|^$/],
  "a request line of 100 kB": [`GET /${"x".repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, /^HTTP\/1\.1 4(14|31|00)/],
  "headers over the bound": [`GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${"x".repeat(20_000)}\r\n\r\n`, /^HTTP\/1\.1 431/],
  "a body over the bound": [`POST /apps/${app.id}/events HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n`, /^HTTP\/1\.1 413/],
  "a negative length": ["POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", /^HTTP\/1\.1 400/],
  "two lengths": ["POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", /^HTTP\/1\.1 400/],
  "a broken chunk": ["POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", /^HTTP\/1\.1 400/],
  "an unknown transfer encoding": ["POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\nGET /health/live HTTP/1.1\r\nHost: x\r\n\r\n", /^HTTP\/1\.1 501(?![^]*HTTP\/1\.1)/],
  "two transfer encodings": ["POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: x\r\n\r\n", /^HTTP\/1\.1 400(?![^]*HTTP\/1\.1)/],
  "no host": ["GET /health/live HTTP/1.1\r\n\r\n", /^HTTP\/1\.1 400/],
  "two hosts": ["GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", /^HTTP\/1\.1 400/],
  "a compressed body": [`POST /apps/${app.id}/events HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n\x1f\x8b\x08\0\0`, /^HTTP\/1\.1 415/],
  "a plain request for a WebSocket": [`GET /app/${app.key}?protocol=7 HTTP/1.1\r\nHost: x\r\n\r\n`, /^HTTP\/1\.1 426/],
  "an upgrade with a key of 15 bytes": [handshake(`/app/${app.key}?protocol=7`).replace(/Sec-WebSocket-Key.*\r\n/, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA\r\n"), /^HTTP\/1\.1 400/],
  "an upgrade without a key": [handshake(`/app/${app.key}?protocol=7`).replace(/Sec-WebSocket-Key.*\r\n/, ""), /^HTTP\/1\.1 4\d\d/],
  "an upgrade of version 8": [handshake(`/app/${app.key}?protocol=7`).replace("Version: 13", "Version: 8"), /^HTTP\/1\.1 4\d\d/],
  "percent signs that decode to nothing": ["GET /apps/%zz/%00/channels HTTP/1.1\r\nHost: x\r\n\r\n", /^HTTP\/1\.1 4\d\d/],
  "a path out of the demo": ["GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", /^HTTP\/1\.1 4\d\d/],
};
for (const [what, [bytes, answer]] of Object.entries(requests)) {
  test(`HTTP: ${what}`, async (t) => {
    const client = await plain(t, { open: false });
    client.write(Buffer.from(bytes, "latin1"));
    await Promise.race([client.until(/^HTTP[^]*\r\n\r\n/).catch(() => {}), client.whenClosed()]);
    assert.match(client.received.toString("latin1"), answer);
  });
}

test("half-open handshakes are closed after their time; silent connections too", async (t) => {
  const half = await plain(t, { open: false });
  half.write("GET /app/x HTTP/1.1\r\nHost: x\r\nUpgr");
  const silent = await plain(t, { open: false });
  await Promise.all([half.whenClosed(), silent.whenClosed()]);
});

test("a thousand connections that say nothing do not keep others out", async (t) => {
  const crowd = range(1, 1000).map(() => new Plain(server.port));
  t.after(() => crowd.forEach((client) => client.destroy()));
  const client = await raw(t, server, app);
  await client.joined(fresh("private-domain."));
});

test("connections cut in the middle of everything", async (t) => {
  const whole = Buffer.concat([
    Buffer.from(handshake(`/app/${app.key}?protocol=7`)),
    frame('{"event":"pusher:subscribe","data":{"channel":"domain.cut"}}'),
    frame('{"event":"client-x","channel":"domain.cut","data":{}}'),
  ]);
  for (let length = 1; length < whole.length; length += 7) {
    const client = await plain(t, { open: false });
    client.write(whole.subarray(0, length));
    client.socket.resetAndDestroy();
  }
});

test("a slow reader is closed with a name and resumes; the others wait for nothing", async (t) => {
  const channel = fresh("private-domain.");
  await trigger(server, app, channel, "first", {}); // a channel without any publication has no position yet
  const slow = await plain(t);
  slow.write(frame(JSON.stringify({ event: "pusher:subscribe", data: { channel, auth: channelAuth(app, slow.socketId, channel) } })));
  await slow.until(/subscription_succeeded/);
  const position = /"epoch\W+([0-9a-f]{16})\W+offset\W+(\d+)/.exec(slow.received.toString());
  slow.socket.pause();
  const quick = await raw(t, server, app);
  await quick.joined(channel);
  const before = await server.metric("parley_slow_consumers_total");
  let sent = 0;
  const big = "x".repeat(90_000);
  while ((await server.metric("parley_slow_consumers_total")) === before) {
    assert.ok(sent < 2000, "180 MB and the slow reader is still there");
    await Promise.all(range(1, 10).map(() => trigger(server, app, channel, "big", { n: ++sent, big })));
  }
  await quick.frames.atLeast(sent, ({ event }) => event === "big", "big");
  // It comes back with the position it had.
  const back = await raw(t, server, app);
  const joined = await back.joined(channel, { extra: { since: `${position[1]}:${position[2]}` } });
  assert.equal(typeof joined.recovered, "boolean");
});

test("a flood of frames from one client: the others are served meanwhile", async (t) => {
  const flood = await plain(t);
  flood.ignore();
  flood.write(Buffer.concat(range(1, 20_000).map(() => frame('{"event":"client-x","channel":"private-none","data":{}}'))));
  const client = await raw(t, server, app);
  await client.joined(fresh("private-domain."));
});

test("random bytes, as frames and as HTTP", async (t) => {
  // A fixed seed: a failure is repeatable.
  let state = 4711;
  const random = () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 16;
  const noise = (length) => Buffer.from(range(1, length).map(() => random() & 255));
  for (let round = 0; round < 60; round++) {
    const client = await plain(t, { open: round % 2 === 0 });
    client.write(round % 3 === 0 ? noise(200) : frame(noise(50 + (random() % 200)), { opcode: random() & 15, rsv: random() & 7 & (random() & 1 ? 0 : 7) }));
    client.socket.end();
  }
});

test("random changes to good messages", async (t) => {
  let state = 815;
  const random = (bound) => ((state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 8) % bound;
  const good = [
    '{"event":"pusher:subscribe","data":{"channel":"private-domain.1","auth":"k:0123456789abcdef"}}',
    '{"event":"pusher:subscribe","data":{"channel":"presence-domain.1","auth":"k:s","channel_data":"{\\"user_id\\":\\"1\\"}"}}',
    '{"event":"parley:token","data":{"token":"a.b.c"}}',
    '{"event":"client-x","channel":"private-domain.1","data":{"a":[1,2,{"b":"c"}]},"ack":1}',
    '{"event":"pusher:subscribe","data":{"channel":"domain.1","since":"0123456789abcdef:12"}}',
  ];
  const client = await raw(t, server, app);
  for (let round = 0; round < 1500; round++) {
    const text = [...good[random(good.length)]];
    for (let change = 0; change <= random(4); change++) {
      const at = random(text.length);
      if (random(3) === 0) text.splice(at, 1 + random(8));
      else if (random(2) === 0) text[at] = String.fromCharCode(32 + random(95));
      else text.splice(at, 0, ...text.slice(random(text.length), random(text.length)));
    }
    client.send(text.join(""));
    if (round % 100 === 99) await client.settle();
  }
  await client.settle();
});

// ---- the disk ----

test("a full disk: publishes are refused with a reason, what was acknowledged stays, and space heals it", { timeout: 180_000 }, async (t) => {
  const mountPoint = temporaryDirectory("full");
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=48m", "tmpfs", mountPoint]);
  if (mounted.status !== 0) {
    rmSync(mountPoint, { recursive: true, force: true });
    return t.skip(`a small file system cannot be mounted here: ${String(mounted.stderr ?? mounted.error).trim()}`);
  }
  const dataDir = join(mountPoint, "data");
  mkdirSync(dataDir);
  const own = new Server({ config: config({ apps: [app] }), dataDir });
  t.after(async () => {
    await own.stop();
    spawnSync("umount", ["-l", mountPoint]);
    rmSync(mountPoint, { recursive: true, force: true });
  });
  await own.start();
  const client = await raw(t, own, app);
  await client.joined("private-room.1");
  // Most of the space is taken by somebody else, the rest by publications.
  const ballast = join(mountPoint, "ballast");
  writeFileSync(ballast, Buffer.alloc(24 * 1024 * 1024));
  const kept = [];
  let refusal;
  // Nothing that a disk could make smaller, and less in all than retention keeps.
  const filler = () => randomBytes(67_500).toString("base64");
  for (let n = 1; n <= 1500 && !refusal; n++) {
    const answer = await trigger(own, app, "domain.full", "n", { n, filler: filler() });
    if (answer.status === 200) kept.push(n);
    else refusal = answer;
  }
  assert.ok(refusal, "1500 publications of 90 kB fitted into 48 MB");
  assert.ok(refusal.status >= 500, `${refusal.status} ${refusal.text}`);
  assert.ok(/storage|disk|space/.test(refusal.text), refusal.text);
  assert.ok(own.alive, "the process ended");
  await until(() => /space|storage|disk/i.test(own.logText()), "the log to say so");
  // What needs no disk goes on.
  assert.equal((await trigger(own, app, "private-room.1", "ephemeral", {})).status, 200);
  await client.next("ephemeral");
  // Space again: either it heals by itself or after a restart; nothing acknowledged is missing.
  rmSync(ballast);
  const healed = await until(async () => (await trigger(own, app, "domain.full", "n", { n: 0 })).status === 200, "healing", 10_000).catch(() => false);
  t.diagnostic(healed ? "healed by itself" : "healed by a restart");
  if (!healed) await own.restart();
  const stored = [];
  let since;
  for (let more = true; more; ) {
    const { json } = await history(own, app, "domain.full", { limit: 50, ...(since ? { since } : {}) });
    stored.push(...json.publications.map(({ data }) => JSON.parse(data).n));
    ({ more, next: since } = json);
  }
  // Publications in doubt may be there as well; each at most once and none of the acknowledged missing.
  assert.deepEqual(kept.filter((n) => !stored.includes(n)), [], `kept ${kept.length}, stored ${stored.length}: ${stored.slice(0, 3)}…${stored.slice(-3)}; ${own.logTail(40)}`);
  const numbered = stored.filter((n) => n > 0);
  assert.equal(new Set(numbered).size, numbered.length);
});

test("a data directory that cannot be written: said, with an exit code", async () => {
  const where = temporaryDirectory("unwritable");
  const path = join(where, "file-in-the-way");
  writeFileSync(path, "not a directory");
  const configured = new Server({ config: config(), dataDir: path });
  const { code, stdout, stderr } = await runParley(configured.commandLine());
  await configured.stop();
  rmSync(where, { recursive: true, force: true });
  assert.ok(code !== 0 && code !== null, `${code}`);
  assert.ok((stdout + stderr).includes(path), stdout + stderr);
});

test("a data directory without permission: said, with an exit code", async (t) => {
  const dataDir = temporaryDirectory("forbidden");
  const configured = new Server({ config: config(), dataDir });
  t.after(async () => {
    await configured.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });
  chmodSync(configured.configDir, 0o755);
  chmodSync(configured.configFile, 0o644);
  chmodSync(dataDir, process.getuid() === 0 ? 0o700 : 0);
  // Root may write everywhere: then it is nobody who tries.
  const nobody = 65534;
  let result;
  try {
    result = await runParley(configured.commandLine(), process.getuid() === 0 ? { uid: nobody } : {});
  } catch (error) {
    if (error.code === "EACCES") return t.skip("another user may not run the binary where it lies");
    throw error;
  }
  const { code, stdout, stderr } = result;
  assert.ok(code !== 0 && code !== null, `${code}`);
  assert.match(stdout + stderr, /ermission/);
  assert.ok((stdout + stderr).includes(dataDir));
});

test("a damaged data directory: said, with an exit code, and nothing is overwritten", async (t) => {
  const own = await startServer();
  t.after(() => own.stop());
  await trigger(own, apps.main, "domain.1", "x", {});
  await own.kill9();
  const walk = (directory) => readdirSync(directory, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? walk(join(directory, entry.name)) : [join(directory, entry.name)]));
  const manifest = walk(own.dataDir).find((file) => /MANIFEST-/.test(file));
  assert.ok(manifest, "a RocksDB manifest");
  writeFileSync(manifest, Buffer.alloc(4096, 0x5a));
  const { code, signal, stdout, stderr } = await runParley(own.commandLine());
  assert.ok(code !== 0 && signal === null, `${code} ${signal}`);
  assert.match(stdout + stderr, /corrupt|damaged|restore/i);
});
