// Starts the whole chat: Parley, PHP-FPM with Laravel, its queue worker, Next.js and nginx in front, each with an own
// configuration below one directory. The command is example.js; tests use this as a library.
//
//   const chat = await start({ directory, next: false });
//   chat.url, chat.pids, await chat.restart("parley"), await chat.stop()
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { dotEnv, filled, fpmConf, nginxConf, parleyToml, secretsIn } from "./files.js";
import { canListen, freePort, Part, until } from "./parts.js";

const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, "../../..");
const chatFolder = resolve(here, "..");
const backend = join(chatFolder, "backend");
const frontend = join(chatFolder, "frontend");
const TRIES = 5; // to find ports that nobody takes between the look and the start
// How a worker ends that counts on being started again: `queue:restart`, or more memory than it may have.
const RENEWED_WORKER = [0, 12];
const RENEWALS_A_MINUTE_MAX = 10;

// Whom one can sign in as: database/seeders.
export const people = [
  { email: "ada@example.com", password: "password", what: "admin; domains Sales and Support" },
  { email: "ben@example.com", password: "password", what: "domains Sales and Support" },
  { email: "cleo@example.com", password: "password", what: "domain Sales" },
  { email: "dan@example.com", password: "password", what: "no domain yet" },
];

// Only what programs need to run at all: a PARLEY_APP_KEY of the surroundings must not be stronger than the .env.
function environment(more = {}) {
  const kept = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH"];
  return { ...Object.fromEntries(kept.filter((name) => process.env[name] !== undefined).map((name) => [name, process.env[name]])), ...more };
}
const withSystemPrograms = () => `${process.env.PATH}:/usr/sbin:/sbin`;

// When a process began, in ticks since the machine did: a number is given to another process one day, the two together
// are not.
function startOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(")").pop().trim().split(" ")[19];
  } catch {
    return null;
  }
}

/*
 * Options: directory (where everything that the run makes is kept), port (or, without it, `prefer`, the ports to try
 * before any free one), fresh (forget what was kept), next (false: without the pages), parley (the program),
 * parleyConfig (more TOML), env (more lines for Laravel's .env), say (told what happens), onEnd (told when a part ended
 * by itself, with a sentence why).
 */
export async function start(options = {}) {
  const chat = new Chat(options);
  try {
    await chat.start();
  } catch (error) {
    await chat.stop();
    throw error;
  }
  return chat;
}

export class Chat {
  constructor({ directory = join(root, "build/example"), port = null, prefer = [], fresh = false, next = true, parley = join(root, "build/release/server/parley"), parleyConfig = "", env = {}, say = () => {}, onEnd = () => {} }) {
    Object.assign(this, { directory: resolve(directory), wantedPort: port, prefer, fresh, withNext: next, parleyProgram: resolve(parley), parleyConfig, moreEnv: env, say });
    this.parts = new Map();
    this.onEnd = onEnd;
    this.ready = false; // until then a part that ends makes start() fail, and nobody is told besides
    this.renewals = [];
  }

  async start() {
    if (!existsSync(this.parleyProgram)) throw new Error(`${this.parleyProgram} does not exist: ./parley.sh build makes it`);
    this.lock();
    if (this.fresh) for (const name of ["parley", "backend", "nginx", "secrets.json"]) rmSync(join(this.directory, name), { recursive: true, force: true });
    for (const name of ["parley", "nginx", "logs", "backend/storage/logs", "backend/storage/framework/views"]) {
      mkdirSync(join(this.directory, name), { recursive: true, mode: 0o700 });
    }
    // The path of a Unix socket has at most 107 bytes, whatever the directory's is.
    this.sockets = mkdtempSync(join(tmpdir(), "parley-chat-"));
    this.secrets = secretsIn(this.directory);
    this.app = this.secrets.app;
    for (let tries = 1; ; tries++) {
      await this.choosePorts();
      this.configure();
      try {
        await this.startAll();
        this.ready = true;
        return;
      } catch (error) {
        // Somebody took a port between the look and the start.
        if (tries === TRIES || this.wantedPort !== null || !/address already in use|EADDRINUSE/i.test(error.message)) throw error;
        await this.stopAll();
      }
    }
  }

