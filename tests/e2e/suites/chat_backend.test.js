// The backend of the chat example: Laravel 8 behind PHP-FPM, its queue worker, the program and nginx, all started by
// the example's own launcher.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { after, before } from "node:test";

import { ChatSite, isMessage, skip, testsOn } from "../lib/chat.js";
import { sdk } from "../lib/clients.js";
import { range } from "../lib/harness.js";
import { until } from "../lib/wait.js";

let site;
before(async () => {
  if (!skip) site = await ChatSite.start();
});
after(async () => {
  await site?.stop();
});
const test = testsOn(() => site);
let numbers = 0;
const text = (what) => `${what} ${++numbers} ${randomUUID().slice(0, 8)}`;
const history = async (domain) => (await sdk({ port: site.chat.port }, site.chat.app).get({ path: `/channels/private-domain.${domain}/history`, params: { limit: "1000", direction: "backward" } }).then((answer) => answer.json())).publications;
const told = async (domain, what) => (await history(domain)).filter(({ event, data }) => event === "message.sent" && JSON.parse(data).message.text === what).length;

test("signing in: a token and a cookie, and both end with the sign-out", async (t) => {
  const login = (body, headers) => site.call("POST", "/api/login", { body, headers });
  const good = await login({ email: "Ada@Example.com", password: "password" });
  assert.equal(good.status, 200);
  assert.deepEqual(good.json.user, { id: 1, name: "Ada", admin: true });
  const cookie = good.headers.get("set-cookie");
  assert.match(cookie, /^chat_token=\w+;.*; httponly; samesite=lax$/i);
  assert.equal(cookie.slice("chat_token=".length).split(";")[0], good.json.token);

  for (const body of [{ email: "ada@example.com", password: "wrong" }, { email: "nobody@example.com", password: "password" }]) {
    const bad = await login(body);
    assert.deepEqual([bad.status, bad.json], [401, { message: "Wrong e-mail address or password" }]);
  }
  for (const body of [{}, { email: "ada@example.com" }, { email: ["ada@example.com"], password: "password" }, { email: "ada@example.com", password: { a: 1 } }]) {
    const bad = await login(body);
    assert.equal(bad.status, 422, JSON.stringify(body));
    assert.match(bad.json.message, /The (email|password) /);
  }

  const mine = { Cookie: cookie.split(";")[0] };
  const me = { user: { id: 1, name: "Ada", admin: true }, domains: [{ id: 1, name: "Sales" }, { id: 2, name: "Support" }] };
  assert.deepEqual((await site.call("GET", "/api/me", { headers: mine })).json, me);
  assert.deepEqual((await site.call("GET", "/api/me", { token: good.json.token })).json, me);
  const forged = await site.call("POST", "/api/logout", { headers: mine });
  assert.deepEqual([forged.status, forged.json.message], [403, "A request with a cookie needs the header X-Requested-With: XMLHttpRequest"]);
  assert.equal((await site.call("GET", "/api/me", { headers: mine, token: "wrong" })).status, 401, "a wrong token is not made good by a cookie");
  const out = await site.call("POST", "/api/logout", { headers: { ...mine, "X-Requested-With": "XMLHttpRequest" } });
  assert.equal(out.status, 204);
  assert.match(out.headers.get("set-cookie"), /^chat_token=deleted; .*Max-Age=0/);
  for (const who of [{ headers: mine }, { token: good.json.token }]) assert.equal((await site.call("GET", "/api/me", who)).status, 401);
  const ben = await site.person(t, "ben");
  assert.deepEqual((await ben.get("/api/me")).json.user, { id: 2, name: "Ben", admin: false });
});

test("who guesses passwords has to wait, and nobody else has", async (t) => {
  const guess = (email) => site.call("POST", "/api/login", { body: { email, password: "wrong" } });
  for (let tries = 0; tries < 10; tries++) assert.equal((await guess("guessed@example.com")).status, 401);
  const late = await guess("guessed@example.com");
  assert.equal(late.status, 429);
  assert.match(late.json.message, /^Too many wrong passwords: try again in \d+ seconds$/);
  assert.ok(Number(late.headers.get("retry-after")) > 0);
  await site.person(t, "ada");
});

