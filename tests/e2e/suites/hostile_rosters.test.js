// Large rosters: a newcomer gets them at its own pace, and asking again and again costs who asks.
import assert from "node:assert/strict";

import { MB, strangers, underAttack } from "../lib/hostile.js";
import { apps, fresh, raw, startServer, test } from "../lib/harness.js";
import { until } from "../lib/wait.js";

// Above what may wait for one connection: 40 members of 200 KB.
const app = { ...apps.main, limits: { member_bytes_max: 250_000 } };
const members = 40;
const member = (n) => ({ user_id: `m${n}`, user_info: { text: "y".repeat(200_000) } });

async function crowded(t) {
  const server = await startServer({ apps: [app], limits: { frame_bytes_max: 1_000_000, write_queue_bytes_max: 4 * MB }, log: { level: "warn" } });
  t.after(() => server.stop());
  const channel = fresh("presence-room");
  for (let n = 0; n < members; n += 1) {
    const client = await raw(t, server, app, { localAddress: strangers });
    await client.joined(channel, { member: member(n) });
    client.frames.items.length = 0;
  }
  return { server, channel };
}

test("a roster larger than what may wait reaches who reads slowly, and changes follow it", async (t) => {
  const { server, channel } = await crowded(t);
  const slow = await raw(t, server, app);
  slow.ws.pause();
  const from = slow.frames.items.length;
  const { channelAuth } = await import("../lib/sign.js");
  const data = JSON.stringify(member("slow"));
  slow.send({ event: "pusher:subscribe", data: { channel, channel_data: data, auth: channelAuth(app, slow.socketId, channel, data) } });
  const another = await raw(t, server, app);
  await another.joined(channel, { member: { user_id: "another" } });
  slow.ws.resume();
  const answer = await slow.frames.find((item) => item.event === "pusher_internal:subscription_succeeded", "the roster", { from, timeout: 60_000 });
  const { presence } = JSON.parse(answer.data);
  assert.ok(answer.raw.length > 8_000_000);
  assert.ok(presence.count >= members + 1);
  assert.equal(presence.ids.length, presence.count);
  assert.deepEqual(Object.keys(presence.hash).sort(), [...presence.ids].sort());
  assert.equal(presence.hash.m7.text.length, 200_000);
  if (!presence.ids.includes("another")) await slow.frames.find((item) => item.event === "pusher_internal:member_added" && item.data.includes("another"), "the newcomer");
  await slow.settle();
  assert.equal(await server.metric("parley_slow_consumers_total"), 0);
});

test("375 subscribes to one crowded channel cost who sends them, and nobody else", { timeout: 240_000 }, async (t) => {
  const { server, channel } = await crowded(t);
  const stranger = await raw(t, server, app, { localAddress: strangers });
  const counted = { bytes: 0, refused: 0, answered: 0 };
  stranger.ws.removeAllListeners("message");
  stranger.ws.on("message", (bytes) => {
    counted.bytes += bytes.length;
    counted.answered += 1;
    if (bytes.length < 2_000 && bytes.includes("rate_limited")) counted.refused += 1;
  });
  const { channelAuth } = await import("../lib/sign.js");
  const data = JSON.stringify({ user_id: "stranger" });
  const frame = JSON.stringify({ event: "pusher:subscribe", data: { channel, channel_data: data, auth: channelAuth(app, stranger.socketId, channel, data) } });
  await underAttack(t, server, app, async () => {
    for (let n = 0; n < 375; n += 1) {
      const before = counted.answered;
      stranger.ws.send(frame);
      await until(() => counted.answered > before, "an answer", 30_000);
    }
  });
  assert.ok(counted.refused > 300, JSON.stringify(counted));
  assert.ok(counted.bytes < 40 * MB, JSON.stringify(counted));
  assert.ok((await server.metric("parley_rate_limited_total", { kind: "rosters" })) > 0);
});