  // Two launchers on one directory would share a database and fight for Parley's data.
  lock() {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 }); // what people write is in it
    const file = join(this.directory, "launcher.pid");
    const take = () => writeFileSync(file, `${process.pid} ${startOf(process.pid)}`, { flag: "wx" });
    try {
      take();
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      const [pid, begun] = readFileSync(file, "utf8").split(" ");
      if (begun !== undefined && startOf(pid) === begun) throw new Error(`the example runs already in ${this.directory} (process ${pid})`);
      // Of one that was killed. Who takes it in between has it, and this one fails.
      rmSync(file, { force: true });
      take();
    }
    this.locked = file;
  }

  async choosePorts() {
    if (this.wantedPort !== null && !(await canListen(this.wantedPort))) throw new Error(`port ${this.wantedPort} is in use: choose another with --port`);
    this.port = this.wantedPort ?? (await freePort(this.prefer));
    this.parleyPort = await freePort();
    this.nextPort = await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    this.parleyUrl = `http://127.0.0.1:${this.parleyPort}`;
    this.nextUrl = `http://127.0.0.1:${this.nextPort}`;
  }

  configure() {
    const origins = ["127.0.0.1", "localhost"].flatMap((host) => [this.port, this.nextPort].map((port) => `http://${host}:${port}`));
    const backendFiles = join(this.directory, "backend");
    const phpSocket = join(this.sockets, "php.sock");
    const write = (name, text) => writeFileSync(join(this.directory, name), text, { mode: 0o600 });
    write("parley.toml", parleyToml({ directory: join(this.directory, "parley"), origins, app: this.app, port: this.parleyPort, url: this.url, more: this.parleyConfig }));
    write("backend/.env", dotEnv({ directory: backendFiles, url: this.url, origins, app: this.app, laravelKey: this.secrets.laravelKey, parleyPort: this.parleyPort, more: this.moreEnv }));
    write("php-fpm.conf", fpmConf({ directory: backendFiles, socket: phpSocket, root: backend }));
    const template = readFileSync(join(chatFolder, "nginx/chat.conf.template"), "utf8");
    const values = { CHAT_LISTEN: `127.0.0.1:${this.port}`, CHAT_PARLEY: `127.0.0.1:${this.parleyPort}`, CHAT_PHP: `unix:${phpSocket}`, CHAT_BACKEND: backend, CHAT_FRONTEND: `127.0.0.1:${this.nextPort}` };
    write("nginx/chat.conf", filled(template, values));
    this.nginxPid = join(this.directory, "nginx/nginx.pid");
    write("nginx/nginx.conf", nginxConf({ directory: join(this.directory, "nginx"), pid: this.nginxPid, site: join(this.directory, "nginx/chat.conf") }));

    const php = environment({ APP_ENV_DIRECTORY: backendFiles, LARAVEL_STORAGE_PATH: join(backendFiles, "storage") });
    this.phpEnvironment = php;
    const asRoot = process.getuid() === 0 ? ["--allow-to-run-as-root"] : [];
    const add = (name, settings) => this.parts.set(name, new Part(name, { log: join(this.directory, `logs/${name}.log`), onEnd: (part) => this.ended(part), ...settings }));
    this.parts.clear();
    add("parley", { command: this.parleyProgram, args: ["serve", "--config", join(this.directory, "parley.toml")], cwd: this.directory, env: environment() });
    add("php", { command: "php-fpm8.2", args: ["--nodaemonize", "--force-stderr", "--fpm-config", join(this.directory, "php-fpm.conf"), ...asRoot], cwd: backend, env: environment({ PATH: withSystemPrograms() }) });
    // It looks for a job twenty times a second, for that long a message waits: Laravel's own pause is three seconds. A
    // job that fails comes again after 1, 2, 5, 10 and then every 30 seconds.
    add("worker", { command: "php", args: ["artisan", "queue:work", "--sleep=0.05", "--backoff=1,2,5,10,30", "--timeout=25"], cwd: backend, env: php });
    if (this.withNext) {
      const pages = { NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1", NEXT_PUBLIC_PARLEY_APP_KEY: this.app.key, NEXT_PUBLIC_API_URL: "", NEXT_PUBLIC_WEBSOCKET_URL: "", API_URL_INTERNAL: this.url };
      add("next", { command: process.execPath, args: ["node_modules/next/dist/bin/next", "start", "--port", String(this.nextPort), "--hostname", "127.0.0.1"], cwd: frontend, env: environment(pages) });
    }
    add("nginx", { command: "nginx", args: ["-e", "stderr", "-p", join(this.directory, "nginx"), "-c", join(this.directory, "nginx/nginx.conf")], cwd: this.directory, env: environment({ PATH: withSystemPrograms() }) });
  }

  async startAll() {
    const others = [...this.parts.keys()].filter((name) => name !== "nginx");
    const all = [...this.parts.values()];
    await Promise.all(others.map((name) => this.startPart(name, all)));
    await this.startPart("nginx", all);
  }

  // Starts a part and waits until it does its work, or until one of those that it is started with ends.
  async startPart(name, together = []) {
    const part = this.parts.get(name);
    if (this.stopping) throw new Error(`${name} is not started: the chat is being stopped`);
    this.say(`starting ${name}`);
    if (name === "nginx") rmSync(this.nginxPid, { force: true });
    part.start();
    await until(() => this.answers(name, part), `${name} to be ready`, [part, ...together.filter((other) => other !== part)]);
  }

  async answers(name, part) {
    const status = async (url) => (await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(10_000) })).status;
    switch (name) {
      case "parley":
        return part.output.includes("parley ready ");
      case "php":
        return part.output.includes("ready to handle connections");
      case "worker":
        return true; // what it migrates first is seen by nginx' question
      case "next":
        return /Ready/.test(part.output) && (await status(`${this.nextUrl}/login`)) < 500;
      case "nginx":
        // It is this one that listens, not a stranger that took the port; and behind it PHP-FPM, and a database that
        // the worker has migrated (AUTO_MIGRATE).
        return existsSync(this.nginxPid) && readFileSync(this.nginxPid, "utf8").trim() === String(part.pid) && (await status(`${this.url}/api/up`)) === 200;
      default:
        throw new Error(`there is no part ${name}`);
    }
  }

  ended(part) {
    if (part.name === "worker" && RENEWED_WORKER.includes(part.exit.code) && this.mayRenew()) {
      this.say("the worker is renewed");
      part.start();
    } else if (this.ready) {
      this.onEnd(part.name, part.why());
    }
  }

  mayRenew() {
    this.renewals = [...this.renewals.filter((at) => performance.now() - at < 60_000), performance.now()];
    return this.renewals.length <= RENEWALS_A_MINUTE_MAX;
  }

  // Of Prometheus; on a port that Parley chose.
  get metricsUrl() {
    return /^parley ready .*metrics=(\S+)/m.exec(this.part("parley").output)?.[1];
  }

  get pids() {
    return Object.fromEntries([...this.parts].map(([name, part]) => [name, part.pid]));
  }

  part(name) {
    const part = this.parts.get(name);
    if (!part) throw new Error(`there is no part ${name}: ${[...this.parts.keys()].join(", ")}`);
    return part;
  }

  // down("parley", "SIGKILL") and up("parley"): away for a while. It comes back on its port with its data.
  down(name, signal = "SIGTERM") {
    return this.part(name).stop(signal);
  }

  up(name) {
    return this.startPart(this.part(name).name);
  }

  async restart(name, signal = "SIGTERM") {
    await this.down(name, signal);
    await this.up(name);
  }

  // Runs an artisan command in the application of this run, and resolves with what it printed.
  async artisan(...args) {
    const part = new Part(`artisan ${args[0]}`, { command: "php", args: ["artisan", ...args], cwd: backend, env: this.phpEnvironment }).start();
    part.wanted = false;
    const { code } = await part.ended;
    if (code !== 0) throw new Error(part.why());
    return part.output;
  }

  async stopAll() {
    // From the outside in, so that nobody is refused by a part that is gone already; Parley last, for the worker may be
    // telling it something.
    for (const names of [["nginx"], ["next", "php", "worker"], ["parley"]]) {
      await Promise.all(names.map((name) => this.parts.get(name)?.stop()));
    }
  }

  async stop() {
    this.stopping = true;
    await this.stopAll();
    if (this.sockets) rmSync(this.sockets, { recursive: true, force: true });
    if (this.locked) rmSync(this.locked, { force: true });
  }
}
