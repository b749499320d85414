// What shows that a key of the node has taken effect. A row:
//   to      the value that it is changed to, or a function of the world that gives the new configuration
//   with    what else the configuration has, before and after
//   look    asks the running server, and gives what it saw
//   shows   what it sees before and after the change; `unlooked` before: there the effect is that nothing ever comes
//   uses    "backend", "receiver": the world has one
//   alone   a server of the row's own, for what would disturb others
// or
//   restart another value: the key needs a restart, and a reload that finds it changed says so
// or
//   heldBy  [file, name] of the test that sees it, where only time or luck would show it here, and why
import assert from "node:assert/strict";

import { fresh, range } from "../lib/harness.js";
import { Inbox, until } from "../lib/wait.js";
import { page } from "./world.js";

export const unlooked = Symbol("unlooked");

const taken = ({ status }) => (status === 200 ? "taken" : status);
const position = ({ epoch, offset }) => `${epoch}:${offset}`;
// Clients with ids of their own on a channel with a publication: was one forgotten?
async function forgets(w) {
  const before = await w.server.metric("parley_cursors_forgotten_total");
  const channel = fresh("kept.");
  await w.publish(channel);
  for (const _ of range(1, 8)) {
    const client = await w.connect({ path: `/r/${fresh("client-id-")}/app/${w.app.key}` });
    await w.join(client, channel);
    client.cut();
  }
  return (await w.server.metric("parley_cursors_forgotten_total")) > before;
}
// A session with something to miss.
async function keptWire(w) {
  const wire = await w.joinedWire();
  const channel = fresh("kept.");
  await w.publish(channel);
  await w.ask(wire, 1, "subscribe", { channel });
  return wire;
}
// The first refusal of so many new channels, or "joined".
async function joinsNew(w, count, prefix = "new.") {
  const client = await w.connect();
  for (const _ of range(1, count)) {
    const { event, data } = await client.subscribe(fresh(prefix));
    if (event === "pusher:subscription_error") return JSON.parse(data).code;
  }
  return "joined";
}
// What a cluster takes beside.
const cluster = (files) => ({ cluster: { tls: { certificate: files.certificate, key: files.key, authority: files.certificate } } });

