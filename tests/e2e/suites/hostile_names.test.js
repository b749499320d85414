// Strangers join public channels that nobody ever published on. They get their share and not more, others are served,
// and when they are gone nothing is left of the names.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { apps, fresh, range, startServer, test } from "../lib/harness.js";
import { elsewhere, long, strangers, underAttack } from "../lib/hostile.js";
import { RawClient } from "../lib/raw.js";
import { until } from "../lib/wait.js";

const app = apps.main;
const share = long ? 5_000 : 600;
let server;
before(async () => (server = await startServer({ limits: { public_channels_per_address_max: share, channel_idle: 1 } })));
after(() => server?.stop());

const answers = (client) => client.frames.items.filter(({ event }) => /subscription_(succeeded|error)$/.test(event ?? ""));
// Joins `count` names of its own, all at once; how many were joined.
async function invent(t, count, { id, localAddress = strangers } = {}) {
  const path = id === undefined ? undefined : `/r/${id}/app/${app.key}`;
  const client = await RawClient.connect(server, app, { path, localAddress });
  t.after(() => client.cut());
  const name = fresh("domain.invented");
  for (const n of range(1, count)) client.send({ event: "pusher:subscribe", data: { channel: `${name}.${n}` } });
  await until(() => answers(client).length === count, () => `${count} answers; ${answers(client).length} came`);
  const refused = answers(client).filter(({ event }) => event === "pusher:subscription_error");
  for (const { data } of refused) assert.equal(JSON.parse(data).code, "too_many_channels");
  return { client, joined: count - refused.length };
}

test("names that a stranger invents are refused beyond its share, and leave nothing when it is gone", async (t) => {
  const awake = await server.metric("parley_channels");
  const clients = [];
  let joined = 0;
  await underAttack(t, server, app, async () => {
    while (joined < share) {
      const one = await invent(t, 500, { id: fresh("invented-id-") });
      clients.push(one.client);
      joined += one.joined;
    }
    const beyond = await invent(t, 500, { id: fresh("invented-id-") });
    clients.push(beyond.client);
    assert.equal(beyond.joined, 0);
    const other = await invent(t, 50, { localAddress: elsewhere });
    assert.equal(other.joined, 50, "another address has its own share");
    other.client.cut();
  });
  assert.equal(joined, share);
  assert.ok((await server.metric("parley_share_refusals_total", { kind: "channels" })) > 0);
  assert.equal(await server.metric("parley_cursor_bytes"), 0, "of names that hold nothing nothing is stored");
  for (const client of clients) client.cut();
  await until(async () => (await server.metric("parley_channels")) <= awake + 1, "the channels to sleep, all but the honest client's");
  const again = await invent(t, 100);
  assert.equal(again.joined, 100, "what is asleep counts no more");
  again.client.cut();
});

test("channels that the application allowed are not counted among a stranger's", async (t) => {
  const stranger = [];
  for (let joined = 0; joined < share; ) {
    const one = await invent(t, 500);
    stranger.push(one.client);
    joined += one.joined;
  }
  const member = await RawClient.connect(server, app, { localAddress: strangers });
  t.after(() => member.cut());
  await member.joined(fresh("private-domain.allowed"));
  for (const client of stranger) client.cut();
});
