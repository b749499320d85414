// Where a row of the tables beside this file looks at the effect of a key: a real server, an application of the row's
// own, an application's backend, a receiver of webhooks; and how a configuration with the row's key is made.
import { createServer } from "node:http";
import { createConnection } from "node:net";

import { Endpoint } from "../lib/engine.js";
import { fresh } from "../lib/harness.js";
import { RawClient } from "../lib/raw.js";
import { Receiver } from "../lib/receiver.js";
import { Server } from "../lib/server.js";
import { call, channelAuth, send } from "../lib/sign.js";
import { until } from "../lib/wait.js";

export const adminKey = "e2e-admin-key-5f0c2a9d81b34e67";
export const page = "https://page.example";

const isTable = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

// Tables are merged, everything else is replaced.
export function merged(one, other = {}) {
  const all = { ...one };
  for (const [key, value] of Object.entries(other)) all[key] = isTable(value) && isTable(all[key]) ? merged(all[key], value) : value;
  return all;
}

// { "a.b": 1 } as { a: { b: 1 } }.
export const nested = (path, value) => path.split(".").reduceRight((inner, name) => ({ [name]: inner }), value);

// What the application answers when it is asked about a channel.
class Backend {
  constructor() {
    this.calls = [];
    this.answer = () => 200; // a status, or "hang"
    this.server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      const asked = { url: request.url, headers: request.headers, body };
      this.calls.push(asked);
      const status = this.answer(asked);
      if (status === "hang") return;
      response.writeHead(status, { "Content-Type": "application/json" });
      const channels = request.url === "/batch" ? JSON.parse(body).channels : [];
      response.end(JSON.stringify(request.url === "/batch" ? { channels: Object.fromEntries(channels.map((name) => [name, { status }])) } : true));
    });
  }

  async start() {
    await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }
}

let ids = 5000;

export class World {
  constructor(server) {
    this.server = server;
    const id = String(++ids);
    this.app = { id, key: `e2e-key-${id}`, secret: `e2e-secret-${id}-3f9ac1d27be04856` };
    this.cleanup = [];
  }

  // The part of a row that is there before and after the change.
  async prepare(row) {
    if (row.uses?.includes("backend")) {
      this.backend = await new Backend().start();
      this.cleanup.push(() => this.backend.stop());
    }
    if (row.uses?.includes("receiver")) {
      this.receiver = await Receiver.start(this.app);
      this.cleanup.push(() => this.receiver.stop());
    }
    const shape = {
      log: { level: "info", format: "text" },
      admin: { key: adminKey },
      data: { shards: 1 },
      limits: {},
      timing: {},
      socketio: { app: this.app.id },
      app: { ...this.app, client_events: true },
      rule: { match: "kept.*", durability: "quorum" },
    };
    if (this.receiver) shape.webhook = { name: fresh("hook-"), app: this.app.id, url: this.receiver.url, retry_pause_max_seconds: 1 };
    if (this.backend) {
      shape.app.allowed_origins = [page];
      shape.app.auth = { url: `${this.backend.url}/auth` };
    }
    this.shape = merged(shape, typeof row.with === "function" ? row.with(this) : row.with);
    return this;
  }

  // One key changed in the shape: "limits.x", "apps.limits.x", "channels.match", "webhooks.url".
  changed(key, value) {
    const [first, ...rest] = key.split(".");
    const part = { apps: "app", channels: "rule", webhooks: "webhook" }[first];
    return merged(this.shape, part === undefined ? nested(key, value) : { [part]: nested(rest.join("."), value) });
  }

  static config({ app, rule, webhook, more = {}, ...sections }) {
    const tables = {};
    for (const [name, table] of Object.entries(sections)) if (Object.keys(table).length > 0) tables[name] = table;
    return { ...tables, apps: [app], channels: [rule], ...(webhook ? { webhooks: [webhook] } : {}), ...more };
  }

  // Over when it is in force.
  async reload(shape = this.shape) {
    const { server } = this;
    const [applied, refused] = await this.reloads();
    const from = server.logText().length;
    server.configure(World.config(shape));
    server.signal("SIGHUP");
    await until(async () => {
      const [now, not] = await this.reloads();
      if (not > refused) throw Object.assign(new Error(`the configuration was refused: ${server.logText().slice(from)}`), { refused: true });
      return now > applied;
    }, "the reload");
  }

  async reloads() {
    return [await this.server.metric("parley_config_reloads_total", { outcome: "applied" }), await this.server.metric("parley_config_reloads_total", { outcome: "refused" })];
  }

  async end() {
    for (const step of this.cleanup.reverse()) await step();
  }

  // ---- Pusher's clients ----

  async connect(options) {
    const client = this.open(options);
    await client.established();
    return client;
  }

  open(options) {
    const client = new RawClient(this.server, this.app, options);
    this.cleanup.push(() => client.cut());
    return client;
  }

