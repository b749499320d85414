// `./parley.sh example`, the part of it that starts: what it prints, how it ends, what it keeps. Without the pages,
// which have a suite of their own.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chownSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";

import { Chat } from "../../../examples/chat/start/chat.js";
import { skip } from "../lib/chat.js";
import { test as anyTest } from "../lib/harness.js";
import { started } from "../lib/processes.js";
import { binary, freePort, temporaryDirectory } from "../lib/server.js";
import { until, within } from "../lib/wait.js";

const script = fileURLToPath(new URL("../../../examples/chat/start/example.js", import.meta.url));
const backend = fileURLToPath(new URL("../../../examples/chat/backend", import.meta.url));
const test = (name, body) => anyTest(name, { skip }, body);

const pidsOf = (parent) => readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${name}/status`))?.[1]) === parent).map(Number);
// By the name of the program: { parley: pid, nginx: pid, … }.
const childrenOf = (parent) => Object.fromEntries(pidsOf(parent).map((pid) => [/^Name:\s+(\S+)/m.exec(read(`/proc/${pid}/status`))?.[1], pid]));
const read = (file) => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
};
const linkOf = (file) => {
  try {
    return readlinkSync(file);
  } catch {
    return "";
  }
};

// Workers of PHP-FPM whose master is gone.
const leftBehind = () => pidsOf(1).filter((pid) => linkOf(`/proc/${pid}/cwd`) === backend);
let atFirst = [];
before(() => {
  atFirst = leftBehind();
});
after(() => until(() => leftBehind().every((pid) => atFirst.includes(pid)), () => `nothing to be left behind; there are ${leftBehind()}`));

const launchers = new Map(); // of each test that runs

class Launcher {
  constructor(t, directory, args = [], options = {}) {
    this.child = started(process.execPath, [script, "--no-pages", "--parley", binary, "--directory", directory, ...args], { stdio: ["ignore", "pipe", "pipe"], ...options });
    this.said = "";
    for (const stream of [this.child.stdout, this.child.stderr]) stream.setEncoding("utf8").on("data", (text) => (this.said += text));
    launchers.set(t, [...(launchers.get(t) ?? []), this]);
  }

  async ready() {
    await until(() => /Ctrl-C ends all$/m.test(this.said) || this.child.exitCode !== null, () => `the ready line; it said ${this.said}`);
    assert.match(this.said, /^chat ready http:\/\/127\.0\.0\.1:\d+$/m);
    this.url = /^chat ready (\S+)$/m.exec(this.said)[1];
    this.parts = childrenOf(this.child.pid);
    // With the workers of nginx and PHP-FPM.
    this.all = Object.values(this.parts).flatMap((pid) => [pid, ...pidsOf(pid)]);
    return this;
  }

  async end(signal) {
    this.child.kill(signal);
    return within(this.child.ended, () => `the launcher to end; it said ${this.said}`);
  }

  call(path, { token, ...body } = {}) {
    const post = Object.keys(body).length > 0;
    return fetch(`${this.url}${path}`, { method: post ? "POST" : "GET", headers: { "Content-Type": "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) }, ...(post ? { body: JSON.stringify(body) } : {}) });
  }
}

// Nobody may have looked at the end of one whose parent is gone.
function isGone(pid) {
  const status = read(`/proc/${pid}/status`);
  return status === "" || /^State:\s+Z/m.test(status);
}
const gone = (pids) => until(() => pids.every(isGone), () => `all parts to be gone; ${pids.filter((pid) => !isGone(pid)).map((pid) => read(`/proc/${pid}/cmdline`))}`);

// Removed when the test is over, after what is stopped first.
function directory(t, stop = async () => {}) {
  const made = temporaryDirectory("chat start");
  t.after(async () => {
    await stop();
    for (const launcher of launchers.get(t) ?? []) await launcher.end("SIGTERM");
    launchers.delete(t);
    rmSync(made, { recursive: true, force: true });
  });
  return made;
}

test("it starts, keeps what was said over a restart, and forgets it when told to", async (t) => {
  const place = directory(t);
  const first = await new Launcher(t, place).ready();
  for (const part of ["parley", "php", "worker"]) assert.notEqual(read(join(place, "logs", `${part}.log`)), "", `${part} has a log`);
  for (const name of ["ada", "ben", "cleo", "dan"]) assert.match(first.said, new RegExp(`^  ${name}@example\\.com +password `, "m"));
  assert.deepEqual(Object.keys(first.parts).filter((name) => name !== "node").sort(), ["nginx", "parley", "php", "php-fpm8.2"]);
  const { token } = await (await first.call("/api/login", { email: "ada@example.com", password: "password" })).json();
  assert.equal((await first.call("/api/domains/1/messages", { token, text: "kept", client_id: randomUUID() })).status, 201);
  assert.deepEqual(await first.end("SIGINT"), { code: 0, signal: null });
  await gone(first.all);

  const second = await new Launcher(t, place).ready();
  const page = await (await second.call("/api/domains/1/messages", { token })).json();
  assert.deepEqual(page.messages.map(({ text }) => text), ["kept"], "who was signed in still is");
  await until(async () => /:1$/.test((await (await second.call("/api/domains/1/messages", { token })).json()).position), "Parley to have it in its history");
  const other = new Launcher(t, place);
  assert.equal((await within(other.child.ended, "the other launcher to end")).code, 1);
  assert.match(other.said, new RegExp(`^the example runs already in .* \\(process ${second.child.pid}\\)$`, "m"));
  assert.equal((await second.call("/api/up")).status, 200, "the one that runs goes on");
  assert.deepEqual(await second.end("SIGTERM"), { code: 0, signal: null });

  const third = await new Launcher(t, place, ["--fresh"]).ready();
  assert.equal((await third.call("/api/me", { token })).status, 401);
  const again = await (await third.call("/api/login", { email: "ada@example.com", password: "password" })).json();
  assert.deepEqual((await (await third.call("/api/domains/1/messages", { token: again.token })).json()), { messages: [], has_older: false, position: "0000000000000000:0" });
});

for (const [program, name] of [["php-fpm8.2", "php"], ["nginx", "nginx"], ["parley", "parley"], ["php", "worker"]]) {
  test(`${name} dies: it says so, and everything ends`, async (t) => {
    const chat = await new Launcher(t, directory(t)).ready();
    process.kill(chat.parts[program], "SIGKILL");
    assert.deepEqual(await within(chat.child.ended, "the launcher to end"), { code: 1, signal: null });
    assert.match(chat.said, new RegExp(`^${name} ended by SIGKILL`, "m"));
    await gone(chat.all);
  });
}

test("it is killed itself: nothing stays behind, and the next start works", async (t) => {
  const place = directory(t);
  const first = await new Launcher(t, place).ready();
  first.child.kill("SIGKILL");
  await gone(first.all);
  await new Launcher(t, place).ready();
});

test("it is cut off while it makes the database: the next start makes all of it", async (t) => {
  const place = directory(t);
  for (const step of ["Migration table", "000001", "000002"]) {
    rmSync(join(place, "logs/worker.log"), { force: true }); // of the round before
    const cut = new Launcher(t, place, ["--fresh"]);
    // Wherever it is by then, the database is as before or complete.
    await until(() => read(join(place, "logs/worker.log")).includes(step), () => `the worker to migrate; it said ${cut.said}`);
    // The worker first, at once; what remains is the launcher's and its reaper's to end.
    const parts = pidsOf(cut.child.pid).flatMap((pid) => [pid, ...pidsOf(pid)]);
    process.kill(childrenOf(cut.child.pid).php, "SIGKILL");
    await cut.end("SIGKILL");
    await gone(parts);
    const { url } = await new Launcher(t, place).ready();
    assert.equal((await fetch(`${url}/api/up`)).status, 200);
    await launchers.get(t).at(-1).end("SIGTERM");
  }
});

test("a port that is in use, one that is none, and a program that is not there are said", async (t) => {
  const taken = createServer();
  await new Promise((done) => taken.listen(0, "127.0.0.1", done));
  t.after(() => taken.close());
  const { port } = taken.address();
  const cases = [
    [["--port", String(port)], 1, new RegExp(`^port ${port} is in use`, "m")],
    [["--port", "70000"], 2, /^--port 70000: a port is a number from 1 to 65535$/m],
    [["--prot", "1"], 2, /--prot/],
    [["--parley", "/nowhere/parley"], 1, /^\/nowhere\/parley does not exist/m],
  ];
  for (const [args, code, why] of cases) {
    const chat = new Launcher(t, directory(t), args);
    assert.equal((await within(chat.child.ended, "the launcher to end")).code, code, args.join(" "));
    assert.match(chat.said, why);
  }
  const free = await freePort();
  const chat = await new Launcher(t, directory(t), ["--port", String(free)]).ready();
  assert.equal(chat.url, `http://127.0.0.1:${free}`);
});