export const node = {
  "server.enabled": { restart: false },
  "server.host": { restart: "127.0.0.2" },
  "server.port": { restart: 6009 },
  "server.io_threads": { restart: 3 },
  "server.path_prefix": { restart: "/ws" },
  "server.trusted_proxies": { restart: ["10.0.0.0/8"] },
  "server.drain_seconds": {
    alone: true,
    with: { server: { drain_seconds: 3600 } },
    to: 0,
    async look(w) {
      await Promise.all(range(1, 5).map(() => w.connect()));
      return (await w.server.end("SIGTERM")).code;
    },
    shows: [unlooked, 0],
  },
  "server.tls.certificate": { restart: (files) => files.certificate, beside: (files) => ({ server: { tls: { key: files.key } } }) },
  "server.tls.key": { restart: (files) => files.key, beside: (files) => ({ server: { tls: { certificate: files.certificate } } }) },
  "metrics.host": { restart: "127.0.0.2" },
  "metrics.port": { restart: 9609 },
  "data.dir": { restart: "./elsewhere" },
  "data.auto_migrate": { restart: false },
  "data.shards": { restart: 2 },
  "log.level": {
    alone: true,
    with: { log: { level: "error" } },
    to: "info",
    look: (w) => until(() => w.server.logText().includes("configuration reloaded") && "said", "the line of the reload"),
    shows: [unlooked, "said"],
  },
  "log.format": {
    alone: true,
    to: "json",
    look: (w) => until(() => /^\{.*configuration reloaded.*\}$/m.test(w.server.logText()) && "json", "a line for machines"),
    shows: [unlooked, "json"],
  },

  "admin.key": { to: "another-admin-key-5f0c2a9d81b3", look: async (w) => (await w.admin("/info", "another-admin-key-5f0c2a9d81b3")).status, shows: [401, 200] },
  "admin.key_previous": { to: "previous-admin-key-5f0c2a9d81b", look: async (w) => (await w.admin("/info", "previous-admin-key-5f0c2a9d81b")).status, shows: [401, 200] },
  "outbound.allowed_hosts": {
    uses: ["backend"],
    with: { app: { auth: { url: "" } }, outbound: { allowed_hosts: ["elsewhere.example"] } },
    to: (w) => w.changed("apps.auth.url", `${w.backend.url}/auth`, w.shape.outbound.allowed_hosts.push("127.0.0.1")),
    async look(w) {
      await w.join(await w.connect(), fresh("private-x."), { proof: false });
      return w.backend.calls.length;
    },
    shows: [0, 1],
  },

  "cluster.enabled": { restart: true, beside: cluster },
  "cluster.join": { restart: ["127.0.0.2:6009"], beside: cluster },
  "cluster.host": { restart: "127.0.0.2" },
  "cluster.port": { restart: 6010 },
  "cluster.advertise": { restart: "127.0.0.2:6009" },
  "cluster.name": { restart: "another" },
  "cluster.zone": { restart: "another" },
  "cluster.expect_nodes": { restart: 2 },
  "cluster.replicas": { restart: 5 },
  "cluster.moves_max": { restart: 3 },
  "cluster.replace_after": { restart: 60 },
  "cluster.settle_after": { restart: 5 },
  "cluster.tls.certificate": { restart: (files) => files.certificate },
  "cluster.tls.key": { restart: (files) => files.key },
  "cluster.tls.authority": { restart: (files) => files.certificate },
  "redis.enabled": { restart: true },
  "redis.url": { restart: "redis://127.0.0.1:6380" },
  "redis.host": { restart: "127.0.0.2" },
  "redis.port": { restart: 6380 },
  "redis.socket": { restart: "/nonexistent/redis.sock" },
  "redis.username": { restart: "laravel", beside: () => ({ redis: { password: "x" } }) },
  "redis.password": { restart: "x" },
  "redis.database": { restart: 1 },
  "redis.key_prefix": { restart: "shop_" },
  "redis.detect_prefix": { restart: false },
  "redis.app": { restart: "4711" },
  "redis.reconnect_pause_ms": { restart: 100 },
  "redis.reconnect_pause_max_ms": { restart: 9000 },

  "limits.connections_max": {
    alone: true,
    with: { limits: { connections_per_address_max: 0 } },
    to: 1,
    async look(w) {
      await w.greeting();
      return w.greeting();
    },
    shows: ["welcome", 4100],
  },
  "limits.connections_per_address_max": {
    alone: true,
    with: { limits: { connections_per_address_max: 0 } },
    to: 1,
    async look(w) {
      await w.greeting();
      return w.greeting();
    },
    shows: ["welcome", 4100],
  },
  "limits.http_connections_per_address_max": {
    alone: true,
    with: { limits: { http_connections_per_address_max: 0 } },
    to: 1,
    async look(w) {
      const first = w.idleConnection();
      await first.answered;
      return (await w.get("/up")).status;
    },
    shows: [200, 503],
  },
  "limits.sessions_opening_per_address_max": {
    alone: true,
    with: { limits: { sessions_opening_per_address_max: 0 } },
    to: 1,
    async look(w) {
      await w.get("/socket.io/?EIO=4&transport=polling");
      return (await w.get("/socket.io/?EIO=4&transport=polling")).status;
    },
    shows: [200, 503],
  },
  "limits.opens_per_second_per_address_max": {
    alone: true,
    with: { limits: { opens_per_second_per_address_max: 0 } },
    to: 1,
    async look(w) {
      const greetings = await Promise.all(range(1, 30).map(() => w.greeting()));
      return greetings.find((greeting) => greeting !== "welcome") ?? "welcome";
    },
    shows: ["welcome", 4100],
  },
  "limits.http_bytes_per_address_max": { alone: true, ...bodies("http_bytes_per_address_max") },
  "limits.http_bytes_max": { alone: true, ...bodies("http_bytes_max") },
  "limits.http_header_bytes_max": { to: 1024, look: async (w) => (await w.get("/up", { "X-Long": "x".repeat(2000) })).status, shows: [200, 431] },
  "limits.http_body_bytes_max": {
    with: { app: { limits: { event_data_bytes_max: 10 } } },
    to: 1024,
    look: async (w) => taken(await w.publish(fresh("c."), 1, { more: "x".repeat(2000) })),
    shows: ["taken", 413],
  },
  "limits.frame_bytes_max": {
    with: { app: { limits: { event_data_bytes_max: 10 } } },
    to: 1024,
    async look(w) {
      const client = await w.connect();
      client.send({ event: "pusher:ping", data: {}, more: "x".repeat(2000) });
      return Promise.race([client.next("pusher:pong").then(() => "pong"), client.whenClosed().then(({ code }) => code)]);
    },
    shows: ["pong", 1009],
  },
  "limits.json_depth_max": {
    to: 4,
    async look(w) {
      const client = await w.connect();
      return w.says(client, `{"event":"pusher:subscribe","data":{"channel":"${fresh("c.")}","more":[[[[[[[[1]]]]]]]]}}`);
    },
    shows: ["taken", 4200],
  },
  "limits.write_queue_bytes_max": {
    alone: true,
    with: { limits: { write_queue_bytes_max: 1073741824, catch_up_buffer_bytes_max: 4096 } },
    to: 200000,
    async look(w) {
      const channel = fresh("c.");
      const client = await w.connect();
      await w.join(client, channel);
      client.ws._socket.pause();
      const slow = () => w.server.metric("parley_slow_consumers_total");
      for (let sent = 0; (await slow()) === 0; sent++) {
        assert.ok(sent < 1000, "100 MB are not read and nobody minds");
        assert.equal((await w.publish(channel, "x".repeat(100000))).status, 200);
      }
      return "slow";
    },
    shows: [unlooked, "slow"],
  },
  "limits.handshake_timeout": { with: { limits: { handshake_timeout: 600 } }, to: 1, look: (w) => w.firstClosed("GET /up HT"), shows: [unlooked, "closed"] },
  "limits.http_idle_timeout": { with: { limits: { http_idle_timeout: 3600 } }, to: 1, look: (w) => w.firstClosed("GET /up HTTP/1.1\r\nHost: x\r\n\r\n"), shows: [unlooked, "closed"] },
  "limits.requests_in_flight_max": {
    to: 64,
    look: async (w) => taken(await w.call("POST", "/events", { body: { name: "n", channels: range(1, 100).map((n) => `c.${n}`), data: "1" } })),
    shows: ["taken", 503],
  },
  "limits.mailbox_messages_max": {
    with: { app: { limits: { events_per_batch_max: 10000, event_data_bytes_max: 200 } } },
    to: 64,
    look: async (w) => taken(await w.batch(fresh("c."), 5000)),
    shows: ["taken", 503],
  },
  "limits.shard_pending_commands_max": {
    with: { app: { limits: { events_per_batch_max: 10000, event_data_bytes_max: 200 } } },
    to: 1,
    look: async (w) => taken(await w.batch(fresh("kept."), 2000)),
    shows: ["taken", 503],
  },
  "limits.shard_entry_bytes_max": {
    with: { app: { limits: { events_per_batch_max: 10000, event_data_bytes_max: 200 } } },
    to: 4096,
    async look(w) {
      const before = await w.server.metric("parley_log_entries_total");
      assert.equal((await w.batch(fresh("kept."), 5000, "x".repeat(200))).status, 200);
      // 328 bytes of each count: twelve fit into 4,096.
      return (await w.server.metric("parley_log_entries_total")) - before >= 5000 / 13 ? "cut" : "whole";
    },
    shows: [unlooked, "cut"],
  },
  "limits.catch_up_publications_max": {
    to: 1,
    async look(w) {
      const channel = fresh("kept.");
      await w.publish(channel);
      const first = await (await w.connect()).subscribe(channel);
      for (const n of range(1, 3)) await w.publish(channel, n);
      const client = await w.connect();
      await w.join(client, channel, { extra: { since: position(first) } });
      await client.frames.find(({ event, offset }) => event === "n" && offset === 4, "the newest");
      return client.of(channel, "parley:gap").length > 0 ? "gap" : "all";
    },
    shows: ["all", "gap"],
  },
  "limits.rewind_publications_max": {
    to: 1,
    async look(w) {
      const channel = fresh("kept.");
      for (const n of range(1, 3)) await w.publish(channel, n);
      const client = await w.connect();
      await w.join(client, channel, { extra: { rewind: 3 } });
      await client.frames.find(({ event, offset }) => event === "n" && offset === 3, "the newest");
      return client.of(channel, "n").length;
    },
    shows: [3, 1],
  },
  "limits.catch_up_page_bytes_max": { heldBy: ["tests/sim/world.cpp", "catch_up_page_bytes_max"], because: "how missed publications are cut into pages is not seen from outside" },
  "limits.catch_up_bytes_max": { heldBy: ["tests/unit/core/byte_budget_test.cpp", "catch_up_bytes"], because: "many must catch up at a time" },
  "limits.catch_up_buffer_bytes_max": { heldBy: ["tests/scenarios/socketio/recovery_too_much.txt", "catch_up_buffer_bytes_max"], because: "live events must come while the disk is read" },
  "limits.history_page_max": {
    to: 1,
    async look(w) {
      const channel = fresh("kept.");
      for (const n of range(1, 3)) await w.publish(channel, n);
      return (await w.call("GET", `/channels/${channel}/history`)).json.publications.length;
    },
    shows: [3, 1],
  },
  "limits.replay_guard_signatures_max": {
    alone: true,
    to: 1000,
    async look(w) {
      const channel = fresh("c.");
      for (const _ of range(1, 24)) await Promise.all(range(1, 50).map(() => w.publish(channel)));
      return taken(await w.publish(channel, 1, {}, { timestamp: Math.floor(Date.now() / 1000) - 300 }));
    },
    shows: ["taken", 401],
  },
  "limits.idempotency_keys_max": { restart: 99_000 },
  "limits.cursors_per_channel_max": { to: 2, look: forgets, shows: [false, true] },
  "limits.cursor_bytes_max": { alone: true, to: 500, look: forgets, shows: [false, true] },
  "limits.cursor_bytes_per_address_max": { alone: true, to: 500, look: forgets, shows: [false, true] },
  "limits.channels_max": { alone: true, to: 64, look: (w) => joinsNew(w, 65), shows: ["joined", "over_capacity"] },
  "limits.channels_per_address_max": { alone: true, to: 2, look: (w) => joinsNew(w, 3), shows: ["joined", "too_many_channels"] },
  "limits.public_channels_per_address_max": { alone: true, to: 2, look: (w) => joinsNew(w, 3), shows: ["joined", "too_many_channels"] },
  "limits.kept_sessions_max": {
    to: 1,
    async look(w) {
      const evicted = () => w.server.metric("parley_kept_sessions_evicted_total");
      const before = await evicted();
      for (const _ of range(1, 3)) {
        await keptWire(w);
      }
      if (!w.isChanged) return (await evicted()) - before > 0;
      return until(async () => (await evicted()) - before > 0, "a session that made room");
    },
    shows: [false, true],
  },
  "limits.kept_sessions_bytes_max": {
    alone: true,
    to: 10,
    async look(w) {
      await keptWire(w);
      if (!w.isChanged) return until(async () => (await w.server.metric("parley_kept_sessions")) > 0 && "kept", "a session to be kept");
      return until(async () => (await w.server.metric("parley_kept_sessions_evicted_total")) > 0 && "no room", "a session that has no room");
    },
    shows: ["kept", "no room"],
  },
  "limits.kept_sessions_bytes_per_address_max": {
    alone: true,
    to: 10,
    async look(w) {
      await keptWire(w);
      if (!w.isChanged) return until(async () => (await w.server.metric("parley_kept_sessions")) > 0 && "kept", "a session to be kept");
      return until(async () => (await w.server.metric("parley_share_refusals_total", { kind: "kept_sessions" })) > 0 && "refused", "a refusal");
    },
    shows: ["kept", "refused"],
  },
  "limits.kept_session_bytes_max": {
    to: 1024,
    async look(w) {
      // What is too large is not kept: a session that was kept with one channel is dropped when it has ten.
      const kept = () => w.server.metric("parley_kept_sessions");
      const before = await kept();
      const wire = await keptWire(w);
      await until(async () => (await kept()) > before, "the session to be kept");
      for (const n of range(2, 12)) await w.ask(wire, n, "subscribe", { channel: `${fresh("kept.")}${"x".repeat(150)}` });
      await until(async () => (await kept()) === before, "the session to be dropped");
      return "dropped";
    },
    shows: [unlooked, "dropped"],
  },
  "limits.socketio_namespaces_max": {
    with: (w) => ({ socketio: { namespaces: [`/b=${w.app.id}`] } }),
    to: 1,
    async look(w) {
      const wire = await w.joinedWire();
      wire.send("40/b,");
      return (await wire.next((packet) => /^4[04]\/b,/.test(packet), "the second namespace")).slice(0, 2);
    },
    shows: ["40", "44"],
  },
  "limits.socketio_connects_per_second_max": {
    with: (w) => ({ socketio: { namespaces: [`/b=${w.app.id}`] } }),
    to: 1,
    async look(w) {
      const wire = await w.wire();
      wire.send("40");
      wire.send("40/b,");
      return (await wire.next((packet) => /^4[04]\/b,/.test(packet), "the second namespace")).slice(0, 2);
    },
    shows: ["40", "44"],
  },
  "limits.socketio_packets_per_body_max": {
    to: 1,
    async look(w) {
      const session = await w.endpoint().open();
      return (await session.post(["40", '42["x"]'])).status;
    },
    shows: [200, 400],
  },
  "limits.socketio_subscribes_waiting_max": {
    uses: ["backend"],
    to: 1,
    async look(w) {
      w.backend.answer = () => "hang";
      const wire = await w.joinedWire({ headers: { Origin: page } });
      for (const n of [1, 2]) wire.send(`42${n}["subscribe",{"channel":"${fresh("private-x.")}"}]`);
      wire.send('423["presence",{"channel":"none"}]');
      await wire.next((packet) => packet.startsWith("433["), "the fence");
      return wire.packets.some((packet) => packet.startsWith('432[{"error":"overloaded"')) ? "overloaded" : "waits";
    },
    shows: ["waits", "overloaded"],
  },
  "limits.auth_cache_entries_max": {
    uses: ["backend"],
    with: { app: { auth: { cache_seconds: 3600 } } },
    to: 1,
    async look(w) {
      const before = w.backend.calls.length;
      const [one, two] = [fresh("private-x."), fresh("private-x.")];
      for (const channel of [one, two, one]) await w.join(await w.connect({ headers: { Cookie: "a=b" } }), channel, { proof: false });
      return w.backend.calls.length - before;
    },
    shows: [2, 3],
  },
  "limits.webhook_waiting_max": {
    uses: ["receiver"],
    with: { webhook: { events: ["channel_occupied"], timeout_ms: 60000 } },
    to: 1,
    async look(w) {
      w.receiver.normal = "hang";
      const client = await w.connect();
      for (const _ of range(1, 5)) await w.join(client, fresh("c."));
      if (w.isChanged) return until(async () => (await w.hook()).dead > 0 && "dead letters", "a dead letter");
      await until(async () => (await w.hook()).waiting >= 5, "five that wait");
      return (await w.hook()).dead > 0 ? "dead letters" : "all wait";
    },
    shows: ["all wait", "dead letters"],
  },
  "limits.webhook_dead_letters_max": {
    uses: ["receiver"],
    with: { limits: { webhook_waiting_max: 1 }, webhook: { events: ["channel_occupied"], timeout_ms: 60000 } },
    to: 1,
    async look(w) {
      w.receiver.normal = "hang";
      const client = await w.connect();
      for (const _ of range(1, 5)) await w.join(client, fresh("c."));
      if (w.isChanged) return until(async () => (await w.hook()).dead === 1 && "one", "one dead letter");
      return until(async () => (await w.hook()).dead >= 4 && "all", "dead letters");
    },
    shows: ["all", "one"],
  },
  "limits.channel_notices_waiting_max": { uses: ["receiver"], ...notices(1) },
  "limits.channel_notices_bytes_max": { uses: ["receiver"], ...notices(1024) },
  "limits.redis_in_flight_max": { heldBy: ["tests/unit/net/redis/input_test.cpp", "ABatchIsUnderWayBeforeItsOwnRoomIsWaitedFor"], because: "the answers must be slower than Redis" },
  "limits.redis_in_flight_bytes_max": { heldBy: ["tests/unit/net/redis/answers_test.cpp", "CountsPublishesAndBytes"], because: "the answers must be slower than Redis" },
  "limits.redis_message_bytes_max": { heldBy: ["tests/unit/net/redis/input_test.cpp", "AMessageBeyondTheBoundEndsTheConnectionAndItComesBack"], because: "it needs a Redis" },
  "limits.idempotency_window": { restart: 700 },
  "limits.log_bytes_max": { restart: 1_000_000_000 },
  "limits.signature_repeat": {
    with: { limits: { signature_repeat: 3600 }, app: { refuse_replays: "later" } },
    to: 0,
    look: (w) => w.publishTwice(),
    shows: [200, 401],
  },
  "limits.signature_window": {
    to: 60,
    look: async (w) => taken(await w.publish(fresh("c."), 1, {}, { timestamp: Math.floor(Date.now() / 1000) - 300 })),
    shows: ["taken", 401],
  },
  "limits.cursor_lifetime": { restart: 80_000 },
  "limits.channel_idle": {
    alone: true,
    with: { limits: { channel_idle: 86400 } },
    to: 1,
    async look(w) {
      await w.publish(fresh("kept."));
      return until(async () => (await w.server.metric("parley_channel_passivations_total")) > 0 && "asleep", "a channel to fall asleep");
    },
    shows: [unlooked, "asleep"],
  },

  "timing.activity_timeout": { to: 17, look: async (w) => (await w.connect()).activityTimeout, shows: [30, 17] },
  "timing.silence_before_ping": { with: { timing: { silence_before_ping: 3600 } }, to: 1, look: async (w) => (await (await w.connect()).next("pusher:ping")).event, shows: [unlooked, "pusher:ping"] },
  "timing.pong_timeout": {
    with: { timing: { silence_before_ping: 1, pong_timeout: 3600 } },
    to: 1,
    look: async (w) => (await (await w.connect({ pongs: false })).whenClosed()).code,
    shows: [unlooked, 4201],
  },
  "timing.confirm_delay": {
    with: { timing: { silence_before_ping: 3600, confirm_delay: "60s" } },
    to: 10,
    async look(w) {
      const channel = fresh("kept.");
      const client = await w.connect({ path: `/r/${fresh("reader-")}/app/${w.app.key}` });
      await w.join(client, channel);
      await w.publish(channel);
      return (await client.next("pusher:ping")).event;
    },
    shows: [unlooked, "pusher:ping"],
  },
  "timing.subscription_count_interval": {
    with: { timing: { subscription_count_interval: 3600 }, app: { subscription_count: true, limits: { connections_max: 0 } } },
    to: 1,
    async look(w) {
      const channel = fresh("c.");
      const first = await w.connect();
      await w.join(first, channel);
      for (const n of range(1, 11)) await Promise.all(range(1, 10).map(async () => w.join(await w.connect(), channel)));
      const count = ({ event, data }) => event === "pusher_internal:subscription_count" && JSON.parse(data).subscription_count > 105;
      await first.frames.find(count, "the count of all");
      return "told";
    },
    shows: [unlooked, "told"],
  },
  "timing.restart_grace": { restart: 1000 },

  "socketio.enabled": { to: false, look: async (w) => (await w.get("/socket.io/?EIO=4&transport=polling")).status, shows: [200, 404] },
  "socketio.path": { to: "/elsewhere", look: async (w) => (await w.get("/elsewhere/?EIO=4&transport=polling")).status, shows: [404, 200] },
  "socketio.app": {
    with: (w) => ({ more: {}, socketio: { app: "" }, app: {} }),
    to: (w) => ({ ...w.changed("socketio.app", "9999"), more: { apps: [w.shape.app, { id: "9999", key: "e2e-key-9999", secret: "e2e-secret-9999-3f9ac1d27be04856", name: "the other" }] } }),
    async look(w) {
      const count = async (id) => (await w.admin("/apps")).json.apps.find((app) => app.id === id)?.connections ?? 0;
      const before = await count("9999");
      await w.joinedWire();
      return (await count("9999")) > before ? "the other" : "the first";
    },
    shows: ["the first", "the other"],
  },
  "socketio.namespaces": {
    to: (w) => w.changed("socketio.namespaces", [`/b=${w.app.id}`]),
    async look(w) {
      const wire = await w.joinedWire();
      wire.send("40/b,");
      return (await wire.next((packet) => /^4[04]\/b,/.test(packet), "the second namespace")).slice(0, 2);
    },
    shows: ["44", "40"],
  },
  "socketio.ping_interval_ms": { to: 12000, look: async (w) => (await w.wire()).handshake.pingInterval, shows: [25000, 12000] },
  "socketio.ping_timeout_ms": { to: 12000, look: async (w) => (await w.wire()).handshake.pingTimeout, shows: [20000, 12000] },
  "socketio.connect_timeout_ms": { with: { socketio: { connect_timeout_ms: 3600000 } }, to: 100, look: async (w) => (await (await w.wire()).whenClosed()) && "closed", shows: [unlooked, "closed"] },
  "socketio.upgrade_timeout_ms": {
    with: { socketio: { upgrade_timeout_ms: 3600000 } },
    to: 100,
    async look(w) {
      const session = await w.endpoint().open();
      const wire = session.socket();
      await wire.opened;
      wire.send("2probe");
      return (await wire.whenClosed()) && "given up";
    },
    shows: [unlooked, "given up"],
  },
  "socketio.message_bytes_max": { to: 20000, look: async (w) => (await w.wire()).handshake.maxPayload, shows: [1000000, 20000] },
  "socketio.eio3": { to: false, look: async (w) => (await w.get("/socket.io/?EIO=3&transport=polling")).status, shows: [200, 400] },
  "socketio.cors_origins": { to: [page], look: async (w) => (await w.get("/socket.io/?EIO=4&transport=polling", { Origin: page })).headers["access-control-allow-origin"] ?? "none", shows: ["none", page] },
  "socketio.cors_credentials": {
    with: { socketio: { cors_origins: [page] } },
    to: true,
    look: async (w) => (await w.get("/socket.io/?EIO=4&transport=polling", { Origin: page })).headers["access-control-allow-credentials"] ?? "none",
    shows: ["none", "true"],
  },
  "socketio.recovery": { to: false, look: async (w) => typeof (await w.joinedWire()).pid, shows: ["string", "undefined"] },
  "socketio.recovery_seconds": {
    alone: true,
    with: { socketio: { recovery_seconds: 21600 } },
    to: 1,
    async look(w) {
      const wire = await keptWire(w);
      const kept = () => w.server.metric("parley_kept_sessions");
      await until(async () => (await kept()) > 0, "the session to be kept");
      wire.cut();
      await until(async () => (await kept()) === 0, "its end", 90_000); // they are swept once a minute
      return "forgotten";
    },
    shows: [unlooked, "forgotten"],
  },

  "conformance.socketio_port": { restart: 6010 },
  "conformance.message_bytes_max": { restart: 2048 },
  "conformance.fragments_max": { restart: 9 },
};

// A body that comes slowly counts while it does; a second one finds no room then.
function bodies(key) {
  return {
    with: { limits: { [key]: 0 } },
    to: 100000,
    look: async (w) => {
      const body = "x".repeat(90000);
      const slow = w.idleConnection(`POST /apps/${w.app.id}/events HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n${body}`);
      await slow.written;
      return (await w.publish(fresh("c."), body)).status;
    },
    shows: [200, 503],
  };
}

// Client events that its backend is told of, more at once than the disk takes.
function notices(to) {
  return {
    with: { app: { limits: { client_events_per_second_max: 0, client_event_bytes_per_second_max: 0 } }, webhook: { events: ["client_event"] } },
    to,
    async look(w) {
      const dropped = () => w.server.metric("parley_webhook_events_dropped_total", { reason: "channel_notices_waiting" });
      const before = await dropped();
      const channel = fresh("private-x.");
      const client = await w.connect();
      await w.join(client, channel);
      for (const n of range(1, 500)) client.send({ event: "client-x", channel, data: `${n} ${"x".repeat(100)}` });
      await client.settle();
      return (await dropped()) > before ? "dropped" : "all told";
    },
    shows: ["all told", "dropped"],
  };
}
