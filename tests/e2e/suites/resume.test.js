// Unmodified clients get what they missed. Their only part is `wsPath: "/r/<client id>"`.
//
// Between client and server stands a proxy that breaks the connection as networks do: by reset, by an
// orderly end, and by silence, where the server goes on writing into nothing.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { randomUUID } from "node:crypto";

import { Backend } from "../lib/backend.js";
import { echoes, pusherOptions, pushers } from "../lib/clients.js";
import { apps, fresh, range, raw, startServer, test } from "../lib/harness.js";
import { Proxy } from "../lib/proxy.js";
import { RawClient } from "../lib/raw.js";
import { trigger } from "../lib/sign.js";
import { Inbox, until } from "../lib/wait.js";

let server;
let backend;
const app = apps.main;
before(async () => {
  server = await startServer();
  backend = await Backend.start(app);
});
after(async () => {
  await server?.stop();
  await backend?.stop();
});

// When its first attempts are refused, pusher-js waits for 15 seconds before the next ones.
const patience = 45_000;

const publish = async (on, channel, from, to) => {
  for (const n of range(from, to)) {
    const answer = await trigger(on, app, channel, "message.sent", { n });
    assert.equal(answer.status, 200, answer.text);
  }
};

// One way to hear `message.sent` on a channel with each stock client.
const clients = {};
for (const [name, Pusher] of Object.entries(pushers)) {
  clients[name] = (options, channel, heard) => {
    const pusher = new Pusher(app.key, options);
    const bound = pusher.subscribe(channel);
    bound.bind("message.sent", ({ n }) => heard.push(n));
    bound.bind("parley:gap", (gap) => heard.push(gap));
    bound.bind("pusher:subscription_succeeded", () => heard.push("subscribed"));
    return { connection: pusher.connection, end: () => pusher.disconnect(), leave: () => pusher.unsubscribe(channel) };
  };
}
for (const [name, { Echo, Pusher }] of Object.entries(echoes)) {
  clients[name] = ({ channelAuthorization, ...options }, channel, heard) => {
    const echo = new Echo({ ...options, broadcaster: "pusher", key: app.key, Pusher, authEndpoint: channelAuthorization.endpoint, auth: { headers: channelAuthorization.headers } });
    const [, kind, id] = /^(private-|presence-|)(.*)$/.exec(channel);
    const bound = kind === "private-" ? echo.private(id) : kind === "presence-" ? echo.join(id) : echo.channel(id);
    bound.listen(".message.sent", ({ n }) => heard.push(n)).listen(".parley:gap", (gap) => heard.push(gap));
    bound.subscribed(() => heard.push("subscribed"));
    return { connection: echo.connector.pusher.connection, end: () => echo.disconnect(), leave: () => echo.leave(id) };
  };
}

async function listen(t, make, on, port, channel, { clientId = randomUUID(), ...extra } = {}) {
  const heard = new Inbox(`what was heard on ${channel}`);
  const options = pusherOptions(on, backend, { port, wsPath: `/r/${clientId}`, activityTimeout: 600, pongTimeout: 300, user: clientId.slice(0, 8), ...extra });
  const client = make(options, channel, heard);
  t.after(() => client.end());
  await heard.find((item) => item === "subscribed", "the subscription");
  const numbers = () => heard.items.filter((item) => typeof item === "number");
  return { ...client, heard, numbers, clientId };
}

// Each number once and in order. At-least-once: the first `unconfirmed` ones may have come twice.
function assertComplete(numbers, total, unconfirmed = 0) {
  const first = [];
  const repeated = [];
  for (const n of numbers) (first.includes(n) ? repeated : first).push(n);
  assert.deepEqual(first, range(1, total), `heard ${numbers.join(" ")}`);
  assert.ok(repeated.every((n) => n <= unconfirmed), `came twice: ${repeated.join(" ")}`);
}

