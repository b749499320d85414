// What large events that come and go leave on the disk: the log, the write-ahead log and tables that wait for their
// compaction are bounded in bytes, whatever the number of entries, and the space comes back.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { after, before } from "node:test";

import { apps, range, startServer, test } from "../lib/harness.js";
import { diskBytes, long, MB, strangers, underAttack } from "../lib/hostile.js";
import { history, signedPath } from "../lib/sign.js";
import { until } from "../lib/wait.js";

const app = { ...apps.main, refuse_replays: false };
const channels = range(1, 100).map((n) => `private-large.${n}`);
const eventBytes = 100_000;
const kept = channels.length * eventBytes;
const total = (long ? 3_000 : 300) * MB;

let server;
before(async () => {
  server = await startServer({
    apps: [app],
    log: { level: "warn" },
    channels: [{ match: "large.*", durability: "quorum", retention: { count: 1 } }],
  });
});
after(() => server?.stop());

async function publishAll(bytes) {
  const agent = new Agent({ keepAlive: true, maxSockets: 4, localAddress: strangers });
  // Noise does not compress. Cut at another place each time, it is another event.
  const noise = randomBytes(4 * MB).toString("base64");
  let sent = 0;
  let next = 0;
  const post = (body) =>
    new Promise((done, failed) => {
      const path = signedPath(app, "POST", `/apps/${app.id}/events`, { body });
      const outgoing = request({ agent, host: "127.0.0.1", port: server.port, method: "POST", path, headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) } }, (answer) => {
        answer.resume().on("end", () => (answer.statusCode === 200 ? done() : failed(new Error(`publish: ${answer.statusCode}`))));
      });
      outgoing.on("error", failed);
      outgoing.end(body);
    });
  const publisher = async () => {
    while (sent < bytes) {
      const n = next++;
      sent += eventBytes;
      const from = (n * 7_919) % (noise.length - eventBytes);
      const data = `${n}:${noise.slice(from, from + eventBytes - 10)}`;
      await post(JSON.stringify({ name: "large", channel: channels[n % channels.length], data }));
    }
  };
  await Promise.all(range(1, 4).map(publisher));
  agent.destroy();
  return next;
}

test("large events on channels that keep one leave little more on the disk than those", { timeout: 1_200_000 }, async (t) => {
  const grew = await underAttack(t, server, app, async () => assert.ok((await publishAll(total)) >= total / eventBytes), { disk: kept + 64 * MB });
  assert.ok(grew.disk >= kept / 2, "the meter looks at the right directory");
  for (const channel of [channels[0], channels.at(-1)]) {
    const answer = await history(server, app, channel);
    assert.equal(answer.json.publications.length, 1);
  }
  assert.ok((await server.metric("parley_log_cuts_total")) > 0);
  assert.ok((await server.metric("parley_log_bytes")) <= 4 * MB);
});

test("what was deleted is given back by a node with nothing else to do", { timeout: 300_000 }, async () => {
  for (const channel of channels) {
    const path = signedPath(app, "DELETE", `/apps/${app.id}/channels/${channel}/history`);
    const answer = await fetch(`${server.url}${path}`, { method: "DELETE" });
    assert.equal(answer.status, 200);
  }
  await until(() => diskBytes(server.dataDir) < 48 * MB, () => `the space of deleted histories: ${(diskBytes(server.dataDir) / MB).toFixed(1)} MB are left`, 240_000);
});

test("a start after a kill finds every acknowledged event and a log that is cut", async () => {
  const n = await publishAll(12 * MB);
  assert.ok(n >= 120);
  await server.kill9();
  await server.start();
  for (const channel of channels.slice(0, 10)) assert.equal((await history(server, app, channel)).json.publications.length, 1);
  assert.equal(await server.metric("parley_log_bytes"), 0);
});