test("one address that tries many accounts has to wait, with the right password too, and other addresses have not", async (t) => {
  const from = (localAddress, email, password) =>
    new Promise((done, failed) => {
      const headers = { "Content-Type": "application/json" };
      const asked = request(`${site.url}/api/login`, { method: "POST", localAddress, headers, timeout: 60_000 }, (answer) => {
        answer.resume();
        done(answer.statusCode);
      });
      asked.on("error", failed).on("timeout", () => asked.destroy(new Error("no answer"))).end(JSON.stringify({ email, password }));
    });
  for (const tens of range(0, 9)) {
    const statuses = await Promise.all(range(0, 9).map((ones) => from("127.0.0.7", `sprayed${tens}${ones}@example.com`, "password")));
    assert.deepEqual(new Set(statuses), new Set([401]));
  }
  assert.equal(await from("127.0.0.7", "sprayed@example.com", "password"), 429);
  assert.equal(await from("127.0.0.7", "ada@example.com", "password"), 429);
  await site.person(t, "ada");
});

test("a form of another page signs nobody in", async () => {
  const bodies = {
    "application/x-www-form-urlencoded": new URLSearchParams({ email: "ada@example.com", password: "password" }).toString(),
    "text/plain": '{"email":"ada@example.com","password":"password"}',
    "text/plain; x=/json": '{"email":"ada@example.com","password":"password"}',
  };
  for (const [type, raw] of Object.entries(bodies)) {
    const answer = await site.call("POST", "/api/login", { raw, headers: { "Content-Type": type } });
    assert.deepEqual([answer.status, answer.json.message], [415, "Sign in with JSON: Content-Type: application/json"], type);
    assert.equal(answer.headers.get("set-cookie"), null);
  }
  const json = await site.call("POST", "/api/login", { raw: bodies["text/plain"], headers: { "Content-Type": "application/json; charset=utf-8" } });
  assert.equal(json.status, 200);
});

test("who is not signed in gets 401, whose domain it is not 403, what does not exist 404, always with a message", async (t) => {
  const paths = [["GET", "/api/me"], ["GET", "/api/domains/1/messages"], ["POST", "/api/domains/1/messages"], ["POST", "/api/domains/1/read"], ["GET", "/api/unread"], ["GET", "/api/domains/1/people"], ["GET", "/api/admin/people"],
    ["POST", "/api/logout"], ["POST", "/broadcasting/auth"], ["POST", "/broadcasting/user-auth"], ["GET", "/broadcasting/token"]];
  for (const [method, path] of paths) {
    const answer = await site.call(method, path, method === "POST" ? { body: {} } : {});
    assert.deepEqual([answer.status, answer.json], [401, { message: "You are not signed in" }], path);
  }
  const dan = await site.person(t, "dan");
  const cleo = await site.person(t, "cleo");
  for (const [who, domain] of [[dan, 1], [dan, 2], [cleo, 2], [cleo, 99], [cleo, "1e0"], [cleo, "01x"], [cleo, "01"], [cleo, "1%0A"], [cleo, "9".repeat(19)]]) {
    for (const [method, path] of [["get", "messages"], ["post", "messages"], ["post", "read"], ["get", "people"]]) {
      const answer = await who[method](`/api/domains/${domain}/${path}`, method === "post" ? { text: "x", client_id: randomUUID(), message_id: 1 } : undefined);
      assert.deepEqual([answer.status, answer.json], [403, { message: "You are not a member of this domain" }], `${who.user.name} ${method} ${domain}/${path}`);
    }
  }
  const admin = await cleo.get("/api/admin/people");
  assert.deepEqual([admin.status, admin.json.message], [403, "This is for admins"]);
  assert.deepEqual((await dan.get("/api/me")).json.domains, []);
  assert.deepEqual((await dan.get("/api/unread")).json, { domains: [] });
  assert.deepEqual([(await dan.get("/api/nothing")).status, (await dan.get("/api/nothing")).json.message], [404, "Not Found"]);
  assert.equal((await site.call("DELETE", "/api/me", { token: dan.token })).status, 405);
});

