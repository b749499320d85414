// What shows that a key of an application, a channel rule or a webhook has taken effect. Rows as in node.js; all of
// these tables are taken over by a reload.
import { createHmac, generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { fresh, range } from "../lib/harness.js";
import { userAuth } from "../lib/sign.js";
import { temporaryDirectory } from "../lib/server.js";
import { token } from "../lib/sign.js";
import { until } from "../lib/wait.js";
import { unlooked } from "./node.js";
import { page } from "./world.js";

const status = async (answer) => (await answer).status;
const other = "another-secret-3f9ac1d27be04856";
const json = (value) => JSON.stringify(value);

// A client with a token, or the code that it is refused with.
const withToken = (w, claims, options) => w.greeting({ query: `protocol=7&token=${token(w.app, { sub: "ada", ...claims }, options)}` });
const signsIn = async (w, user) => {
  const client = await w.connect();
  const answer = await client.signIn(user);
  return answer.event === "pusher:signin_success" ? "in" : "refused";
};
// Asked about a private channel without a proof, by one connection that looks like every other.
const asks = async (w, channel = fresh("private-x."), headers = { Cookie: "a=b" }) => w.join(await w.connect({ headers }), channel, { proof: false });
// Four questions that nobody answers, of so many connections: whether one of them is refused.
const slowly = { uses: ["backend"], with: { app: { auth: { concurrency_max: 1, timeout_ms: 60000 } } } };
const fourAsk = (connections) => async (w) => {
  w.backend.answer = () => "hang";
  const clients = [];
  for (const n of range(0, 3)) {
    if (n < connections) clients.push(await w.connect());
    clients.at(-1).send({ event: "pusher:subscribe", data: { channel: fresh("private-x.") } });
    await clients.at(-1).settle();
  }
  const refused = () => clients.some((client) => client.frames.items.some(({ event }) => event === "pusher:subscription_error"));
  if (w.isChanged) return until(() => refused() && "refused", "a refusal");
  const seen = refused() ? "refused" : "wait";
  w.backend.server.closeAllConnections();
  return seen;
};
const statusOf = async (w, id) => (await w.call("GET", `/users/${id}`)).json?.status;

export const apps = {
  id: { with: () => ({ socketio: { app: "" } }), to: "7777", look: (w) => status(callAs(w, "7777")), shows: [404, 200] },
  name: { to: "The shop", look: async (w) => (await w.admin("/apps")).json.apps.find(({ id }) => id === w.app.id).name, shows: ["", "The shop"] },
  key: { to: "e2e-key-changed", look: (w) => w.greeting({ path: "/app/e2e-key-changed" }), shows: [4001, "welcome"] },
  secret: { to: other, look: (w) => status(w.call("GET", "/channels")), shows: [200, 401] },
  secret_previous: { to: other, look: (w) => status(callAs(w, w.app.id, { ...w.app, secret: other })), shows: [401, 200] },
  api_keys: { to: ["an-api-key-of-enough-length"], look: (w) => status(w.get(`/apps/${w.app.id}/channels`, { Authorization: "Bearer an-api-key-of-enough-length" })), shows: [401, 200] },
  enabled: { to: false, look: (w) => w.greeting(), shows: ["welcome", 4003] },
  tls_only: { to: true, look: (w) => w.greeting(), shows: ["welcome", 4000] },
  client_events: {
    to: false,
    async look(w) {
      const channel = fresh("private-x.");
      const client = await w.connect();
      await w.join(client, channel);
      return w.says(client, { event: "client-x", channel, data: 1 });
    },
    shows: ["taken", "refused"],
  },
  refuse_replays: { with: { app: { refuse_replays: "always" } }, to: "never", look: (w) => w.publishTwice(), shows: [401, 200] },
  subscription_count: {
    to: true,
    async look(w) {
      const channel = fresh("c.");
      const client = await w.connect();
      await w.join(client, channel);
      await w.publish(channel);
      await client.next("n");
      return client.of(channel, "pusher_internal:subscription_count").length > 0;
    },
    shows: [false, true],
  },
  allowed_origins: { to: [page], look: (w) => w.greeting({ headers: { Origin: "https://evil.example" } }), shows: ["welcome", 403] },
  authorization_timeout_seconds: { to: 1, look: async (w) => (await (await w.connect()).whenClosed()).code, shows: [unlooked, 4009] },
  webhook_hold_ms: {
    uses: ["receiver"],
    with: { app: { webhook_hold_ms: 3600000 }, webhook: { events: ["channel_vacated"] } },
    to: 0,
    async look(w) {
      const channel = fresh("c.");
      const client = await w.connect();
      await w.join(client, channel);
      await client.close();
      // A channel that came too early for the reload holds its notice for the hour of before: then another is looked at.
      return (await w.receiver.events.find((event) => event.channel === channel, "channel_vacated", { timeout: 5_000 })).name;
    },
    shows: [unlooked, "channel_vacated"],
  },
  "auth.url": {
    uses: ["backend"],
    with: { app: { auth: { url: "" } } },
    to: (w) => w.changed("apps.auth.url", `${w.backend.url}/auth`),
    async look(w) {
      await asks(w);
      return w.backend.calls.length;
    },
    shows: [0, 1],
  },
  "auth.batch_url": {
    uses: ["backend"],
    to: (w) => w.changed("apps.auth.batch_url", `${w.backend.url}/batch`),
    async look(w) {
      // One question is no batch: several come at once.
      const client = await w.connect();
      const names = range(1, 5).map(() => fresh("private-x."));
      await Promise.all(names.map((name) => w.join(client, name, { proof: false })));
      return w.backend.calls.at(-1).url;
    },
    shows: ["/auth", "/batch"],
  },
  "auth.timeout_ms": {
    uses: ["backend"],
    with: { app: { auth: { timeout_ms: 60000 } } },
    to: 100,
    async look(w) {
      w.backend.answer = () => "hang";
      return asks(w);
    },
    shows: [unlooked, "SubscriptionError"],
  },
  "auth.concurrency_max": {
    uses: ["backend"],
    to: 1,
    async look(w) {
      // The second is asked only when the first was answered.
      w.backend.answer = () => "hang";
      const before = w.backend.calls.length;
      for (const _ of [1, 2]) (await w.connect()).send({ event: "pusher:subscribe", data: { channel: fresh("private-x.") } });
      if (!w.isChanged) {
        await until(() => w.backend.calls.length === before + 2, "both questions");
        w.backend.server.closeAllConnections();
        return "both";
      }
      await until(async () => (await w.server.metric("parley_calls_waiting")) === 1, "one that waits");
      return w.backend.calls.length - before === 1 ? "one" : "both";
    },
    shows: ["both", "one"],
  },
  "auth.waiting_max": { ...slowly, to: 1, look: fourAsk(4), shows: ["wait", "refused"] },
  "auth.waiting_per_connection_max": { ...slowly, to: 1, look: fourAsk(1), shows: ["wait", "refused"] },
  "auth.address_share_percent": { ...slowly, with: { app: { auth: { ...slowly.with.app.auth, waiting_max: 10 } } }, to: 10, look: fourAsk(4), shows: ["wait", "refused"] },
  "auth.channels_per_call_max": {
    uses: ["backend"],
    with: (w) => ({ app: { auth: { batch_url: `${w.backend.url}/batch` } } }),
    to: 1,
    async look(w) {
      const client = await w.connect();
      const before = w.backend.calls.length;
      const names = range(1, 4).map(() => fresh("private-x."));
      await Promise.all(names.map((name) => w.join(client, name, { proof: false })));
      return w.backend.calls.length - before === 4 ? "one a call" : "together";
    },
    shows: ["together", "one a call"],
  },
  "auth.cache_seconds": {
    uses: ["backend"],
    with: { app: { auth: { cache_seconds: 3600 } } },
    to: 0,
    look: (w) => asked(w),
    shows: [1, 2],
  },
  "auth.cache_refusal_seconds": {
    uses: ["backend"],
    with: { app: { auth: { cache_refusal_seconds: 3600 } } },
    to: 0,
    async look(w) {
      w.backend.answer = () => 403;
      return asked(w);
    },
    shows: [1, 2],
  },
  "auth.forward_headers": {
    uses: ["backend"],
    to: ["x-shop"],
    async look(w) {
      await asks(w, fresh("private-x."), { "X-Shop": "1" });
      return w.backend.calls.at(-1).headers["x-shop"] ?? "none";
    },
    shows: ["none", "1"],
  },
  "status.channels": {
    to: ["private-feed"],
    async look(w) {
      const watcher = await w.connect();
      await w.join(watcher, "private-feed");
      await w.join(watcher, "private-fence");
      const user = fresh("u");
      await (await w.connect()).signIn({ id: user });
      if (w.isChanged) return (await watcher.next("user.status.changed")).channel;
      await until(async () => (await statusOf(w, user)) === "online", "online");
      await watcher.settle();
      return watcher.of("private-feed", "user.status.changed").length;
    },
    shows: [0, "private-feed"],
  },
  "status.away_after_seconds": {
    to: 1,
    async look(w) {
      const user = fresh("u");
      await (await w.connect()).signIn({ id: user });
      return until(async () => (await statusOf(w, user)) === "away" && "away", "away");
    },
    shows: [unlooked, "away"],
  },

  "limits.connections_max": {
    to: 1,
    async look(w) {
      await w.greeting();
      return w.greeting();
    },
    shows: ["welcome", 4100],
  },
  "limits.event_data_bytes_max": { to: 10, look: (w) => status(w.publish(fresh("c."), "x".repeat(11))), shows: [200, 413] },
  "limits.event_name_chars_max": { to: 10, look: (w) => status(w.publish(fresh("c."), 1, { name: "n".repeat(11) })), shows: [200, 400] },
  "limits.channel_name_chars_max": { with: { app: { status: { channels: ["private-a"] } } }, to: 10, look: (w) => status(w.publish("c".repeat(11))), shows: [200, 400] },
  "limits.channels_per_publish_max": { to: 1, look: (w) => status(w.call("POST", "/events", { body: { name: "n", channels: ["a", "b"], data: "1" } })), shows: [200, 400] },
  "limits.events_per_batch_max": { to: 1, look: (w) => status(w.batch(fresh("c."), 2)), shows: [200, 400] },
  "limits.presence_members_max": {
    to: 1,
    async look(w) {
      const channel = fresh("presence-x.");
      await w.join(await w.connect(), channel, { member: { user_id: "1" } });
      return w.join(await w.connect(), channel, { member: { user_id: "2" } });
    },
    shows: ["joined", "LimitReached"],
  },
  "limits.roster_bytes_per_second_max": {
    with: { app: { limits: { roster_bytes_per_second_max: 0 } } },
    to: 1,
    async look(w) {
      const client = await w.connect();
      const channel = fresh("presence-x.");
      const answers = [];
      for (const _ of range(1, 4)) answers.push(await w.join(client, channel, { member: { user_id: "1" } }));
      return answers.every((answer) => answer === "joined") ? "each time" : "refused";
    },
    shows: ["each time", "refused"],
  },
  "limits.member_bytes_max": { to: 10, look: async (w) => w.join(await w.connect(), fresh("presence-x."), { member: { user_id: "1", user_info: { name: "Ada Lovelace" } } }), shows: ["joined", "LimitReached"] },
  "limits.user_id_chars_max": { to: 2, look: (w) => signsIn(w, { id: "ada" }), shows: ["in", "refused"] },
  "limits.watchlist_users_max": {
    to: 1,
    async look(w) {
      const client = await w.connect();
      await client.signIn({ id: fresh("u"), watchlist: ["1", "2"] });
      await client.settle();
      return client.frames.items.find(({ event }) => event === "pusher:error")?.data.code ?? "watched";
    },
    shows: ["watched", 4302],
  },
  "limits.token_bytes_max": { to: 256, look: (w) => withToken(w, { info: { name: "x".repeat(300) } }), shows: ["welcome", 4009] },
  "limits.channels_per_connection_max": {
    to: 1,
    async look(w) {
      const client = await w.connect();
      await w.join(client, fresh("c."));
      return w.join(client, fresh("c."));
    },
    shows: ["joined", "LimitReached"],
  },
  "limits.domains_per_user_max": {
    to: 1,
    async look(w) {
      const user = fresh("u");
      await (await w.connect()).signIn({ id: user, domains: ["1", "2"] });
      await until(async () => (await statusOf(w, user)) === "online", "online");
      return (await w.call("GET", `/users/${user}`)).json.domains.length;
    },
    shows: [2, 1],
  },
  "limits.sessions_per_user_max": {
    to: 1,
    async look(w) {
      const user = { id: fresh("u") };
      await (await w.connect()).signIn(user);
      await until(async () => (await statusOf(w, user.id)) === "online", "online");
      const second = await w.connect();
      second.send({ event: "pusher:signin", data: { auth: userAuth(w.app, second.socketId, json(user)), user_data: json(user) } });
      if (w.isChanged) return (await second.whenClosed()).code;
      return (await second.next("pusher:signin_success")).event;
    },
    shows: ["pusher:signin_success", 4100],
  },
  "limits.blocks_per_user_max": {
    to: 1,
    async look(w) {
      const user = fresh("u");
      const kick = (channel) => status(w.call("POST", `/users/${user}/kick`, { body: { channel, for_seconds: 3600 } }));
      await kick("private-a");
      return kick("private-b");
    },
    shows: [200, 400],
  },
  "limits.users_per_call_max": { to: 1, look: (w) => status(w.call("POST", "/users/status", { body: { ids: ["1", "2"] } })), shows: [200, 400] },
  "limits.client_events_per_second_max": { to: 1, look: (w) => talks(w, "1", 2), shows: ["taken", 4301] },
  "limits.client_event_bytes_per_second_max": { to: 10, look: (w) => talks(w, '"twelve bytes"', 2), shows: ["taken", 4301] },
  "limits.client_requests_per_second_max": {
    to: 1,
    async look(w) {
      const client = await w.connect();
      return w.says(client, ...range(1, 5).map((n) => ({ event: "parley:activity", data: { state: n % 2 ? "away" : "online" } })));
    },
    shows: ["taken", 4301],
  },
  "limits.publishes_per_second_max": {
    to: 1,
    async look(w) {
      const answers = await Promise.all(range(1, 20).map(() => w.publish(fresh("c."))));
      return answers.some((answer) => answer.status === 429) ? 429 : 200;
    },
    shows: [200, 429],
  },

  "tokens.enabled": { to: false, look: (w) => withToken(w), shows: ["welcome", 4009] },
  "tokens.hs256_secrets": { to: [other], look: (w) => withToken(w, {}, { secret: other }), shows: [4009, "welcome"] },
  "tokens.public_key_files": {
    to(w) {
      const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048, publicKeyEncoding: { type: "spki", format: "pem" } });
      const file = join(temporaryDirectory("keys"), "shop.pem");
      writeFileSync(file, publicKey);
      w.privateKey = privateKey;
      return w.changed("apps.tokens.public_key_files", [file]);
    },
    async look(w) {
      const { createSign } = await import("node:crypto");
      const part = (value) => Buffer.from(json(value)).toString("base64url");
      const now = Math.floor(Date.now() / 1000);
      const text = `${part({ alg: "RS256", typ: "JWT" })}.${part({ sub: "ada", aud: w.app.id, iat: now, exp: now + 600 })}`;
      const key = w.privateKey ?? generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
      return w.greeting({ query: `protocol=7&token=${text}.${createSign("sha256").update(text).sign(key, "base64url")}` });
    },
    shows: [4009, "welcome"],
  },
  "tokens.issuer": { to: "shop", look: (w) => withToken(w, { iss: "elsewhere" }), shows: ["welcome", 4009] },
  "tokens.audience": { to: "shop", look: (w) => withToken(w, { aud: "shop" }), shows: [4009, "welcome"] },
  "tokens.leeway_seconds": { to: 3600, look: (w) => withToken(w, { exp: Math.floor(Date.now() / 1000) - 300 }), shows: [4009, "welcome"] },
  "tokens.lifetime_max_seconds": { to: 100, look: (w) => withToken(w), shows: ["welcome", 4009] },
  "tokens.warn_seconds": {
    to: 3600,
    async look(w) {
      const client = await w.connect({ query: `protocol=7&token=${token(w.app, { sub: "ada" })}` });
      await client.settle();
      if (!w.isChanged) return client.frames.items.some(({ event }) => event === "parley:token_expiring");
      return (await client.next("parley:token_expiring")) !== undefined;
    },
    shows: [false, true],
  },
};

