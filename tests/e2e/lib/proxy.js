// A TCP proxy between client and server that breaks connections in the ways that networks do.
import { connect, createServer } from "node:net";

export class Proxy {
  constructor(targetPort) {
    this.targetPort = targetPort;
    this.pairs = new Set();
    this.attempts = 0;
    this.held = null; // clients that wait to be let through
    this.server = createServer({ allowHalfOpen: true }, (client) => this.accept(client));
  }

  static async start(targetPort) {
    const proxy = new Proxy(targetPort);
    await new Promise((done) => proxy.server.listen(0, "127.0.0.1", done));
    proxy.port = proxy.server.address().port;
    return proxy;
  }

  accept(client) {
    this.attempts++;
    client.on("error", () => {});
    if (this.held) this.held.push(client);
    else this.join(client);
  }

  join(client) {
    if (client.destroyed) return;
    const upstream = connect({ port: this.targetPort, host: "127.0.0.1", allowHalfOpen: true });
    const pair = { client, upstream };
    this.pairs.add(pair);
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
    client.on("close", () => {
      this.pairs.delete(pair);
      if (!pair.silent) upstream.destroy();
    });
    upstream.on("close", () => {
      if (!pair.silent) client.destroy();
    });
    client.pipe(upstream);
    upstream.pipe(client);
  }

  // New connections wait until allow(): the client's attempt neither fails nor succeeds. (When attempts
  // are refused, pusher-js soon pauses for 15 seconds and longer.)
  hold() {
    this.held = [];
  }

  allow() {
    const waiting = this.held;
    this.held = null;
    for (const client of waiting) this.join(client);
  }

  // rst: both sides see a reset. fin: both sides see an orderly end without a WebSocket close.
  // silence: nothing passes any more, and nobody is told.
  cut(how) {
    for (const pair of [...this.pairs]) {
      const { client, upstream } = pair;
      client.unpipe(upstream);
      upstream.unpipe(client);
      if (how === "rst") {
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      } else if (how === "fin") {
        client.end();
        upstream.end();
        client.resume();
        upstream.resume();
      } else {
        pair.silent = true;
        client.resume();
        upstream.resume();
      }
    }
  }

  stop() {
    for (const client of this.held ?? []) client.destroy();
    for (const { client, upstream } of this.pairs) {
      client.destroy();
      upstream.destroy();
    }
    return new Promise((done) => this.server.close(done));
  }
}
