// Strangers without a key, by HTTP alone: whatever they send and never read, the node holds little, and others are
// served meanwhile. What each may hold: docs/bounds.md.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { apps, startServer, test } from "../lib/harness.js";
import { hostileSockets, HostileSocket, long, MB, underAttack } from "../lib/hostile.js";
import { until } from "../lib/wait.js";

let server;
before(async () => {
  server = await startServer({ limits: { handshake_timeout: 2 } });
});
after(() => server?.stop());

const get = (path) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
const post = "POST /apps/4711/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n";

for (const path of ["/", "/apps/4711/channels", "/nothing/here"]) {
  test(`answers to GET ${path} that nobody reads`, async (t) => {
    await underAttack(t, server, apps.main, async ({ over }) => {
      const sockets = await hostileSockets(t, server, 4, { reads: false });
      const requests = Buffer.from(get(path).repeat(2_000));
      const how = await Promise.all(sockets.map((socket) => socket.flood(requests, { enough: over, most: (long ? 256 : 32) * MB })));
      assert.ok(!how.includes("done") || long, `the node went on reading: ${how}`);
      sockets.forEach((socket) => socket.destroy());
    });
  });
}

test("requests that are pipelined are answered in order, all of them, to one who reads late", async (t) => {
  const socket = new HostileSocket(server, { reads: false });
  t.after(() => socket.destroy());
  const count = 5_000;
  let text = "";
  socket.socket.on("data", (chunk) => (text += chunk));
  socket.socket.pause();
  await socket.opened;
  socket.write(get("/health/live").repeat(count));
  socket.socket.resume();
  await until(() => text.split("HTTP/1.1 200").length - 1 === count, () => `${count} answers; there are ${text.split("HTTP/1.1 ").length - 1}`);
});

for (const [what, opening, more] of [
  ["a chunk extension", "1;x=", "a".repeat(65_536)],
  ["extensions of many chunks", "", `1;x=${"a".repeat(4_000)}\r\na\r\n`.repeat(16)],
  ["a trailer", "1\r\na\r\n0\r\nX-Trailer: ", "a".repeat(65_536)],
  ["trailers", "1\r\na\r\n0\r\n", "X-Trailer: a\r\n".repeat(5_000)],
  ["a chunk's size", "", "0".repeat(65_536)],
  ["a header", null, "a".repeat(65_536)],
  ["headers", null, "X-Header: a\r\n".repeat(5_000)],
]) {
  test(`no end of ${what}`, async (t) => {
    await underAttack(t, server, apps.main, async () => {
      const sockets = await hostileSockets(t, server, 2);
      const head = opening === null ? "GET / HTTP/1.1\r\nHost: x\r\nX-First: " : `${post}Transfer-Encoding: chunked\r\n\r\n${opening}`;
      sockets.forEach((socket) => socket.write(head));
      // Once it has refused it reads and drops for a while, so that its answer is not lost: that is no sign of anything.
      const answered = (socket) => socket.tail.length > 0;
      await Promise.all(sockets.map((socket) => socket.flood(more, { most: 64 * MB, enough: () => answered(socket) })));
      await until(() => sockets.every((socket) => answered(socket) || socket.over), "answers");
      for (const socket of sockets) assert.match(socket.tail, /^HTTP\/1\.1 4(00|13|31) /);
    });
  });
}

test("bodies that never end, on many connections", async (t) => {
  await underAttack(t, server, apps.main, async () => {
    const sockets = await hostileSockets(t, server, 200);
    for (const socket of sockets) {
      socket.write(`${post}Content-Length: 2000000\r\n\r\n`);
      socket.write("x".repeat(1_000_000));
    }
    await until(() => sockets.some((socket) => /^HTTP\/1\.1 503 /.test(socket.tail)), "an address over its share of bytes to be told");
    assert.ok((await server.metric("parley_share_refusals_total", { kind: "http_bytes" })) > 0);
    // A byte now and then does not keep a body alive.
    await until(() => {
      for (const socket of sockets) socket.write("x");
      return sockets.every((socket) => socket.over);
    }, "slow bodies to be cut off");
    await until(async () => (await server.metric("parley_http_bytes")) < MB, "what they held to be given back");
  });
});
