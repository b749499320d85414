// The demo page in a real browser: two people, a message, typing, who is here, and a server that is
// killed and started again under them. Screenshots go into results/.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before } from "node:test";

import { available, launch, results } from "../lib/browser.js";
import { range, test } from "../lib/harness.js";
import { Server } from "../lib/server.js";
import { trigger } from "../lib/sign.js";
import { deadlineMs, until } from "../lib/wait.js";

const app = { id: "4711", key: "app-key-demo", secret: "app-secret-demo" };
const channel = "presence-domain.1";
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
async function person(t, name, { width = 1180, height = 760, dark = false, on = server } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", locale: "en-GB" });
  t.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(deadlineMs);
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (message) => {
    // A lost connection is reported by the browser itself; everything else is a fault of the page.
    if (message.type() === "error" && !/WebSocket|ERR_|Failed to load resource/.test(message.text())) page.problems.push(message.text());
  });
  await page.addInitScript((chosen) => {
    if (!sessionStorage.getItem("parley-demo")) {
      sessionStorage.setItem("parley-demo", JSON.stringify({ clientId: `browser-${crypto.randomUUID()}`, userId: chosen.toLowerCase(), name: chosen }));
    }
  }, name);
  await page.goto(on.url);
  await page.waitForSelector('#status[data-state="connected"]');
  await page.waitForSelector(`#people li[data-user-id="${name.toLowerCase()}"]`, { state: "attached" });
  page.say = async (text) => {
    await page.fill("#text", text);
    await page.press("#text", "Enter");
  };
  page.sees = (text) => page.locator(".message .text", { hasText: text }).first().waitFor();
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
  await ada.waitForSelector('#people li[data-user-id="grace"]');
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
  await until(async () => (await ada.locator("#people li").count()) === 2, "both in the list again");
  for (const page of [ada, grace]) {
    for (const text of said) assert.equal(await page.count(text), 1, `${text} is shown once`);
  }
  await ada.say("Nothing is lost, and nothing came twice.");
  await grace.sees("Nothing is lost");
  await ada.shot("back");
  await grace.shot("back-other");
  assert.deepEqual([...ada.problems, ...grace.problems], []);
});

test("on a phone", { skip }, async (t) => {
  const ada = await person(t, "Ada", { width: 390, height: 780 });
  await ada.say("From the train");
  await ada.sees("From the train");
  assert.ok(await ada.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), "nothing is cut off at the side");
  await ada.shot("phone");
});

test("the page obeys a strict content security policy", { skip }, async (t) => {
  const ada = await person(t, "Ada");
  const policy = await ada.getAttribute('meta[http-equiv="Content-Security-Policy"]', "content");
  assert.match(policy, /script-src 'self'/);
  assert.ok(!policy.includes("unsafe"));
  assert.equal(await ada.locator("script:not([src]), [onclick], [style]:not(textarea)").count(), 0);
});
