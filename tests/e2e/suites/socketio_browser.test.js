// Two pages in Chromium and an old script on the same channels: laravel-echo with pusher-js, laravel-echo with
// socket.io-client, socket.io-client 2.5 in node. The pages are of another origin than the server and are known by
// a cookie. `socketio_mixed` has the same with every client in node. Screenshots go into results/.
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";

import { available, launch } from "../lib/browser.js";
import { apps, fresh, range, startServer, test as anyTest } from "../lib/harness.js";
import { ChannelSite, PageParticipant } from "../lib/pages.js";
import { arrived, fence as fenceOf, participant, publisher as publisherOn } from "../lib/participants.js";
import { Proxy } from "../lib/proxy.js";
import { runParley, Server, temporaryDirectory } from "../lib/server.js";
import { connect } from "../lib/sockets.js";
import { until } from "../lib/wait.js";

const skip = available() ? false : "chromium is not installed";
const test = (name, body) => anyTest(name, { skip }, body);
const app = { ...apps.main, limits: { client_events_per_second_max: 0 } };
const overPusher = "laravel-echo 2 + pusher-js 8";
const overSocketIo = "laravel-echo 2 + socket.io-client 4.8";
const oldEcho = "laravel-echo 1.16 + socket.io-client 2.5";
const events = ["message.sent", "n", "client-typing"];
let server;
let site;
let browser;

const sections = (socketio = {}) => ({
  apps: [{ ...app, allowed_origins: [site.url], auth: { url: `${site.url}/broadcasting/auth` } }],
  channels: [
    { match: "abrupt.*", durability: "quorum", presence_grace_ms: 0, presence_linger_ms: 0 },
    { match: "patient.*", durability: "quorum", presence_grace_ms: 20_000 },
    { match: "domain.*", durability: "quorum" }, // with the grace that members have unless told otherwise
  ],
  socketio: { cors_origins: [site.url], cors_credentials: true, ping_interval_ms: 1000, ping_timeout_ms: 2000, ...socketio },
});
before(async () => {
  if (skip) return;
  site = await ChannelSite.start(app);
  server = await startServer(sections());
  site.server = server;
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await site?.stop();
});

const publisher = (channel) => publisherOn(server, app, channel);
const fence = (channel, all) => fenceOf(publisher(channel), all);
const visit = (t, kind, user, channels, more = {}) => PageParticipant.open(t, browser, { site, server, kind, user, channels, events, ...more });

// A private and a presence channel with all three on both; everybody has seen everybody come. `tab` is how the page with
// socket.io is opened.
async function three(t, { rule = "domain", tab = {} } = {}) {
  const name = fresh(`${rule}.`);
  const channels = [`private-${name}`, `presence-${name}`];
  const ada = await visit(t, overPusher, "Ada", channels);
  await ada.heard.find(([what]) => what === "here", "here");
  const grace = await visit(t, overSocketIo, "Grace", channels, tab);
  await grace.heard.find(([what]) => what === "here", "here");
  const linus = participant(t, "a script with socket.io-client 2.5", "Linus", { server });
  for (const channel of channels) await linus.join(channel, [...events, "are you there", "fence"]);
  await linus.heard.find(([what]) => what === "here", "here");
  linus.say = (channel, data) => publisher(channel)("message.sent", data, { socket_id: linus.id });
  const all = [ada, grace, linus];
  for (const channel of channels) await arrived(all, channel, publisher(channel));
  for (const one of [ada, grace]) await one.heard.find(([what, who]) => what === "joining" && who === "User Linus", "Linus to join");
  return { all, ada, grace, linus, channels };
}
const problems = (all) => all.flatMap(({ page }) => page?.problems ?? []);

test("everybody sees everybody come and go", async (t) => {
  const { all, ada, grace, linus, channels } = await three(t);
  await grace.shot("channel-socketio");
  grace.leave(channels[1]);
  for (const one of [ada, linus]) await one.heard.find(([what]) => what === "leaving", "Grace to leave");
  linus.leave(channels[1]);
  await ada.heard.find(([what, who]) => what === "leaving" && who === "User Linus", "Linus to leave");
  await fence(channels[0], all);
  const seen = (one) => [one.told("here"), one.told("joining"), one.told("leaving")];
  assert.deepEqual(seen(ada), [["User Ada"], ["User Grace", "User Linus"], ["User Grace", "User Linus"]]);
  assert.deepEqual(seen(grace), [["User Ada,User Grace"], ["User Linus"], []]);
  assert.deepEqual(seen(linus), [["User Ada,User Grace,User Linus"], [], ["User Grace"]]);
  assert.deepEqual(await ada.page.locator("#people li").allTextContents(), ["User Ada"]);
  assert.deepEqual(problems(all), []);
});

