// Operators: the admin API and the commands that speak it, users in the signed API.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { Backend } from "../lib/backend.js";
import { pusherOptions, pushers } from "../lib/clients.js";
import { apps, config, fresh, raw, startServer, test } from "../lib/harness.js";
import { runParley, Server } from "../lib/server.js";
import { call, history, send } from "../lib/sign.js";
import { until } from "../lib/wait.js";

const adminKey = "e2e-admin-key-3f9ac1d27be04856";
let server;
before(async () => {
  server = await startServer({ admin: { key: adminKey } });
});
after(() => server.stop());

const base = `/apps/${apps.main.id}`;
const ask = (method, path, body, { key = adminKey, to = server } = {}) =>
  send(to, method, path, body === undefined ? "" : JSON.stringify(body), key === null ? {} : { Authorization: `Bearer ${key}` });

// Runs an admin command against the suite's server; a key in the environment, as operators do.
const parley = (...line) => runParley([line[0], "--url", server.url, "--app-id", apps.main.id, ...line.slice(1)], { env: { PARLEY_ADMIN_KEY: adminKey } });
async function succeeds(...line) {
  const { code, stdout, stderr } = await parley(...line);
  assert.equal(code, 0, `${line.join(" ")}: ${stderr}${stdout}`);
  return stdout;
}
async function fails(pattern, ...line) {
  const { code, stdout, stderr } = await parley(...line);
  assert.equal(code, 1, `${line.join(" ")}: ${stdout}${stderr}`);
  assert.match(stderr, /^cannot /);
  assert.match(stderr, pattern);
}

const statusOf = async (id) => (await call(server, apps.main, "GET", `${base}/users/status`, { query: { ids: id } })).json.users[id];
const reaches = (id, status) => until(async () => (await statusOf(id)).status === status, `${id} to be ${status}`);

async function signedIn(t, id, userInfo = { name: `User ${id}` }) {
  const client = await raw(t, server);
  assert.equal((await client.signIn({ id, user_info: userInfo })).event, "pusher:signin_success");
  await reaches(id, "online");
  return client;
}

test("a stock client that signs in is online with its sessions, and offline when it is gone", async (t) => {
  const backend = await Backend.start(apps.main);
  t.after(() => backend.stop());
  const id = fresh("user-");
  const client = new pushers["pusher-js 8"](apps.main.key, pusherOptions(server, backend, { user: id }));
  t.after(() => client.disconnect());
  const began = Date.now();
  assert.deepEqual(await statusOf(id), { status: "offline", since: null, last_seen: null, domains: [] });
  client.signin();
  await reaches(id, "online");
  const status = await statusOf(id);
  assert.ok(status.since >= began - 1000 && status.since <= Date.now() + 1000, JSON.stringify(status));
  assert.ok(status.last_seen >= status.since);

  const sessions = await call(server, apps.main, "GET", `${base}/users/${id}/sessions`);
  assert.equal(sessions.status, 200);
  assert.deepEqual(sessions.json.sessions.map(({ socket_id, via, activity }) => ({ socket_id, via, activity })), [
    { socket_id: client.connection.socket_id, via: "signature", activity: "online" },
  ]);
  const record = await call(server, apps.main, "GET", `${base}/users/${id}`);
  assert.deepEqual(record.json.user_info, { name: `User ${id}` });
  assert.equal(record.json.banned, null);

  client.disconnect();
  await reaches(id, "offline");
  const gone = await statusOf(id);
  assert.ok(gone.since >= status.since && gone.since <= Date.now(), JSON.stringify(gone));
  assert.equal((await call(server, apps.main, "GET", `${base}/users/${id}/sessions`)).json.sessions.length, 0);
});

test("users are listed page by page, by status, and per application", async (t) => {
  const ids = [fresh("page-"), fresh("page-"), fresh("page-")];
  for (const id of ids) await signedIn(t, id);
  const seen = [];
  let after;
  do {
    const page = await call(server, apps.main, "GET", `${base}/users`, { query: { status: "online", limit: "2", ...(after ? { after } : {}) } });
    assert.equal(page.status, 200, page.text);
    assert.ok(page.json.users.length <= 2);
    seen.push(...page.json.users.map(({ id }) => id));
    after = page.json.next;
  } while (after);
  assert.equal(new Set(seen).size, seen.length, "each once");
  for (const id of ids) assert.ok(seen.includes(id), `${id} of ${seen}`);
  const other = await call(server, apps.other, "GET", `/apps/${apps.other.id}/users`);
  assert.deepEqual(other.json, { users: [], next: null });
  assert.equal((await call(server, apps.main, "GET", `${base}/domains/${fresh("d")}/members`)).json.users.length, 0);
});

