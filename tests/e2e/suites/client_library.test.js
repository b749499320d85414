// @parley/client and its React hooks in a browser: the messages page of clients/js/examples, in StrictMode, on stock Echo and
// pusher-js. Screenshots go into results/.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before } from "node:test";

import { available, launch, results, watched } from "../lib/browser.js";
import { apps, fresh, range, raw, startServer, test } from "../lib/harness.js";
import { MessagesSite } from "../lib/messages_site.js";
import { Proxy } from "../lib/proxy.js";
import { trigger } from "../lib/sign.js";
import { until } from "../lib/wait.js";

const skip = available() ? false : "chromium is not installed";
const app = apps.main;
const sites = {};
let server;
let browser;

before(async () => {
  if (skip) return;
  server = await startServer({
    channels: [
      { match: "domain.*", durability: "quorum", presence_grace_ms: 1000, presence_linger_ms: 100 },
      { match: "user.*", durability: "quorum", presence_grace_ms: 1000, presence_linger_ms: 100 },
    ],
  });
  sites["React 19"] = await MessagesSite.start(server, app);
  sites["React 18"] = await MessagesSite.start(server, app, { react: "react-18" });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  for (const site of Object.values(sites)) await site.stop();
  await server?.stop();
});

// A person's window on the page.
async function visit(t, { name, domains, route = "", port = server.port, react = "React 19", options = { leaveDelay: 400 }, context, width = 1100 }) {
  const own = context ?? (await browser.newContext({ viewport: { width, height: 640 }, locale: "en-GB" }));
  if (!context) t.after(() => own.close());
  const page = watched(await own.newPage());
  page.sent = []; // over all its connections
  page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => page.sent.push(JSON.parse(String(payload)))));
  page.count = (event, channel) => page.sent.filter((frame) => frame.event === event && frame.data.channel === channel).length;
  page.context_ = own;
  const me = { id: fresh(name.toLowerCase()), name };
  page.me = me;
  page.open = () => page.goto(sites[react].address({ port, me, domains, options }, route));
  page.go = (to) => page.evaluate((hash) => (location.hash = hash), to);
  page.live = () => page.waitForSelector('main[data-state="live"]');
  page.texts = () => page.locator(".message p").allTextContents();
  page.shows = (texts) => until(async () => JSON.stringify(await page.texts()) === JSON.stringify(texts), () => `${texts.length} messages`).catch(async (error) => assert.deepEqual(await page.texts(), texts, error.message));
  page.badge = (domain) => page.locator(`nav a[data-domain="${domain}"] .badge`).textContent({ timeout: 50 }).catch(() => "");
  page.badgeSays = async (domain, text) => until(async () => (await page.badge(domain)) === text, `a badge ${text}`);
  page.person = (id, status) => page.waitForSelector(`.people li[data-user="${id}"][data-status="${status}"] .dot.${status}`);
  page.here = (count) => page.waitForFunction((wanted) => document.querySelector(".here")?.textContent === `${wanted} here`, count);
  page.look = (visible) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }, !visible);
  page.shot = (file) => page.screenshot({ path: join(results, `client_library_${file}.png`) });
  await page.open();
  return page;
}

// Somebody who watches a presence channel: who came and went, in order.
async function watch(t, domain) {
  const watcher = await raw(t, server);
  await watcher.joined(`presence-domain.${domain}`, { member: { user_id: fresh("watcher"), user_info: { name: "Watcher" } } });
  const changes = () =>
    watcher.frames.items
      .filter(({ event }) => /member_(added|removed)/.test(event ?? ""))
      .map(({ event, data }) => `${event.slice("pusher_internal:member_".length)} ${JSON.parse(data).user_id}`);
  return { watcher, changes, become: (wanted) => until(() => JSON.stringify(changes()) === JSON.stringify(wanted), () => `${wanted}; there are ${changes()}`) };
}

