// Chromium as Debian packages it, driven by playwright-core.
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

import { deadlineMs } from "./wait.js";

export const results = join(dirname(fileURLToPath(import.meta.url)), "../results");
const executablePath = process.env.PARLEY_CHROMIUM || "/usr/bin/chromium";

export const available = () => existsSync(executablePath);

export async function launch() {
  mkdirSync(results, { recursive: true });
  return chromium.launch({
    executablePath,
    headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

// `page.problems` has what went wrong in a page. A lost connection is reported by the browser itself; everything else is
// a fault of the page.
export function watched(page) {
  page.setDefaultTimeout(deadlineMs);
  page.problems = [];
  page.on("pageerror", (error) => page.problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/WebSocket|ERR_|Failed to load resource/.test(message.text())) page.problems.push(message.text());
  });
  return page;
}