test("ids of any characters go through paths, queries and bodies", async (t) => {
  const id = `${fresh("o'")}/ä "x" 😀?&#%,`;
  await raw(t, server).then((client) => client.signIn({ id }));
  const status = async () => (await call(server, apps.main, "POST", `${base}/users/status`, { body: { ids: [id] } })).json.users[id].status;
  await until(async () => (await status()) === "online", "the status of a strange id");
  assert.equal((await call(server, apps.main, "GET", `${base}/users/${encodeURIComponent(id)}`)).json.id, id);
  assert.equal((await call(server, apps.main, "GET", `${base}/users/a%00b`)).status, 400);
});

test("a ban ends connections, is in the record until it is lifted, and holds over a restart", async (t) => {
  const own = await startServer({ admin: { key: adminKey } });
  t.after(() => own.stop());
  const id = fresh("banned-");
  const client = await raw(t, own);
  await client.signIn({ id });
  const users = `/admin${base}/users/${id}`;
  await until(async () => (await ask("GET", users, undefined, { to: own })).json.status === "online", "the user");
  const banned = await ask("POST", `${users}/ban`, { for_seconds: 600, reason: "spam" }, { to: own });
  assert.equal(banned.status, 200, banned.text);
  assert.equal(banned.json.connections, 1);
  assert.equal((await client.whenClosed()).code, 4009);
  const expected = { until: banned.json.until, reason: "spam" };
  assert.deepEqual((await ask("GET", users, undefined, { to: own })).json.banned, expected);
  await own.restart();
  assert.deepEqual((await ask("GET", users, undefined, { to: own })).json.banned, expected);
  assert.equal((await ask("DELETE", `${users}/ban`, undefined, { to: own })).status, 200);
  assert.equal((await ask("GET", users, undefined, { to: own })).json.banned, null);
});

test("kicks that last are in the record", async () => {
  const id = fresh("kicked-");
  const kicked = await call(server, apps.main, "POST", `${base}/users/${id}/kick`, { body: { channel: "presence-domain.1", for_seconds: 60 } });
  assert.equal(kicked.status, 200, kicked.text);
  const record = await call(server, apps.main, "GET", `${base}/users/${id}`);
  assert.deepEqual(record.json.kicked, [{ channel: "presence-domain.1", until: kicked.json.until }]);
  assert.equal((await call(server, apps.main, "POST", `${base}/users/${id}/kick`, { body: { channel: "presence-domain.1" } })).json.until, null);
  assert.equal((await call(server, apps.main, "GET", `${base}/users/${id}`)).status, 404, "nothing is known of the user");
});

test("the admin API opens with its key only, for everything that the signed one does", async () => {
  const channel = fresh("private-domain.");
  for (const key of [null, "wrong-key-wrong-key"]) {
    const refused = await ask("POST", `/admin${base}/events`, { name: "x", channel, data: "1" }, { key });
    assert.equal(refused.status, 401);
    assert.equal(refused.headers["cache-control"], "no-store");
  }
  for (const n of [1, 2]) assert.equal((await ask("POST", `/admin${base}/events`, { name: "x", channel, data: "1" })).status, 200, `time ${n}`);
  assert.equal((await history(server, apps.main, channel)).json.publications.length, 2, "nothing of the refused ones, no replay");
  const list = await ask("GET", "/admin/apps");
  assert.equal(list.headers["cache-control"], "no-store");
  assert.deepEqual(list.json.apps.find(({ id }) => id === apps.disabled.id), { id: apps.disabled.id, name: "disabled", enabled: false, connections: 0 });
  assert.equal((await ask("GET", `/admin/apps/${apps.disabled.id}/users`)).status, 200);
  const info = await ask("GET", "/admin/info");
  assert.match(info.json.version, /^\d+\.\d+/);
  assert.ok(info.json.uptime_seconds >= 0);
  assert.ok((await ask("GET", "/admin/actors?limit=5")).json.actors.length === 5);
  assert.equal((await ask("GET", "/admin/nothing")).status, 404);
  assert.equal((await call(server, apps.main, "GET", "/admin/info")).status, 401, "an application's signature opens nothing");
});

