// A backend that takes webhooks, well or badly, by script. Each request is checked with the `pusher` SDK's
// own parser, as an application would.
import { createServer } from "node:http";

import { PusherServer } from "./clients.js";
import { Inbox, until } from "./wait.js";

export class Receiver {
  constructor(app) {
    this.sdk = new PusherServer({ appId: app.id, key: app.key, secret: app.secret, host: "127.0.0.1" });
    this.requests = new Inbox("the requests of the receiver"); // each with what became of it
    this.events = new Inbox("the events that the receiver acknowledged");
    this.script = []; // what the next requests meet; then `normal`
    this.normal = "ok";
    this.server = createServer((request, response) => this.take(request, response));
    this.server.keepAliveTimeout = 60_000;
    this.port = 0;
  }

  static async start(app) {
    const receiver = new Receiver(app);
    await receiver.up();
    return receiver;
  }

  get url() {
    return `http://127.0.0.1:${this.port}/hook`;
  }

  // Again on the same port, after down().
  async up() {
    await new Promise((done, failed) => {
      this.server.once("error", failed);
      this.server.listen(this.port, "127.0.0.1", done);
    });
    this.port = this.server.address().port;
  }

  // Connections are refused from now on; those that are open break.
  async down() {
    const closed = new Promise((done) => this.server.close(done));
    this.server.closeAllConnections();
    await closed;
  }

  // "ok", a status, { status, headers, body }, "close" (before an answer), "half" (in the middle of one),
  // "hang" (never answers), or a function that gives one of these in its time.
  async take(request, response) {
    let body = "";
    for await (const chunk of request) body += chunk;
    const hook = this.sdk.webhook({ headers: request.headers, rawBody: body });
    const row = { headers: request.headers, body, valid: hook.isValid(), answered: false };
    row.events = row.valid ? hook.getEvents() : [];
    row.time = row.valid ? hook.getTime().getTime() : 0;
    const planned = this.script.length > 0 ? this.script.shift() : this.normal;
    row.planned = planned;
    this.requests.push(row);
    const how = typeof planned === "function" ? await planned() : planned;
    if (how === "hang") return;
    if (how === "close") return request.socket.destroy();
    if (how === "half") {
      response.writeHead(200, { "Content-Length": "100" });
      response.write("half");
      return setImmediate(() => request.socket.destroy());
    }
    const { status, headers = {}, body: text = "" } = how === "ok" ? { status: 200 } : typeof how === "number" ? { status: how } : how;
    response.writeHead(status, headers);
    response.end(text);
    row.answered = true;
    if (status >= 200 && status < 300) for (const event of row.events) this.events.push(event);
  }

  // The events of one user that were acknowledged, in order.
  of(userId) {
    return this.events.items.filter((event) => event.user_id === userId);
  }

  async expect(userId, names, options = {}) {
    await until(() => this.of(userId).length >= names.length, () => `${names} of ${userId}; acknowledged: ${JSON.stringify(this.of(userId).map(({ name }) => name))}`, options.timeout);
    return this.of(userId);
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }
}