const say = async (domain, text, from = { id: "ann", name: "Ann" }) => {
  const { status, text: answer } = await trigger(server, app, `private-domain.${domain}`, "message.sent", { text, from: from.id, name: from.name });
  assert.equal(status, 200, answer);
};

for (const react of ["React 19", "React 18"]) {
  test(`${react}, StrictMode and routes: one subscription each, one member, no flap, and leaving when it is over`, { skip }, async (t) => {
    const [one, two] = [fresh("d"), fresh("d")];
    const watching = await watch(t, one);
    const page = await visit(t, { name: "Ada", domains: [one, two], route: one, react });
    await page.live();
    await page.here(2);
    await watching.become([`added ${page.me.id}`]);
    // Quick changes of route, there and back again.
    for (const route of ["about", one, two, one, "about", one]) await page.go(route);
    await page.live();
    await page.here(2);
    assert.equal(page.count("pusher:subscribe", `presence-domain.${one}`), 1);
    assert.equal(page.count("pusher:subscribe", `private-domain.${one}`), 1);
    assert.equal(page.count("pusher:unsubscribe", `presence-domain.${one}`), 0);
    await watching.watcher.settle();
    assert.deepEqual(watching.changes(), [`added ${page.me.id}`]);
    // To stay elsewhere is to leave, and to come back is to come.
    await page.go(two);
    await watching.become([`added ${page.me.id}`, `removed ${page.me.id}`]);
    await page.go(one);
    await watching.become([`added ${page.me.id}`, `removed ${page.me.id}`, `added ${page.me.id}`]);
    assert.equal(page.count("pusher:unsubscribe", `presence-domain.${one}`), 1);
    assert.equal(page.count("pusher:unsubscribe", `private-domain.${one}`), 0, "the badges still need it");
    assert.deepEqual(page.problems, []);
  });
}

test("who is here comes and goes; how they are has a dot", { skip }, async (t) => {
  const domain = fresh("d");
  const ada = await visit(t, { name: "Ada", domains: [domain], route: domain });
  await ada.here(1);
  await ada.person(ada.me.id, "online");
  const grace = await visit(t, { name: "Grace", domains: [domain], route: domain });
  await ada.here(2);
  await grace.here(2);
  await ada.person(grace.me.id, "online");
  await grace.look(false);
  await ada.person(grace.me.id, "away");
  await ada.shot("people");
  await grace.look(true);
  await ada.person(grace.me.id, "online");
  await grace.context_.close();
  await ada.here(1);
  await ada.person(grace.me.id, "offline");
  assert.match(await ada.textContent(`.people li[data-user="${grace.me.id}"] small`), /last seen/);
  assert.deepEqual([...ada.problems, ...grace.problems], []);
});

test("history on mount, then live; own messages once; older on demand; and nothing is polled", { skip }, async (t) => {
  const domain = fresh("d");
  const texts = range(1, 30).map((n) => `message ${n}`);
  for (const text of texts) await say(domain, text);
  const [ada, grace] = [await visit(t, { name: "Ada", domains: [domain], route: domain }), await visit(t, { name: "Grace", domains: [domain], route: domain })];
  await ada.shows(texts.slice(10));
  await grace.shows(texts.slice(10));
  const site = sites["React 19"];
  const before = site.asked.length;
  await ada.fill("input", "Good morning");
  await ada.press("input", "Enter");
  await grace.shows([...texts.slice(10), "Good morning"]);
  await ada.shows([...texts.slice(10), "Good morning"]);
  await say(domain, "and from elsewhere");
  await ada.shows([...texts.slice(10), "Good morning", "and from elsewhere"]);
  assert.deepEqual(site.asked.slice(before), [`/messages/${domain}`], "the one that was sent is all that was asked");
  await ada.click(".older button");
  await ada.shows([...texts, "Good morning", "and from elsewhere"]);
  await ada.waitForSelector(".older", { state: "detached" });
  await grace.shot("messages");
  assert.deepEqual([...ada.problems, ...grace.problems], []);
});

