// kill -9 in the middle of a load of durable publishes, again and again, on one growing data directory:
// everything that was acknowledged is in the history, in order, once.
//
// PARLEY_E2E_KILL_ROUNDS sets how often (50).
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { apps, range, startServer, test } from "../lib/harness.js";
import { RawClient } from "../lib/raw.js";
import { history, trigger } from "../lib/sign.js";
import { until } from "../lib/wait.js";

const rounds = Number(process.env.PARLEY_E2E_KILL_ROUNDS || 50);
const app = { ...apps.main, limits: { client_events_per_second_max: 0 } };
const httpChannels = range(1, 4).map((n) => `private-domain.${n}`);
const eventChannels = range(1, 2).map((n) => `private-kept.${n}`);

let server;
before(async () => {
  server = await startServer({
    apps: [app],
    log: { level: "warn" },
    channels: [
      { match: "domain.*", durability: "quorum", retention: { count: 0, bytes: 0 } },
      { match: "fast.*", durability: "async", keep_client_events: true, retention: { count: 0, bytes: 0 } },
      { match: "kept.*", durability: "quorum", keep_client_events: true, retention: { count: 0, bytes: 0 } },
    ],
  });
});
after(() => server?.stop());

// id → { channel, offset? }; what the server said yes to, and what was ever sent.
const acknowledged = new Map();
const sent = new Map();
let counter = 0;

async function publishOverHttp(channel, running) {
  while (running()) {
    const id = `h${++counter}`;
    sent.set(id, channel);
    const answer = await trigger(server, app, channel, "n", { id }).catch(() => null);
    if (answer?.status === 200) acknowledged.set(id, { channel });
    else if (answer !== null && running()) throw new Error(`publish: ${answer.status} ${answer.text}`);
    if (answer === null) return;
  }
}

async function publishClientEvents(channel, running) {
  const client = await RawClient.connect(server, app).catch(() => null);
  if (!client) return;
  try {
    await client.joined(channel);
  } catch (error) {
    if (running()) throw error;
    return;
  }
  const waiting = new Map();
  let ended = false;
  client.closed.then(() => (ended = true));
  client.ws.on("message", (bytes) => {
    const { event, data } = JSON.parse(bytes.toString());
    if (event !== "parley:ack") return;
    const ack = typeof data === "string" ? JSON.parse(data) : data;
    const id = waiting.get(ack.ack);
    waiting.delete(ack.ack);
    if (ack.error === undefined) acknowledged.set(id, { channel, offset: ack.offset, epoch: ack.epoch });
  });
  for (let number = 1; running() && !ended; number++) {
    const id = `c${++counter}`;
    sent.set(id, channel);
    waiting.set(number, id);
    client.send({ event: "client-n", channel, data: { id }, ack: number });
    await until(() => waiting.size < 32 || ended || !running(), "acknowledgements").catch(() => {});
  }
  client.cut();
}

async function wholeHistory(channel) {
  const all = [];
  let since;
  for (let more = true; more; ) {
    const answer = await history(server, app, channel, { limit: 1000, ...(since ? { since } : {}) });
    assert.equal(answer.status, 200, answer.text);
    all.push(...answer.json.publications.map(({ offset, data }) => ({ offset, id: (typeof data === "string" ? JSON.parse(data) : data).id })));
    ({ more, next: since } = answer.json);
  }
  return all;
}