  // "welcome", a code of Pusher's, or the status of a refused handshake.
  async greeting(options) {
    const client = this.open(options);
    await until(() => client.frames.items.length > 0 || client.error, "a greeting");
    const { event, data } = client.frames.items[0] ?? {};
    if (event === "pusher:connection_established") return "welcome";
    return event === undefined ? Number(/\d+$/.exec(client.error.message)?.[0]) : data.code;
  }

  // "joined", or how it was refused.
  async join(client, channel, options) {
    const answer = await client.subscribe(channel, options);
    if (answer.event === "pusher_internal:subscription_succeeded") return "joined";
    const data = typeof answer.data === "string" ? JSON.parse(answer.data) : answer.data;
    return data.type ?? data.error ?? "refused";
  }

  // The code of the pusher:error that the frames bring, or "taken".
  async says(client, ...frames) {
    const from = client.frames.items.length;
    for (const frame of frames) client.send(frame);
    await client.settle();
    const error = client.frames.items.slice(from).find(({ event }) => event === "pusher:error");
    return error ? (error.data.code ?? "refused") : "taken";
  }

  // ---- the HTTP API ----

  call(method, path, options) {
    return call(this.server, this.app, method, `/apps/${this.app.id}${path}`, options);
  }

  publish(channel, data = 1, extra = {}, options = {}) {
    return this.call("POST", "/events", { body: { name: "n", channel, data: typeof data === "string" ? data : JSON.stringify(data), ...extra }, ...options });
  }

  // The same signed request again: the status of the second.
  async publishTwice() {
    const [channel, timestamp] = [fresh("c."), Math.floor(Date.now() / 1000)];
    await this.publish(channel, 1, {}, { unique: false, timestamp });
    return (await this.publish(channel, 1, {}, { unique: false, timestamp })).status;
  }

  // Many events for one channel in one request.
  batch(channel, count, data = "1") {
    return this.call("POST", "/batch_events", { body: { batch: Array.from({ length: count }, () => ({ name: "n", channel, data })) } });
  }

  async admin(path, key = adminKey) {
    const answer = await fetch(`${this.server.url}/admin${path}`, { headers: { Authorization: `Bearer ${key}` } });
    return { status: answer.status, json: await answer.json() };
  }

  async hook() {
    return (await this.admin("/webhooks")).json.webhooks.find(({ target }) => target === this.shape.webhook.name);
  }

  get(path, headers) {
    return send(this.server, "GET", path, "", headers);
  }

  // A connection that stays: when its bytes were written, when an answer came.
  idleConnection(bytes = "GET /up HTTP/1.1\r\nHost: x\r\n\r\n") {
    const socket = createConnection({ host: "127.0.0.1", port: this.server.port });
    this.cleanup.push(() => socket.destroy());
    socket.on("error", () => {});
    const written = new Promise((done) => socket.write(bytes, done));
    const answered = new Promise((done) => socket.once("data", done).once("close", done));
    return { written, answered };
  }

  // "closed" when the server has ended one of several connections with these bytes. A new one is opened again and again:
  // each keeps the time that was in force when it came.
  async firstClosed(bytes) {
    let closed = false;
    let opened = 0;
    await until(() => {
      if (performance.now() - opened > 300) {
        opened = performance.now();
        const socket = createConnection({ host: "127.0.0.1", port: this.server.port });
        this.cleanup.push(() => socket.destroy());
        socket.on("error", () => {});
        socket.on("data", () => {});
        socket.on("close", () => (closed = true));
        socket.write(bytes);
      }
      return closed;
    }, "a connection to be closed");
    return "closed";
  }

  // ---- Socket.IO ----

  endpoint(path = "/socket.io/", options) {
    return new Endpoint(this.server.port, path, options);
  }

  async wire(options) {
    const wire = await this.endpoint("/socket.io/", options).connect();
    this.cleanup.push(() => wire.cut());
    return wire;
  }

  // On `/`; its socket's id is `wire.socket`.
  async joinedWire(options) {
    const wire = await this.wire(options);
    wire.send("40");
    const connected = JSON.parse((await wire.next((packet) => packet.startsWith("40"), "CONNECT")).slice(2));
    return Object.assign(wire, { socket: connected.sid, pid: connected.pid });
  }

  // An emit with an acknowledgement; resolves with what it says.
  async ask(wire, id, event, argument) {
    wire.send(`42${id}${JSON.stringify([event, argument])}`);
    const answer = await wire.next((packet) => typeof packet === "string" && packet.startsWith(`43${id}[`), `an answer to ${event}`);
    return JSON.parse(answer.slice(2 + String(id).length))[0];
  }

  proof(wire, channel) {
    return { channel, auth: channelAuth(this.app, wire.socket, channel) };
  }
}

export const started = (world, shape = world.shape, options = {}) => Server.start({ config: World.config(shape), ...options });
