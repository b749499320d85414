// Connection tokens and asking the application, with stock clients; and taking rights back on live ones.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before } from "node:test";

import { pushers } from "../lib/clients.js";
import { apps, config, fresh, raw, startServer, test } from "../lib/harness.js";
import { call, send, token as signToken } from "../lib/sign.js";
import { runParley } from "../lib/server.js";
import { until, within } from "../lib/wait.js";

const base64url = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

const token = (claims, options) => signToken(apps.main, claims, options);

// Laravel's endpoint and the batched one, with a list of who may what.
class Application {
  constructor() {
    this.calls = [];
    this.allowed = new Set();
    this.server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      this.calls.push({ url: request.url, body, cookie: request.headers.cookie, forwarded: request.headers["x-forwarded-for"] });
      const judge = (channel) => {
        if (!this.allowed.has(`${request.headers.cookie} ${channel}`)) return { status: 403 };
        return channel.startsWith("presence-")
          ? { status: 200, channel_data: { user_id: 42, user_info: { name: "Ada" } } }
          : { status: 200 };
      };
      const reply = (status, value) => {
        response.writeHead(status, { "Content-Type": "application/json" });
        response.end(JSON.stringify(value));
      };
      if (this.broken) return reply(500, { message: "Server Error" });
      if (request.url === "/batch") {
        const { channels } = JSON.parse(body);
        return reply(200, { channels: Object.fromEntries(channels.map((channel) => [channel, judge(channel)])) });
      }
      const { status, channel_data } = judge(new URLSearchParams(body).get("channel_name"));
      reply(status, status !== 200 ? { message: "no" } : channel_data ? { channel_data } : true);
    });
  }
  static async start() {
    const application = new Application();
    await new Promise((done) => application.server.listen(0, "127.0.0.1", done));
    application.url = `http://127.0.0.1:${application.server.address().port}`;
    return application;
  }
  stop() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }
}

let server;
let application;
const asking = { ...apps.other, id: "asking", key: "e2e-key-asking", secret: "e2e-secret-asking-3f9ac1d27be0" };
const batching = { ...apps.other, id: "batching", key: "e2e-key-batching", secret: "e2e-secret-batching-3f9ac1d27b" };
before(async () => {
  application = await Application.start();
  const auth = { url: `${application.url}/auth`, cache_seconds: 60, cache_refusal_seconds: 0 };
  server = await startServer({
    apps: [
      apps.main,
      { ...asking, auth, allowed_origins: ["https://shop.example"] },
      { ...batching, allowed_origins: ["https://shop.example"], auth: { ...auth, batch_url: `${application.url}/batch` } },
    ],
  });
});
after(async () => {
  await server?.stop();
  await application?.stop();
});

const stock = (t, options) => {
  const pusher = new pushers["pusher-js 8"](apps.main.key, {
    cluster: "",
    wsHost: "127.0.0.1",
    wsPort: server.port,
    forceTLS: false,
    enabledTransports: ["ws"],
    // For a presence channel pusher-js wants to hear its own id; the server believes the token alone.
    channelAuthorization: { customHandler: (_, done) => done(null, { auth: "", channel_data: '{"user_id":"42"}' }) },
    ...options,
  });
  t.after(() => pusher.disconnect());
  return pusher;
};
const bound = (target, event) => within(new Promise((done) => target.bind(event, done)), event);

test("stock pusher-js with a token in its path joins what the token says and calls nobody", async (t) => {
  const domain = fresh("d");
  const pusher = stock(t, { wsPath: `/t/${token({ sub: "42", domains: [domain], info: { name: "Ada" } })}` });
  await bound(pusher.subscribe(`private-domain.${domain}`), "pusher:subscription_succeeded");
  const members = await bound(pusher.subscribe(`presence-domain.${domain}`), "pusher:subscription_succeeded");
  assert.equal(members.get("42").info.name, "Ada");
  const denied = await bound(pusher.subscribe("private-domain.elsewhere"), "pusher:subscription_error");
  assert.equal(denied.status, 401);
});

