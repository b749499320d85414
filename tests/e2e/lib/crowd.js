// Many WebSocket connections for little work: frames are written by hand and what comes in is counted,
// not parsed. Also the tool for what a well-behaved client never does: wrong frames, no reading.
import { randomBytes } from "node:crypto";
import { connect } from "node:net";

import { within } from "./wait.js";

// One client frame. Options make it wrong.
export function frame(payload, { opcode = 1, fin = true, rsv = 0, masked = true, length } = {}) {
  const body = Buffer.from(payload);
  const size = length ?? body.length;
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
  const mask = masked ? 0x80 : 0;
  if (size < 126) head.push(mask | size);
  else if (size < 65_536) head.push(mask | 126, size >> 8, size & 255);
  else head.push(mask | 127, ...bigEndian64(size));
  if (!masked) return Buffer.concat([Buffer.from(head), body]);
  const key = randomBytes(4);
  const scrambled = Buffer.from(body);
  for (let index = 0; index < scrambled.length; index++) scrambled[index] ^= key[index & 3];
  return Buffer.concat([Buffer.from(head), key, scrambled]);
}

function bigEndian64(size) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(size));
  return [...bytes];
}

export const handshake = (path) =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n\r\n`;

export class Plain {
  constructor(port) {
    this.socket = connect(port, "127.0.0.1");
    this.socket.setNoDelay(true);
    this.received = Buffer.alloc(0);
    this.checks = new Set();
    this.keep = true;
    this.closed = new Promise((done) => this.socket.on("close", done));
    this.socket.on("error", () => {});
    this.socket.on("data", (chunk) => {
      if (!this.keep) return;
      this.received = Buffer.concat([this.received, chunk]);
      for (const check of [...this.checks]) check();
    });
  }

  write(bytes) {
    this.socket.write(bytes);
  }

  async until(pattern, what = String(pattern)) {
    const match = () => pattern.exec(this.received.toString("latin1"));
    const now = match();
    if (now) return now;
    let check;
    const found = new Promise((done) => {
      check = () => {
        const got = match();
        if (got) done(got);
      };
      this.checks.add(check);
    });
    return within(Promise.race([found, this.closed.then(() => match())]), () => `${what}; got ${JSON.stringify(this.received.toString("latin1").slice(-300))}`).finally(() =>
      this.checks.delete(check),
    );
  }

  whenClosed(timeout) {
    return within(this.closed, "the server to close the connection", timeout);
  }

  // The status code of the first close frame, if one came.
  get closeCode() {
    for (let at = this.received.indexOf("\r\n\r\n") + 4; at >= 4 && at + 2 <= this.received.length; ) {
      const opcode = this.received[at] & 15;
      let size = this.received[at + 1] & 127;
      let start = at + 2;
      if (size === 126) [size, start] = [this.received.readUInt16BE(at + 2), at + 4];
      else if (size === 127) [size, start] = [Number(this.received.readBigUInt64BE(at + 2)), at + 10];
      if (opcode === 8) return size >= 2 ? this.received.readUInt16BE(start) : 1005;
      at = start + size;
    }
    return undefined;
  }

  // Pusher connection established; resolves with the socket id.
  async open(app, path = `/app/${app.key}?protocol=7`) {
    this.write(handshake(path));
    [, this.socketId] = await this.until(/socket_id\\":\\"(\d+\.\d+)/, "connection_established");
    return this.socketId;
  }

  ignore() {
    this.keep = false;
    this.received = Buffer.alloc(0);
  }

  destroy() {
    this.socket.destroy();
  }
}
