// Strangers open Socket.IO sessions, join many channels and drop, again and again, so that each of their sessions is
// kept to be taken up. What is kept is bounded, for each address too, and others are taken up all the same.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import WebSocket from "ws";

import { apps, fresh, range, startServer, test } from "../lib/harness.js";
import { MB, strangers, underAttack } from "../lib/hostile.js";
import { recovering } from "../lib/recovering.js";
import { until, within } from "../lib/wait.js";

const app = apps.main;
const share = 2 * MB;
let server;
before(
  async () =>
    (server = await startServer({
      limits: { kept_sessions_bytes_per_address_max: share },
      socketio: { ping_interval_ms: 400, ping_timeout_ms: 400, recovery_seconds: 60 },
    })),
);
after(() => server?.stop());
const { publish, listen, proxyTo, cutWhile } = recovering(app, () => server);

// One session of a stranger that joins `channels` and is lost when the last of them has answered.
async function drop(channels) {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/socket.io/?EIO=4&transport=websocket`, { localAddress: strangers, perMessageDeflate: false });
  socket.on("error", () => {});
  const joined = new Promise((done) => {
    socket.on("close", done);
    let answers = 0;
    socket.on("message", (bytes) => {
      const text = bytes.toString();
      if (text.startsWith("0")) socket.send("40");
      if (text === "2") socket.send("3");
      if (text.startsWith("40{")) {
        channels.forEach((channel, ack) => socket.send(`42${ack}${JSON.stringify(["subscribe", { channel }])}`));
      }
      if (text.startsWith("43") && ++answers === channels.length) done();
    });
  });
  await within(joined, "a stranger's channels to be joined");
  socket.terminate();
}
async function dropAgain(channels, over) {
  await Promise.all(
    range(1, 8).map(async () => {
      while (!over()) await drop(channels);
    }),
  );
}
const invented = () => {
  const name = fresh("domain.invented");
  return range(1, 100).map((n) => `${name}.${n}`);
};

test("sessions on names that nobody ever published on are not kept", async (t) => {
  const names = invented();
  await underAttack(t, server, app, ({ over }) => dropAgain(names, over));
  assert.equal(await server.metric("parley_kept_sessions"), 0);
});

test("an address has its share of what is kept, and others are taken up", async (t) => {
  const real = fresh("domain.real");
  const own = fresh("private-domain.own");
  await publish(server, real, 1);
  const proxy = await proxyTo(t);
  const client = await listen(t, proxy, [own]);
  await publish(server, own, 1);
  await client.hears(1);
  const { id } = client;
  await underAttack(t, server, app, ({ over }) => dropAgain([real, ...invented()], over));
  const kept = await server.metric("parley_kept_sessions_bytes");
  assert.ok(kept > 0 && kept <= share + MB, `${kept} bytes are kept`);
  await cutWhile(client, proxy, "rst", () => publish(server, own, 2, 4));
  assert.deepEqual(await client.connection(2), { recovered: true, id });
  await client.hears(4);
  assert.deepEqual(client.numbers(), range(1, 4));
});

test("what an address wrote counts for a while, whether it is still kept or not", async (t) => {
  const real = fresh("domain.real");
  await publish(server, real, 1);
  const names = invented();
  const refused = () => server.metric("parley_share_refusals_total", { kind: "kept_sessions" });
  const before = await refused();
  let more = true;
  const attack = dropAgain([real, ...names], () => !more);
  t.after(() => (more = false));
  await until(async () => (await refused()) > before, "the share to be used up", 60_000);
  more = false;
  await attack;
});