for (const how of ["rst", "fin"]) {
  test(`a connection cut with ${how} under the page: all of it, once, in order`, { skip }, async (t) => {
    const domain = fresh("d");
    const proxy = await Proxy.start(server.port);
    t.after(() => proxy.stop());
    const texts = range(1, 5).map((n) => `before ${n}`);
    for (const text of texts) await say(domain, text);
    const page = await visit(t, { name: "Ada", domains: [domain], route: domain, port: proxy.port });
    await page.shows(texts);
    // Every state of the list is looked at, not only the last.
    await page.evaluate(() => {
      window.wrong = [];
      new MutationObserver(() => {
        const all = [...document.querySelectorAll(".message p")].map(({ textContent }) => textContent);
        if (new Set(all).size !== all.length) window.wrong.push(all);
      }).observe(document.querySelector(".messages"), { childList: true, subtree: true, characterData: true });
    });
    const subscriptions = page.count("pusher:subscribe", `private-domain.${domain}`);
    proxy.hold();
    proxy.cut(how);
    const missed = range(1, 40).map((n) => `missed ${n}`);
    for (const text of missed) await say(domain, text);
    proxy.allow();
    await until(() => page.count("pusher:subscribe", `private-domain.${domain}`) > subscriptions, "the page to be back");
    await say(domain, "after");
    await page.shows([...texts, ...missed, "after"]);
    assert.deepEqual(await page.evaluate(() => window.wrong), []);
    assert.deepEqual(page.problems, []);
  });
}

test("the server is killed under the page and started again: all of it, once, in order", { skip }, async (t) => {
  const domain = fresh("d");
  const page = await visit(t, { name: "Ada", domains: [domain], route: domain });
  const texts = range(1, 3).map((n) => `before ${n}`);
  for (const text of texts) await say(domain, text);
  await page.shows(texts);
  await server.kill9();
  await server.start();
  const missed = range(1, 10).map((n) => `missed ${n}`);
  for (const text of missed) await say(domain, text);
  await page.shows([...texts, ...missed]);
  await page.here(1);
  assert.deepEqual(page.problems, []);
});

test("unread: counted while one reads elsewhere or is not there at all, over tabs, own ones never", { skip }, async (t) => {
  const [one, two] = [fresh("d"), fresh("d")];
  await say(two, "long ago");
  const ada = await visit(t, { name: "Ada", domains: [one, two], route: one });
  await ada.live();
  await until(() => ada.evaluate((key) => localStorage.getItem(key), `read:${ada.me.id}:private-domain.${two}`), "the first visit to be kept");
  assert.equal(await ada.badge(two), "", "what was there before the first visit is read");
  for (const n of range(1, 3)) await say(two, `news ${n}`);
  await say(two, "my own", ada.me);
  await ada.badgeSays(two, "3");
  await until(async () => (await ada.title()) === "(3) Messages", "the title");
  assert.equal(await ada.badge(one), "");
  await ada.shot("unread");
  // Another tab of hers knows it too, and reads it for both.
  const tab = await ada.context_.newPage();
  await tab.goto(ada.url().replace(`#${one}`, "#about"));
  const badge = (page) => page.locator(`nav a[data-domain="${two}"] .badge`);
  await until(async () => (await badge(tab).textContent({ timeout: 50 }).catch(() => "")) === "3", "the other tab's badge");
  await tab.evaluate((hash) => (location.hash = hash), two);
  await badge(tab).waitFor({ state: "detached" });
  await badge(ada).waitFor({ state: "detached" });
  await tab.close();
  // Nobody is there.
  await ada.goto("about:blank");
  for (const n of range(4, 5)) await say(two, `news ${n}`);
  await ada.open();
  await ada.badgeSays(two, "2");
  await ada.go(two);
  await ada.badgeSays(two, "");
  await ada.shows(["long ago", "news 1", "news 2", "news 3", "my own", "news 4", "news 5"]);
  await ada.reload();
  await ada.live();
  assert.equal(await ada.badge(two), "");
  assert.deepEqual(ada.problems, []);
});
