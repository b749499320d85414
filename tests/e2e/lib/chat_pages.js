// The pages of the chat example in Chromium: a window of one of its people.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import assert from "node:assert/strict";

import { root } from "../../../examples/chat/start/chat.js";
import { available, results, watched } from "./browser.js";
import { skip as skipBackend } from "./chat.js";
import { started } from "./processes.js";
import { until, within } from "./wait.js";

const built = existsSync(join(root, "examples/chat/frontend/dist/BUILD_ID"));
export const skip = skipBackend || (!available() && "chromium is not installed") || (!built && "examples/chat/frontend is not built: npm ci && npm run build");

const frontend = join(root, "examples/chat/frontend");

// Next.js once more, with another environment, on the port of the launcher's own.
export async function pages(port, env) {
  const child = started(process.execPath, ["node_modules/next/dist/bin/next", "start", "--port", String(port), "--hostname", "127.0.0.1"], {
    cwd: frontend,
    env: { PATH: process.env.PATH, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1", ...env },
    stdio: "ignore",
  });
  const base = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${base}/login`)).ok, "Next.js to answer");
  return {
    base,
    stop: () => {
      child.kill("SIGKILL");
      return within(child.ended, "Next.js to end");
    },
  };
}

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

// Somebody's window, signed in. `alone: false`: another window of `context`.
export async function visit(t, browser, site, name, { path = "/messages", base = site.url, realtime, context, signIn = true, ...options } = {}) {
  const own = context ?? (await browser.newContext({ viewport: { width: 1200, height: 760 }, locale: "en-GB", ...options }));
  if (!context) t.after(() => own.close());
  if (!context && signIn) {
    const answer = await own.request.post(`${site.url}/api/login`, { data: { email: `${name}@example.com`, password: "password" } });
    assert.equal(answer.status(), 200, await answer.text());
  }
  const page = watched(await own.newPage());
  page.own = own;
  page.sockets = []; // all that were ever opened
  page.on("websocket", (socket) => {
    page.sockets.push(socket);
    socket.on("framereceived", ({ payload }) => page.heard.push(String(payload)));
    socket.on("framesent", ({ payload }) => page.said.push(String(payload)));
  });
  page.heard = [];
  page.said = [];
  page.asked = [];
  page.on("request", (request) => page.asked.push(`${request.method()} ${new URL(request.url()).pathname}`));

  page.open = (to) => page.goto(`${base}${to}${realtime ? `${to.includes("?") ? "&" : "?"}realtime=${realtime}` : ""}`);
  page.alive = () => page.waitForFunction(() => document.querySelector("[data-connection]")?.dataset.connection === "online" && document.querySelector("[data-realtime]")?.dataset.realtime === "connected");
  // In the domain's presence channel, over whichever protocol.
  page.joined = (domain) => until(() => page.heard.some((frame) => frame.includes(`presence-domain.${domain}`) && /subscription_succeeded|presence:subscribed/.test(frame)), `${name} to be in presence-domain.${domain}`);
  page.texts = () => page.locator(".message .text").allTextContents();
  // The last of the conversation, and nothing of them anywhere else in it.
  page.shows = (texts) =>
    until(
      async () => {
        const all = (await page.texts()).filter((text) => texts.includes(text));
        page.seen = all;
        return JSON.stringify(all) === JSON.stringify(texts);
      },
      () => `${name} to see ${JSON.stringify(texts)}; there is ${JSON.stringify(page.seen)}`,
    );
  page.say = async (text) => {
    await page.fill(".composer textarea", text);
    await page.press(".composer textarea", "Enter");
  };
  page.outgoing = (text) => page.locator(".outgoing", { hasText: text });
  page.person = (id, status) => page.waitForSelector(`[data-user="${id}"][data-status="${status}"]`, { state: "attached" });
  page.wordsOf = (id) => page.locator(`.people [data-user="${id}"] small`).textContent();
  page.bell = (count) => page.waitForSelector(`.bell[data-unread="${count}"]`);
  page.connection = (state) => page.waitForSelector(`[data-connection="${state}"]`, { state: "attached" });
  page.go = (link) => page.click(`.bar nav a:has-text("${link}")`);
  page.look = (visible) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }, !visible);
  page.openSockets = () => page.sockets.filter((socket) => !socket.isClosed());
  page.shot = (file) => page.screenshot({ path: join(results, `chat_frontend_${file}.png`) });
  // Every state of the list is looked at, not only the last.
  page.watchTwice = () =>
    page.evaluate(() => {
      window.twice = [];
      new MutationObserver(() => {
        const ids = [...document.querySelectorAll(".message[data-id]")].map(({ dataset }) => dataset.id);
        if (new Set(ids).size !== ids.length) window.twice.push(ids);
      }).observe(document.querySelector(".log"), { childList: true, subtree: true });
    });
  page.twice = () => page.evaluate(() => window.twice);
  // What axe finds wrong for people who do not see, or not well, or use no mouse.
  page.accessible = async () => {
    await page.addScriptTag({ path: axe });
    const found = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} (${failureSummary.replace(/\s+/g, " ").slice(0, 200)})`).join(" | ")}`);
  };
  if (path) await page.open(path);
  return page;
}
