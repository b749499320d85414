// Starts the real binary with a data directory of its own and a free port, reads its ready line, keeps
// its log, kills it and starts it again on the same port and data.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { toToml } from "./toml.js";
import { deadlineMs, until, within } from "./wait.js";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");
export const binary = resolve(process.env.PARLEY_BIN || join(root, "build/release/server/parley"));
const signalNumbers = { SIGKILL: 9, SIGTERM: 15, SIGHUP: 1, SIGINT: 2 };

export const running = new Set();
process.on("exit", () => {
  for (const server of running) server.child?.kill("SIGKILL");
});

export function freePort() {
  return new Promise((done, failed) => {
    const probe = createServer();
    probe.once("error", failed);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}

export function temporaryDirectory(name = "data") {
  return mkdtempSync(join(tmpdir(), `parley-e2e-${name}-`));
}

// Runs a command of the binary to its end.
export function runParley(args, { input = "", env = {}, uid, timeout = deadlineMs } = {}) {
  const child = spawn(binary, args, { env: cleanEnvironment(env), uid, stdio: ["pipe", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const ended = new Promise((done, failed) => {
    child.on("error", failed);
    child.on("close", (code, signal) => done({ code, signal, stdout, stderr }));
  });
  return within(ended, () => `parley ${args.join(" ")} to end; it said ${stdout}${stderr}`, timeout).finally(() => child.kill("SIGKILL"));
}

// Settings of the surroundings must not leak into the server under test.
function cleanEnvironment(extra) {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PARLEY_|SOKETI_|LARAVEL_WEBSOCKETS_|LARAVEL_ECHO_SERVER_|WEBSOCKET_|ENABLE_WEBSOCKET|PUSHER_|REVERB_)/.test(name));
  // Sanitizer options and a library path are the caller's business and pass through.
  return { ...Object.fromEntries(kept), ...extra };
}

export class Server {
  // config: an object that becomes parley.toml, or its text. Without it `--dev` is used.
  constructor({ config = null, dev = config === null, args = [], env = {}, cwd, dataDir = null } = {}) {
    this.args = args;
    this.env = env;
    this.cwd = cwd;
    this.dev = dev;
    this.ownsData = dataDir === null;
    this.dataDir = dataDir ?? temporaryDirectory();
    this.configDir = null;
    if (config !== null) {
      this.configDir = temporaryDirectory("config");
      this.configFile = join(this.configDir, "parley.toml");
      this.configure(config);
    }
    this.port = 0;
    this.metricsPort = 0;
    this.conformancePort = 0; // with --conformance
    this.log = [];
    this.child = null;
  }

  static async start(options) {
    const server = new Server(options);
    await server.start();
    return server;
  }

  configure(config) {
    writeFileSync(this.configFile, typeof config === "string" ? config : toToml(config));
  }

  commandLine() {
    const line = ["serve", "--host", "127.0.0.1", "--port", String(this.port), "--metrics-port", String(this.metricsPort), "--data-dir", this.dataDir];
    if (this.dev) line.push("--dev");
    if (this.configFile) line.push("--config", this.configFile);
    return [...line, ...this.args];
  }

  async start(timeout = deadlineMs) {
    if (!existsSync(binary)) throw new Error(`${binary} does not exist: build it, or set PARLEY_BIN`);
    const child = spawn(binary, this.commandLine(), { env: cleanEnvironment(this.env), cwd: this.cwd, stdio: ["ignore", "pipe", "pipe"] });
    this.child = child;
    this.exit = null;
    running.add(this);
    let stdout = "";
    const ended = new Promise((done) => {
      child.on("close", (code, signal) => {
        this.exit = { code, signal };
        running.delete(this);
        done(this.exit);
      });
    });
    this.ended = ended;
    child.stderr.setEncoding("utf8").on("data", (chunk) => this.log.push(chunk));
    const ready = new Promise((done) => {
      child.stdout.setEncoding("utf8").on("data", (chunk) => {
        stdout += chunk;
        const line = /^parley ready http=http:\/\/127\.0\.0\.1:(\d+) metrics=http:\/\/127\.0\.0\.1:(\d+)(?: conformance=http:\/\/127\.0\.0\.1:(\d+))?\r?$/m.exec(stdout);
        if (line) done(line);
      });
    });
    const first = await within(
      Promise.race([ready, ended.then((exit) => ({ exit }))]),
      () => `the ready line; stdout: ${stdout}; log: ${this.logTail()}`,
      timeout,
    ).catch((error) => {
      child.kill("SIGKILL");
      throw error;
    });
    if (first.exit) throw new Error(`parley ended before it was ready: ${JSON.stringify(first.exit)}\n${stdout}${this.logTail()}`);
    this.port = Number(first[1]);
    this.metricsPort = Number(first[2]);
    this.conformancePort = Number(first[3] ?? 0);
    return this;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  get metricsUrl() {
    return `http://127.0.0.1:${this.metricsPort}`;
  }

  get pid() {
    return this.child.pid;
  }

  get alive() {
    return this.child !== null && this.exit === null;
  }

  signal(name) {
    this.child.kill(name);
  }

  async end(signal, timeout = deadlineMs) {
    if (!this.alive) return this.exit;
    this.child.kill(signal);
    return within(this.ended, () => `the process to end after ${signal} (${signalNumbers[signal]}); log: ${this.logTail()}`, timeout);
  }

  kill9() {
    return this.end("SIGKILL");
  }

  // The same port, the same data.
  async restart() {
    if (this.alive) await this.kill9();
    return this.start();
  }

  async stop() {
    if (this.alive) await this.end("SIGKILL");
    if (this.ownsData) rmSync(this.dataDir, { recursive: true, force: true });
    if (this.configDir) rmSync(this.configDir, { recursive: true, force: true });
  }

  logText() {
    return this.log.join("");
  }

  logTail(lines = 60) {
    return this.logText().split("\n").slice(-lines).join("\n");
  }

  async metrics() {
    const answer = await fetch(`${this.metricsUrl}/metrics`);
    if (answer.status !== 200) throw new Error(`metrics: ${answer.status}`);
    return answer.text();
  }

  // The sum over all label sets of a metric that match.
  async metric(name, labels = {}) {
    const lines = (await this.metrics()).split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    const wanted = lines.filter((line) => Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)));
    return wanted.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  async expectAlive() {
    await until(async () => (await fetch(`${this.url}/health/live`)).status === 200, "a live answer");
  }
}
