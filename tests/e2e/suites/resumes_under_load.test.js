// Connections that break while others publish: stock clients of both protocols hear everything once, or are told of a
// gap. The load: PARLEY_E2E_RESUMES (2000) resumes.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before } from "node:test";

import { Backend } from "../lib/backend.js";
import { pusherOptions, pushers } from "../lib/clients.js";
import { apps, fresh, range, startServer, test } from "../lib/harness.js";
import { Proxy } from "../lib/proxy.js";
import { trigger } from "../lib/sign.js";
import { SocketClient } from "../lib/sockets.js";
import { until } from "../lib/wait.js";

const app = apps.main;
let backend;
before(async () => {
  backend = await Backend.start(app);
});
after(() => backend?.stop());

const resumes = Number(process.env.PARLEY_E2E_RESUMES || 2000);
test(`${resumes} resumes over both protocols while others publish, cut in three ways, the server killed among them`, { timeout: 120_000 + resumes * 150 }, async (t) => {
  const crowd = 50; // of each protocol
  const rounds = Math.ceil(resumes / (2 * crowd));
  const own = await startServer({
    apps: [app],
    channels: [{ match: "domain.*", durability: "quorum" }],
    socketio: { ping_interval_ms: 1_000, ping_timeout_ms: 2_000 },
    log: { level: "warn" },
  });
  t.after(() => own.stop());
  const channels = range(1, 5).map(() => fresh("private-domain."));
  const proxy = await Proxy.start(own.port);
  t.after(() => proxy.stop());
  const published = new Map(channels.map((channel) => [channel, 0]));

  // Numbers each channel's messages; what was sent into a dying server is sent again under the same key.
  let cuts = 0;
  let publishing = true;
  let down = false;
  const publishOn = async (channel) => {
    while (publishing) {
      const n = published.get(channel) + 1;
      const answer = down ? null : await trigger(own, app, channel, "n", n, { idempotency_key: `${channel}-${n}` }).catch(() => null);
      if (answer?.status === 200) published.set(channel, n);
      else if (answer !== null) throw new Error(`publish: ${answer.status} ${answer.text}`);
      await new Promise((done) => setTimeout(done, answer === null ? 50 : 30));
    }
  };

  // What one client heard on its channel, the gaps that it was told of, and where it may hear something again.
  const make = (channel) => {
    const record = { channel, heard: [], announced: 0, gaps: [], connections: 0, closes: 0, problems: [] };
    record.hear = (n) => {
      const last = record.heard.at(-1);
      if (last !== undefined && n > last + 1 && !record.afresh) record.problems.push(`after ${last} came ${n}`);
      if (last !== undefined && n <= last && !(record.unconfirmed !== undefined && n <= record.unconfirmed)) record.problems.push(`${n} came again after ${last}`);
      record.afresh = false;
      if (last === undefined || n > last) record.heard.push(n);
    };
    record.gap = () => {
      record.announced++;
      // One that broke again while it came back, since this machine was too busy for its pings, may find its session in use.
      if (record.closes <= cuts) record.gaps.push(`connection ${record.connections} after ${record.heard.at(-1)}`);
      record.afresh = true;
    };
    return record;
  };
  const socketClient = async (channel) => {
    const record = make(channel);
    const client = new SocketClient(own, { port: proxy.port, timeout: 60_000 });
    t.after(() => client.end());
    client.socket.on("n", (on, n) => record.hear(n));
    client.socket.io.on("close", () => record.closes++);
    client.socket.on("connect", () => {
      if (record.connections++ === 0 || !client.socket.recovered) {
        if (record.connections > 1) record.gap();
        client.emit("subscribe", { channel, ...client.proof(app, channel) });
      }
    });
    await client.connected();
    return Object.assign(record, { kind: "socket.io-client", isConnected: () => client.socket.connected });
  };
  const pusherClient = async (channel, index) => {
    const record = make(channel);
    const pusher = new pushers["pusher-js 8"](app.key, pusherOptions(own, backend, { port: proxy.port, wsPath: `/r/${randomUUID()}`, activityTimeout: 1_000, pongTimeout: 1_000, user: `p${index}` }));
    t.after(() => pusher.disconnect());
    const bound = pusher.subscribe(channel);
    bound.bind("n", record.hear);
    bound.bind("parley:gap", record.gap);
    pusher.connection.bind("connected", () => record.connections++);
    await until(() => bound.subscribed, "a subscription");
    return Object.assign(record, { kind: "pusher-js", isConnected: () => pusher.connection.state === "connected" && bound.subscribed });
  };
  const clients = await Promise.all(range(1, crowd).flatMap((n) => [socketClient(channels[n % 5]), pusherClient(channels[n % 5], n)]));
  const complete = (what, timeout = 60_000) => {
    const wanted = new Map(published);
    const late = () => clients.filter((one) => !(one.heard.at(-1) >= wanted.get(one.channel)));
    return until(() => late().length === 0, () => `${what}: ${late().length} are behind, as ${JSON.stringify({ ...late()[0], heard: late()[0]?.heard.slice(-5), wanted: wanted.get(late()[0]?.channel) })}`, timeout);
  };
  const reasons = []; // why somebody had to start afresh, as the server counts it
  const load = Promise.all(channels.map(publishOn));
  load.catch(() => {});
  try {
    await complete("the start");
    for (const round of range(1, rounds)) {
      const how = ["rst", "fin", "silence"][round % 3];
      const before = clients.map(({ connections }) => connections);
      // pusher-js cannot tell which of its last messages were confirmed: those may come twice.
      for (const one of clients) if (one.kind === "pusher-js") one.unconfirmed = one.heard.at(-1);
      proxy.hold();
      proxy.cut(how);
      cuts++;
      if (round % 5 === 0) {
        down = true;
        await own.restart();
        down = false;
      }
      await until(() => clients.every((one) => !one.isConnected()), `all to notice (${how})`);
      for (const one of clients) if (one.kind === "pusher-js") one.unconfirmed = one.heard.at(-1);
      proxy.allow();
      await until(() => clients.every((one, index) => one.connections > before[index] && one.isConnected()), () => `all to be back in round ${round} (${how})`, 60_000);
      await Promise.race([complete(`round ${round} (${how})`), load]);
      const refused = (await own.metrics()).split("\n").filter((line) => /^parley_recoveries_total/.test(line) && !/"recovered"| 0$/.test(line));
      if (refused.length > 0) reasons.push(`round ${round} (${how}): ${refused.join(", ")}`);
    }
  } finally {
    publishing = false;
  }
  await load;
  await complete("the end");
  const told = clients.reduce((sum, { announced }) => sum + announced, 0);
  const taken = clients.reduce((sum, { connections }) => sum + connections - 1, 0);
  t.diagnostic(`${taken} resumes of ${clients.length} clients, ${[...published.values()].reduce((sum, n) => sum + n, 0)} messages, ${told} gaps told`);
  for (const one of clients) assert.deepEqual(one.problems, [], `${one.kind} on ${one.channel}`);
  assert.ok(taken >= resumes, `${taken} resumes`);
  const gaps = clients.filter((one) => one.gaps.length > 0).map(({ kind, gaps }) => `${kind}: ${gaps.join(", ")}`);
  assert.deepEqual(gaps, [], `everything was kept, so nobody had to start afresh; ${reasons.join("; ")}`);
});
