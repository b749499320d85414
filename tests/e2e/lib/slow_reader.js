// A client that takes what it is sent at its own speed. It counts on the wire: publications of one channel must come in
// order and without a hole, and their text is not kept.
import WebSocket from "ws";

import { channelAuth } from "./sign.js";
import { Inbox, within } from "./wait.js";

const offsetOf = /"offset":(\d+)}$/;

export class SlowReader {
  // `rate`: bytes a second; 0: as fast as they come. `id`: a stock client with a client id, which answers pings.
  static async connect(server, app, { id, rate = 0, port = server.port, localAddress, pongs = true } = {}) {
    const reader = new SlowReader();
    Object.assign(reader, { app, rate, bytes: 0, first: 0, last: 0, count: 0, gaps: [], problems: [], others: new Inbox("what a slow reader is told"), moved: [] });
    reader.ws = new WebSocket(`ws://127.0.0.1:${port}${id ? `/r/${id}` : ""}/app/${app.key}?protocol=7`, { localAddress, perMessageDeflate: false });
    reader.closed = new Promise((done) => reader.ws.on("close", (code, reason) => done({ code, reason: reason.toString() })));
    reader.closed.then((how) => {
      reader.over = how;
      reader.tell();
    });
    reader.ws.on("error", () => {});
    reader.ws.on("message", (bytes) => reader.take(bytes, pongs));
    const frame = await reader.others.find((item) => item.event === "pusher:connection_established", "connection_established");
    reader.socketId = JSON.parse(frame.data).socket_id;
    return reader;
  }

  take(bytes, pongs) {
    this.slow(bytes.length);
    const found = offsetOf.exec(bytes.subarray(Math.max(0, bytes.length - 64)).toString());
    if (found !== null && bytes.subarray(0, 10).toString() === '{"event":"' && bytes.subarray(10, 17).toString() !== "pusher_") {
      const offset = Number(found[1]);
      if (this.first === 0) this.first = offset;
      else if (offset !== this.last + 1 && this.gaps.at(-1) !== offset) this.problems.push(`${offset} came after ${this.last}`);
      this.last = offset;
      this.count += 1;
      this.tell();
      return;
    }
    const frame = JSON.parse(bytes.toString());
    if (frame.event === "pusher:ping" && pongs) this.ws.send('{"event":"pusher:pong","data":{}}');
    if (frame.event === "parley:gap") this.gaps.push(JSON.parse(frame.data).before);
    this.others.push(frame);
  }

  // So many bytes were taken: the next ones when their time has come.
  slow(bytes) {
    this.bytes += bytes;
    if (this.rate === 0) return;
    this.due = Math.max(this.due ?? 0, performance.now()) + (bytes / this.rate) * 1_000;
    const ahead = this.due - performance.now();
    if (ahead < 20 || this.ws.isPaused) return;
    this.ws.pause();
    setTimeout(() => this.ws.resume(), ahead);
  }

  tell() {
    for (const done of this.moved.splice(0)) done();
  }

  subscribe(channel, extra = {}) {
    const data = { channel, ...extra };
    if (/^(private|presence)-/.test(channel)) data.auth = channelAuth(this.app, this.socketId, channel);
    this.ws.send(JSON.stringify({ event: "pusher:subscribe", data }));
    return this.others.find((item) => item.channel === channel && /subscription_(succeeded|error)/.test(item.event), `the answer to subscribing ${channel}`);
  }

  // Until it has this publication. As long as it takes, if it goes on: `patience` is for the next one.
  async reach(offset, patience = 60_000) {
    while (this.last < offset) {
      if (this.over) throw new Error(`closed at ${this.last} of ${offset}: ${JSON.stringify(this.over)}; ${this.others.tail()}`);
      await within(new Promise((done) => this.moved.push(done)), () => `more than ${this.last} of ${offset}; ${this.others.tail()}`, patience);
    }
  }

  // A round trip: what was sent before it has arrived, both ways.
  async settle() {
    const from = this.others.items.length;
    this.ws.send('{"event":"pusher:ping","data":{}}');
    await this.others.find((item) => item.event === "pusher:pong", "pusher:pong", { from });
  }

  cut() {
    this.ws.terminate();
    return this.closed;
  }
}