test("stock pusher-js signs in with a token, and the server knows the user", async (t) => {
  const user = fresh("u");
  const pusher = stock(t, {
    userAuthentication: { customHandler: (_, done) => done(null, { auth: token({ sub: user }), user_data: "{}" }) },
  });
  pusher.signin();
  await within(pusher.user.signinDonePromise, "sign-in");
  assert.equal(pusher.user.user_data.id, user);
  await bound(pusher.subscribe(`private-user.${user}`), "pusher:subscription_succeeded");
  const status = await until(async () => {
    const { json } = await call(server, apps.main, "GET", `/apps/${apps.main.id}/users/status`, { query: { ids: user } });
    return json.users[user].status === "online" && json.users[user];
  }, "online over HTTP");
  assert.ok(Math.abs(status.last_seen - Date.now()) < 60_000);
});

for (const [why, make, says] of [
  ["another's secret", () => token({ sub: "42" }, { secret: "not-this-application" }), /signature/],
  ["no algorithm", () => `${base64url({ alg: "none" })}.${base64url({ sub: "42", exp: 4e9 })}.`, /none|three parts|base64url/],
  ["expired", () => token({ sub: "42", iat: 1, exp: Math.floor(Date.now() / 1000) - 60 }), /expired/],
  ["not yet valid", () => token({ sub: "42", nbf: Math.floor(Date.now() / 1000) + 300 }), /not valid (yet|before)/],
  ["another application's", () => token({ sub: "42", aud: "somebody-else" }), /audience|aud/],
  ["oversized", () => token({ sub: "42", info: "x".repeat(7_000) }), /bytes/],
]) {
  test(`a token that is refused says why: ${why}`, async () => {
    const client = new (await import("../lib/raw.js")).RawClient(server, apps.main, { path: `/t/${make()}/app/${apps.main.key}` });
    const error = await client.next("pusher:error");
    assert.equal(error.data.code, 4009);
    assert.match(error.data.message, says);
    const { code } = await client.whenClosed();
    assert.equal(code, 4009, "a stock client does not try again");
  });
}

test("a live connection renews its token; one that does not is ended and comes back", async (t) => {
  const short = await startServer({ apps: [{ ...apps.main, tokens: { leeway_seconds: 0, warn_seconds: 2 } }] });
  t.after(() => short.stop());
  const seconds = () => Math.floor(Date.now() / 1000);
  const connect = async (exp) => {
    const client = await raw(t, short, apps.main, { path: `/t/${token({ sub: "42", domains: ["7"], exp })}/app/${apps.main.key}` });
    client.send({ event: "pusher:subscribe", data: { auth: "", channel: "private-domain.7" } });
    await client.next("pusher_internal:subscription_succeeded");
    return client;
  };
  const [renewing, forgetful] = [await connect(seconds() + 3), await connect(seconds() + 3)];
  await renewing.next("parley:token_expiring");
  renewing.send({ event: "parley:token", data: { token: token({ sub: "42", domains: ["7"], exp: seconds() + 60 }) } });
  await renewing.next("parley:token");
  const { code } = await forgetful.whenClosed();
  assert.equal(code, 4110);
  await renewing.settle();
  assert.equal(renewing.ws.readyState, 1);
});

test("`parley token` makes what the server takes, and says why it would not", async (t) => {
  const made = await runParley(["token", "--user", "42", "--domain", "7", "--config", server.configFile]);
  assert.equal(made.code, 0, made.stderr);
  const client = await raw(t, server, apps.main, { path: `/t/${made.stdout.trim()}/app/${apps.main.key}` });
  client.send({ event: "pusher:subscribe", data: { auth: "", channel: "private-domain.7" } });
  await client.next("pusher_internal:subscription_succeeded");
  const bad = await runParley(["token", "--verify", token({ sub: "42" }, { secret: "x" }), "--config", server.configFile]);
  assert.equal(bad.code, 1);
});