for (const name of ["port", "parleyPort"]) {
  test(`somebody takes the ${name} between the look and the start: another one is found`, async (t) => {
    const taken = createServer();
    await new Promise((done) => taken.listen(0, "127.0.0.1", done));
    t.after(() => taken.close());
    const { port } = taken.address();
    class Unlucky extends Chat {
      async choosePorts() {
        await super.choosePorts();
        this.choices = (this.choices ?? 0) + 1;
        if (this.choices === 1) this[name] = port;
      }
    }
    const ended = [];
    const chat = new Unlucky({ directory: directory(t, () => chat.stop()), next: false, parley: binary, onEnd: (part) => ended.push(part) });
    await chat.start();
    assert.deepEqual([chat.choices, chat[name] === port, ended], [2, false, []]);
    assert.equal((await fetch(`${chat.url}/api/up`)).status, 200);
  });
}

test("a worker that ends at once again and again is not started for ever", async (t) => {
  const ended = [];
  const chat = new Chat({ directory: directory(t, () => chat.stop()), next: false, parley: binary, onEnd: (part, why) => ended.push([part, why]) });
  await chat.start();
  chat.part("worker").args = ["-r", "exit(0);"];
  await chat.artisan("queue:restart");
  await until(() => ended.length > 0, "the launcher to give up");
  assert.deepEqual(ended, [["worker", "worker ended with 0"]]);
});

test("an ordinary user can start it", async (t) => {
  if (process.getuid() !== 0) return t.skip("the other tests run as one");
  const nobody = { uid: 65534, gid: 65534 };
  const reads = spawnSync(process.execPath, [script, "--help"], nobody).status === 0 && spawnSync(binary, ["--version"], nobody).status === 0;
  if (!reads) return t.skip("nobody may not read the sources here");
  const place = join(directory(t), "of nobody");
  mkdirSync(place);
  chownSync(join(place, ".."), nobody.uid, nobody.gid);
  chownSync(place, nobody.uid, nobody.gid);
  const chat = await new Launcher(t, place, [], { ...nobody, cwd: place, env: { PATH: process.env.PATH } }).ready();
  assert.match(read(`/proc/${chat.parts.nginx}/status`), /^Uid:\s+65534/m);
  assert.equal((await chat.call("/api/login", { email: "ben@example.com", password: "password" })).status, 200);
});