test("guessing the key is slowed down; a new key comes with SIGHUP", async (t) => {
  const own = await startServer({ admin: { key: adminKey } });
  t.after(() => own.stop());
  const next = "the-next-admin-key-of-e2e";
  own.configure(config({ admin: { key: next, key_previous: adminKey } }));
  own.signal("SIGHUP");
  await until(async () => (await ask("GET", "/admin/info", undefined, { key: next, to: own })).status === 200, "the next key");
  assert.equal((await ask("GET", "/admin/info", undefined, { to: own })).status, 200, "the previous key");
  let answer;
  for (let n = 0; n < 11; ++n) answer = await ask("GET", "/admin/info", undefined, { key: `guess-${n}`, to: own });
  assert.equal(answer.status, 429);
  assert.ok(Number(answer.headers["retry-after"]) > 0);
  assert.equal((await ask("GET", "/admin/info", undefined, { key: next, to: own })).status, 200, "who has the key passes, whoever else guesses there");
  assert.ok((await own.metric("parley_authorizations_refused_total", { reason: "admin" })) >= 10);
  assert.ok((await own.metric("parley_rate_limited_total", { kind: "admin" })) >= 1);
});

test("without a key the admin API is off, and says how to switch it on", async (t) => {
  const own = await startServer();
  t.after(() => own.stop());
  const answer = await ask("GET", "/admin/info", undefined, { to: own });
  assert.equal(answer.status, 404);
  assert.match(answer.json.message, /PARLEY_ADMIN_KEY/);
});

test("parley users and status: tables for people, JSON for machines", async (t) => {
  const id = fresh("cli-");
  const client = await signedIn(t, id);
  const table = await succeeds("users", "--status", "online");
  assert.match(table.split("\n")[0], /^USER +STATUS +SINCE +LAST SEEN +DOMAINS$/);
  assert.match(table, new RegExp(`^${id} +online `, "m"));
  const rows = (await succeeds("users", "--json")).trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(rows.find((row) => row.id === id).status, "online");
  assert.match(await succeeds("users", "--domain", fresh("d")), /no users/);
  assert.match(await succeeds("users", "--sessions", id), new RegExp(client.socketId.replace(".", "\\.")));
  const session = JSON.parse(await succeeds("users", "--sessions", id, "--json"));
  assert.equal(session.socket_id, client.socketId);

  const nobody = fresh("nobody-");
  const status = await succeeds("status", id, nobody);
  assert.match(status, new RegExp(`^${id} +online `, "m"));
  assert.match(status, new RegExp(`^${nobody} +offline +- +- +-$`, "m"));
  assert.equal(JSON.parse(await succeeds("status", id, "--json")).users[id].status, "online");
});

test("what strangers call themselves does not reach the terminal as control characters", async (t) => {
  // U+009B begins a terminal's control sequence too; as an id it is allowed.
  const id = `${fresh("evil-")}\u009b2J`;
  const client = await raw(t, server);
  assert.equal((await client.signIn({ id })).event, "pusher:signin_success");
  await until(async () => (await succeeds("users")).includes("\\x9b2J"), "the id in the table");
  assert.ok(!/[\u0080-\u009f\u001b]/.test(await succeeds("status", id)));
});

test("parley kick, ban and terminate", async (t) => {
  const id = fresh("cli-");
  const client = await signedIn(t, id);
  assert.match(await succeeds("kick", id, "presence-domain.1", "--for", "10m"), / is off presence-domain\.1 until \d{4}-/);
  const users = `/admin${base}/users/${id}`;
  const [{ until: end }] = (await ask("GET", users)).json.kicked;
  assert.ok(Math.abs(end - Date.now() - 600_000) < 60_000);

  assert.match(await succeeds("ban", id, "--for", "2h", "--reason", "spam"), /is banned until .*connections ended: 1/);
  assert.equal((await client.whenClosed()).code, 4009);
  assert.equal((await ask("GET", users)).json.banned.reason, "spam");
  await succeeds("ban", id, "--until", "2099-01-31T12:00:00Z");
  assert.equal((await ask("GET", users)).json.banned.until, Date.parse("2099-01-31T12:00:00Z"));
  await succeeds("ban", id, "--lift");
  assert.equal((await ask("GET", users)).json.banned, null);

  const again = await signedIn(t, id);
  await succeeds("terminate", id, "--revoke-tokens");
  assert.equal((await again.whenClosed()).code, 4009);
  assert.ok((await ask("GET", users)).json.tokens_since > 0);
});

