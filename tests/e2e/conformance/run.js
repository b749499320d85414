// Runs test suites of the protocols' authors against a server in conformance mode.
//
//   node tests/e2e/conformance/run.js [--recovery] [--repeat N] [--together] FOLDER… [-- options of mocha]
//
// A FOLDER has a `test-suite.js` and what it needs installed (`npm ci`); nothing is fetched here, and the folder stays
// as it is: a copy with another address is what runs. A suite of `/engine.io/` talks to the echo, one of `/socket.io/`
// to the fixture. PARLEY_BIN names the program. The exit code is 0 if every run of every suite passed.
import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { Server } from "../lib/server.js";

const runMinutesMax = 5;
const preload = fileURLToPath(new URL("one_event_at_a_time.js", import.meta.url));
const address = /^const URL = .*$/m;

class Wrong extends Error {}

function readCommandLine(words) {
  const wanted = { recovery: false, repeat: 1, together: false, folders: [], mocha: [] };
  const end = words.indexOf("--");
  if (end >= 0) wanted.mocha = words.splice(end).slice(1);
  while (words.length > 0) {
    const word = words.shift();
    if (word === "--recovery") wanted.recovery = true;
    else if (word === "--together") wanted.together = true;
    else if (word === "--repeat") wanted.repeat = Number(words.shift());
    else if (word.startsWith("-")) throw new Wrong(`what is ${word}?`);
    else wanted.folders.push(word);
  }
  if (!(Number.isInteger(wanted.repeat) && wanted.repeat > 0)) throw new Wrong("--repeat takes a number");
  if (wanted.folders.length === 0) throw new Wrong("name the folder of a suite: one with a test-suite.js");
  return wanted;
}

class Suite {
  constructor(name) {
    this.name = name;
    const folder = resolve(name);
    const file = join(folder, "test-suite.js");
    if (!existsSync(file)) throw new Wrong(`${name} has no test-suite.js`);
    const modules = join(folder, "node_modules");
    const manifest = join(modules, "mocha", "package.json");
    if (!existsSync(manifest)) throw new Wrong(`${name} has no mocha: run npm ci there`);
    const { bin } = JSON.parse(readFileSync(manifest, "utf8"));
    this.mocha = join(modules, "mocha", typeof bin === "string" ? bin : bin.mocha);
    this.text = readFileSync(file, "utf8");
    if (!address.test(this.text)) throw new Wrong(`${file} has no line that begins with "const URL ="`);
    this.copy = mkdtempSync(join(tmpdir(), "parley-conformance-"));
    cpSync(folder, this.copy, { recursive: true, filter: (path) => path !== modules });
    symlinkSync(modules, join(this.copy, "node_modules"));
    this.failed = 0;
  }

  aim(server) {
    const port = this.text.includes("/engine.io/") ? server.port : server.conformancePort;
    writeFileSync(join(this.copy, "test-suite.js"), this.text.replace(address, `const URL = "http://127.0.0.1:${port}";`));
  }

  run(options) {
    const line = [this.mocha, "--exit", "--fail-zero", "--require", preload, ...options, "test-suite.js"];
    this.child = spawn(process.execPath, line, { cwd: this.copy, stdio: "inherit" });
    const late = setTimeout(() => this.child.kill("SIGKILL"), runMinutesMax * 60_000);
    return new Promise((done) => {
      this.child.on("close", (code) => {
        clearTimeout(late);
        if (code !== 0) this.failed++;
        done();
      });
    });
  }

  remove() {
    this.child?.kill("SIGKILL");
    rmSync(this.copy, { recursive: true, force: true });
  }
}

const suites = [];
let server;
async function clean() {
  for (const suite of suites) suite.remove();
  await server?.stop();
}
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => clean().finally(() => process.exit(1)));

try {
  const wanted = readCommandLine(process.argv.slice(2));
  for (const folder of wanted.folders) suites.push(new Suite(folder));
  server = new Server({ args: ["--conformance", "--conformance-port", "0", ...(wanted.recovery ? ["--conformance-recovery"] : [])] });
  await server.start();
  for (const suite of suites) suite.aim(server);
  const runs = async (suite) => {
    for (let n = 0; n < wanted.repeat; n++) await suite.run(wanted.mocha);
  };
  if (wanted.together) await Promise.all(suites.map(runs));
  else for (const suite of suites) await runs(suite);
  if (!server.alive) throw new Error(`the server ended: ${JSON.stringify(server.exit)}\n${server.logTail()}`);
  for (const { name, failed } of suites) console.log(`${name}: ${wanted.repeat - failed} of ${wanted.repeat} runs passed`);
  process.exitCode = suites.some(({ failed }) => failed > 0) ? 1 : 0;
} catch (error) {
  console.error(error instanceof Wrong ? error.message : error);
  process.exitCode = error instanceof Wrong ? 2 : 1;
} finally {
  await clean();
}
