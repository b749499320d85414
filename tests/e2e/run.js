// Runs the suites: all, or those whose names are given (`npm test resume kill9`).
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { binary } from "./lib/server.js";

const here = dirname(fileURLToPath(import.meta.url));
if (!existsSync(binary)) {
  console.error(`${binary} does not exist: build it, or set PARLEY_BIN`);
  process.exit(1);
}
const wanted = process.argv.slice(2).filter((word) => !word.startsWith("-"));
const options = process.argv.slice(2).filter((word) => word.startsWith("-"));
const suites = readdirSync(join(here, "suites"))
  .filter((file) => file.endsWith(".test.js"))
  .filter((file) => wanted.length === 0 || wanted.some((word) => file.includes(word)))
  .map((file) => join(here, "suites", file));
if (suites.length === 0) {
  console.error(`no suite is called ${wanted.join(", ")}`);
  process.exit(1);
}
const concurrency = process.env.PARLEY_E2E_CONCURRENCY || "2";
// These hold answers to 200 ms: nothing else runs beside them.
const alone = suites.filter((file) => /socketio_(protocol|eio3|engine|upgrade)\.test\.js$/.test(file));
const others = suites.filter((file) => !alone.includes(file));

const run = (files, width) =>
  new Promise((done) => {
    if (files.length === 0) return done(0);
    const child = spawn(process.execPath, ["--test", `--test-concurrency=${width}`, "--test-reporter=spec", ...options, ...files], { stdio: ["inherit", "pipe", "inherit"], cwd: here, env: { ...process.env, FORCE_COLOR: "0" } });
    child.stdout.setEncoding("utf8");
    let last = "";
    child.stdout.on("data", (text) => {
      process.stdout.write(text);
      last = (last + text).slice(-100_000);
    });
    // A run that dies without its summary must not hide behind the other one's.
    child.on("close", (code, signal) => {
      if (!/^ℹ fail \d+/m.test(last)) console.log(`the tests ended early: ${signal ?? code}\nℹ pass 0\nℹ fail 1`);
      done(signal ? 1 : code);
    });
  });
const codes = [await run(others, concurrency), await run(alone, 1)];
process.exit(Math.max(...codes));
