// Strangers who take places: sessions that nobody comes back to, connections that say nothing, clients by the thousand.
// One address has its share; others come in and are served meanwhile. What each may hold: docs/bounds.md.
import assert from "node:assert/strict";
import { request } from "node:http";

import { handshake } from "../lib/crowd.js";
import { apps, startServer, test } from "../lib/harness.js";
import { elsewhere, hostileSockets, HostileSocket, MB, strangers, underAttack } from "../lib/hostile.js";
import { RawClient } from "../lib/raw.js";
import { within } from "../lib/wait.js";

const open = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";

function ask(server, path, { from = elsewhere, method = "GET", body = "" } = {}) {
  const answered = new Promise((done, failed) => {
    const outgoing = request({ agent: false, host: "127.0.0.1", port: server.port, method, path, localAddress: from, headers: { "Content-Length": Buffer.byteLength(body) } }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk) => (text += chunk));
      answer.on("end", () => done({ status: answer.statusCode, text }));
    });
    outgoing.on("error", failed);
    outgoing.end(body);
  });
  return within(answered, `an answer to ${method} ${path}`);
}

// A Socket.IO client by polling that comes in from an address and connects to its namespace.
async function comesInByPolling(server, from = elsewhere) {
  const opened = await ask(server, "/socket.io/?EIO=4&transport=polling", { from });
  assert.equal(opened.status, 200, opened.text);
  const { sid } = JSON.parse(opened.text.slice(1));
  const path = `/socket.io/?EIO=4&transport=polling&sid=${sid}`;
  const posted = await ask(server, path, { from, method: "POST", body: "40" });
  assert.equal(posted.status, 200, posted.text);
  const polled = await ask(server, path, { from });
  assert.match(polled.text, /^40\{"sid":/);
}

async function comesIn(t, server) {
  const client = await RawClient.connect(server, apps.main, { localAddress: elsewhere });
  t.after(() => client.cut());
  await client.settle();
  await comesInByPolling(server);
}

async function started(t, limits = {}) {
  const server = await startServer({ limits });
  t.after(() => server.stop());
  return server;
}

test("one connection that opens polling sessions without end", async (t) => {
  const server = await started(t);
  await underAttack(t, server, apps.main, async () => {
    const socket = new HostileSocket(server);
    t.after(() => socket.destroy());
    const count = 100_000;
    const told = new Promise((done) => {
      let answers = 0; // from the first on: they come while it still asks
      socket.onData = (chunk) => {
        answers += chunk.toString("latin1").split("over capacity").length - 1;
        if (answers > 50_000) done();
      };
    });
    await socket.flood(open.repeat(1_000), { enough: () => socket.sent >= count * open.length });
    await within(told, "the stranger to be told that it has its share", 60_000);
    await comesIn(t, server);
  });
  assert.ok((await server.metric("parley_share_refusals_total", { kind: "sessions_opening" })) > 50_000);
  assert.equal(await server.metric("parley_connections", { protocol: "socketio" }), 1, "sessions that nobody came back to are no connections");
});

test("an address that comes back to its sessions has its share of places, and no more", async (t) => {
  const server = await started(t, { connections_per_address_max: 20 });
  let refused = 0;
  for (let n = 0; n < 30; n++) {
    const opened = await ask(server, "/socket.io/?EIO=4&transport=polling", { from: strangers });
    assert.equal(opened.status, 200, opened.text);
    const { sid } = JSON.parse(opened.text.slice(1));
    const posted = await ask(server, `/socket.io/?EIO=4&transport=polling&sid=${sid}`, { from: strangers, method: "POST", body: "40" });
    if (posted.status === 503) refused++;
    else assert.equal(posted.status, 200);
  }
  assert.equal(refused, 10);
  assert.equal(await server.metric("parley_share_refusals_total", { kind: "clients" }), 10);
  await comesIn(t, server);
});

test("idle HTTP connections of one address shut nobody out", async (t) => {
  const server = await started(t, { connections_max: 200 });
  await underAttack(t, server, apps.main, async () => {
    const sockets = await hostileSockets(t, server, 1_300);
    for (const socket of sockets) socket.write("GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n");
    await comesIn(t, server);
    assert.ok((await server.metric("parley_share_refusals_total", { kind: "http_connections" })) > 600);
    sockets.forEach((socket) => socket.destroy());
  });
});

test("connections of one address that say nothing, or half a request, hold little", async (t) => {
  const server = await started(t);
  await underAttack(t, server, apps.main, async () => {
    const sockets = await hostileSockets(t, server, 4_000);
    for (const socket of sockets) socket.write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(6_000)}`);
    await comesIn(t, server);
    sockets.forEach((socket) => socket.destroy());
  });
});

test("clients of one address take its share of places, and no more", async (t) => {
  const server = await started(t, { connections_max: 300, connections_per_address_max: 100 });
  await underAttack(t, server, apps.main, async () => {
    const sockets = await hostileSockets(t, server, 250);
    await Promise.all(
      sockets.map((socket) => {
        socket.write(handshake(`/app/${apps.main.key}?protocol=7`));
        return within(
          new Promise((done) => {
            socket.onData = () => /connection_established|"code":4100/.test(socket.tail) && done();
          }),
          "a stranger's client to be told",
        );
      }),
    );
    assert.equal(sockets.filter((socket) => /connection_established/.test(socket.tail)).length, 100);
    await comesIn(t, server);
    sockets.forEach((socket) => socket.destroy());
  });
});

test("clients of one address come in at a rate", async (t) => {
  const server = await started(t, { opens_per_second_per_address_max: 1 });
  let refused = 0;
  for (let n = 0; n < 200 && refused < 5; n++) {
    const opened = await ask(server, "/socket.io/?EIO=4&transport=polling", { from: strangers });
    if (opened.status === 503) refused++;
    else assert.equal(opened.status, 200, opened.text);
  }
  assert.equal(refused, 5);
  assert.equal(await server.metric("parley_share_refusals_total", { kind: "opens" }), 5);
  await comesIn(t, server);
});

test("2,000 clients of one address, as behind a NAT or in a load test, are let in", async (t) => {
  const server = await started(t);
  const sockets = await hostileSockets(t, server, 2_000);
  await Promise.all(
    sockets.map((socket) => {
      socket.write(handshake(`/app/${apps.main.key}?protocol=7`));
      return within(
        new Promise((done) => {
          socket.onData = () => /connection_established|"code":4/.test(socket.tail) && done();
        }),
        "a client to be let in",
        60_000,
      );
    }),
  );
  assert.equal(sockets.filter((socket) => /connection_established/.test(socket.tail)).length, 2_000);
  assert.equal(await server.metric("parley_share_refusals_total"), 0);
  assert.ok((await server.metric("parley_write_queue_bytes")) < MB);
});
