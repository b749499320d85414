// Laravel's own authorisation decides: the callbacks of routes/channels.php in Illuminate's RedisBroadcaster, behind PHP's
// web server, with bearer tokens, sessions and CSRF tokens. Clients bring no signature, so the server asks.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { available, launch } from "../lib/browser.js";
import { apps, fresh, raw, startServer, test as anyTest } from "../lib/harness.js";
import { LaravelSite, skip } from "../lib/laravel.js";
import { ChannelSite, PageParticipant } from "../lib/pages.js";
import { arrived, fence, kinds, participant, publisher as publisherOn } from "../lib/participants.js";
import { call } from "../lib/sign.js";
import { connect } from "../lib/sockets.js";
import { until } from "../lib/wait.js";

const test = (name, body) => anyTest(name, { skip }, body);
const app = apps.main;
const checked = apps.other; // its endpoint wants a CSRF token
let server;
let laravel;
let site; // whose pages the visitors have
before(async () => {
  if (skip) return;
  laravel = await LaravelSite.start();
  site = await ChannelSite.start(app);
  server = await startServer({
    apps: [
      { ...app, allowed_origins: [site.url], auth: { url: `${laravel.url}/broadcasting/auth` } },
      { ...checked, allowed_origins: [site.url], auth: { url: `${laravel.url}/checked/broadcasting/auth` } },
    ],
    socketio: { namespaces: [`/checked=${checked.id}`], cors_origins: [site.url], cors_credentials: true },
  });
});
after(async () => {
  await server?.stop();
  await site?.stop();
  await laravel?.stop();
});

const publisher = (channel, to = app) => publisherOn(server, to, channel);
const bearer = (user) => ({ Authorization: `Bearer ${user}` });
const socketOf = async (one) => one.echo?.connector.socket ?? (await one.connecting).socket;
// A Pusher client without a proof: null, or why it was refused.
const refusal = async (client, channel) => {
  const { event, data } = await client.subscribe(channel, { proof: false });
  return event === "pusher_internal:subscription_succeeded" ? null : JSON.parse(data);
};
// Channels of this test alone, on which the callbacks say yes and no to Grace, whose id is 8.
const forGrace = () => ({
  yes: [fresh("private-domain.1-"), fresh("presence-domain.1-"), fresh("private-order.8."), "private-App.Models.User.8"],
  no: [fresh("private-domain.2-"), fresh("presence-domain.2-"), fresh("private-order.7."), "private-order.8.13", "private-App.Models.User.7", fresh("private-nobody.knows.")],
});

for (const kind of kinds.filter((one) => one.includes("socket.io"))) {
  test(`${kind}: the callbacks of channels.php let in and keep out`, async (t) => {
    const { yes, no } = forGrace();
    const grace = participant(t, kind, "grace", { server });
    const socket = await socketOf(grace);
    const refused = [];
    socket.on("subscription_error", (channel, status, why) => refused.push([channel, status, why.error]));
    for (const channel of [...yes, ...no]) await grace.join(channel, ["message.sent", "are you there", "fence"]);
    for (const channel of yes) await arrived([grace], channel, publisher(channel));
    await until(() => refused.length >= no.length, () => `refusals; ${JSON.stringify(refused)}`);
    for (const channel of [...no, ...yes]) await publisher(channel)("message.sent", channel);
    await fence(publisher(yes[0]), [grace]);
    assert.deepEqual(grace.events("message.sent"), yes);
    assert.deepEqual(refused.sort(), no.map((channel) => [channel, 403, "unauthorized"]).sort());
    const [question, ...others] = laravel.asked(yes[0]);
    assert.equal(others.length, 0);
    assert.deepEqual(question, {
      path: "broadcasting/auth", method: "POST", socket_id: grace.id, channel: yes[0], user: "Grace", wants_json: true, forwarded: "127.0.0.1",
      status: 200, answer: '{"channel_data":{"user_id":8,"user_info":{"id":8,"name":"Grace"}}}',
    });
  });
}

for (const how of ["a bearer token", "a session"]) {
  test(`a Pusher client with ${how}: the same callbacks say the same`, async (t) => {
    const { yes, no } = forGrace();
    const grace = await raw(t, server, app, { headers: how === "a session" ? { Cookie: (await laravel.login("grace")).cookie } : bearer("grace") });
    for (const channel of yes) assert.equal(await refusal(grace, channel), null, channel);
    for (const channel of no) assert.equal((await refusal(grace, channel)).code, "unauthorized", channel);
    await publisher(yes[0])("message.sent", 1);
    await grace.next("message.sent");
    assert.deepEqual(laravel.asked(yes[0]).map(({ user, socket_id }) => [user, socket_id]), [["Grace", grace.socketId]]);
  });
}

