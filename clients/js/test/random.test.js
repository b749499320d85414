// A page's feed while publications, deletions and cuts come in any order: in the end it shows what the history has, and on the way it
// never shows anything twice or out of order. A failure prints its seed; SEED=… repeats it.
import { afterAll, beforeAll, expect, test } from "vitest";

import { attach } from "../src/index.js";
import { app, Backend, connect, fresh, historyOverHttp, offsets, Proxy, publish, pushers, startServer, until, when } from "./support.js";

const steps = 60;
const seeds = process.env.SEED ? [Number(process.env.SEED)] : Array.from({ length: 4 }, () => Math.floor(Math.random() * 2 ** 31));

let server;
let backend;
beforeAll(async () => {
  server = await startServer();
  backend = await Backend.start(app);
});
afterAll(async () => {
  await backend?.stop();
  await server?.stop();
});

// mulberry32
function generator(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test.each(seeds)("a feed over a disorderly hour, seed %i", async (seed) => {
  const random = generator(seed);
  const pick = (...choices) => choices[Math.floor(random() * choices.length)];
  const name = fresh("private-domain.");
  const proxy = await Proxy.start(server.port);
  const pusher = connect(pushers["pusher-js 8.6"], server, backend, { port: proxy.port });
  const parley = attach(pusher, { timeout: 2000 });
  const seen = random() < 0.5; // else positions are not seen, as with another pusher-js
  if (!seen) pusher.connection.bind("connected", () => (pusher.connection.connection.transport.bind_global = undefined));
  const lease = parley.feed(name, { limit: pick(3, 10, 50) });
  const feed = lease.value;
  let wrong = null;
  feed.onChange(() => {
    const shown = offsets(feed.snapshot).filter((offset) => offset !== null);
    if (shown.some((offset, index) => index > 0 && offset <= shown[index - 1])) wrong ??= shown;
    const keys = feed.snapshot.publications.map(({ key }) => key);
    if (new Set(keys).size !== keys.length) wrong ??= keys;
  });
  let n = 0;
  try {
    for (let step = 0; step < steps; step++) {
      const what = random();
      if (what < 0.75) {
        const extra = random() < 0.2 && pusher.connection.socket_id ? { socket_id: pusher.connection.socket_id } : {};
        await publish(server, name, { n: ++n }, "message.sent", extra);
      } else if (what < 0.85) {
        await feed.loadOlder().catch(() => {});
      } else if (pusher.connection.state === "connected") {
        // An orderly cut of the page's own: pusher-js would pause after several resets.
        pusher.disconnect();
        for (let more = Math.floor(random() * 8); more > 0; more--) await publish(server, name, { n: ++n });
        pusher.connect();
        if (random() < 0.5) await until(() => pusher.connection.state === "connected", "a connection");
      }
    }
    await until(() => pusher.connection.state === "connected", "a connection");
    await publish(server, name, { n: ++n });
    await when(feed, ({ state, publications }) => state === "live" && publications.at(-1)?.data.n === n, "the last publication");
    await until(async () => {
      if (feed.snapshot.hasOlder) await feed.loadOlder();
      return !feed.snapshot.hasOlder;
    }, "all that is older");
    const { publications } = await historyOverHttp(server, name, { limit: "1000" });
    const kept = publications.map(({ data }) => JSON.parse(data).n);
    // Without positions a publication that left out this connection shows when history is asked next: after a cut.
    if (!seen) {
      pusher.disconnect();
      pusher.connect();
    }
    await when(feed, (state) => state.publications.length === kept.length, `${kept.length} publications`);
    expect(feed.snapshot.publications.map(({ data }) => data.n)).toEqual(kept);
    expect(wrong).toBe(null);
  } finally {
    lease.release({ now: true });
    parley.close();
    pusher.disconnect();
    await proxy.stop();
  }
});
