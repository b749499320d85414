// The demo page in a real browser: people and how they are, messages, typing, a bell for the other domains,
// and a server that is killed and started again under them. Screenshots go into results/.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before } from "node:test";

import { available, launch, results, watched } from "../lib/browser.js";
import { range, test } from "../lib/harness.js";
import { Server } from "../lib/server.js";
import { call, trigger, userAuth } from "../lib/sign.js";
import { until } from "../lib/wait.js";

const app = { id: "4711", key: "app-key-demo", secret: "app-secret-demo" };
const channel = "private-domain.1";
let server;
let browser;
const skip = available() ? false : "chromium is not installed";

before(async () => {
  if (skip) return;
  server = await Server.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

// A person: a browser context of its own, as a second window would be.
async function person(t, name, { width = 1180, height = 760, dark = false, on = server, domain = "1", clock = false, wire = null, signsInLate = false } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", locale: "en-GB" });
  t.after(() => context.close());
  const page = watched(await context.newPage());
  await page.addInitScript((chosen) => {
    if (!sessionStorage.getItem("parley-demo")) {
      sessionStorage.setItem("parley-demo", JSON.stringify({ clientId: `browser-${crypto.randomUUID()}`, userId: chosen.toLowerCase(), name: chosen }));
    }
  }, name);
  page.frames = []; // what the page sent, over all its connections
  page.on("websocket", (socket) => socket.on("framesent", ({ payload }) => page.frames.push(String(payload))));
  if (clock) await page.clock.install();
  if (signsInLate) {
    // Who one is and what one may join are asked at the same time; in the rarer order of the answers
    // the server knows somebody by the presence channel first.
    await page.route(/\/demo\/user-auth/, async (route) => {
      const path = `/apps/${app.id}/users/status`;
      const status = async () => (await call(on, app, "GET", path, { query: { ids: name.toLowerCase() } })).json.users[name.toLowerCase()].status;
      await until(async () => (await status()) === "online", "the readers' channel to make somebody online");
      await route.continue();
    });
  }
  if (wire) await page.routeWebSocket(/\/app\//, wire);
  await page.goto(`${on.url}/#domain.${domain}`);
  await page.waitForSelector('#status[data-state="connected"]');
  await page.waitForSelector(`#people li[data-user-id="${name.toLowerCase()}"]`, { state: "attached" });
  page.say = async (text) => {
    await page.fill("#text", text);
    await page.press("#text", "Enter");
  };
  page.sees = (text) => page.locator(".message .text", { hasText: text }).first().waitFor();
  // A row of the people panel, once it says so.
  page.person = (id, status) => page.waitForSelector(`#people li[data-user-id="${id}"][data-status="${status}"]`);
  page.bellSays = (count) => page.waitForFunction((wanted) => {
    const badge = document.getElementById("bell-count");
    return badge.hidden ? wanted === 0 : badge.textContent === String(wanted);
  }, count);
  // As a browser does when the tab is covered; headless, every tab is on top.
  page.look = (visible) =>
    page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
      Object.defineProperty(document, "hidden", { configurable: true, get: () => state === "hidden" });
      document.dispatchEvent(new Event("visibilitychange"));
    }, visible ? "visible" : "hidden");
  page.count = (text) => page.locator(".message .text", { hasText: text }).count();
  page.shot = (file) => page.screenshot({ path: join(results, `${file}.png`) });
  return page;
}

test("the first visit: an inviting empty room", { skip }, async (t) => {
  const ada = await person(t, "Ada");
  await ada.waitForSelector("#empty:not([hidden])");
  await ada.shot("empty");
  assert.deepEqual(ada.problems, []);
});

test("two people: messages, typing, who is here, names", { skip }, async (t) => {
  const ada = await person(t, "Ada");
  const grace = await person(t, "Grace", { dark: true });
  await ada.waitForSelector('#people li[data-user-id="grace"]');
  await ada.say("Good morning! Is the new node up?");
  await grace.sees("Good morning! Is the new node up?");
  await grace.say("Up since eight. I am watching it now.");
  await ada.sees("Up since eight");
  await grace.locator("#text").pressSequentially("Try to", { delay: 5 });
  await ada.waitForSelector("#typing.on");
  assert.match(await ada.textContent("#typing"), /Grace is typing/);
  await ada.shot("typing");
  await grace.fill("#text", "");

  await grace.click(".edit");
  await grace.fill("#name", "Grace H.");
  await grace.press("#name", "Enter");
  await ada.waitForFunction(() => document.querySelector('#people li[data-user-id="grace"]')?.textContent.includes("Grace H."));
  assert.equal(await ada.locator("#people li").count(), 2);

  const markup = '<img src=x onerror="alert(1)"> & <b>bold</b>';
  await ada.say(markup);
  await grace.sees(markup);
  assert.equal(await grace.locator(".message img, .message b").count(), 0);
  assert.equal(await ada.count("Good morning"), 1, "the own message is shown once");
  for (const page of [ada, grace]) assert.equal(await page.locator(".notice", { hasText: "left" }).count(), 0, "renaming is no farewell");
  await grace.shot("dark");
  assert.deepEqual([...ada.problems, ...grace.problems], []);
});

test("a reload brings the history back and nobody sees a farewell", { skip }, async (t) => {
  const ada = await person(t, "Ada");
  const grace = await person(t, "Grace");
  await ada.say("This must survive a reload");
  await grace.sees("This must survive a reload");
  await grace.reload();
  await grace.sees("This must survive a reload");
  await grace.say("Back already");
  await ada.sees("Back already");
  assert.equal(await ada.locator(".notice", { hasText: "Grace left" }).count(), 0);
  assert.equal(await ada.locator("#people li").count(), 2);
});

test("kill -9 and restart: both come back by themselves, with what they missed", { skip }, async (t) => {
  const own = await Server.start();
  t.after(() => own.stop());
  const ada = await person(t, "Ada", { on: own });
  const grace = await person(t, "Grace", { on: own });
  const edsger = await person(t, "Edsger", { on: own, domain: "3" });
  const margaret = await person(t, "Margaret", { on: own, domain: "2" });
  for (const id of ["grace", "edsger", "margaret"]) await ada.person(id, "online");
  await edsger.context().close();
  await margaret.look(false);
  await ada.person("edsger", "offline");
  await ada.person("margaret", "away");
  await ada.say("Good morning! The new node has been up since eight.");
  await grace.sees("Good morning!");
  await grace.say("And what happens when somebody trips over the cable?");
  await ada.sees("trips over the cable");
  await ada.say("Watch. I am going to kill -9 it now.");
  await grace.sees("Watch.");
  await own.kill9();
  for (const page of [ada, grace]) await page.waitForSelector(".notice-lost");
  await ada.shot("lost");
  // Written while nobody listens: sent when the connection is back.
  await grace.say("Hello? I write this into the dark.");
  await grace.waitForSelector('.message[data-state="waiting"], .message[data-state="sending"]');
  await own.start();
  const meanwhile = ["Deploy of the shop is through.", "All checks are green.", "Who is watching the queue tonight?"];
  for (const [n, text] of meanwhile.entries()) {
    const data = { id: `missed-${n}`, text, name: "Linus", user_id: "linus", at: Date.now() };
    assert.equal((await trigger(own, app, channel, "message.sent", data)).status, 200);
  }
  const said = ["Good morning!", "trips over the cable", "Watch.", "into the dark", ...meanwhile];
  for (const page of [ada, grace]) {
    await page.waitForSelector('#status[data-state="connected"]');
    for (const text of said) await page.sees(text);
    await page.waitForSelector(".notice-back");
  }
  for (const page of [ada, grace]) {
    await page.waitForFunction(() => document.getElementById("subtitle").textContent === "2 people are in this room");
    await page.person("grace", "online");
    await page.person("edsger", "offline"); // with when that was
    await page.waitForFunction(() => /^last seen /.test(document.querySelector('#people li[data-user-id="edsger"] .seen').textContent));
  }
  await margaret.waitForSelector('#status[data-state="connected"]');
  await margaret.say("Shipping the fix after lunch.");
  await ada.bellSays(1);
  await ada.person("margaret", "away"); // said again after the crash
  for (const page of [ada, grace]) {
    for (const text of said) assert.equal(await page.count(text), 1, `${text} is shown once`);
  }
  await ada.say("Nothing is lost, and nothing came twice.");
  await grace.sees("Nothing is lost");
  await ada.evaluate(() => {
    const now = Date.now;
    Date.now = () => now() + 190_000;
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await ada.waitForFunction(() => document.querySelector('#people li[data-user-id="edsger"] .seen').textContent === "last seen 3 min ago");
  await ada.shot("back");
  await grace.shot("back-other");
  assert.deepEqual([...ada.problems, ...grace.problems], []);
});

test("people: online, away while nobody looks, and offline with a last seen", { skip }, async (t) => {
  const own = await Server.start();
  t.after(() => own.stop());
  const ada = await person(t, "Ada", { on: own, clock: true });
  const grace = await person(t, "Grace", { on: own });
  const linus = await person(t, "Linus", { on: own });
  const margaret = await person(t, "Margaret", { on: own, domain: "3", signsInLate: true });
  await ada.person("grace", "online");
  await ada.person("linus", "online");
  await ada.person("margaret", "online"); // belongs to the domain without reading it
  assert.equal(await ada.textContent("#count"), "4 of 4 here");

  await grace.look(false);
  await ada.person("grace", "away");
  await grace.person("grace", "away");
  const said = () => grace.frames.filter((frame) => frame.includes('"parley:activity"')).map((frame) => JSON.parse(frame).data.state);
  assert.deepEqual(said(), ["away"]);
  await grace.evaluate(() => {
    demo.pusher.disconnect();
    demo.pusher.connect();
  });
  await until(() => said().length === 2, "the page to say again that nobody looks");
  assert.deepEqual(said(), ["away", "away"]);
  await grace.look(true);
  await ada.person("grace", "online");
  await grace.look(false);
  await ada.person("grace", "away");

  await linus.context().close();
  await ada.person("linus", "offline");
  const seen = (page) => page.textContent('#people li[data-user-id="linus"] .seen');
  assert.equal(await seen(ada), "last seen just now");
  assert.equal(await ada.textContent("#count"), "3 of 4 here");
  assert.deepEqual(await ada.locator("#people li").evaluateAll((rows) => rows.map((row) => row.dataset.userId)), ["ada", "margaret", "grace", "linus"]);
  await ada.clock.fastForward("03:20");
  await ada.waitForFunction(() => document.querySelector('#people li[data-user-id="linus"] .seen').textContent === "last seen 3 min ago");
  await ada.say("Has anybody seen Linus?");
  await margaret.bellSays(1);
  await ada.shot("people");

  // Who comes later has the same picture from the one question.
  const late = await person(t, "Late", { on: own, domain: "3" });
  await late.person("linus", "offline");
  await late.person("grace", "away");
  await late.person("margaret", "online");
  assert.match(await seen(late), /^last seen (just now|1 min ago)$/);
  assert.deepEqual([ada, grace, margaret, late].flatMap(({ problems }) => problems), []);
});

test("more people than one answer holds: the page asks on, and for whoever is new", { skip }, async (t) => {
  const own = await Server.start();
  t.after(() => own.stop());
  for (const name of ["Grace", "Linus", "Margaret"]) await person(t, name, { on: own, domain: "3" });
  const asked = [];
  // Between page and server: the server's one answer becomes one answer for each person.
  const onePerAnswer = (client) => {
    const upstream = client.connectToServer();
    let held = [];
    const answer = (frame) => {
      const [user, ...rest] = held;
      held = rest;
      client.send(JSON.stringify({ ...frame, data: JSON.stringify({ users: [user], next: rest.length > 0 ? user.user_id : "" }) }));
    };
    client.onMessage((text) => {
      const frame = JSON.parse(text);
      if (frame.event === "parley:status") asked.push(frame.data.after);
      if (frame.event === "parley:status" && frame.data.after) return answer({ event: "parley:status", channel: frame.data.channel });
      upstream.send(text);
    });
    upstream.onMessage((text) => {
      const frame = JSON.parse(text);
      if (frame.event !== "parley:status") return client.send(text);
      held = JSON.parse(frame.data).users;
      answer(frame);
    });
  };
  const ada = await person(t, "Ada", { on: own, wire: onePerAnswer });
  for (const id of ["grace", "linus", "margaret"]) await ada.person(id, "online");
  assert.ok(["grace", "linus"].every((id) => asked.includes(id)), `asked after ${asked}`);
  await person(t, "Barbara", { on: own, domain: "2" }); // an event tells of her, and not her name
  await ada.person("barbara", "online");
  assert.match(await ada.textContent('#people li[data-user-id="barbara"]'), /Barbara/);
});

test("a status is told although the connection said too much just before", { skip }, async (t) => {
  const own = await Server.start();
  t.after(() => own.stop());
  const ada = await person(t, "Ada", { on: own });
  const grace = await person(t, "Grace", { on: own });
  await ada.person("grace", "online");
  await grace.evaluate(() => {
    for (let i = 0; i < 30; i++) demo.pusher.channel("private-domain.1").trigger("client-noise", { i });
  });
  await grace.look(false);
  await ada.person("grace", "away");
  assert.deepEqual([...ada.problems, ...grace.problems], []);
});

test("connecting twice and changing one's mind about the domain: everything once", { skip }, async (t) => {
  const own = await Server.start();
  t.after(() => own.stop());
  const ada = await person(t, "Ada", { on: own });
  const grace = await person(t, "Grace", { on: own });
  await ada.person("grace", "online");
  // As a component does that is mounted, unmounted and mounted again.
  await ada.evaluate(() => {
    for (let i = 0; i < 3; i++) {
      demo.pusher.disconnect();
      demo.pusher.connect();
    }
    for (const domain of ["2", "1", "3", "1"]) {
      location.hash = `domain.${domain}`;
      dispatchEvent(new HashChangeEvent("hashchange"));
    }
  });
  await ada.waitForSelector('#status[data-state="connected"]');
  await ada.person("grace", "online");
  await grace.waitForFunction(() => document.getElementById("subtitle").textContent === "2 people are in this room");
  await ada.waitForFunction(() => document.getElementById("subtitle").textContent === "2 people are in this room");
  assert.equal(await ada.textContent("#room-name"), "domain.1");
  const bound = await ada.evaluate(() =>
    ["message.sent", "user.status.changed", "parley:status"].map((event) => demo.pusher.channel("private-domain.1").callbacks.get(event).length));
  assert.deepEqual(bound, [1, 1, 1]);
  assert.deepEqual(await ada.evaluate(() => demo.pusher.allChannels().map(({ name }) => name).sort()), ["presence-domain.1", "private-domain.1", "private-user.ada"]);
  await grace.say("Are you there twice?");
  await ada.sees("Are you there twice?");
  assert.equal(await ada.count("Are you there twice?"), 1);
  assert.equal(await grace.locator('#people li[data-user-id="ada"]').count(), 1);
  assert.equal(await ada.locator("#people li").count(), 2);
  assert.equal(await own.metric("parley_connections", { protocol: "pusher" }), 2);
});

test("the bell counts what is said in other domains, and going there clears it", { skip }, async (t) => {
  const own = await Server.start();
  t.after(() => own.stop());
  const ada = await person(t, "Ada", { on: own });
  const grace = await person(t, "Grace", { on: own, domain: "2" });
  const linus = await person(t, "Linus", { on: own, domain: "3" });
  await ada.bellSays(0);
  await grace.say("The build for the shop is red again.");
  await ada.bellSays(1);
  await grace.say("It was the clock. Green now.");
  await linus.say("Lunch at twelve?");
  await ada.bellSays(3);
  await grace.bellSays(1); // Linus; nobody is told of what they said
  assert.equal(await ada.textContent('#domains a[data-domain="2"] .unread'), "2");
  assert.equal(await ada.textContent('#domains a[data-domain="3"] .unread'), "1");
  assert.equal(await ada.getAttribute("#bell", "aria-label"), "3 unread in other domains");
  assert.match(await ada.title(), /^\(3\) /);
  await ada.say("Nothing rings for what one reads.");
  await grace.bellSays(2);

  await ada.reload();
  await ada.waitForSelector('#status[data-state="connected"]');
  await ada.bellSays(3);
  await ada.focus("#bell");
  await ada.keyboard.press("Enter");
  await ada.waitForSelector("#bell-panel:popover-open");
  assert.equal(await ada.locator(".bell-line").count(), 3);
  assert.match(await ada.locator(".bell-line").first().innerText(), /Linus\s+in domain\.3[^]*Lunch at twelve\?/);
  await ada.shot("bell");
  await ada.keyboard.press("Escape");
  await ada.waitForSelector("#bell-panel", { state: "hidden" });
  assert.equal(await ada.evaluate(() => document.activeElement.id), "bell");
  await ada.keyboard.press("Enter");
  await ada.waitForSelector("#bell-panel:popover-open");
  // The panel takes the focus to its first line when it has opened: not in between our choice and the key.
  await ada.waitForFunction(() => document.activeElement?.classList.contains("bell-line"));
  await ada.locator(".bell-line", { hasText: "It was the clock" }).press("Enter");
  await ada.sees("The build for the shop is red again.");
  assert.equal(await ada.textContent("#room-name"), "domain.2");
  assert.equal(await ada.getAttribute('#domains a[data-domain="2"]', "aria-current"), "page");
  await ada.bellSays(1);
  assert.equal(await ada.locator('#domains a[data-domain="2"] .unread').isHidden(), true);
  await ada.click('#domains a[data-domain="3"]');
  await ada.sees("Lunch at twelve?");
  await ada.bellSays(0);
  assert.equal(await ada.count("red again"), 0);
  assert.deepEqual([...ada.problems, ...grace.problems, ...linus.problems], []);
});

test("a message sent again after a doubt rings no bell twice", { skip }, async (t) => {
  const own = await Server.start();
  t.after(() => own.stop());
  await person(t, "Ada", { on: own });
  await person(t, "Grace", { on: own });
  const headers = { "Content-Type": "application/json" };
  const body = { id: "m-1", channel: "private-domain.2", text: `${"é".repeat(150)}.`, user_id: "ada", name: "Ada" };
  const post = (message) => fetch(`${own.url}/demo/messages`, { method: "POST", headers, body: JSON.stringify(message) }).then((answer) => answer.json());
  const rung = async (user) => {
    const page = await fetch(`${own.url}/demo/history?channel=private-user.${user}&direction=forward`).then((answer) => answer.json());
    return page.publications.filter(({ event }) => event === "message.notification").map(({ data }) => JSON.parse(data));
  };
  assert.equal((await post(body)).duplicate, false);
  assert.equal((await post(body)).duplicate, true);
  await post({ ...body, id: "m-2", text: "the next" });
  await until(async () => (await rung("grace")).some(({ id }) => id === "m-2"), "the second notification");
  const [first, second, ...others] = await rung("grace");
  assert.deepEqual([first.id, first.domain, first.from, first.text], ["m-1", "2", "Ada", "é".repeat(100)]);
  assert.deepEqual([second.id, others.length], ["m-2", 0]);
  assert.deepEqual(await rung("ada"), []);
});

test("who one is, is signed for this page alone", { skip }, async () => {
  const ask = (form, headers = {}) =>
    fetch(`${server.url}/demo/user-auth`, { method: "POST", headers, body: new URLSearchParams(form) });
  const answer = await ask({ socket_id: "12.34", user_id: "7", user_name: 'A "B"' });
  assert.equal(answer.status, 200);
  const { auth, user_data } = await answer.json();
  assert.deepEqual(JSON.parse(user_data), { id: "7", user_info: { name: 'A "B"' }, domains: ["1", "2", "3"] });
  assert.equal(auth, userAuth(app, "12.34", user_data));
  assert.equal((await ask({ socket_id: "nonsense", user_id: "7" })).status, 400);
  assert.equal((await ask({ socket_id: "12.34", user_id: "7" }, { Origin: "https://elsewhere.example" })).status, 403);
  assert.equal((await fetch(`${server.url}/demo/user-auth`)).status, 405);
});

test("on a phone", { skip }, async (t) => {
  const ada = await person(t, "Ada", { width: 390, height: 780 });
  await ada.say("From the train");
  await ada.sees("From the train");
  assert.ok(await ada.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), "nothing is cut off at the side");
  await ada.shot("phone");
  await ada.focus("#open-side");
  await ada.keyboard.press("Enter");
  await ada.locator("#side").getByText("Open as someone else").waitFor();
  await ada.waitForFunction(() => document.querySelector("#side").getBoundingClientRect().left === 0);
  assert.equal(await ada.evaluate(() => document.activeElement.dataset.domain), "1");
  await ada.shot("phone-people");
  await ada.keyboard.press("Escape");
  await ada.locator("#side").waitFor({ state: "hidden" });
  assert.equal(await ada.evaluate(() => document.activeElement.id), "open-side");
});

test("the page obeys a strict content security policy", { skip }, async (t) => {
  const ada = await person(t, "Ada");
  const policy = await ada.getAttribute('meta[http-equiv="Content-Security-Policy"]', "content");
  assert.match(policy, /script-src 'self'/);
  assert.ok(!policy.includes("unsafe"));
  assert.equal(await ada.locator("script:not([src]), [onclick], [style]:not(textarea)").count(), 0);
});
