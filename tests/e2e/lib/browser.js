// Chromium as Debian packages it, driven by playwright-core.
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

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
