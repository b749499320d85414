// Puts the page and the unmodified browser builds of its two clients into one folder that
// `parley serve --dev` serves at `/`. There is nothing to compile.
//
//   npm run build              into dist/
//   PARLEY_DEMO_DIST=… npm run build
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { dirname, join, resolve } from "node:path";

const here = dirname(fileURLToPath(import.meta.url));
const dist = resolve(process.env.PARLEY_DEMO_DIST || join(here, "dist"));

const files = {
  "page/index.html": "index.html",
  "page/demo.css": "demo.css",
  "page/demo.js": "demo.js",
  "page/identity.js": "identity.js",
  "page/timeline.js": "timeline.js",
  "page/people.js": "people.js",
  "page/bell.js": "bell.js",
  "page/favicon.svg": "favicon.svg",
  "node_modules/pusher-js/dist/web/pusher.min.js": "pusher.js",
  "node_modules/laravel-echo/dist/echo.js": "echo.js",
};

mkdirSync(dist, { recursive: true });
for (const [from, to] of Object.entries(files)) {
  rmSync(join(dist, to), { force: true });
  cpSync(join(here, from), join(dist, to));
}
console.log(`demo page built into ${dist}`);