for (const [name, make] of Object.entries(clients)) {
  describe(name, () => {
    for (const how of ["rst", "fin", "silence"]) {
      for (const prefix of how === "rst" ? ["", "private-", "presence-"] : ["private-"]) {
        test(`${how} on a ${prefix || "public "}channel: the 20 missed messages arrive once and in order`, async (t) => {
          const channel = fresh(`${prefix}domain.`);
          const proxy = await Proxy.start(server.port);
          t.after(() => proxy.stop());
          const client = await listen(t, make, server, proxy.port, channel);
          await publish(server, channel, 1, 5);
          await client.heard.find((item) => item === 5, "message 5");
          proxy.hold();
          proxy.cut(how);
          await publish(server, channel, 6, 25);
          await until(() => client.connection.state !== "connected", "the client to notice");
          proxy.allow();
          await client.heard.find((item) => item === 25, "message 25");
          await publish(server, channel, 26, 26);
          await client.heard.find((item) => item === 26, "message 26");
          assertComplete(client.numbers(), 26, 5);
        });
      }
    }

    test("nothing was heard yet when the connection broke", async (t) => {
      const channel = fresh("private-domain.");
      const proxy = await Proxy.start(server.port);
      t.after(() => proxy.stop());
      const client = await listen(t, make, server, proxy.port, channel);
      proxy.hold();
      proxy.cut("rst");
      await publish(server, channel, 1, 20);
      proxy.allow();
      await client.heard.find((item) => item === 20, "message 20");
      assertComplete(client.numbers(), 20);
    });

    test("kill -9 and restart while the client is away", async (t) => {
      const own = await startServer();
      t.after(() => own.stop());
      const channel = fresh("presence-domain.");
      const proxy = await Proxy.start(own.port);
      t.after(() => proxy.stop());
      const client = await listen(t, make, own, proxy.port, channel);
      await publish(own, channel, 1, 5);
      await client.heard.find((item) => item === 5, "message 5");
      proxy.hold();
      proxy.cut("rst");
      await publish(own, channel, 6, 15);
      await own.restart();
      await publish(own, channel, 16, 25);
      proxy.allow();
      await client.heard.find((item) => item === 25, "message 25");
      assertComplete(client.numbers(), 25, 5);
    });

    test("kill -9 under a connected client: it comes back by itself with what was said meanwhile", async (t) => {
      const own = await startServer();
      t.after(() => own.stop());
      const channel = fresh("private-domain.");
      const client = await listen(t, make, own, own.port, channel);
      await publish(own, channel, 1, 3);
      await client.heard.find((item) => item === 3, "message 3");
      await own.restart();
      await publish(own, channel, 4, 10);
      await client.heard.find((item) => item === 10, "message 10", { timeout: patience });
      assertComplete(client.numbers(), 10, 3);
    });

    test("what is not kept any more is announced as a gap, before what is kept", async (t) => {
      const channel = fresh("private-short.");
      const proxy = await Proxy.start(server.port);
      t.after(() => proxy.stop());
      const client = await listen(t, make, server, proxy.port, channel);
      await publish(server, channel, 1, 2);
      await client.heard.find((item) => item === 2, "message 2");
      proxy.hold();
      proxy.cut("rst");
      await publish(server, channel, 3, 20);
      proxy.allow();
      await client.heard.find((item) => item === 20, "message 20");
      const items = client.heard.items.slice(client.heard.items.lastIndexOf("subscribed"));
      assert.equal(typeof items[1], "object", JSON.stringify(items));
      assert.ok(items[1].after < items[1].before);
      assert.deepEqual(items.slice(2), range(16, 20));
    });

    test("a channel that was left on purpose starts afresh", async (t) => {
      const channel = fresh("private-domain.");
      const clientId = randomUUID();
      const first = await listen(t, make, server, server.port, channel, { clientId });
      await publish(server, channel, 1, 2);
      await first.heard.find((item) => item === 2, "message 2");
      first.leave();
      await publish(server, channel, 3, 5);
      first.end();
      const second = await listen(t, make, server, server.port, channel, { clientId });
      await publish(server, channel, 6, 6);
      await second.heard.find((item) => item === 6, "message 6");
      assert.deepEqual(second.numbers().filter((n) => n > 2), [6]);
    });
  });
}

test("confirmed messages do not come again", async (t) => {
  // The server pings after data; the answer confirms. A raw client shows the pings.
  const channel = fresh("domain.");
  const path = `/r/${randomUUID()}/app/${app.key}`;
  const first = await raw(t, server, app, { path });
  await first.joined(channel);
  await publish(server, channel, 1, 3);
  await first.frames.atLeast(3, ({ event }) => event === "message.sent", "messages");
  const from = first.frames.items.length;
  await first.next("pusher:ping", { from });
  await first.settle();
  first.cut();
  await publish(server, channel, 4, 5);
  const second = await raw(t, server, app, { path });
  const joined = await second.joined(channel);
  assert.equal(joined.recovered, true);
  await second.frames.atLeast(2, ({ event }) => event === "message.sent", "messages");
  await second.settle();
  assert.deepEqual(second.of(channel, "message.sent").map(({ data }) => JSON.parse(data).n), [4, 5]);
});

test("without a client id nothing is replayed and nothing is pinged for", async (t) => {
  const channel = fresh("domain.");
  const first = await raw(t, server);
  await first.joined(channel);
  first.cut();
  await publish(server, channel, 1, 3);
  const second = await raw(t, server);
  const joined = await second.joined(channel);
  assert.equal(joined.recovered, undefined);
  await second.settle();
  assert.equal(second.of(channel, "message.sent").length, 0);
});

test("a client id that is not well formed is refused by path", async (t) => {
  for (const id of ["short", "x".repeat(65), "with%20space", "a.b.c.d.e.f.g"]) {
    const client = new RawClient(server, app, { path: `/r/${id}/app/${app.key}` });
    t.after(() => client.cut());
    const closed = await client.whenClosed();
    assert.ok(closed.code === 4005 || closed.code === 1006, `${id}: ${closed.code}`);
  }
});

test("the position of one client is not another's, nor another channel's", async (t) => {
  const [one, two] = [fresh("domain."), fresh("domain.")];
  const [mine, yours] = [randomUUID(), randomUUID()].map((id) => `/r/${id}/app/${app.key}`);
  const first = await raw(t, server, app, { path: mine });
  await first.joined(one);
  first.cut();
  await publish(server, one, 1, 2);
  await publish(server, two, 1, 2);
  const stranger = await raw(t, server, app, { path: yours });
  await stranger.joined(one);
  await stranger.settle();
  assert.equal(stranger.of(one, "message.sent").length, 0);
  const back = await raw(t, server, app, { path: mine });
  await back.joined(two);
  await back.joined(one);
  await back.frames.atLeast(2, ({ event, channel }) => event === "message.sent" && channel === one, "messages");
  assert.equal(back.of(two, "message.sent").length, 0);
});