test("keys rotate without a restart and without a lost client", async (t) => {
  const [old, next] = ["the-first-key-of-tokens", "the-second-key-of-tokens"];
  const rotating = await startServer({ apps: [{ ...apps.main, tokens: { hs256_secrets: [old] } }] });
  t.after(() => rotating.stop());
  const path = (secret) => `/t/${token({ sub: "42" }, { secret })}/app/${apps.main.key}`;
  const early = await raw(t, rotating, apps.main, { path: path(old) });
  const reload = async (secrets) => {
    const before = await rotating.metric("parley_config_reloads_total", { outcome: "applied" });
    rotating.configure(config({ apps: [{ ...apps.main, tokens: { hs256_secrets: secrets } }] }));
    rotating.signal("SIGHUP");
    await until(async () => (await rotating.metric("parley_config_reloads_total", { outcome: "applied" })) > before, "a reload");
  };
  await reload([next, old]);
  await raw(t, rotating, apps.main, { path: path(old) });
  await raw(t, rotating, apps.main, { path: path(next) });
  await reload([next]);
  const late = new early.constructor(rotating, apps.main, { path: path(old) });
  assert.equal((await late.whenClosed()).code, 4009);
  await early.settle();
});

// ---- asking the application ----

const visitor = (t, app, cookie) => raw(t, server, app, { headers: { Cookie: cookie } });
const subscribeAll = (client, channels) => {
  for (const channel of channels) client.send({ event: "pusher:subscribe", data: { channel } });
};
const answersTo = (client, channel) =>
  client.frames.find((item) => item.channel === channel && /subscription_succeeded|subscription_error/.test(item.event), channel);

test("who brings no proof is asked for, with the client's own cookie, and remembered", async (t) => {
  const cookie = `session=${fresh("c")}`;
  const [yes, no, room] = [fresh("private-domain."), fresh("private-domain."), fresh("presence-domain.")];
  application.allowed.add(`${cookie} ${yes}`).add(`${cookie} ${room}`);
  const client = await visitor(t, asking, cookie);
  const before = application.calls.length;
  subscribeAll(client, [yes, no, room]);
  assert.match((await answersTo(client, yes)).event, /succeeded/);
  assert.match((await answersTo(client, no)).event, /error/);
  const roster = JSON.parse((await answersTo(client, room)).data).presence;
  assert.deepEqual(roster.hash, { 42: { name: "Ada" } });
  const calls = application.calls.slice(before);
  assert.equal(calls.length, 3);
  assert.ok(calls.every((one) => one.url === "/auth" && one.cookie === cookie && one.forwarded === "127.0.0.1"));
  assert.equal(new URLSearchParams(calls[0].body).get("socket_id"), client.socketId);
  // The same client again: from memory. Another cookie: asked.
  const again = await visitor(t, asking, cookie);
  subscribeAll(again, [yes]);
  assert.match((await answersTo(again, yes)).event, /succeeded/);
  assert.equal(application.calls.length, before + 3);
  const other = await visitor(t, asking, "session=somebody-else");
  subscribeAll(other, [yes]);
  assert.match((await answersTo(other, yes)).event, /error/);
  assert.equal(application.calls.length, before + 4);
});

test("forty channels of one page are one call", async (t) => {
  const cookie = `session=${fresh("c")}`;
  const channels = Array.from({ length: 40 }, () => fresh("private-domain."));
  for (const channel of channels) application.allowed.add(`${cookie} ${channel}`);
  const client = await visitor(t, batching, cookie);
  const before = application.calls.length;
  subscribeAll(client, channels);
  for (const channel of channels) assert.match((await answersTo(client, channel)).event, /succeeded/);
  const calls = application.calls.slice(before);
  // What one read of the socket brings is one call; a burst may come in two or three.
  assert.ok(calls.length <= 4, `${calls.length} calls`);
  assert.deepEqual(calls.flatMap(({ body }) => JSON.parse(body).channels).sort(), [...channels].sort());
});