test("who may join what is said by routes/channels.php", async (t) => {
  const people = Object.fromEntries(await Promise.all(["ada", "ben", "cleo", "dan"].map(async (name) => [name, await site.person(t, name)])));
  const may = async (name, channel) => {
    const { status } = await people[name].post("/broadcasting/auth", { socket_id: "1.1", channel_name: channel });
    assert.ok([200, 403].includes(status), `${name} ${channel}: ${status}`);
    return status === 200;
  };
  const allowed = { ada: [], ben: [], cleo: [], dan: [] };
  const channels = ["private-domain.1", "private-domain.2", "presence-domain.1", "presence-domain.2", "private-user.1", "private-user.2", "private-admin.1", "private-admin.2", "private-domain.99", "private-domain.01", "presence-domain.01", "private-domain.9999999999999999999", "private-other.1", "private-domain.", "private-user.", "presence-admin."];
  for (const name of Object.keys(allowed)) for (const channel of channels) if (await may(name, channel)) allowed[name].push(channel);
  assert.deepEqual(allowed, {
    ada: ["private-domain.1", "private-domain.2", "presence-domain.1", "presence-domain.2", "private-user.1", "private-admin.1"],
    ben: ["private-domain.1", "private-domain.2", "presence-domain.1", "presence-domain.2", "private-user.2"],
    cleo: ["private-domain.1", "presence-domain.1"],
    dan: [],
  });
  const many = await people.cleo.post("/broadcasting/auth", { socket_id: "1.1", channel_name: ["private-domain.1", "private-domain.2", "presence-domain.1"] });
  assert.deepEqual(Object.entries(many.json).map(([channel, { status }]) => [channel, status]), [["private-domain.1", 200], ["private-domain.2", 403], ["presence-domain.1", 200]]);
  assert.deepEqual(JSON.parse(many.json["presence-domain.1"].data.channel_data), { user_id: 3, user_info: { id: 3, name: "Cleo" } });
  const refused = await people.dan.post("/broadcasting/auth", { socket_id: "1.1", channel_name: "private-domain.1" });
  assert.equal(refused.json.message, "You are not a member of this domain");
});

test("bad input is 422 with the mistake as the message, and nothing is stored", async (t) => {
  const ben = await site.person(t, "ben");
  const before = (await ben.get("/api/unread")).json.domains[1].newest_id;
  const id = randomUUID();
  const bad = [
    [{}, /text/], [{ text: "", client_id: id }, /text/], [{ text: "  \n ", client_id: id }, /text/], [{ text: 7, client_id: id }, /text/], [{ text: ["x"], client_id: id }, /text/],
    [{ text: "x".repeat(4001), client_id: id }, /4000/], [{ text: "x" }, /client_id/], [{ text: "x", client_id: "7" }, /client_id/],
  ];
  for (const [body, why] of bad) {
    const answer = await ben.post("/api/domains/2/messages", body);
    assert.equal(answer.status, 422, JSON.stringify(body).slice(0, 100));
    assert.match(answer.json.message, why);
  }
  for (const raw of ["{", "[]", "null", '"x"', Buffer.from('{"text":"\xff","client_id":"' + id + '"}', "latin1")]) assert.equal((await site.call("POST", "/api/domains/2/messages", { token: ben.token, raw })).status, 422, String(raw));
  const latin = new URLSearchParams({ client_id: id }).toString() + "&text=%FF";
  const notUtf8 = await site.call("POST", "/api/domains/2/messages", { token: ben.token, raw: latin, headers: { "Content-Type": "application/x-www-form-urlencoded" } });
  assert.equal(notUtf8.status, 422);
  for (const query of ["limit=0", "limit=201", "limit=x", "before=0", "before=x", "after=-1", "before=1&after=1", "limit[]=1"]) assert.equal((await ben.get(`/api/domains/2/messages?${query}`)).status, 422, query);
  for (const body of [{}, { message_id: "x" }, { message_id: 999_999_999 }, { message_id: [1] }]) assert.equal((await ben.post("/api/domains/2/read", body)).status, 422, JSON.stringify(body));
  assert.equal((await ben.get("/api/unread")).json.domains[1].newest_id, before);

  const longest = "ü".repeat(3996) + "🙂" + "\u0000\"\\".slice(0, 3);
  const kept = await ben.say(2, longest);
  assert.equal(kept.status, 201);
  assert.equal(kept.json.message.text, longest);
  await until(async () => (await told(2, longest)) === 1, "the longest message in the channel");
});

