// What suites of recovery share: a server's rules, a client behind a proxy, the proxy's cut.
import assert from "node:assert/strict";

import { range } from "./harness.js";
import { Proxy } from "./proxy.js";
import { trigger } from "./sign.js";
import { SocketClient } from "./sockets.js";
import { Inbox, until } from "./wait.js";

const socketio = { ping_interval_ms: 400, ping_timeout_ms: 400 };
export const recoverySections = (app, backend, extra = {}) => ({
  apps: [{ ...app, allowed_origins: ["https://shop.example"], auth: { url: `${backend.url}/broadcasting/auth` } }],
  channels: [
    { match: "short.*", durability: "quorum", retention: { count: 5 } },
    { match: "kept.*", durability: "quorum", keep_client_events: true },
    { match: "slow.*", durability: "quorum", presence_grace_ms: 6000 },
    { match: "quick.*", durability: "quorum", presence_grace_ms: 1500 },
    { match: "domain.*", durability: "quorum", presence_grace_ms: 1500 },
  ],
  socketio: { ...socketio, ...extra },
});

// For one application on one server; `server` gives it, once it runs.
export function recovering(app, server) {
  const publish = async (on, channel, from, to = from) => {
    for (const n of range(from, to)) {
      const answer = await trigger(on, app, channel, "n", n);
      assert.equal(answer.status, 200, answer.text);
    }
  };
  const user = (id) => ({ user_id: id, user_info: { name: `User ${id}` } });
  const proxyTo = async (t, on = server()) => {
    const proxy = await Proxy.start(on.port);
    t.after(() => proxy.stop());
    return proxy;
  };

  // A client behind a proxy, on its channels. `connections` is its life: recovered or not, under which id.
  async function listen(t, proxy, channels, { on = server(), member = "ada", ...options } = {}) {
    const client = new SocketClient(on, { port: proxy.port, timeout: 20_000, ...options });
    t.after(() => client.end());
    client.connections = new Inbox("the connections of a client");
    client.socket.on("connect", () => client.connections.push({ recovered: client.socket.recovered, id: client.id }));
    await client.connected();
    for (const channel of channels) await client.join(app, channel, channel.startsWith("presence-") ? user(member) : undefined);
    client.numbers = (channel = channels[0]) => client.data(channel, "n");
    client.hears = (n, channel = channels[0]) => client.heard.find(({ event, args }) => event === "n" && args[0] === channel && args[1] === n, `${n} on ${channel}`);
    // The connection number `count`, the first is 1.
    client.connection = async (count) => (await client.connections.atLeast(count, () => true, "connections"))[count - 1];
    return client;
  }
  const away = (client) => until(() => !client.socket.connected, "the client to notice");
  async function cutWhile(client, proxy, how, meanwhile) {
    proxy.hold();
    proxy.cut(how);
    await meanwhile();
    await away(client);
    proxy.allow();
  }
  return { publish, user, proxyTo, listen, away, cutWhile };
}
