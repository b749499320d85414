// What hostile suites need: a stranger at an address of its own, an honest client elsewhere that counts what it got,
// and meters of what the node holds while both are at work. The whole of 127.0.0.0/8 is this machine: an address is
// chosen, not configured.
import assert from "node:assert/strict";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { fork } from "node:child_process";
import { connect } from "node:net";
import { setPriority } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { within } from "./wait.js";

export const MB = 1024 * 1024;
export const strangers = "127.0.0.2"; // the attacker's address
export const elsewhere = "127.0.0.3"; // the honest client's
export const long = process.env.PARLEY_LONG === "1";
const honestProgram = join(dirname(fileURLToPath(import.meta.url)), "honest.js");

// ---- meters ----

export function rssBytes(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
}

// What a directory takes on the disk. Files may go while it is read.
export function diskBytes(directory) {
  let bytes = 0;
  let names = [];
  try {
    names = readdirSync(directory);
  } catch {
    return 0;
  }
  for (const name of names) {
    const path = join(directory, name);
    try {
      const stat = lstatSync(path);
      bytes += stat.isDirectory() ? diskBytes(path) : stat.blocks * 512;
    } catch {
      // gone
    }
  }
  return bytes;
}

// An instrumented program keeps what was freed: its memory says nothing.
export const instrumented = (pid) => /lib(asan|tsan)/.test(readFileSync(`/proc/${pid}/maps`, "utf8")) || process.env.ASAN_OPTIONS !== undefined || process.env.TSAN_OPTIONS !== undefined;

// The most that a node held since start(), beyond what it had then.
export class Meter {
  constructor(server) {
    this.server = server;
  }

  start() {
    this.rssBefore = this.rssMost = rssBytes(this.server.pid);
    this.diskBefore = this.diskMost = diskBytes(this.server.dataDir);
    this.timer = setInterval(() => this.look(), 50);
    return this;
  }

  look() {
    if (!this.server.alive) return;
    this.rssMost = Math.max(this.rssMost, rssBytes(this.server.pid));
    this.diskMost = Math.max(this.diskMost, diskBytes(this.server.dataDir));
  }

  stop() {
    clearInterval(this.timer);
    this.look();
    return { rss: this.rssMost - this.rssBefore, disk: this.diskMost - this.diskBefore };
  }
}

// ---- the stranger ----

// One socket of a stranger. It counts what it is told and keeps the last of it; `reads: false`: it never looks.
export class HostileSocket {
  constructor(server, { from = strangers, reads = true, port = server.port } = {}) {
    this.sent = 0;
    this.received = 0;
    this.tail = "";
    this.over = false;
    this.socket = connect({ port, host: "127.0.0.1", localAddress: from });
    this.socket.setNoDelay(true);
    this.opened = new Promise((done) => {
      this.socket.once("connect", done);
      this.socket.once("close", done);
    });
    this.closed = new Promise((done) => this.socket.once("close", done));
    this.socket.on("close", () => (this.over = true));
    this.socket.on("error", () => {});
    if (reads) {
      this.socket.on("data", (chunk) => {
        this.received += chunk.length;
        this.tail = (this.tail + chunk.toString("latin1")).slice(-65_536);
        this.onData?.(chunk);
      });
    } else {
      this.socket.pause();
    }
  }

  // False when the kernel takes no more for now.
  write(bytes) {
    if (this.over || this.socket.destroyed) return false;
    this.sent += bytes.length;
    return this.socket.write(bytes);
  }

  // Sends the same bytes again and again as fast as they are taken, until `enough()`, or the node closes, or it takes
  // no more for `stalled` ms: then it has stopped reading. Says which.
  async flood(bytes, { enough = () => false, most = 256 * MB, stalled = 1_000 } = {}) {
    await this.opened;
    while (!this.over && !enough() && this.sent < most) {
      if (this.write(bytes)) {
        await new Promise(setImmediate);
        continue;
      }
      const drained = await Promise.race([
        new Promise((done) => this.socket.once("drain", () => done(true))),
        this.closed.then(() => true),
        new Promise((done) => setTimeout(() => done(false), stalled)),
      ]);
      if (!drained) return "stalled";
    }
    return this.over ? "closed" : "done";
  }

  whenClosed(timeout) {
    return within(this.closed, "the node to close a stranger's connection", timeout);
  }

