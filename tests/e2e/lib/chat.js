// The chat example (examples/chat) as a suite has it: its real parts by its own launcher, without the pages, and its
// people.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { connect, createServer } from "node:net";
import { randomUUID } from "node:crypto";
import { join } from "node:path";

import { start } from "../../../examples/chat/start/chat.js";
import { pushers, sockets } from "./clients.js";
import { test } from "./harness.js";
import { phpHas } from "./processes.js";
import { RawClient } from "./raw.js";
import { binary, temporaryDirectory } from "./server.js";
import { Inbox, within } from "./wait.js";

function missing() {
  if (!phpHas(["Broadcasting", "Database"], ["pdo_sqlite", "curl"]) || !existsSync("/usr/share/php/Illuminate/Foundation/Application.php")) return "php-laravel-framework or php8.2-sqlite3 is not installed";
  if (!existsSync("/usr/sbin/php-fpm8.2")) return "php8.2-fpm is not installed";
  return spawnSync("nginx", ["-v"], { env: { PATH: `${process.env.PATH}:/usr/sbin` } }).error ? "nginx is not installed" : false;
}
export const skip = missing();

// Between Laravel and Parley: passes on, but lets requests that hold a text through and eats the answers to them, or
// holds them back.
export class AnswerEater {
  static async start(port) {
    const eater = new AnswerEater();
    eater.release();
    eater.open = new Set();
    eater.server = createServer((client) => eater.join(client, connect({ port: port(), host: "127.0.0.1" })));
    await new Promise((done) => eater.server.listen(0, "127.0.0.1", done));
    eater.port = eater.server.address().port;
    return eater;
  }

  join(client, upstream) {
    for (const [one, other] of [[client, upstream], [upstream, client]]) {
      this.open.add(one);
      one.setNoDelay(true);
      one.on("error", () => {});
      one.on("close", () => {
        this.open.delete(one);
        other.destroy();
      });
    }
    let marked = false;
    client.on("data", (bytes) => {
      marked = this.marker !== null && bytes.includes(this.marker);
      upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (!marked || (!this.holding && this.toEat === 0)) {
        client.write(bytes);
      } else if (this.holding) {
        this.held++;
      } else {
        this.toEat--;
        client.destroy();
      }
    });
  }

  eat(marker, count) {
    Object.assign(this, { marker, toEat: count });
  }

  hold(marker) {
    Object.assign(this, { marker, holding: true });
  }

  release() {
    Object.assign(this, { marker: null, toEat: 0, holding: false, held: 0 });
  }

  stop() {
    for (const socket of this.open) socket.destroy();
    return new Promise((done) => this.server.close(done));
  }
}

// Tests on a site that is there when they run: no part may end by itself, and a failing one shows what the parts said.
export const testsOn = (site, without = skip) => (name, body) =>
  test(name, { skip: without }, async (t) => {
    try {
      await body(t);
      assert.deepEqual(site().deaths.items, [], "no part ended");
    } catch (error) {
      process.stderr.write(site().said);
      throw error;
    }
  });

export class ChatSite {
  static async start(options = {}) {
    const site = new ChatSite();
    site.directory = temporaryDirectory("chat run"); // a path with a space, as people have them
    site.eater = await AnswerEater.start(() => site.chat.parleyPort);
    site.deaths = new Inbox("the parts that ended by themselves");
    site.options = { directory: site.directory, next: false, parley: binary, env: { WEBSOCKET_PORT: site.eater.port, QUEUE_RETRY_AFTER: 3, DB_BUSY_TIMEOUT: 30_000 }, onEnd: (name, why) => site.deaths.push({ name, why }), ...options };
    try {
      await site.up();
    } catch (error) {
      await site.stop(); // else what listens keeps the run from ending
      throw error;
    }
    return site;
  }

  async up(more = {}) {
    this.chat = await start({ ...this.options, ...more });
  }