const kept = async (w, channel = fresh("kept.")) => {
  for (const n of range(1, 3)) await w.publish(channel, n);
  return (await w.call("GET", `/channels/${channel}/history`)).json.publications?.length ?? 0;
};

export const channels = {
  match: { to: "held.*", look: (w) => kept(w), shows: [3, 0] },
  durability: { to: "none", look: (w) => kept(w), shows: [3, 0] },
  presence_grace_ms: { with: { rule: { presence_grace_ms: 3600000 } }, to: 0, look: (w) => leaves(w, (client) => client.cut()), shows: [unlooked, "pusher_internal:member_removed"] },
  presence_linger_ms: { with: { rule: { presence_linger_ms: 3600000 } }, to: 0, look: (w) => leaves(w, (client, channel) => client.unsubscribe(channel)), shows: [unlooked, "pusher_internal:member_removed"] },
  keep_client_events: {
    to: true,
    async look(w) {
      const channel = fresh("private-kept.");
      const client = await w.connect();
      await w.join(client, channel);
      client.send({ event: "client-x", channel, data: 1, ack: 1 });
      await client.next("parley:ack");
      return (await w.call("GET", `/channels/${channel}/history`)).json.publications.length;
    },
    shows: [0, 1],
  },
  cache_ttl_seconds: {
    with: { rule: { match: "cache-*" } },
    to: 1,
    async look(w) {
      const channel = fresh("cache-");
      await w.publish(channel);
      const probe = async () => {
        const client = await w.connect();
        await w.join(client, channel);
        return Promise.race([client.next("n").then(() => "hit"), client.next("pusher:cache_miss").then(() => "miss")]);
      };
      return !w.isChanged ? probe() : until(async () => (await probe()) === "miss" && "miss", "a miss");
    },
    shows: ["hit", "miss"],
  },
  "retention.age_seconds": {
    alone: true,
    to: 1,
    async look(w) {
      const channel = fresh("kept.");
      const oldest = async () => (await w.call("GET", `/channels/${channel}/history`, { query: { direction: "forward", limit: "1" } })).json.publications[0].offset;
      await w.publish(channel);
      await until(async () => (await w.publish(channel)) && (await oldest()) > 1, "the first to go");
      return "removed";
    },
    shows: [unlooked, "removed"],
  },
  "retention.count": { to: 1, look: (w) => kept(w), shows: [3, 1] },
  "retention.bytes": {
    to: 1000,
    async look(w) {
      const channel = fresh("kept.");
      for (const _ of range(1, 20)) await w.publish(channel, "x".repeat(900));
      const left = async () => (await w.call("GET", `/channels/${channel}/history`, { query: { limit: "100" } })).json.publications.length;
      return !w.isChanged ? (await left()) === 20 && "all" : until(async () => (await left()) < 20 && "some", "the oldest to go");
    },
    shows: ["all", "some"],
  },
};

