// Mixed churn on one node for as long as is asked, and what is left of it: how memory grows after the warm-up, and what
// an idle node costs afterwards, beside one that has just started.
//
//   node soak.js [minutes]        5 by default; ends by itself; the last line is `slope … KB/s, idle … % (fresh … %)`
//
// Not one of the suites: it takes minutes, and says numbers of this machine.
import { readFileSync } from "node:fs";

import { apps, range, startServer } from "./lib/harness.js";
import { RawClient } from "./lib/raw.js";
import { rssBytes } from "./lib/hostile.js";
import { trigger } from "./lib/sign.js";

const minutes = Number(process.argv[2] ?? 5);
const idleSeconds = Math.min(60, Math.max(10, minutes * 6));
const app = { ...apps.main, subscription_count: true, refuse_replays: false, limits: { client_events_per_second_max: 0 } };
const config = {
  apps: [app],
  log: { level: "warn" },
  channels: [
    { match: "kept.*", durability: "quorum", retention: { count: 100 } },
    { match: "fast.*", durability: "async", retention: { count: 100 }, keep_client_events: true },
  ],
};
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const pick = (list) => list[Math.floor(Math.random() * list.length)];

const cpuTicks = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return Number(fields[11]) + Number(fields[12]);
};
// Percent of one core, over a while in which nothing is asked of the node.
async function idle(server) {
  const [from, begun] = [cpuTicks(server.pid), performance.now()];
  await pause(idleSeconds * 1000);
  return (cpuTicks(server.pid) - from) / ((performance.now() - begun) / 1000);
}

// 400 channels that stay awake by one listener each, as in a fresh node that is compared.
const steady = range(1, 400).map((n) => `room-${n}`);
async function listen(server) {
  const client = await RawClient.connect(server, app);
  for (const channel of steady) client.send({ event: "pusher:subscribe", data: { channel } });
  while (client.frames.items.length < steady.length) await pause(50);
  client.ws.on("message", () => {
    if (client.frames.items.length > 1_000) client.frames.items.length = 0;
  });
  return client;
}

async function churn(server, over, counts) {
  const joiner = async () => {
    while (!over()) {
      const client = await RawClient.connect(server, app).catch(() => null);
      if (!client) {
        await pause(100);
        continue;
      }
      for (let step = 0; step < 40 && !over(); step++) {
        const channel = pick(steady);
        client.send({ event: "pusher:subscribe", data: { channel } });
        client.send({ event: "pusher:unsubscribe", data: { channel } });
        counts.joins++;
        if (step % 8 === 0) {
          const user = `u${Math.floor(Math.random() * 500)}`;
          await client.subscribe(pick(["presence-lobby", "presence-kept.1", "presence-fast.1"]), { member: { user_id: user } });
        }
        if (client.frames.items.length > 500) client.frames.items.length = 0;
        await pause(8);
      }
      if (Math.random() < 0.5) client.cut();
      else await client.close();
      counts.connections++;
    }
  };
  const publisher = async () => {
    let n = 0;
    while (!over()) {
      const answer = await trigger(server, app, pick([pick(steady), `private-kept.${1 + (n % 50)}`, `private-fast.${1 + (n % 50)}`]), "e", { n: n++, text: "x".repeat(Math.floor(Math.random() * 2_000)) }).catch(() => null);
      counts.published += answer?.status === 200 ? 1 : 0;
      await pause(8);
    }
  };
  await Promise.all([...range(1, 8).map(joiner), ...range(1, 2).map(publisher)]);
}

// Least squares over the second half: the first is the warm-up.
function slope(samples) {
  const half = samples.slice(Math.floor(samples.length / 2));
  const meanTime = half.reduce((sum, { at }) => sum + at, 0) / half.length;
  const meanBytes = half.reduce((sum, { bytes }) => sum + bytes, 0) / half.length;
  let [over, under] = [0, 0];
  for (const { at, bytes } of half) {
    over += (at - meanTime) * (bytes - meanBytes);
    under += (at - meanTime) ** 2;
  }
  return over / under;
}

const fresh = await startServer(config);
const freshListener = await listen(fresh);
await pause(5_000);
const freshIdle = await idle(fresh);
freshListener.cut();
await fresh.stop();

const server = await startServer(config);
const listener = await listen(server);
const counts = { joins: 0, connections: 0, published: 0 };
const begun = performance.now();
const ends = begun + minutes * 60_000;
const samples = [];
const ticksOf = () => server.metric("parley_actor_ticks_total");
const meter = setInterval(async () => {
  const at = (performance.now() - begun) / 1000;
  samples.push({ at, bytes: rssBytes(server.pid) });
  if (samples.length % 15 === 0) console.log(`${at.toFixed(0)} s: ${(samples.at(-1).bytes / 1048576).toFixed(1)} MB, ${counts.joins} joins, ${counts.connections} connections, ${counts.published} published, ${await ticksOf()} ticks`);
}, 2_000);
await churn(server, () => performance.now() > ends, counts);
clearInterval(meter);
await pause(75_000); // graces, and what was on its way
const ticksBefore = await ticksOf();
const afterIdle = await idle(server);
const ticks = ((await ticksOf()) - ticksBefore) / idleSeconds;
console.log(`${counts.joins} joins, ${counts.connections} connections, ${counts.published} published; ${(rssBytes(server.pid) / 1048576).toFixed(1)} MB afterwards; ${ticks.toFixed(1)} ticks a second idle`);
console.log(`slope ${(slope(samples) / 1024).toFixed(1)} KB/s, idle ${afterIdle.toFixed(2)} % (fresh ${freshIdle.toFixed(2)} %)`);
listener.cut();
await server.stop();
process.exit(0);
