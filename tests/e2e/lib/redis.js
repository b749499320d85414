// A real redis-server in a directory of its own, and the Laravel application that publishes through it.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createConnection } from "node:net";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { phpHas, started } from "./processes.js";
import { freePort, temporaryDirectory } from "./server.js";
import { until, within } from "./wait.js";

const script = resolve(dirname(fileURLToPath(import.meta.url)), "../laravel/broadcast.php");
export const skip = spawnSync("redis-server", ["--version"]).error
  ? "redis-server is not installed"
  : phpHas(["Broadcasting"], ["redis"])
    ? false
    : "php with php-redis and php-illuminate-broadcasting is not installed";

export class Redis {
  constructor({ password = null } = {}) {
    this.password = password;
    this.directory = temporaryDirectory("redis");
  }

  static async start(options) {
    const redis = new Redis(options);
    redis.port = await freePort();
    await redis.up();
    return redis;
  }

  // Again on the same port, after down().
  async up() {
    const args = ["--bind", "127.0.0.1", "--port", String(this.port), "--save", "", "--appendonly", "no", "--dir", this.directory, "--daemonize", "no"];
    if (this.password) args.push("--requirepass", this.password);
    this.child = started("redis-server", args, { stdio: ["ignore", "pipe", "pipe"] });
    this.output = "";
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on("data", (chunk) => (this.output += chunk));
    await until(async () => (await this.command("PING")) === "PONG", () => `redis-server to answer; ${this.output}`);
  }

  async down() {
    this.child.kill("SIGKILL");
    await within(this.child.ended, "redis-server to end");
  }

  async stop() {
    await this.down();
    rmSync(this.directory, { recursive: true, force: true });
  }

  // One command over a connection of its own; answers simple ones: a status, a number, a text, an error.
  command(...words) {
    return new Promise((done, failed) => {
      const socket = createConnection({ host: "127.0.0.1", port: this.port });
      const frame = (parts) => Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...parts.flatMap((part) => [Buffer.from(`$${Buffer.byteLength(part)}\r\n`), Buffer.from(part), Buffer.from("\r\n")])]);
      let answers = this.password ? 2 : 1;
      if (this.password) socket.write(frame(["AUTH", this.password]));
      socket.write(frame(words.map(String)));
      let received = "";
      socket.setEncoding("utf8");
      socket.on("error", failed);
      socket.on("close", () => failed(new Error("redis closed the connection")));
      socket.on("data", (chunk) => {
        received += chunk;
        for (;;) {
          const end = received.indexOf("\r\n");
          if (end < 0) return;
          const line = received.slice(0, end);
          let rest = received.slice(end + 2);
          let value = line.slice(1);
          if (line.startsWith("$") && value !== "-1") {
            const bytes = Buffer.from(rest);
            if (bytes.length < Number(value) + 2) return;
            rest = bytes.subarray(Number(value) + 2).toString();
            value = bytes.subarray(0, Number(value)).toString();
          }
          received = rest;
          if (--answers > 0) continue;
          socket.destroy();
          if (line.startsWith("-")) return failed(new Error(value));
          return done(line.startsWith(":") ? Number(value) : value);
        }
      });
    });
  }

  // What somebody publishes past Laravel; resolves with how many heard it.
  publish(channel, text) {
    return this.command("PUBLISH", channel, typeof text === "string" ? text : JSON.stringify(text));
  }
}

// Illuminate's RedisBroadcaster in a PHP process.
export class Laravel {
  constructor(redis, prefix) {
    this.child = started("php", [script, JSON.stringify({ host: "127.0.0.1", port: redis.port, password: redis.password, prefix })], { stdio: ["pipe", "pipe", "pipe"] });
    this.stderr = "";
    this.child.stderr.on("data", (chunk) => (this.stderr += chunk));
    this.child.stdin.on("error", () => {});
    this.waiting = [];
    let text = "";
    this.child.stdout.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
        this.waiting.shift()?.(text.slice(0, end));
        text = text.slice(end + 1);
      }
    });
  }

  // Resolves with "ok", or with the exception's text.
  broadcast(channels, event, payload) {
    const answered = new Promise((done) => this.waiting.push(done));
    this.child.stdin.write(`${JSON.stringify({ channels: [channels].flat(), event, payload })}\n`);
    return within(answered, () => `PHP to broadcast; it said ${this.stderr}`);
  }

  async stop() {
    this.child.stdin.end();
    await within(this.child.ended, "PHP to end");
  }
}

export const connected = (server) => until(async () => (await server.metric("parley_redis_connected")) === 1, "the subscription to Redis");
export const disconnected = (server) => until(async () => (await server.metric("parley_redis_connected")) === 0, "the loss of Redis to be seen");
