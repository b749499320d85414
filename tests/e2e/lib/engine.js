// Engine.IO by hand: single requests of a polling session and single frames of a WebSocket, so that a
// test sees what the server really answers and can do what a client never does.
import { Agent, request as httpRequest } from "node:http";
import WebSocket from "ws";

import { Deadline, deadlineMs, Inbox, within } from "./wait.js";

export const separator = "\x1e";
const plainText = "text/plain;charset=UTF-8";

// One HTTP exchange over a connection of its own (or of `agent`). The promise has abort(): the client hangs up.
export function exchange(port, method, path, { body, headers = {}, agent = false, timeout } = {}) {
  const bytes = body === undefined ? undefined : Buffer.from(body);
  let outgoing;
  const answered = new Promise((done, failed) => {
    outgoing = httpRequest(
      { host: "127.0.0.1", port, method, path, agent, headers: { ...(bytes ? { "Content-Type": plainText, "Content-Length": bytes.length } : {}), ...headers } },
      (answer) => {
        const chunks = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("error", failed);
        answer.on("end", () => done(new Answer(answer, Buffer.concat(chunks))));
      },
    );
    outgoing.on("error", failed);
    outgoing.end(bytes);
  });
  const promise = within(answered, `an answer to ${method} ${path}`, timeout);
  promise.catch(() => {}); // looked at by who awaits it
  promise.abort = () => outgoing.destroy();
  return promise;
}

class Answer {
  constructor({ statusCode, headers }, bytes) {
    Object.assign(this, { status: statusCode, headers, bytes, text: bytes.toString("utf8") });
  }

  get json() {
    return JSON.parse(this.text);
  }

  get packets() {
    return this.text.split(separator);
  }
}

// A place where Engine.IO is served. `query` goes into every request.
export class Endpoint {
  constructor(port, path = "/engine.io/", { eio = 4, query = {}, headers = {} } = {}) {
    Object.assign(this, { port, path, headers });
    this.query = { ...(eio === undefined ? {} : { EIO: String(eio) }), ...query };
  }

  target(query = {}) {
    const text = new URLSearchParams({ ...this.query, ...query }).toString();
    return text === "" ? this.path : `${this.path}?${text}`;
  }

  request(method, query, { headers, ...options } = {}) {
    return exchange(this.port, method, this.target(query), { ...options, headers: { ...this.headers, ...headers } });
  }

  async open(query = {}) {
    const answer = await this.request("GET", { transport: "polling", ...query });
    if (answer.status !== 200 || !answer.text.startsWith("0")) throw new Error(`no session: ${answer.status} ${answer.text}`);
    return new Session(this, answer, query);
  }

  // A WebSocket of its own, or for a session: { sid }.
  socket(query = {}, { headers, ...options } = {}) {
    return new Wire(this.port, this.target({ transport: "websocket", ...query }), { ...options, headers: { ...this.headers, ...headers } });
  }

  async connect(query, options) {
    const wire = this.socket(query, options);
    wire.handshake = JSON.parse((await wire.next((packet) => packet[0] === "0", "the open packet")).slice(1));
    wire.sid = wire.handshake.sid;
    return wire;
  }
}

// A polling session, one request at a time.
export class Session {
  constructor(endpoint, answer, query = {}) {
    this.endpoint = endpoint;
    this.opening = answer;
    this.query = query;
    const [first, ...rest] = answer.packets;
    this.handshake = JSON.parse(first.slice(1));
    this.early = rest; // packets that came with the open packet
    this.sid = this.handshake.sid;
    this.packets = new Inbox("the packets of a polling session");
    for (const packet of rest) this.packets.push(packet);
  }

  request(method, options, query = {}) {
    return this.endpoint.request(method, { transport: "polling", ...this.query, sid: this.sid, ...query }, options);
  }

  poll(options) {
    return this.request("GET", options);
  }

  post(body, options = {}) {
    return this.request("POST", { body: Array.isArray(body) ? body.join(separator) : body, ...options });
  }

  socket(options) {
    return this.endpoint.socket({ ...this.query, sid: this.sid }, options);
  }