test("every message of either channel arrives once at each, in order, and is on the page", async (t) => {
  const { all, ada, grace, channels } = await three(t);
  const texts = range(1, 12).map((n) => ({ n, text: "héllo → 世界 <b>" }));
  for (const data of texts) for (const channel of channels) await publisher(channel)("message.sent", data);
  for (const channel of channels) await fence(channel, all);
  for (const one of all) for (const channel of channels) assert.deepEqual(one.events("message.sent", channel), texts, `${one.kind}, ${channel}`);
  for (const one of [ada, grace]) {
    const rows = await one.page.locator("#heard li").filter({ hasText: "message.sent" }).allTextContents();
    assert.equal(rows.length, 2 * texts.length);
    assert.ok(rows[0].endsWith(JSON.stringify(texts[0])), rows[0]);
  }
  await ada.shot("channel-pusher-messages");
  await grace.shot("channel-socketio-messages");
  assert.deepEqual(problems(all), []);
});

test("whispers go from each to the two others, on either channel", async (t) => {
  const { all, channels } = await three(t);
  for (const channel of channels) {
    for (const one of all) await one.whisper("typing", { by: one.user }, channel);
  }
  for (const one of all) await until(() => one.events("client-typing").length >= 4, () => `${one.kind}: four whispers; ${one.heard.tail()}`);
  for (const channel of channels) await fence(channel, all);
  for (const one of all) {
    const others = all.filter((other) => other !== one).map(({ user }) => user);
    for (const channel of channels) assert.deepEqual(one.events("client-typing", channel).map(({ by }) => by).sort(), others, `${one.kind}, ${channel}`);
  }
});

test("toOthers(): what a page has its application say reaches everybody but this page", async (t) => {
  const { all, channels } = await three(t);
  for (const channel of channels) {
    for (const one of all) await one.say(channel, { by: one.user });
    await fence(channel, all);
  }
  for (const one of all) {
    const others = all.filter((other) => other !== one).map(({ user }) => user);
    for (const channel of channels) assert.deepEqual(one.events("message.sent", channel).map(({ by }) => by), others, `${one.kind}, ${channel}`);
  }
  // A second tab of the same user is somebody else.
  const second = await visit(t, overSocketIo, "Grace", [channels[0]]);
  await arrived([second], channels[0], publisher(channels[0]));
  await all[1].say(channels[0], "to my other tab");
  await fence(channels[0], [...all, second]);
  assert.deepEqual(second.events("message.sent"), ["to my other tab"]);
  assert.equal(all[1].events("message.sent").includes("to my other tab"), false);
});

// Somebody whose connection falls silent now. When they leave, whatever was lost before has been told too.
async function lostLast(t, channel) {
  const proxy = await Proxy.start(server.port);
  t.after(() => proxy.stop());
  const client = await connect(t, server, { port: proxy.port, reconnection: false });
  await client.join(app, channel, { user_id: "last", user_info: { name: "User Last" } });
  proxy.cut("silence");
}
const leavingOf = (one, who) => one.heard.find(([what, name]) => what === "leaving" && name === who, `${who} to leave`);

for (const [kind, transports] of [["websocket", ["polling", "websocket"]], ["polling", ["polling"]]]) {
  test(`the socket.io tab is reloaded three times, by ${kind}: for the others it never left`, async (t) => {
    const { all, ada, grace, linus, channels } = await three(t, { tab: { options: { transports } } });
    for (const round of range(1, 3)) {
      await until(async () => (await grace.act("transport")) === kind, `a tab by ${kind}`);
      await grace.page.reload();
      await until(() => grace.told("here").length === round + 1, "the tab to be back");
    }
    await lostLast(t, channels[1]);
    for (const one of all) await leavingOf(one, "User Last");
    assert.deepEqual([ada.told("joining"), ada.told("leaving")], [["User Grace", "User Linus", "User Last"], ["User Last"]]);
    assert.deepEqual([linus.told("joining"), linus.told("leaving")], [["User Last"], ["User Last"]]);
    assert.deepEqual(grace.told("here"), ["User Ada,User Grace", ...Array(3).fill("User Ada,User Grace,User Linus")]);
    assert.deepEqual(grace.told("joining"), ["User Linus", "User Last"]);
    await publisher(channels[0])("message.sent", "once");
    await fence(channels[0], all);
    for (const one of all) assert.deepEqual(one.events("message.sent"), ["once"], one.kind);
    assert.deepEqual(problems(all), []);
  });
}