test("an application that is broken is no no: the client is told to try again", async (t) => {
  const cookie = `session=${fresh("c")}`;
  const channel = fresh("private-domain.");
  application.allowed.add(`${cookie} ${channel}`);
  const client = await visitor(t, asking, cookie);
  application.broken = true;
  subscribeAll(client, [channel]);
  const refused = await answersTo(client, channel);
  application.broken = false;
  assert.equal(JSON.parse(refused.data).code, "auth_unavailable");
  const from = client.frames.items.length;
  subscribeAll(client, [channel]);
  await client.frames.find((item) => item.event === "pusher_internal:subscription_succeeded" && item.channel === channel, "yes", { from });
});

// ---- taking it back ----

test("kicked, banned, terminated: on every connection of the user at once, and over a restart", async (t) => {
  const user = fresh("u");
  const channel = fresh("presence-patient.");
  const post = (path, body, app = apps.main) => call(server, app, "POST", `/apps/${app.id}/users/${user}${path}`, { body });
  const member = { member: { user_id: user } };
  const signedIn = await raw(t, server);
  await signedIn.signIn({ id: user });
  await signedIn.joined(channel, member);
  const present = await raw(t, server);
  await present.joined(channel, member);
  const withToken = await raw(t, server, apps.main, { path: `/t/${token({ sub: user, channels: [channel] })}/app/${apps.main.key}` });
  withToken.send({ event: "pusher:subscribe", data: { auth: "", channel } });
  await withToken.next("pusher_internal:subscription_succeeded");
  const watcher = await raw(t, server);
  await watcher.joined(channel, { member: { user_id: fresh("watcher") } });
  const all = [signedIn, present, withToken];

  assert.equal((await post("/kick", { channel, for_seconds: 60 })).status, 200);
  for (const client of all) {
    const told = await client.next("pusher:subscription_error");
    assert.equal(JSON.parse(told.data).type, "Kicked");
  }
  await watcher.next("pusher_internal:member_removed");
  assert.match((await present.subscribe(channel, member)).raw, /kept off this channel until/);
  await present.joined(fresh("presence-domain."), member); // others are open

  assert.equal((await post("/ban", { for_seconds: 60, reason: "spam" })).status, 200);
  for (const client of all) assert.equal((await client.whenClosed()).code, 4009);
  const refused = async () => {
    const back = new signedIn.constructor(server, apps.main, { path: `/t/${token({ sub: user })}/app/${apps.main.key}` });
    assert.match((await back.next("pusher:error")).data.message, /banned until .*: spam/);
    const again = await raw(t, server);
    await again.signIn({ id: user });
    assert.equal((await again.whenClosed()).code, 4009);
    const asMember = await raw(t, server);
    assert.match((await asMember.subscribe(fresh("presence-domain."), member)).raw, /banned until/);
  };
  await refused();
  await server.restart();
  await refused();
  assert.equal((await call(server, apps.main, "DELETE", `/apps/${apps.main.id}/users/${user}/ban`)).status, 200);

  const old = token({ sub: user });
  const open = await raw(t, server, apps.main, { path: `/t/${old}/app/${apps.main.key}` });
  assert.equal((await post("/terminate_connections", { revoke_tokens: true })).status, 200);
  assert.equal((await open.whenClosed()).code, 4009);
  const stale = new signedIn.constructor(server, apps.main, { path: `/t/${old}/app/${apps.main.key}` });
  assert.match((await stale.next("pusher:error")).data.message, /revoked/);
});

test("other applications' users are others", async (t) => {
  const user = fresh("u");
  const mine = await raw(t, server);
  await mine.signIn({ id: user });
  const theirs = await raw(t, server, asking);
  await theirs.signIn({ id: user });
  await call(server, asking, "POST", `/apps/${asking.id}/users/${user}/ban`, { body: { for_seconds: 60 } });
  assert.equal((await theirs.whenClosed()).code, 4009);
  await mine.settle();
  assert.equal((await send(server, "GET", `/admin/apps/${asking.id}/users`)).status, 404, "no admin API without a key");
});