export const webhooks = {
  name: { uses: ["receiver"], to: "renamed", look: async (w) => (await w.admin("/webhooks")).json.webhooks.some(({ target }) => target === "renamed"), shows: [false, true] },
  app: {
    uses: ["receiver"],
    with: (w) => ({ more: {}, webhook: {} }),
    to: (w) => ({ ...w.changed("webhooks.app", "8888"), more: { apps: [w.shape.app, { id: "8888", key: "e2e-key-8888", secret: "e2e-secret-8888-3f9ac1d27be04856" }] } }),
    look: async (w) => (await w.admin("/webhooks")).json.webhooks.find(({ target }) => target === w.shape.webhook.name).app === w.app.id,
    shows: [true, false],
  },
  url: {
    uses: ["receiver"],
    to: (w) => w.changed("webhooks.url", `${w.receiver.url}/elsewhere`),
    async look(w) {
      const seen = [];
      w.receiver.normal = () => "ok";
      const take = w.receiver.take.bind(w.receiver);
      w.receiver.take = (request, response) => (seen.push(request.url), take(request, response));
      await occupied(w);
      return seen.at(-1);
    },
    shows: ["/hook", "/hook/elsewhere"],
  },
  enabled: {
    uses: ["receiver"],
    with: { webhook: { enabled: false } },
    to: true,
    look: (w) => occupied(w),
    shows: [unlooked, "channel_occupied"],
  },
  events: { uses: ["receiver"], with: { webhook: { events: ["cache_miss"] } }, to: ["channel_occupied"], look: (w) => occupied(w), shows: [unlooked, "channel_occupied"] },
  channels: { uses: ["receiver"], with: { webhook: { channels: ["none.*"] } }, to: ["c.*"], look: (w) => occupied(w), shows: [unlooked, "channel_occupied"] },
  headers: {
    uses: ["receiver"],
    to: ["X-Shop: 1"],
    async look(w) {
      await occupied(w);
      return w.receiver.requests.items.at(-1).headers["x-shop"] ?? "none";
    },
    shows: ["none", "1"],
  },
  timeout_ms: {
    uses: ["receiver"],
    with: { webhook: { timeout_ms: 600000 } },
    to: 100,
    async look(w) {
      w.receiver.script.push("hang");
      return occupied(w);
    },
    shows: [unlooked, "channel_occupied"],
  },
  concurrency_max: {
    uses: ["receiver"],
    alone: true, // with several shards: each sends one request at a time
    with: { data: { shards: 16 }, webhook: { events: ["channel_occupied"], timeout_ms: 600000, batch_events_max: 1 } },
    to: 1,
    async look(w) {
      w.receiver.normal = "hang";
      const before = w.receiver.requests.items.length;
      const client = await w.connect();
      for (const _ of range(1, 40)) await w.join(client, fresh("c."));
      if (!w.isChanged) {
        await until(() => w.receiver.requests.items.length >= before + 2, "two requests at a time");
        w.receiver.server.closeAllConnections();
        w.receiver.normal = "ok";
        await until(async () => (await w.hook()).waiting === 0, "an empty queue");
        return "several";
      }
      await until(() => w.receiver.requests.items.length === before + 1, "a request");
      await until(async () => (await w.hook()).waiting >= 39, "the others to wait");
      return w.receiver.requests.items.length === before + 1 ? "one" : "several";
    },
    shows: ["several", "one"],
  },
  batch_events_max: { uses: ["receiver"], to: 1, look: (w) => batches(w, 1), shows: ["together", "alone"] },
  batch_bytes_max: { uses: ["receiver"], with: { webhook: { events: ["client_event"] } }, to: 1024, look: (w) => batches(w, 800), shows: ["together", "alone"] },
  retry_pause_max_seconds: {
    uses: ["receiver"],
    with: { webhook: { retry_pause_max_seconds: 86400 } },
    to: 1,
    async look(w) {
      w.receiver.script.push(...range(1, 6).map(() => 500)); // the pauses of six failures, were they not cut
      return occupied(w, 30_000);
    },
    shows: [unlooked, "channel_occupied"],
  },
  retry_for_seconds: {
    uses: ["receiver"],
    with: { webhook: { retry_for_seconds: 86400 } },
    to: 1,
    async look(w) {
      w.receiver.normal = 500;
      await w.join(await w.connect(), fresh("c."));
      return until(async () => (await w.hook()).dead > 0 && "dead letter", "a dead letter", 30_000);
    },
    shows: [unlooked, "dead letter"],
  },
  ca_file: { heldBy: ["tests/unit/net/outbound/webhook_sender_test.cpp", "ca_file"], because: "it needs a receiver with a certificate of an authority" },
};

