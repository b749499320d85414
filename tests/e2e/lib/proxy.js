// A TCP proxy between client and server that breaks connections in the ways that networks do.
import { connect, createServer } from "node:net";

export class Proxy {
  constructor(targetPort) {
    this.targetPort = targetPort;
    this.pairs = new Set();
    this.refusing = false;
    this.accepted = 0;
    this.server = createServer({ allowHalfOpen: true }, (client) => this.accept(client));
  }

  static async start(targetPort) {
    const proxy = new Proxy(targetPort);
    await new Promise((done) => proxy.server.listen(0, "127.0.0.1", done));
    proxy.port = proxy.server.address().port;
    return proxy;
  }

  accept(client) {
    if (this.refusing) {
      client.on("error", () => {});
      client.resetAndDestroy();
      return;
    }
    this.accepted++;
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

  // Nobody gets in until allow().
  refuse() {
    this.refusing = true;
  }

  allow() {
    this.refusing = false;
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
    for (const { client, upstream } of this.pairs) {
      client.destroy();
      upstream.destroy();
    }
    return new Promise((done) => this.server.close(done));
  }
}
