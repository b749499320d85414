// Many clients that missed much come back at once, most of them never read: the node holds little for them.
// PARLEY_LONG=1: a hundred that missed 30 MB each.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { publishBulk } from "../lib/bulk.js";
import { long, MB, strangers, underAttack } from "../lib/hostile.js";
import { apps, fresh, startServer, test } from "../lib/harness.js";
import { SlowReader } from "../lib/slow_reader.js";
import { until } from "../lib/wait.js";

const app = apps.main;
const crowd = long ? 100 : 40;
// One process plays everybody: with a rate, so that it has time to notice how the honest one is served.
const rate = long ? 800_000 : 0;
const missed = (long ? 30 : 6) * MB;
const bytes = 10_000;
const count = Math.ceil(missed / bytes);

async function away(t, server, channels) {
  const ids = Array.from({ length: crowd }, () => randomUUID());
  const readers = await Promise.all(
    ids.map(async (id, n) => {
      const reader = await SlowReader.connect(server, app, { id, localAddress: strangers });
      await reader.subscribe(channels[n % channels.length]);
      return reader;
    }),
  );
  await Promise.all(readers.map((reader) => reader.cut()));
  return ids;
}

for (const [kind, places] of [
  ["one channel", 1],
  ["channels of their own", long ? 20 : 8],
]) {
  test(`${crowd} clients come back to ${kind} having missed ${missed / MB} MB each, and most of them never read`, { timeout: 600_000 }, async (t) => {
    const server = await startServer({ channels: [{ match: "domain.*", durability: "quorum", retention: { age_seconds: 0, count: 0, bytes: 0 } }], log: { level: "warn" } });
    t.after(() => server.stop());
    const channels = Array.from({ length: places }, () => fresh("domain."));
    const ids = await away(t, server, channels);
    for (const channel of channels) await publishBulk(server, app, channel, count, bytes);
    const readers = [];
    t.after(() => readers.forEach((reader) => reader.cut()));
    await underAttack(t, server, app, async () => {
      await Promise.all(
        ids.map(async (id, n) => {
          const reader = await SlowReader.connect(server, app, { id, rate, localAddress: strangers });
          readers.push(reader);
          reader.reads = n % 4 === 1;
          if (reader.reads) return reader.subscribe(channels[n % places]);
          reader.ws.send(JSON.stringify({ event: "pusher:subscribe", data: { channel: channels[n % places] } }));
          return reader.ws.pause();
        }),
      );
      await Promise.all(readers.filter((reader) => reader.reads).map((reader) => reader.reach(count, 120_000)));
    });
    for (const reader of readers.filter((one) => one.reads)) assert.deepEqual([reader.first, reader.count, reader.problems, reader.gaps, reader.over], [1, count, [], [], undefined]);
    readers.forEach((reader) => reader.cut());
    await until(async () => (await server.metric("parley_catch_up_bytes")) === 0, "what was held for them to be given back");
  });
}