  async stop() {
    await this.chat?.stop();
    await this.eater.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  get url() {
    return this.chat.url;
  }

  // Ends a part, which is there again after the test at the latest.
  async down(t, part, signal) {
    t.after(async () => {
      if (!this.chat.part(part).running) await this.chat.up(part);
    });
    await this.chat.down(part, signal);
  }

  // What the parts and Laravel said last.
  get said() {
    const folder = join(this.directory, "backend/storage/logs");
    const logs = existsSync(folder) ? readdirSync(folder).map((file) => ["Laravel", readFileSync(join(folder, file), "utf8")]) : [];
    const last = (output) => output.split("\n").filter((line) => !line.startsWith("#")).slice(-15).join("\n");
    return [...[...this.chat.parts].map(([part, { output }]) => [part, output]), ...logs].map(([name, output]) => `\n--- ${name}:\n${last(output)}\n`).join("");
  }

  // Somebody who has signed in: "ada", "ben", "cleo" or "dan".
  async person(t, name) {
    const answer = await this.call("POST", "/api/login", { body: { email: `${name}@example.com`, password: "password" } });
    if (answer.status !== 200) throw new Error(`${name} cannot sign in: ${answer.status} ${answer.text}`);
    return new Person(this, t, answer.json.token, answer.json.user);
  }

  async call(method, path, { body, headers = {}, token, raw } = {}) {
    const answer = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...(body === undefined && raw === undefined ? {} : { "Content-Type": "application/json" }), ...(token ? { Authorization: `Bearer ${token}` } : {}), ...headers },
      body: raw ?? (body === undefined ? undefined : JSON.stringify(body)),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await answer.text();
    let json = null;
    try {
      json = JSON.parse(text);
    } catch {
      // Nothing, or no JSON: what the caller makes of it.
    }
    return { status: answer.status, headers: answer.headers, text, json };
  }
}

export class Person {
  constructor(site, t, token, user) {
    Object.assign(this, { site, t, token, user });
  }

  get(path) {
    return this.site.call("GET", path, { token: this.token });
  }

  post(path, body, headers) {
    return this.site.call("POST", path, { token: this.token, body, headers });
  }

  say(domain, text, { headers, clientId = randomUUID() } = {}) {
    return this.post(`/api/domains/${domain}/messages`, { text, client_id: clientId }, headers);
  }

  // A stock pusher-js, through nginx, authorised by Laravel. Resolves when the channels are joined, with what is heard
  // in `heard`.
  async pusher(channels, { signIn = false, ...options } = {}) {
    const headers = { Authorization: `Bearer ${this.token}` };
    const client = new pushers["pusher-js 8"](this.site.chat.app.key, {
      cluster: "",
      wsHost: "127.0.0.1",
      wsPort: this.site.chat.port,
      forceTLS: false,
      enabledTransports: ["ws"],
      channelAuthorization: { transport: "ajax", endpoint: `${this.site.url}/broadcasting/auth`, headers },
      userAuthentication: { transport: "ajax", endpoint: `${this.site.url}/broadcasting/user-auth`, headers },
      ...options,
    });
    this.t.after(() => client.disconnect());
    const heard = new Inbox(`what ${this.user.name}'s pusher-js heard`);
    const signedIn = new Promise((done) => client.bind_global((event) => event === "pusher:signin_success" && done()));
    if (signIn) client.signin();
    await Promise.all(
      channels.map((name) => {
        const channel = client.subscribe(name);
        channel.bind_global((event, data) => heard.push({ channel: name, event, data }));
        return within(
          new Promise((done, failed) => {
            channel.bind("pusher:subscription_succeeded", done);
            channel.bind("pusher:subscription_error", (error) => failed(new Error(`${name}: ${JSON.stringify(error)}`)));
          }),
          `the subscription to ${name}`,
        );
      }),
    );
    if (signIn) await within(signedIn, "the sign-in");
    return { client, heard, id: client.connection.socket_id };
  }

  // A stock socket.io-client with a connection token.
  async socket(channels, options = {}) {
    const { token } = (await this.get("/broadcasting/token")).json;
    const socket = sockets["socket.io-client 4.8"](this.site.url, { auth: { token }, forceNew: true, ...options });
    this.t.after(() => socket.disconnect());
    const heard = new Inbox(`what ${this.user.name}'s socket.io-client heard`);
    socket.onAny((event, channel, data) => heard.push({ channel, event, data }));
    await within(new Promise((done, failed) => socket.on("connect", done).on("connect_error", failed)), "the socket's connection");
    for (const channel of channels) {
      const answer = await within(socket.emitWithAck("subscribe", { channel }), `the subscription to ${channel}`);
      if (answer.error) throw new Error(`${channel}: ${JSON.stringify(answer)}`);
    }
    return { socket, heard, id: socket.id };
  }

  // A client that keeps its position: subscribes after it, with Laravel's signature.
  async raw(channel, since) {
    const client = await RawClient.connect({ port: this.site.chat.port }, this.site.chat.app);
    this.t.after(() => client.cut());
    const { json } = await this.post("/broadcasting/auth", { socket_id: client.socketId, channel_name: channel });
    const answer = await client.subscribe(channel, { proof: false, extra: { ...json, ...(since ? { since } : {}) } });
    return { client, answer };
  }
}

export const isMessage = (text) => ({ event, data }) => event === "message.sent" && data.message.text === text;