test("presence: what Laravel says of a user is what the others are shown, in every protocol", async (t) => {
  const channel = fresh("presence-domain.1-");
  const ada = participant(t, "laravel-echo 2 + socket.io-client 4.8", "ada", { server });
  await ada.join(channel, ["fence"]);
  await ada.heard.find(([what]) => what === "here", "here");
  const grace = await raw(t, server, app, { headers: { Cookie: (await laravel.login("grace")).cookie } });
  const joined = await grace.subscribe(channel, { proof: false, member: { user_id: "1", user_info: { name: "somebody else" } } });
  assert.deepEqual(JSON.parse(joined.data).presence, { ids: [7, 8], hash: { 7: { id: 7, name: "Ada" }, 8: { id: 8, name: "Grace" } }, count: 2 });
  const linus = participant(t, "a script with socket.io-client 2.5", "linus", { server });
  await linus.join(channel, ["fence"]);
  await linus.heard.find(([what]) => what === "here", "here");
  await ada.heard.atLeast(2, ([what]) => what === "joining", "joining");
  assert.deepEqual(JSON.parse((await grace.next("pusher_internal:member_added")).data), { user_id: 9, user_info: { id: 9, name: "Linus" } });
  linus.leave(channel);
  await ada.heard.find(([what]) => what === "leaving", "leaving");
  assert.deepEqual([ada.told("here"), ada.told("joining"), ada.told("leaving")], [["Ada"], ["Grace", "Linus"], ["Linus"]]);
  assert.deepEqual(linus.told("here"), ["Ada,Grace,Linus"]);
  const { json } = await call(server, app, "GET", `/apps/${app.id}/channels/${channel}/users`);
  assert.deepEqual(json.users.map(({ id }) => String(id)).sort(), ["7", "8"]);
});

test("a callback that says only `true` makes no member of a presence channel, whatever the client says of itself", async (t) => {
  const channel = fresh("presence-order.8.");
  const socket = await connect(t, server, { extraHeaders: bearer("grace") });
  const pusher = await raw(t, server, app, { headers: bearer("grace") });
  const member = { user_id: "1", user_info: { name: "somebody else" } };
  assert.equal((await socket.request("subscribe", { channel })).error, "unauthorized");
  assert.equal((await socket.request("subscribe", { channel, channel_data: JSON.stringify(member) })).error, "unauthorized");
  const { event, data } = await pusher.subscribe(channel, { proof: false, member });
  assert.deepEqual([event, JSON.parse(data).code], ["pusher:subscription_error", "unauthorized"]);
  assert.equal(laravel.asked(channel)[0].answer, "true");
  const { json } = await call(server, app, "GET", `/apps/${app.id}/channels/${channel}`);
  assert.equal(json.occupied, false);
});

test("nobody, and who has a token or a session that is none, is refused; public channels ask nobody", async (t) => {
  const channel = fresh("private-domain.1-");
  const open = fresh("domain.1-");
  for (const headers of [undefined, bearer("mallory"), { Cookie: "laravel_session=no-session" }, { Cookie: `laravel_session=${"A".repeat(40)}` }]) {
    const socket = await connect(t, server, { extraHeaders: headers });
    assert.equal((await socket.request("subscribe", { channel })).error, "unauthorized", JSON.stringify(headers));
    assert.deepEqual((await socket.next("subscription_error")).args.slice(0, 2), [channel, 403]);
    await socket.subscribe(open);
    const pusher = await raw(t, server, app, { headers });
    assert.equal((await refusal(pusher, channel)).code, "unauthorized", JSON.stringify(headers));
    assert.equal(await refusal(pusher, open), null);
  }
  assert.ok(laravel.asked(channel).every(({ user, status }) => user === null && status === 403));
  assert.equal(laravel.asked(open).length, 0);
});