async function callAs(w, id, app = w.app) {
  const { call } = await import("../lib/sign.js");
  return call(w.server, app, "GET", `/apps/${id}/channels`);
}

// How often the application is asked when the same client asks for the same channel again.
async function asked(w) {
  const before = w.backend.calls.length;
  const channel = fresh("private-x.");
  for (const _ of [1, 2]) await asks(w, channel);
  return w.backend.calls.length - before;
}

async function talks(w, data, times) {
  const channel = fresh("private-x.");
  const client = await w.connect();
  await w.join(client, channel);
  return w.says(client, ...range(1, times).map(() => `{"event":"client-x","channel":"${channel}","data":${data}}`));
}

async function leaves(w, how) {
  const channel = fresh("presence-kept.");
  const [stays, goes] = [await w.connect(), await w.connect()];
  await w.join(stays, channel, { member: { user_id: "1" } });
  await w.join(goes, channel, { member: { user_id: "2" } });
  how(goes, channel);
  return (await stays.next("pusher_internal:member_removed")).event;
}

async function occupied(w, timeout) {
  const channel = fresh("c.");
  await w.join(await w.connect(), channel);
  return (await w.receiver.events.find((event) => event.channel === channel && event.name === "channel_occupied", "channel_occupied", { timeout })).name;
}

// Whether events that wait together are sent together.
async function batches(w, bytes) {
  const channel = fresh("private-c.");
  const client = await w.connect();
  await w.join(client, channel);
  w.receiver.normal = 500; // until all wait
  const own = (request) => request.events.filter((event) => event.channel === channel || event.channel?.startsWith(channel));
  if (bytes > 1) {
    for (const n of range(1, 4)) client.send({ event: "client-x", channel, data: `${n}${"x".repeat(bytes)}` });
  } else {
    for (const n of range(1, 4)) await w.join(client, `${channel}.${n}`);
  }
  await until(async () => (await w.hook()).waiting >= 4, "four that wait");
  w.receiver.normal = "ok";
  await until(async () => (await w.hook()).waiting === 0, "an empty queue", 30_000);
  return w.receiver.requests.items.some((request) => request.answered && request.planned === "ok" && own(request).length > 1) ? "together" : "alone";
}
