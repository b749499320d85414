// The honest client beside a hostile one, in a process of its own: what it measures is the node's doing, not that of the
// event loop in which the stranger works. hostile.js starts it and asks it over the channel that Node gives.
import assert from "node:assert/strict";
import { Agent, request } from "node:http";

import { RawClient } from "./raw.js";
import { signedPath } from "./sign.js";
import { deadlineMs, until } from "./wait.js";

// Subscribed to a channel, with a publisher beside it: each event is counted once, in order. A second client of the
// same place asks over HTTP. Both from an address where nobody does harm.
class Honest {
  static async start({ server, app, from, channel, pause }) {
    const honest = new Honest();
    Object.assign(honest, { server, app, from, channel, pause });
    honest.agent = new Agent({ keepAlive: true, maxSockets: 2, localAddress: from });
    honest.client = await RawClient.connect(server, app, { localAddress: from });
    honest.client.closed.then((how) => (honest.lost = how));
    await honest.client.joined(channel);
    honest.published = 0;
    honest.delays = [];
    honest.sentAt = new Map();
    honest.failures = [];
    honest.running = true;
    honest.client.ws.on("message", (bytes) => {
      const text = bytes.toString();
      if (!text.includes('"honest"')) return;
      const { n } = JSON.parse(JSON.parse(text).data);
      honest.delays.push(performance.now() - honest.sentAt.get(n));
    });
    honest.loop = honest.run();
    return honest;
  }

  call(method, path, body = "") {
    return new Promise((done, failed) => {
      const outgoing = request({ agent: this.agent, host: "127.0.0.1", port: this.server.port, method, path, localAddress: this.from, headers: body ? { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) } : {} }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk) => (text += chunk));
        answer.on("end", () => done({ status: answer.statusCode, text }));
        answer.on("error", failed);
      });
      outgoing.setTimeout(deadlineMs, () => outgoing.destroy(new Error(`no answer within ${deadlineMs} ms`)));
      outgoing.on("error", failed);
      outgoing.end(body);
    });
  }

  async publish() {
    const n = this.published++;
    const body = JSON.stringify({ name: "honest", channel: this.channel, data: JSON.stringify({ n }) });
    this.sentAt.set(n, performance.now());
    const answer = await this.call("POST", signedPath(this.app, "POST", `/apps/${this.app.id}/events`, { body }), body);
    if (answer.status !== 200) throw new Error(`publish ${n}: ${answer.status} ${answer.text}`);
  }

  async run() {
    while (this.running) {
      try {
        await this.publish();
      } catch (error) {
        this.failures.push(error.message);
      }
      await new Promise((done) => setTimeout(done, this.pause));
    }
  }

  get got() {
    return this.client.of(this.channel, "honest").map((frame) => JSON.parse(frame.data).n);
  }

  // Goes on until `more` further events have come.
  async served(more) {
    const from = this.got.length;
    await until(() => this.lost !== undefined || this.got.length >= from + more, () => `an honest client to be served: it has ${this.got.length} of ${this.published}; ${this.failures.at(-1) ?? ""}`);
  }

  // The delays of events that came since the last call.
  takeDelays() {
    return this.delays.splice(0);
  }

  // Every event came, once and in order, on the first connection.
  async settle() {
    this.running = false;
    await this.loop;
    assert.deepEqual(this.failures, [], "an honest client's publish failed");
    assert.equal(this.lost, undefined, `an honest client lost its connection: ${JSON.stringify(this.lost)}`);
    await until(() => this.got.length === this.published, () => `an honest client to get ${this.published} events; it has ${this.got.length}`);
    assert.deepEqual(this.got, Array.from({ length: this.published }, (_, n) => n));
    return this.published;
  }

  async end() {
    this.running = false;
    await this.loop?.catch(() => {});
    this.client?.cut();
    this.agent?.destroy();
  }
}

const honest = await Honest.start(JSON.parse(process.argv[2]));
process.on("message", async ({ id, ask, given }) => {
  try {
    process.send({ id, value: await honest[ask](given) });
  } catch (error) {
    process.send({ id, failure: error.message });
  }
});
process.on("disconnect", () => process.exit());
process.send({ ready: true });