  // Polls until a packet matches; pings are answered. Resolves with the packet.
  async next(matches, what) {
    for (;;) {
      const at = this.packets.items.findIndex((packet) => matches(packet));
      if (at >= 0) return this.packets.items.splice(at, 1)[0];
      const answer = await this.poll();
      if (answer.status !== 200) throw new Error(`waited for ${what}; the poll was answered ${answer.status} ${answer.text}; before: ${this.packets.tail()}`);
      for (const packet of answer.packets) {
        if (packet === "2") await this.post("3");
        else this.packets.push(packet);
      }
    }
  }

  // The next `count` messages, in order. Pings and noops are left out.
  async messages(count) {
    const got = [];
    while (got.length < count) got.push(await this.next((packet) => packet[0] === "4" || packet[0] === "b", `message ${got.length + 1} of ${count}`));
    return got;
  }

  // Resolves with the answer that says the session is no more. Pings are answered: it does not end by itself.
  async ended(timeout = deadlineMs) {
    const began = performance.now();
    for (const heard = []; ; ) {
      const answer = await this.poll();
      if (answer.status === 400) return answer;
      if (answer.status !== 200) throw new Error(`a poll was answered ${answer.status} ${answer.text}`);
      heard.push(answer.text.slice(0, 100));
      if (answer.packets.includes("2")) await this.post("3");
      if (performance.now() - began > timeout) throw new Deadline(`waited ${timeout} ms for the session to end; it says ${heard.slice(-8)}`);
    }
  }

  // Upgrades as a client does; resolves with the WebSocket.
  async upgrade() {
    const wire = this.socket();
    await wire.opened;
    wire.send("2probe");
    await wire.next((packet) => packet === "3probe", "3probe");
    wire.send("5");
    return wire;
  }
}

// A WebSocket that speaks packets: text as strings, binary as Buffers.
export class Wire {
  constructor(port, path, { headers = {}, pongs = true, perMessageDeflate = false } = {}) {
    this.frames = new Inbox("the frames of a WebSocket");
    this.pings = 0;
    this.ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers, perMessageDeflate });
    this.opened = new Promise((done, failed) => {
      this.ws.on("open", done);
      this.ws.on("error", failed);
      this.ws.on("unexpected-response", (_, { statusCode }) => failed(new Error(`the WebSocket was refused: ${statusCode}`)));
    });
    this.opened.catch(() => {});
    this.closed = new Promise((done) => this.ws.on("close", (code, reason) => done({ code, reason: reason.toString() })));
    // An HTTP answer instead of an upgrade.
    this.refused = new Promise((done) =>
      this.ws.on("unexpected-response", (request, response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        const end = () => {
          request.destroy();
          done(new Answer(response, Buffer.concat(chunks)));
        };
        response.on("end", end);
        response.on("error", end);
      }),
    );
    this.ws.on("message", (bytes, binary) => {
      const packet = binary ? bytes : bytes.toString("utf8");
      if (packet === "2") {
        this.pings++;
        if (pongs) this.send("3");
      }
      this.frames.push(packet);
    });
  }

  send(packet) {
    this.ws.send(packet);
  }

  // The next frame that matches, in order: what came before it is passed over.
  async next(matches = () => true, what = "a frame", options = {}) {
    const found = await this.frames.find((packet) => packet !== "2" && matches(packet), what, { from: this.read ?? 0, ...options });
    this.read = this.frames.items.indexOf(found, this.read ?? 0) + 1;
    return found;
  }

  // The next frame whatever it is, pings apart.
  packet(what) {
    return this.next(() => true, what ?? "a frame");
  }

  // All frames but pings and the open packet.
  get packets() {
    return this.frames.items.filter((packet) => packet !== "2" && packet[0] !== "0");
  }

  whenClosed(timeout) {
    return within(this.closed, () => `the WebSocket to close; frames: ${this.frames.tail()}`, timeout);
  }

  whenRefused() {
    const opened = this.opened.then(() => Promise.reject(new Error("the WebSocket was opened")), () => this.refused);
    return within(Promise.race([this.refused, opened]), "a refusal");
  }

  get open() {
    return this.ws.readyState === WebSocket.OPEN;
  }

  cut() {
    this.ws.terminate();
  }
}

// Requests of one agent share connections, as a browser's do.
export const keepAlive = () => new Agent({ keepAlive: true });
