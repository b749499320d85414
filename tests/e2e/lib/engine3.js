// Engine.IO 3 on top of lib/engine.js: bodies with lengths, in text (counted in UTF-16 units, as JavaScript
// counts) and in bytes, and a polling session that reads them.
import { Endpoint, exchange } from "./engine.js";
import { Deadline, deadlineMs } from "./wait.js";

export const textBody = (...packets) => packets.map((packet) => `${packet.length}:${packet}`).join("");

export function parseText(body) {
  const packets = [];
  for (let at = 0; at < body.length; ) {
    const colon = body.indexOf(":", at);
    const length = Number(body.slice(at, colon));
    if (colon < 0 || !/^\d+$/.test(body.slice(at, colon)) || colon + 1 + length > body.length) throw new Error(`no EIO3 body: ${body.slice(0, 200)}`);
    packets.push(body.slice(colon + 1, colon + 1 + length));
    at = colon + 1 + length;
  }
  return packets;
}

// Strings are text packets, Buffers binary messages.
export function binaryBody(...packets) {
  return Buffer.concat(
    packets.map((packet) => {
      const payload = typeof packet === "string" ? Buffer.from(packet) : Buffer.concat([Buffer.from([4]), packet]);
      const digits = [...String(payload.length)].map(Number);
      return Buffer.concat([Buffer.from([typeof packet === "string" ? 0 : 1, ...digits, 255]), payload]);
    }),
  );
}

export function parseBinary(body) {
  const packets = [];
  for (let at = 0; at < body.length; ) {
    const kind = body[at];
    const end = body.indexOf(255, at);
    const digits = [...body.subarray(at + 1, end)];
    const length = Number(digits.join(""));
    if (kind > 1 || end < 0 || digits.length === 0 || digits.some((digit) => digit > 9) || end + 1 + length > body.length) throw new Error(`no binary EIO3 body: ${body.toString("hex").slice(0, 200)}`);
    const payload = body.subarray(end + 1, end + 1 + length);
    if (kind === 1 && payload[0] !== 4) throw new Error(`a binary packet of type ${payload[0]}`);
    packets.push(kind === 0 ? payload.toString("utf8") : Buffer.from(payload.subarray(1)));
    at = end + 1 + length;
  }
  return packets;
}

// The packets of an answer, whichever form it has.
export const packetsOf = ({ headers, bytes, text }) => (headers["content-type"] === "application/octet-stream" ? parseBinary(bytes) : parseText(text));

export class Endpoint3 extends Endpoint {
  constructor(port, path = "/socket.io/", options = {}) {
    super(port, path, { eio: 3, ...options });
  }

  async open(query = {}) {
    const answer = await this.request("GET", { transport: "polling", ...query });
    if (answer.status !== 200) throw new Error(`no session: ${answer.status} ${answer.text}`);
    return new Session3(this, answer, query);
  }
}

export class Session3 {
  constructor(endpoint, answer, query) {
    Object.assign(this, { endpoint, query, opening: answer });
    const [first, ...rest] = packetsOf(answer);
    this.handshake = JSON.parse(first.slice(1));
    this.sid = this.handshake.sid;
    this.unread = rest;
  }

  request(method, options) {
    return this.endpoint.request(method, { transport: "polling", ...this.query, sid: this.sid }, options);
  }

  poll() {
    return this.request("GET");
  }

  post(...packets) {
    return this.raw(textBody(...packets));
  }

  raw(body) {
    return this.request("POST", Buffer.isBuffer(body) ? { body, headers: { "Content-Type": "application/octet-stream" } } : { body });
  }

  socket(options) {
    return this.endpoint.socket({ ...this.query, sid: this.sid }, options);
  }

  // The next packet. The client keeps the session alive, so it pings while it waits.
  async next() {
    while (this.unread.length === 0) {
      const answer = await this.poll();
      if (answer.status !== 200) throw new Error(`a poll was answered ${answer.status} ${answer.text}`);
      this.unread.push(...packetsOf(answer));
    }
    return this.unread.shift();
  }

  async packets(count) {
    const got = [];
    while (got.length < count) {
      const packet = await this.next();
      if (packet !== "3" && packet !== "6") got.push(packet);
    }
    return got;
  }

  // Resolves when the session is no more, though it is kept alive.
  async ended(timeout = deadlineMs) {
    const began = performance.now();
    for (;;) {
      const answer = await this.post("2");
      if (answer.status === 400) return answer;
      if (performance.now() - began > timeout) throw new Deadline(`waited ${timeout} ms for the session to end`);
      await this.poll().catch(() => {});
    }
  }
}

export { exchange };