  destroy() {
    this.socket.destroy();
  }
}

// `count` sockets that are open, or refused.
export async function hostileSockets(t, server, count, options) {
  const sockets = Array.from({ length: count }, () => new HostileSocket(server, options));
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  await Promise.all(sockets.map((socket) => socket.opened));
  return sockets;
}

// ---- the honest client ----

let places = 0;

// See honest.js.
export class Honest {
  static async start(t, server, app, { from = elsewhere, channel = `private-honest-${process.pid}x${++places}`, pause = 20 } = {}) {
    const honest = new Honest();
    const what = { server: { port: server.port }, app, from, channel, pause };
    honest.process = fork(honestProgram, [JSON.stringify(what)], { execArgv: [] });
    t.after(() => honest.end());
    honest.process.on("error", () => {}); // that it ended is told by `over`
    honest.asked = new Map();
    honest.questions = 0;
    honest.over = new Promise((done) => honest.process.once("exit", done));
    const ready = new Promise((done) => {
      honest.process.on("message", ({ ready, id, value, failure }) => {
        if (ready) return done();
        const [yes, no] = honest.asked.get(id);
        honest.asked.delete(id);
        if (failure === undefined) yes(value);
        else no(new Error(failure));
      });
    });
    await within(Promise.race([ready, honest.over.then(() => { throw new Error("the honest client did not start"); })]), "an honest client to start", 30_000);
    // A client elsewhere has a processor of its own.
    if (long) {
      try {
        setPriority(honest.process.pid, -10);
      } catch {
        t.diagnostic("not root: the honest client has no processor of its own");
      }
    }
    return honest;
  }

  ask(what, given) {
    const id = ++this.questions;
    const answer = new Promise((yes, no) => this.asked.set(id, [yes, no]));
    this.process.send({ id, ask: what, given });
    return Promise.race([answer, this.over.then(() => { throw new Error("the honest client's process ended"); })]);
  }

  served(more = 5) {
    return this.ask("served", more);
  }

  takeDelays() {
    return this.ask("takeDelays");
  }

  // Resolves with the number of its events: all of them came, once and in order, on its first connection.
  settle() {
    return this.ask("settle");
  }

  async end() {
    if (this.process.connected) this.process.disconnect();
    await this.over;
  }
}

export function p99(delays) {
  const sorted = [...delays].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))];
}

// Runs `attack` beside an honest client and holds the node to its bars. `attack` gets `over()`, true when it has gone
// on for long enough: for the short form it decides that itself by what it sent. The delays of the honest client count
// only with PARLEY_LONG=1, on a machine with nothing else to do.
export async function underAttack(t, server, app, attack, { rss = 64 * MB, disk = 64 * MB, seconds = long ? 20 : 3, honest: options } = {}) {
  const honest = await Honest.start(t, server, app, options);
  await honest.served();
  const calm = [];
  if (long) {
    await new Promise((done) => setTimeout(done, 10_000));
    calm.push(...(await honest.takeDelays()));
  }
  await honest.takeDelays();
  const meter = new Meter(server).start();
  t.after(() => clearInterval(meter.timer));
  const ends = performance.now() + seconds * 1000;
  await attack({ over: () => performance.now() > ends, honest, seconds });
  await honest.served();
  const attacked = await honest.takeDelays();
  const events = await honest.settle();
  const grew = meter.stop();
  t.diagnostic(`memory grew by ${(grew.rss / MB).toFixed(1)} MB, disk by ${(grew.disk / MB).toFixed(1)} MB; ${events} honest events`);
  if (instrumented(server.pid)) t.diagnostic("an instrumented program: its memory is not judged");
  else assert.ok(grew.rss <= rss, `memory grew by ${(grew.rss / MB).toFixed(1)} MB`);
  assert.ok(grew.disk <= disk, `the data directory grew by ${(grew.disk / MB).toFixed(1)} MB`);
  if (long) {
    const [before, during] = [p99(calm), p99(attacked)];
    t.diagnostic(`p99 of an honest client: ${before.toFixed(1)} ms before, ${during.toFixed(1)} ms meanwhile`);
    assert.ok(during <= 2 * Math.max(before, 5), `p99 ${before.toFixed(1)} ms became ${during.toFixed(1)} ms, of ${attacked.length} events`);
  }
  return { ...grew, honest };
}