test("where Laravel checks it, the CSRF token must be that of the cookie's session", async (t) => {
  const [mine, other] = [await laravel.login("grace"), await laravel.login("ada")];
  const channel = fresh("private-domain.1-");
  const socket = await connect(t, server, { namespace: "/checked", extraHeaders: { Cookie: mine.cookie } });
  const told = [];
  socket.socket.on("subscription_error", (...args) => told.push(args.slice(0, 2)));
  const ask = (to, token) => socket.request("subscribe", { channel: to, ...(token === undefined ? {} : { auth: { headers: { "X-CSRF-TOKEN": token } } }) });
  for (const token of [undefined, "", other.csrf, "wrong"]) {
    const refused = await ask(channel, token);
    assert.deepEqual(refused, { error: "unauthorized", message: "CSRF token mismatch." }, `${token}`);
  }
  assert.deepEqual(told, Array(4).fill([channel, 403]), "the application has answered: it is not down");
  assert.equal((await ask(channel, mine.csrf)).error, undefined);
  assert.equal((await ask(fresh("private-domain.2-"), mine.csrf)).error, "unauthorized");
  await publisher(channel, checked)("message.sent", 1);
  await socket.next("message.sent");
  // A Pusher client that can send headers.
  const pusher = await raw(t, server, checked, { headers: { Cookie: mine.cookie, "X-CSRF-TOKEN": mine.csrf } });
  assert.equal(await refusal(pusher, fresh("private-domain.1-")), null);
  const without = await raw(t, server, checked, { headers: { Cookie: mine.cookie } });
  assert.equal((await refusal(without, fresh("private-domain.1-"))).code, "unauthorized");
  assert.deepEqual([...new Set(laravel.questions.items.filter(({ path }) => path.startsWith("checked/")).map(({ status }) => status))].sort(), [200, 403, 419]);
});

for (const what of ["a callback that throws", "the endpoint down"]) {
  test(`${what}: subscribers are told to come again, who is there stays, and it heals`, async (t) => {
    const kept = fresh("private-domain.1-");
    const socket = await connect(t, server, { extraHeaders: bearer("grace") });
    const pusher = await raw(t, server, app, { headers: bearer("grace") });
    await socket.subscribe(kept);
    assert.equal(await refusal(pusher, kept), null);
    const down = what === "the endpoint down";
    const channel = fresh(down ? "private-domain.1-" : "private-broken.");
    if (down) {
      await laravel.down();
      t.after(() => laravel.child.signalCode && laravel.up());
    }
    const lines = server.log.length;
    const refused = await socket.request("subscribe", { channel });
    assert.equal(refused.error, "auth_unavailable", JSON.stringify(refused));
    assert.deepEqual((await socket.next("subscription_error")).args.slice(0, 2), [channel, 503]);
    assert.equal((await refusal(pusher, channel)).code, "auth_unavailable");
    await until(() => (down ? /Failed to connect/ : /it answered with 500/).test(server.log.slice(lines).join("")), "the operator to be told why");
    await publisher(kept)("message.sent", "still here");
    await socket.next("message.sent");
    await pusher.next("message.sent");
    if (down) await laravel.up();
    const healed = down ? channel : fresh("private-domain.1-");
    await socket.subscribe(healed);
    assert.equal(await refusal(pusher, healed), null);
  });
}

anyTest("in Chromium: a session's cookie is enough for both connectors, and Echo's csrfToken for the stricter endpoint", { skip: skip || (available() ? false : "chromium is not installed") }, async (t) => {
  const browser = await launch();
  t.after(() => browser.close());
  const name = fresh("domain.1-");
  const channels = [`private-${name}`, `presence-${name}`];
  const visit = async (kind, user, more = {}) => {
    const { cookie, csrf } = await laravel.login(user);
    const options = more.namespace && !more.stale ? { csrfToken: csrf } : {};
    return PageParticipant.open(t, browser, { site, server, kind, user, channels, events: [], cookie, options, ...more });
  };
  const ada = await visit("laravel-echo 2 + pusher-js 8", "ada", { asSelf: "7" });
  await ada.heard.find(([what]) => what === "here", "here");
  const grace = await visit("laravel-echo 2 + socket.io-client 4.8", "grace");
  await grace.heard.find(([what]) => what === "here", "here");
  await ada.heard.find(([what]) => what === "joining", "joining");
  for (const channel of channels) await arrived([ada, grace], channel, publisher(channel));
  assert.deepEqual([ada.told("here"), ada.told("joining"), grace.told("here")], [["Ada"], ["Grace"], ["Ada,Grace"]]);
  await grace.shot("laravel-socketio");

  const linus = await visit("laravel-echo 2 + socket.io-client 4.8", "linus", { namespace: "/checked" });
  assert.deepEqual(await linus.heard.find(([what]) => what === "here", "here"), ["here", "Linus"]);
  const stale = await visit("laravel-echo 2 + socket.io-client 4.8", "linus", { namespace: "/checked", stale: true });
  await stale.heard.atLeast(2, ([what]) => what === "kept out", "refusals");
  assert.deepEqual(stale.told("kept out").sort(), [...channels].sort());
  assert.deepEqual([ada, grace, linus, stale].flatMap(({ page }) => page.problems), []);
});