// In two steps: of a reload's two sockets the new one may well be heard before the end of the old one, and then nobody left.
test("without a grace period leaving the page is a farewell, and coming back a return", async (t) => {
  const { all, ada, grace, linus, channels } = await three(t, { rule: "abrupt" });
  await until(async () => (await grace.act("transport")) === "websocket", "the upgrade");
  const address = grace.page.url();
  await grace.page.goto("about:blank");
  for (const one of [ada, linus]) await one.heard.find(([what]) => what === "leaving", `${one.user} to be told`);
  await grace.page.goto(address, { waitUntil: "domcontentloaded" });
  await until(() => grace.told("here").length === 2, "the tab to be back");
  await fence(channels[1], all);
  assert.deepEqual([ada.told("joining"), ada.told("leaving")], [["User Grace", "User Linus", "User Grace"], ["User Grace"]]);
  assert.deepEqual([linus.told("joining"), linus.told("leaving")], [["User Grace"], ["User Grace"]]);
});

// How the network of a page breaks, and how it comes back.
const breaks = {
  "the browser is offline": { away: ({ context }) => context.setOffline(true), back: ({ context }) => context.setOffline(false) },
  "the connection is reset": { away: (_, proxy) => proxy.cut("rst"), back: () => {} },
  "the network falls silent": { away: (_, proxy) => proxy.cut("silence"), back: () => {} },
};
for (const [how, { away, back }] of Object.entries(breaks)) {
  for (const [kind, transports] of [["websocket", ["polling", "websocket"]], ["polling", ["polling"]]]) {
    test(`${how}, by ${kind}: the socket.io tab gets exactly what it missed, once`, async (t) => {
      const proxy = await Proxy.start(server.port);
      t.after(() => proxy.stop());
      const { all, ada, grace, linus, channels } = await three(t, { rule: "patient", tab: { port: proxy.port, options: { transports } } });
      await until(async () => (await grace.act("transport")) === kind, `a tab by ${kind}`);
      const id = await grace.act("socketId");
      const publish = async (from, to) => {
        for (const n of range(from, to)) for (const channel of channels) await publisher(channel)("n", n);
      };
      const hears = (n) => Promise.all(channels.map((channel) => grace.heard.find(([, event, data, on]) => event === "n" && data === n && on === channel, `${n} on ${channel}`)));
      await publish(1, 5);
      await hears(5);
      proxy.hold();
      await away(grace, proxy);
      await publish(6, 25);
      await grace.heard.find(([what]) => what === "away", "the tab to notice");
      if (how === "the network falls silent") await grace.shot(`channel-away-${kind}`);
      assert.ok(!grace.events("n").includes(6), "it cannot have heard anything");
      proxy.allow();
      await back(grace, proxy);
      await grace.heard.atLeast(2, ([what]) => what === "connected", "connections");
      await publish(26, 26);
      await hears(26);
      await grace.say(channels[0], "I am back");
      for (const channel of channels) await fence(channel, all);
      for (const one of all) for (const channel of channels) assert.deepEqual(one.events("n", channel), range(1, 26), `${one.kind}, ${channel}`);
      assert.deepEqual(grace.told("connected"), [false, true]);
      assert.equal(await grace.act("socketId"), id);
      for (const one of all) assert.deepEqual(one.events("message.sent"), one === grace ? [] : ["I am back"], one.kind);
      assert.deepEqual([ada.told("leaving"), linus.told("leaving"), linus.told("joining")], [[], [], []]);
      await grace.shot(`channel-back-${kind}`);
      assert.deepEqual(problems(all), []);
    });
  }
}

