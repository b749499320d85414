// A part of the chat: one program that the launcher runs, with what it said last.
//
// Parts have sessions of their own, so that Ctrl-C in the terminal reaches the launcher alone, which then ends them in
// order. What remains if the launcher itself is killed ends through reaper.js.
import { spawn } from "node:child_process";
import { appendFileSync, renameSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const KEPT_BYTES = 64 * 1024;
const LOG_BYTES_MAX = 8 * 1024 * 1024; // then a new one is begun, and the one before is kept
const END_MS = 15_000;

let reaper = null;
function reap(sign, pid) {
  if (reaper === null) {
    reaper = spawn(process.execPath, [join(here, "reaper.js")], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
    reaper.unref();
    reaper.stdin.on("error", () => {});
    reaper.stdin.unref?.();
  }
  reaper.stdin.write(`${sign}${pid}\n`);
}

export class Part {
  // log: the file that what it says is written to. onEnd(part): it ended although nobody asked it to.
  constructor(name, { command, args, cwd, env, log = null, onEnd = () => {} }) {
    Object.assign(this, { name, command, args, cwd, env, log, onEnd });
    this.logged = 0;
    if (log) rmSync(log, { force: true });
    this.child = null;
    this.exit = null; // { code, signal, error } of the last run
    this.output = "";
  }

  start() {
    this.exit = null;
    this.output = "";
    this.wanted = true;
    const child = spawn(this.command, this.args, { cwd: this.cwd, env: this.env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    if (child.pid !== undefined) reap("+", child.pid);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => this.said(text));
    }
    this.ended = new Promise((done) => {
      child.once("error", (error) => child.pid === undefined && done({ code: null, signal: null, error: error.message }));
      // `exit`, not `close`: a child of the child may hold the pipes for longer.
      child.once("exit", (code, signal) => {
        this.killRest(child.pid);
        reap("-", child.pid);
        setImmediate(() => done({ code, signal }));
      });
    }).then((exit) => {
      this.exit = exit;
      if (this.wanted) this.onEnd(this);
      return exit;
    });
    return this;
  }

  said(text) {
    this.output = (this.output + text).slice(-KEPT_BYTES);
    if (this.log === null) return;
    try {
      if (this.logged > LOG_BYTES_MAX) {
        renameSync(this.log, `${this.log}.1`);
        this.logged = 0;
      }
      appendFileSync(this.log, text);
      this.logged += Buffer.byteLength(text);
    } catch {
      // A full disk, or the directory is gone: the part goes on, and its last lines are here.
    }
  }

  // Workers of nginx and PHP-FPM outlive a master that was killed, and would keep its port.
  killRest(group) {
    try {
      process.kill(-group, "SIGKILL");
    } catch {
      // Nobody is left.
    }
  }

  get pid() {
    return this.child?.pid;
  }

  get running() {
    return this.child !== null && this.exit === null;
  }

  // The last lines of what it said.
  tail(lines = 20) {
    return this.output.trimEnd().split("\n").slice(-lines).join("\n");
  }

  why() {
    const { code, signal, error } = this.exit ?? {};
    const how = error ?? (signal ? `by ${signal}` : `with ${code}`);
    return `${this.name} ended ${how}${this.output.trim() ? `; its last lines:\n${this.tail()}` : ""}`;
  }

  // Ends it for good reason: onEnd is not called. One that does not listen is killed.
  async stop(signal = "SIGTERM") {
    this.wanted = false;
    if (!this.running) return;
    this.child.kill(signal);
    const timer = setTimeout(() => this.child.kill("SIGKILL"), END_MS);
    await this.ended;
    clearTimeout(timer);
  }
}

// Polls until `probe` gives something truthy; a probe that throws says: not yet. Ends early when one of the parts does.
export async function until(probe, what, parts = [], timeout = 60_000) {
  const end = performance.now() + timeout;
  let last = "";
  for (;;) {
    for (const part of parts) if (part.exit) throw new Error(part.why());
    try {
      const got = await probe();
      if (got) return got;
    } catch (error) {
      last = `; last: ${error.message}`;
    }
    if (performance.now() > end) {
      throw new Error(`waited ${timeout / 1000} s for ${what}${last}${parts.map((part) => `\n${part.name} said:\n${part.tail()}`).join("")}`);
    }
    await new Promise((done) => setTimeout(done, 20));
  }
}

export const canListen = (port) =>
  new Promise((done) => {
    const probe = createServer();
    probe.once("error", () => done(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => done(true)));
  });

// A port that nobody listens on, outside of those from which the system gives to outgoing connections: a part that is
// started again finds its own free.
export async function freePort(preferred = []) {
  for (const port of preferred) if (await canListen(port)) return port;
  for (let tries = 0; tries < 1000; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await canListen(port)) return port;
  }
  throw new Error("no free port between 20000 and 32000");
}