test("who is forgotten is not known, nor after a restart; bans stay", async (t) => {
  const own = await startServer({ admin: { key: adminKey } });
  t.after(() => own.stop());
  const id = fresh("gone-");
  const status = async () => (await call(own, apps.main, "GET", `${base}/users/status`, { query: { ids: id } })).json.users[id];
  const client = await raw(t, own);
  await client.signIn({ id, user_info: { name: "Gone" }, domains: ["7"] });
  await until(async () => (await status()).domains.includes("7"), "the user in domain 7");
  const user = `${base}/users/${id}`;
  const banned = async () => (await ask("GET", `/admin${user}`, undefined, { to: own })).json.banned;
  const before = await call(own, apps.main, "POST", `${user}/ban`, { body: { for_seconds: 3600 } });
  assert.equal(before.json.connections, 1);
  const line = ["forget", "--url", own.url, "--app-id", apps.main.id, id];
  const said = await runParley(line, { env: { PARLEY_ADMIN_KEY: adminKey } });
  assert.equal(said.code, 0, said.stderr);
  assert.match(said.stdout, /is forgotten/);
  const nobody = { status: "offline", since: null, last_seen: null, domains: [] };
  const people = async () => (await call(own, apps.main, "GET", `${base}/domains/7/members`)).json.users;
  const checks = async () => {
    assert.deepEqual(await status(), nobody);
    assert.deepEqual(await people(), []);
    assert.ok((await banned()).until > Date.now());
  };
  await until(async () => (await people()).length === 0, "domain 7 to be empty");
  await checks();
  await own.kill9();
  await own.restart();
  await checks();
  assert.equal((await call(own, apps.main, "DELETE", `${user}/ban`)).status, 200);
  assert.equal((await call(own, apps.main, "DELETE", user)).json.connections, 0);
  assert.equal((await call(own, apps.main, "GET", user)).status, 404);
});

test("commands that cannot say why, with exit code 1", async () => {
  await fails(/either --for or --until/, "ban", "7");
  await fails(/not a time/, "ban", "7", "--until", "tomorrow");
  await fails(/not a duration/, "kick", "7", "presence-a", "--for", "soon");
  await fails(/bad_channel_name|channel/, "kick", "7", "not valid");
  await fails(/either ids|--all/, "webhooks", "replay", "hook");
  await fails(/either ids|--all/, "webhooks", "drop", "hook", "n1", "--all");
  const env = { PARLEY_ADMIN_KEY: "wrong-key-wrong-key" };
  const wrong = await runParley(["users", "--url", server.url, "--app-id", apps.main.id], { env });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /not the admin key.*\(401\)/);
  const none = await runParley(["users", "--url", server.url, "--app-id", apps.main.id, "--config", "/dev/null"]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /PARLEY_ADMIN_KEY/);
  const unknown = await runParley(["users", "--url", server.url, "--app-id", "none", "--admin-key", adminKey]);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no application.*\(404\)/);
  const nowhere = await runParley(["status", "7", "--url", "http://127.0.0.1:1", "--app-id", "1", "--admin-key", adminKey]);
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.stderr, /cannot connect/);
});

test("every admin command explains itself", async () => {
  for (const line of [["users"], ["status"], ["kick"], ["ban"], ["terminate"], ["forget"], ["webhooks"], ["webhooks", "dead"], ["webhooks", "replay"], ["webhooks", "drop"]]) {
    const { code, stdout } = await runParley([...line, "--help"]);
    assert.equal(code, 0);
    assert.ok(stdout.includes(line.at(-1)));
  }
});

test("--dev has the demo's admin key", async (t) => {
  const own = await Server.start();
  t.after(() => own.stop());
  assert.equal((await ask("GET", "/admin/info", undefined, { key: "admin-key-demo", to: own })).status, 200);
  const { code, stdout, stderr } = await runParley(["users", "--dev", "--url", own.url]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /no users/);
});

test("check names the mistakes of webhooks and admin keys, and shows neither key nor headers", async () => {
  const good = { admin: { key: adminKey }, webhooks: [{ name: "hook", app: apps.main.id, url: "https://hooks.example/x", headers: ["X-Secret: e2e-hush"] }] };
  const own = new Server({ config: config(good) });
  const checked = await runParley(["check", "--config", own.configFile]);
  assert.equal(checked.code, 0, checked.stderr);
  assert.match(checked.stdout, /\[\[webhooks\]\]\nname = "hook"/);
  assert.ok(!(checked.stdout + checked.stderr).match(/e2e-hush|e2e-admin-key/));
  own.configure(config({ admin: { key: "short" }, webhooks: [{ name: "a b", app: "none", url: "nowhere", events: ["member_aded"] }] }));
  const wrong = await runParley(["check", "--config", own.configFile]);
  assert.equal(wrong.code, 1);
  for (const part of ["admin.key", "webhooks[0].name", "webhooks[0].app", "webhooks[0].url", "did you mean `member_added`?"]) {
    assert.ok(wrong.stderr.includes(part), `${part}:\n${wrong.stderr}`);
  }
  await own.stop();
});