test("a message is stored, and stock clients of both protocols get it once; its sender's own connection does not", async (t) => {
  const [ada, ben, cleo] = await Promise.all(["ada", "ben", "cleo"].map((name) => site.person(t, name)));
  const [adas, bens, cleos] = await Promise.all([ada.pusher(["private-domain.1"]), ben.pusher(["private-domain.1"]), cleo.socket(["private-domain.1"])]);
  const first = text("first");
  const sent = await ada.say(1, first, { headers: { "X-Socket-ID": adas.id } });
  assert.equal(sent.status, 201);
  const { message } = sent.json;
  assert.deepEqual({ ...message, id: 0, created_at: "", client_id: "" }, { id: 0, domain_id: 1, sender: { id: 1, name: "Ada" }, text: first, created_at: "", client_id: "" });
  assert.match(message.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(Math.abs(Date.parse(message.created_at) - Date.now()) < 60_000);
  for (const { heard } of [bens, cleos]) assert.deepEqual((await heard.find(isMessage(first), "the message")).data, { message });
  // From the socket.io-client's side: its id leaves it out, too.
  const second = text("second");
  await cleo.say(1, second, { headers: { "X-Socket-ID": cleos.id } });
  for (const { heard } of [adas, bens]) await heard.find(isMessage(second), "the second message");
  // One that is no socket's leaves out nobody, and holds up nothing.
  for (const id of ["undefined", "1.1; x", "999.999"]) {
    const odd = text("odd");
    await ada.say(2, odd, { headers: { "X-Socket-ID": id } });
    await until(async () => (await told(2, odd)) === 1, `the message of ${id}`);
  }
  const fence = text("fence");
  await ben.say(1, fence);
  for (const { heard } of [adas, bens, cleos]) await heard.find(isMessage(fence), "the fence");
  const heardBy = ({ heard }) => heard.items.filter(({ event }) => event === "message.sent").map(({ data }) => data.message.text);
  assert.deepEqual([heardBy(adas), heardBy(bens), heardBy(cleos)], [[second, fence], [first, second, fence], [first, fence]]);
  const page = (await cleo.get("/api/domains/1/messages?limit=3")).json;
  assert.deepEqual(page.messages.map((one) => one.text), [first, second, fence]);
  assert.deepEqual(page.messages[0], message);
});

test("pages of messages: the newest, those before, those after", async (t) => {
  const ben = await site.person(t, "ben");
  const ids = [];
  for (const number of range(1, 7)) ids.push((await ben.say(2, text(`page ${number}`))).json.message.id);
  const page = async (query) => {
    const { messages, has_older } = (await ben.get(`/api/domains/2/messages?${query}`)).json;
    return [messages.map(({ id }) => id), has_older];
  };
  assert.deepEqual(await page("limit=3"), [ids.slice(4), true]);
  assert.deepEqual(await page(`limit=3&before=${ids[4]}`), [ids.slice(1, 4), true]);
  assert.deepEqual(await page(`limit=3&after=${ids[0]}`), [ids.slice(1, 4), true]);
  assert.deepEqual(await page(`after=${ids[6]}`), [[], false]);
  const { messages } = (await ben.get("/api/domains/2/messages?limit=200")).json;
  assert.deepEqual(await page(`limit=200&before=${messages[1].id}`), [[messages[0].id], false]);
});

test("a POST that is sent again, also at the same time, is one message and told once", async (t) => {
  const ben = await site.person(t, "ben");
  const twice = text("twice");
  const clientId = randomUUID();
  const answers = await Promise.all(range(1, 6).map((number) => ben.say(1, twice, { clientId: number % 2 ? clientId : clientId.toUpperCase() })));
  assert.deepEqual(answers.map(({ status }) => status), range(1, 6).map(() => 201));
  assert.equal(new Set(answers.map(({ json }) => json.message.id)).size, 1);
  const fence = text("fence");
  await ben.say(1, fence);
  await until(async () => (await told(1, fence)) === 1, "the fence");
  assert.equal(await told(1, twice), 1);
  for (const other of [await ben.say(1, "another text", { clientId }), await ben.say(2, twice, { clientId })]) {
    assert.deepEqual([other.status, other.json.message], [422, "This client_id belongs to another message."]);
  }
  // The id is the sender's own: somebody else may have the same.
  const ada = await site.person(t, "ada");
  assert.equal((await ada.say(1, text("hers"), { clientId })).status, 201);
});

test("forty messages at once: none is refused, each is told once", async (t) => {
  const people = await Promise.all(["ada", "ben", "cleo"].map((name) => site.person(t, name)));
  const { client, heard } = await people[0].pusher(["private-domain.1"]);
  const texts = range(1, 40).map((number) => text(`crowd ${number}`));
  const answers = await Promise.all(texts.map((one, index) => people[index % 3].say(1, one)));
  assert.deepEqual(answers.filter(({ status }) => status !== 201).map(({ status, text: why }) => `${status} ${why}`), []);
  const ours = ({ event, data }) => event === "message.sent" && data.message.text.startsWith("crowd ");
  await heard.atLeast(40, ours, "messages");
  const ids = heard.items.filter(ours).map(({ data }) => data.message.id);
  assert.equal(new Set(ids).size, 40);
  client.disconnect();
});

test("what is queued waits for the worker; what is not queued does not", async (t) => {
  const ben = await site.person(t, "ben");
  const tab = await ben.pusher(["private-domain.1", "private-user.2"]);
  await site.down(t, "worker", "SIGKILL");
  const queued = text("queued");
  const { message } = (await ben.say(1, queued)).json;
  assert.equal((await ben.post("/api/domains/1/read", { message_id: message.id })).status, 204);
  await tab.heard.find(({ event, data }) => event === "messages.read" && data.last_read_id === message.id, "the mark, which is not queued");
  assert.equal(tab.heard.count(isMessage(queued)), 0);
  assert.equal(await told(1, queued), 0);
  await site.chat.up("worker");
  await tab.heard.find(isMessage(queued), "the message");
  assert.equal(await told(1, queued), 1);
});

test("`queue:restart`: the worker ends, as after a deployment, and is started again", async (t) => {
  const ben = await site.person(t, "ben");
  const first = text("first");
  await ben.say(2, first);
  await until(async () => (await told(2, first)) === 1, "the worker to be at work");
  const { worker } = site.chat.pids;
  await site.chat.artisan("queue:restart");
  await until(() => site.chat.pids.worker !== worker && site.chat.part("worker").running, "another worker");
  const renewed = text("renewed");
  await ben.say(2, renewed);
  await until(async () => (await told(2, renewed)) === 1, "the message to be told");
});

test("the worker removes sign-ins that have ended and what the cache need not know any more", async (t) => {
  const dan = await site.person(t, "dan");
  const sql = (text) => {
    const php = spawnSync("php", ["-r", "$pdo = new PDO('sqlite:'.$argv[1], options: [PDO::ATTR_TIMEOUT => 10]); foreach ($pdo->query($argv[2]) as $row) echo $row[0];", `${site.directory}/backend/chat.sqlite`, text]);
    assert.equal(php.status, 0, String(php.stderr));
    return String(php.stdout);
  };
  sql("insert into cache (key, value, expiration) values ('old', 'x', 1)");
  sql("insert into tokens (user_id, hash, expires_at) values (4, 'old', '2020-01-01 00:00:00')");
  await site.chat.restart("worker", "SIGKILL"); // at its start, and then every hour
  await until(() => sql("select (select count(*) from cache where key = 'old') + (select count(*) from tokens where hash = 'old')") === "0", "what is old to be removed");
  assert.equal((await dan.get("/api/me")).status, 200);
});

test("a worker that is killed in the middle of a job: the next one takes it up, and the message is in the channel once", async (t) => {
  const ben = await site.person(t, "ben");
  const tab = await ben.pusher(["private-domain.2"]);
  const cut = text("cut");
  // Published it is, but the worker has not heard so when it is killed.
  site.eater.hold(cut);
  t.after(() => site.eater.release());
  await ben.say(2, cut);
  await until(() => site.eater.held >= 1, "the worker to wait for the answer");
  await site.down(t, "worker", "SIGKILL");
  site.eater.release();
  await site.chat.up("worker");
  await until(async () => Number((await site.chat.artisan("chat:jobs")).trim()) === 0, "the queue to be empty");
  assert.match(site.chat.part("worker").output, /Processed: +App\\Events\\MessageSent/);
  assert.equal(await told(2, cut), 1);
  assert.equal(tab.heard.count(isMessage(cut)), 1);
});

test("an answer of Parley that is lost: the job is tried again, and the message is in the channel once", async (t) => {
  const ben = await site.person(t, "ben");
  const tab = await ben.pusher(["private-domain.1"]);
  const lost = text("lost");
  // More than one call repeats: the job itself has to come again.
  site.eater.eat(lost, 5);
  t.after(() => site.eater.release());
  const begun = () => site.chat.part("worker").output.split("Processing: App\\Events\\MessageSent").length - 1;
  const before = begun();
  await ben.say(1, lost);
  await until(() => site.eater.toEat === 0, () => `the answers to be lost; ${site.eater.toEat} are left`);
  assert.ok(begun() - before >= 2, `the job was tried ${begun() - before} times`);
  const fence = text("fence");
  await ben.say(1, fence);
  await tab.heard.find(isMessage(fence), "the fence");
  await until(async () => Number((await site.chat.artisan("chat:jobs")).trim()) === 0, "the queue to be empty");
  assert.equal(await told(1, lost), 1);
  assert.equal(tab.heard.count(isMessage(lost)), 1);
});

test("Parley down while a message is sent: stored, shown, and told when it is back", async (t) => {
  const [ben, cleo] = await Promise.all(["ben", "cleo"].map((name) => site.person(t, name)));
  const { position } = (await cleo.get("/api/domains/1/messages")).json;
  assert.match(position, /^[0-9a-f]{16}:\d+$/);
  t.after(() => site.chat.part("parley").running || site.chat.up("parley"));
  await site.chat.down("parley", "SIGKILL");
  const down = text("down");
  const sent = await ben.say(1, down);
  assert.equal(sent.status, 201);
  const page = (await cleo.get("/api/domains/1/messages?limit=1")).json;
  assert.deepEqual([page.messages[0].text, page.position], [down, null]);
  const people = (await cleo.get("/api/domains/1/people")).json.people;
  assert.deepEqual(people.map(({ name, status }) => [name, status]), [["Ada", "offline"], ["Ben", "offline"], ["Cleo", "offline"]]);
  assert.equal((await cleo.post("/api/domains/1/read", { message_id: sent.json.message.id })).status, 204);
  assert.equal((await cleo.get("/api/unread")).json.domains[0].unread, 0);
  await site.chat.up("parley");
  const { client, answer } = await cleo.raw("private-domain.1", position);
  assert.equal(answer.recovered, true);
  const frame = await client.next("message.sent");
  assert.deepEqual(JSON.parse(frame.data), { message: sent.json.message });
  assert.equal(await told(1, down), 1);
});

test("unread counts and marks: others' messages count, a mark never goes back, and other tabs hear of it", async (t) => {
  const [ada, cleo] = await Promise.all(["ada", "cleo"].map((name) => site.person(t, name)));
  const unread = async (who) => (await who.get("/api/unread")).json.domains.find(({ id }) => id === 1);
  const newest = (await cleo.say(1, text("start"))).json.message.id;
  for (const who of [ada, cleo]) await who.post("/api/domains/1/read", { message_id: newest });
  assert.deepEqual(await unread(ada), { id: 1, last_read_id: newest, unread: 0, newest_id: newest });
  const ids = [];
  for (const who of [cleo, cleo, ada, cleo]) ids.push((await who.say(1, text("count"))).json.message.id);
  assert.deepEqual(await unread(ada), { id: 1, last_read_id: newest, unread: 3, newest_id: ids[3] });
  assert.deepEqual(await unread(cleo), { id: 1, last_read_id: newest, unread: 1, newest_id: ids[3] });

  const [here, there] = await Promise.all([ada.pusher(["private-user.1"]), ada.pusher(["private-user.1"])]);
  const mark = (id, headers) => ada.post("/api/domains/1/read", { message_id: id }, headers);
  await mark(ids[1], { "X-Socket-ID": here.id });
  await there.heard.find(({ event }) => event === "messages.read", "the mark");
  assert.deepEqual(await unread(ada), { id: 1, last_read_id: ids[1], unread: 1, newest_id: ids[3] });
  assert.equal((await mark(ids[0])).status, 204);
  assert.equal((await unread(ada)).last_read_id, ids[1]);
  await mark(ids[3]);
  await here.heard.find(({ data }) => data.last_read_id === ids[3], "the second mark");
  const marks = ({ heard }) => heard.items.filter(({ event }) => event === "messages.read").map(({ data }) => data);
  assert.deepEqual([marks(here), marks(there)], [[{ domain_id: 1, last_read_id: ids[3] }], [{ domain_id: 1, last_read_id: ids[1] }, { domain_id: 1, last_read_id: ids[3] }]]);
  assert.equal((await unread(ada)).unread, 0);
  const elsewhere = (await ada.say(2, text("elsewhere"))).json.message.id;
  assert.equal((await mark(elsewhere)).status, 422, "a message of another domain");
});

test("people: who is online, away and gone, in the API, in the domain's channel and, by webhook, for admins", async (t) => {
  const [ada, ben] = await Promise.all(["ada", "ben"].map((name) => site.person(t, name)));
  const desk = await ada.pusher(["private-admin.1", "private-domain.2"]);
  const statusOf = async (id) => (await ada.get("/api/domains/2/people")).json.people.find((one) => one.id === id);
  // Whatever the tests before left behind has to be over.
  await until(async () => (await statusOf(2)).status === "offline", "Ben to be offline");
  const from = desk.heard.items.length;
  const change = (channel, status) => desk.heard.find((one) => one.channel === channel && one.event === "user.status.changed" && String(one.data.user_id) === "2" && one.data.status === status, `${status} on ${channel}`, { from });

  const tab = await ben.pusher(["presence-domain.2"], { signIn: true });
  await Promise.all([change("private-domain.2", "online"), change("private-admin.1", "online")]);
  const online = await statusOf(2);
  assert.equal(online.status, "online");
  assert.ok(Math.abs(Date.parse(online.last_seen) - Date.now()) < 60_000, online.last_seen);
  await desk.heard.find(({ channel, event }) => channel === "private-admin.1" && event === "people.changed", "people.changed", { from });
  const where = async () => (await ada.get("/api/admin/people")).json.people;
  await until(async () => (await where()).find(({ id }) => id === 2).channels.length === 1, "Ben in his channel");
  const all = await where();
  assert.deepEqual(all.map(({ name }) => name), ["Ada", "Ben", "Cleo", "Dan"]);
  assert.deepEqual(all[1].channels, ["presence-domain.2"]);
  assert.deepEqual({ ...all[3] }, { id: 4, name: "Dan", status: "offline", last_seen: null, channels: [] });

  tab.client.send_event("parley:activity", { state: "away" });
  await Promise.all([change("private-domain.2", "away"), change("private-admin.1", "away")]);
  assert.equal((await statusOf(2)).status, "away");
  tab.client.disconnect();
  await change("private-domain.2", "offline");
  const offline = await statusOf(2);
  assert.equal(offline.status, "offline");
  // An "offline" of before may come late here, by webhook and queue.
  await desk.heard.find(({ channel, event, data }) => channel === "private-admin.1" && event === "user.status.changed" && data.status === "offline" && data.last_seen === offline.last_seen, "the same for admins", { from });
  await until(async () => (await where())[1].channels.length === 0, "Ben's channel to be left");
});

test("a webhook without Parley's signature is refused", async () => {
  const body = { time_ms: Date.now(), events: [{ name: "user_online", user_id: "4", domains: [], id: randomUUID(), time_ms: Date.now() }] };
  for (const headers of [{}, { "X-Pusher-Key": site.chat.app.key, "X-Pusher-Signature": "0".repeat(64) }]) {
    const { status } = await site.call("POST", "/parley/webhooks", { body, headers });
    assert.ok([401, 403].includes(status), String(status));
  }
});

test("a page and its socket: from the position on nothing is missing and nothing comes twice, while others write", async (t) => {
  const [ada, ben, cleo] = await Promise.all(["ada", "ben", "cleo"].map((name) => site.person(t, name)));
  const first = text("before");
  const before = (await cleo.say(1, first)).json.message.id;
  await until(async () => (await told(1, first)) === 1, "what was said before to be told");
  const sent = [];
  let writing = true;
  const writer = async (who) => {
    for (let number = 0; writing || number < 15; number++) sent.push((await who.say(1, text("flow"))).json.message.id);
  };
  const writers = [writer(ada), writer(ben)];
  const readers = [];
  try {
    for (let number = 0; number < 8; number++) {
      const { messages, position } = (await cleo.get(`/api/domains/1/messages?after=${before}&limit=200`)).json;
      readers.push({ page: messages.map(({ id }) => id), position, ...(await cleo.raw("private-domain.1", position)) });
    }
  } finally {
    writing = false;
    await Promise.all(writers);
  }
  const fence = (await ada.say(1, text("fence"))).json.message.id;
  for (const { page, position, client, answer } of readers) {
    assert.equal(answer.recovered, true);
    const frames = () => client.frames.items.filter(({ event }) => event === "message.sent").map((frame) => ({ offset: frame.offset, epoch: frame.epoch, id: JSON.parse(frame.data).message.id }));
    await until(() => frames().some(({ id }) => id === fence) && new Set([...page, ...frames().map(({ id }) => id)]).size === sent.length + 1, () => `all ${sent.length} messages; page ${page.length}, socket ${frames().length}`);
    const heard = frames();
    const [epoch, offset] = position.split(":");
    assert.deepEqual(heard.map((one) => `${one.epoch}:${one.offset}`), range(1, heard.length).map((number) => `${epoch}:${Number(offset) + number}`), "offsets follow the position without a hole");
    assert.equal(new Set(heard.map(({ id }) => id)).size, heard.length, "none twice");
    assert.deepEqual([...new Set([...page, ...heard.map(({ id }) => id)])].sort((a, b) => a - b), [...sent, fence].sort((a, b) => a - b));
  }
});

test("behind nginx: an id to resume by in the path, the signed API, and Parley's admin API not at all", async (t) => {
  const ben = await site.person(t, "ben");
  const id = randomUUID();
  const { heard } = await ben.pusher(["private-domain.2"], { wsPath: `/r/${id}` });
  for (const path of ["/api/up", "/parley/webhooks", "/"]) assert.equal((await site.call("GET", path)).headers.get("x-frame-options"), "DENY", path);
  const through = text("through");
  await ben.say(2, through);
  await heard.find(isMessage(through), "the message");
  const { connections } = await sdk({ port: site.chat.port }, site.chat.app).get({ path: "/connections" }).then((answer) => answer.json());
  assert.ok(connections >= 1, String(connections));
  const sessions = (await sdk({ port: site.chat.port }, site.chat.app).get({ path: "/users/2/sessions" })).status;
  assert.ok([200, 404].includes(sessions), String(sessions));
  assert.equal((await site.call("GET", "/admin/info")).json?.version, undefined);
});

test("pages of the frontend's own origin may call with cookies, others may not", async () => {
  const origin = `http://localhost:${site.chat.nextPort}`;
  const ask = (from) => site.call("OPTIONS", "/api/domains/1/messages", { headers: { Origin: from, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-requested-with,x-socket-id" } });
  const yes = await ask(origin);
  assert.equal(yes.status, 204);
  assert.deepEqual(["origin", "credentials"].map((name) => yes.headers.get(`access-control-allow-${name}`)), [origin, "true"]);
  assert.match(yes.headers.get("access-control-allow-headers"), /X-Requested-With.*X-Socket-ID/);
  assert.equal((await ask("https://evil.example")).headers.get("access-control-allow-origin"), null);
  const polled = await fetch(`${site.chat.parleyUrl}/socket.io/?EIO=4&transport=polling`, { headers: { Origin: origin } });
  assert.deepEqual([polled.status, polled.headers.get("access-control-allow-origin"), polled.headers.get("access-control-allow-credentials")], [200, origin, "true"]);
  const simple = await site.call("GET", "/api/me", { headers: { Origin: origin } });
  assert.deepEqual([simple.status, simple.headers.get("access-control-allow-origin")], [401, origin]);
});