for (const kind of [overSocketIo, oldEcho]) {
  const ways = { polling: { transports: ["polling"] }, websocket: { transports: ["polling", "websocket"] } };
  if (kind === oldEcho) ways.jsonp = { transports: ["polling"], forceJSONP: true };
  // A header of one's own makes the browser ask before each POST.
  else ways["polling with a preflight"] = { transports: ["polling"], extraHeaders: { "X-Requested-With": "XMLHttpRequest" } };
  for (const [way, options] of Object.entries(ways)) {
    test(`a page of another origin, ${kind}, by ${way}: known by its cookie, hears everything once`, async (t) => {
      const name = fresh("domain.");
      const channels = [`private-${name}`, `presence-${name}`];
      const grace = await visit(t, kind, "Grace", channels, { options });
      await grace.heard.find(([what]) => what === "here", "here");
      // From the first moment on: while the connection is upgraded too.
      let n = 0;
      await until(async () => {
        for (const channel of channels) await publisher(channel)("n", n + 1);
        n++;
        return n >= 30 && (await grace.act("transport")) === (way === "websocket" ? "websocket" : "polling");
      }, () => `${way}; it is ${grace.sockets}`);
      for (const channel of channels) await fence(channel, [grace]);
      for (const channel of channels) assert.deepEqual(grace.events("n", channel), range(1, n), channel);
      assert.deepEqual(grace.told("here"), ["User Grace"]);
      assert.equal(grace.sockets.length, way === "websocket" ? 1 : 0, String(grace.sockets));
      assert.ok(site.backend.calls.filter(({ channel }) => channels.includes(channel)).every(({ user }) => user.id === "Grace"));
      // And back: whispers, to somebody who listens by pusher-js.
      const ada = await visit(t, overPusher, "Ada", channels);
      for (const channel of channels) await arrived([ada], channel, publisher(channel));
      for (const by of range(1, 10)) await grace.whisper("typing", { by }, channels[0]);
      await ada.heard.atLeast(10, ([, event]) => event === "client-typing", "whispers");
      assert.deepEqual(ada.events("client-typing"), range(1, 10).map((by) => ({ by })));
      assert.deepEqual(problems([grace, ada]), []);
    });
  }
}

for (const origins of [undefined, "*:*"]) {
  test(`after laravel-echo-server, with the file that \`check --from\` made${origins ? " of origins *:*" : ""}: pages as they were, old and new`, async (t) => {
    const directory = temporaryDirectory("import");
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    const file = join(directory, "laravel-echo-server.json");
    const clients = [{ appId: "shop", key: "0123456789abcdef0123" }];
    writeFileSync(file, JSON.stringify({ authHost: site.url, authEndpoint: "/broadcasting/auth", clients, subscribers: { http: true, redis: false }, socketio: { pingInterval: 10_000, ...(origins ? { origins } : {}) } }));
    const made = await runParley(["check", "--from", file]);
    assert.equal(made.code, 0, made.stderr);
    const node = await Server.start({ config: made.stdout });
    t.after(() => node.stop());
    const [key, secret] = ["key", "secret"].map((name) => new RegExp(`^${name} = "(.*)"$`, "m").exec(made.stdout)[1]);
    const shop = { id: "shop", key, secret };
    const channel = `private-${fresh("domain.")}`;
    const pages = await Promise.all([oldEcho, overSocketIo].map((kind) => visit(t, kind, "Grace", [channel], { server: node, app: shop })));
    for (const page of pages) await arrived([page], channel, publisherOn(node, shop, channel));
    await publisherOn(node, shop, channel)("message.sent", "hello");
    for (const page of pages) await page.heard.find(([, event]) => event === "message.sent", "hello");
    assert.deepEqual(problems(pages), []);
  });
}

test("a page of an origin that is not named stays outside, by polling and by WebSocket", async (t) => {
  const channels = [`private-${fresh("domain.")}`];
  for (const transport of ["polling", "websocket"]) {
    const mallory = await visit(t, overSocketIo, "Mallory", channels, { url: site.otherUrl, options: { transports: [transport] } });
    const [, message] = await mallory.heard.find(([what]) => what === "refused", "connect_error");
    assert.match(message, transport === "polling" ? /xhr poll error/ : /origin is not allowed/);
    assert.deepEqual(mallory.told("connected"), []);
  }
  assert.equal(site.backend.calls.some(({ channel }) => channels.includes(channel)), false, "nobody was asked about it");
});

test("without cors_credentials the browser keeps a page away that sends cookies, and one without them is nobody", async (t) => {
  const own = await startServer(sections({ cors_credentials: false }));
  t.after(() => own.stop());
  const channels = [`presence-${fresh("domain.")}`];
  const options = { transports: ["polling"] };
  const refused = await visit(t, overSocketIo, "Grace", channels, { server: own, options });
  assert.match((await refused.heard.find(([what]) => what === "refused", "connect_error"))[1], /xhr poll error/);
  const unknown = await visit(t, overSocketIo, "Grace", channels, { server: own, options: { ...options, withCredentials: false } });
  assert.deepEqual(await unknown.heard.find(([what]) => what === "here", "here"), ["here", "User 1"]);
  assert.deepEqual(refused.told("connected"), []);
});