async function verify() {
  for (const channel of [...httpChannels, ...eventChannels]) {
    const stored = await wholeHistory(channel);
    const ids = stored.map(({ id }) => id);
    const offsets = stored.map(({ offset }) => offset);
    assert.equal(new Set(ids).size, ids.length, `${channel}: something is stored twice`);
    if (offsets.length > 0) assert.deepEqual(offsets, range(offsets[0], offsets[0] + offsets.length - 1), `${channel}: offsets have holes`);
    const present = new Map(stored.map(({ id, offset }) => [id, offset]));
    let lastOffset = 0;
    for (const [id, ack] of acknowledged) {
      if (ack.channel !== channel) continue;
      assert.ok(present.has(id), `${channel}: ${id} was acknowledged and is not there`);
      if (ack.offset !== undefined) {
        assert.equal(present.get(id), ack.offset, `${channel}: ${id} moved`);
        // One connection's events keep their order; so do their acknowledgements.
        assert.ok(ack.offset > lastOffset, `${channel}: order`);
        lastOffset = ack.offset;
      }
    }
    for (const id of ids) assert.equal(sent.get(id), channel, `${id} was never sent there`);
  }
}

test(`${rounds} times kill -9 during durable publishes`, { timeout: 30_000 + rounds * 10_000 }, async (t) => {
  for (const round of range(1, rounds)) {
    let going = true;
    const running = () => going;
    const before = acknowledged.size;
    const load = Promise.all([
      ...httpChannels.flatMap((channel) => [publishOverHttp(channel, running), publishOverHttp(channel, running)]),
      ...eventChannels.map((channel) => publishClientEvents(channel, running)),
    ]);
    load.catch(() => {}); // looked at below
    // The moment of death: after some acknowledgements, at no particular point of the next ones.
    await Promise.race([until(() => acknowledged.size >= before + 20 + ((round * 37) % 150), "acknowledgements"), load]);
    going = false;
    await server.kill9();
    await load;
    await server.start();
    if (round % 10 === 0 || round === rounds) await verify();
  }
  const unsure = sent.size - acknowledged.size;
  t.diagnostic(`${rounds} kills, ${acknowledged.size} acknowledged, ${unsure} in doubt`);
  assert.ok(acknowledged.size > rounds * 20);
});

// Durability async is told before the disk has it. A kill of the process takes nothing of it, for the operating system
// has it; and whatever happens, no position ever names two publications.
test("kill -9 during publishes with durability async: a position names one publication for ever", { timeout: 300_000 }, async () => {
  const channel = "private-fast.1";
  const names = new Map(); // `epoch:offset` → id, as acknowledged or read
  const name = (position, id) => {
    assert.equal(names.get(position) ?? id, id, `${position} names two publications`);
    names.set(position, id);
  };
  const known = new Set();
  for (const round of range(1, Math.max(3, Math.floor(rounds / 5)))) {
    const client = await RawClient.connect(server, app);
    await client.joined(channel);
    const waiting = new Map();
    let acks = 0;
    client.ws.on("message", (bytes) => {
      const { event, data } = JSON.parse(bytes.toString());
      if (event !== "parley:ack") return;
      const ack = typeof data === "string" ? JSON.parse(data) : data;
      if (ack.error !== undefined) return;
      acks++;
      known.add(waiting.get(ack.ack));
      name(`${ack.epoch}:${ack.offset}`, waiting.get(ack.ack));
    });
    for (const number of range(1, 200)) {
      const id = `a${round}x${number}`;
      waiting.set(number, id);
      client.send({ event: "client-n", channel, data: { id }, ack: number });
    }
    await until(() => acks >= 20 + ((round * 37) % 100), "acknowledgements");
    await server.kill9();
    client.cut();
    await server.start();
    const all = await history(server, app, channel, { limit: 1000 });
    assert.equal(all.status, 200, all.text);
    let since = all.json;
    const publications = [...since.publications];
    while (since.more) {
      since = (await history(server, app, channel, { limit: 1000, since: since.next })).json;
      publications.push(...since.publications);
    }
    const ids = new Set();
    for (const { offset, data } of publications) {
      const { id } = typeof data === "string" ? JSON.parse(data) : data;
      ids.add(id);
      name(`${all.json.epoch}:${offset}`, id);
    }
    for (const id of known) assert.ok(ids.has(id), `${id} was acknowledged and is not there`);
  }
});
