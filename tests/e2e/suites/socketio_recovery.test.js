// Connection state recovery: unmodified socket.io-client 4.8 gets exactly what it missed, or is told that it
// does not (`recovered` is false). Between client and server stands a proxy that breaks the connection.
// Frame by frame: socketio_recovery_frames; under load: resumes_under_load.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe } from "node:test";

import { Backend } from "../lib/backend.js";
import { echoes, pusherOptions, pushers, sockets } from "../lib/clients.js";
import { Endpoint } from "../lib/engine.js";
import { apps, fresh, range, raw, startServer, test } from "../lib/harness.js";
import { Proxy } from "../lib/proxy.js";
import { call, channelAuth, token as signToken, trigger } from "../lib/sign.js";
import { connect, SocketClient } from "../lib/sockets.js";
import { Inbox, until } from "../lib/wait.js";

const app = { ...apps.main, limits: { client_events_per_second_max: 0 } };
const token = (claims) => signToken(app, claims);
const socketio = { ping_interval_ms: 400, ping_timeout_ms: 400 };
const sections = (extra = {}) => ({
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
let server;
let backend;
before(async () => {
  backend = await Backend.start(app);
  server = await startServer(sections());
});
after(async () => {
  await server?.stop();
  await backend?.stop();
});

const publish = async (on, channel, from, to = from) => {
  for (const n of range(from, to)) {
    const answer = await trigger(on, app, channel, "n", n);
    assert.equal(answer.status, 200, answer.text);
  }
};
const user = (id) => ({ user_id: id, user_info: { name: `User ${id}` } });
const proxyTo = async (t, on = server) => {
  const proxy = await Proxy.start(on.port);
  t.after(() => proxy.stop());
  return proxy;
};

// A client behind a proxy, on its channels. `connections` is its life: recovered or not, under which id.
async function listen(t, proxy, channels, { on = server, member = "ada", ...options } = {}) {
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

for (const transport of ["websocket", "polling", "upgrade"]) {
  describe(`by ${transport}`, () => {
    for (const how of ["rst", "fin", "silence"]) {
      for (const prefix of how === "rst" ? ["", "private-", "presence-"] : ["private-"]) {
        test(`${how} on a ${prefix || "public "}channel: recovered, and the 20 missed messages come once and in order`, async (t) => {
          const channel = fresh(`${prefix}domain.`);
          const proxy = await proxyTo(t);
          const client = await listen(t, proxy, [channel], { transport });
          if (transport === "upgrade") await until(() => client.transport === "websocket", "the upgrade");
          const { id } = client;
          await publish(server, channel, 1, 5);
          await client.hears(5);
          await cutWhile(client, proxy, how, () => publish(server, channel, 6, 25));
          assert.deepEqual(await client.connection(2), { recovered: true, id });
          await publish(server, channel, 26);
          await client.hears(26);
          assert.deepEqual(client.numbers(), range(1, 26));
        });
      }
    }

    test("kill -9 and restart while the client is away", async (t) => {
      const own = await startServer(sections());
      t.after(() => own.stop());
      const channel = fresh("private-domain.");
      const proxy = await proxyTo(t, own);
      const client = await listen(t, proxy, [channel], { on: own, transport });
      const { id } = client;
      await publish(own, channel, 1, 5);
      await client.hears(5);
      await cutWhile(client, proxy, "rst", async () => {
        await publish(own, channel, 6, 15);
        await own.restart();
        await publish(own, channel, 16, 25);
      });
      assert.deepEqual(await client.connection(2), { recovered: true, id });
      await publish(own, channel, 26);
      await client.hears(26);
      assert.deepEqual(client.numbers(), range(1, 26));
    });

    test("kill -9 under a connected client: it comes back by itself, recovered", async (t) => {
      const own = await startServer(sections());
      t.after(() => own.stop());
      const channel = fresh("private-domain.");
      const client = await listen(t, own, [channel], { on: own, transport });
      await publish(own, channel, 1, 3);
      await client.hears(3);
      await own.restart();
      await publish(own, channel, 4, 10);
      assert.equal((await client.connection(2)).recovered, true);
      await client.hears(10);
      assert.deepEqual(client.numbers(), range(1, 10));
    });
  });
}

test("again and again: each break is recovered, and nothing comes twice", async (t) => {
  const channel = fresh("private-domain.");
  const proxy = await proxyTo(t);
  const client = await listen(t, proxy, [channel]);
  const { id } = client;
  for (const round of range(1, 12)) {
    await publish(server, channel, round * 10 - 9, round * 10 - 5);
    if (round % 3) await client.hears(round * 10 - 5);
    await cutWhile(client, proxy, ["rst", "fin"][round % 2], () => publish(server, channel, round * 10 - 4, round * 10));
    assert.deepEqual(await client.connection(round + 1), { recovered: true, id });
  }
  await client.hears(120);
  assert.deepEqual(client.numbers(), range(1, 120));
});

test("nothing was heard yet when the connection broke", async (t) => {
  const channel = fresh("private-domain.");
  const proxy = await proxyTo(t);
  const client = await listen(t, proxy, [channel]);
  await cutWhile(client, proxy, "rst", () => publish(server, channel, 1, 20));
  assert.equal((await client.connection(2)).recovered, true);
  await client.hears(20);
  assert.deepEqual(client.numbers(), range(1, 20));
});

test("a quiet connection: what others say meanwhile, however much, is no reason to start afresh", async (t) => {
  const [quiet, silent, loud] = [fresh("private-domain."), fresh("private-domain."), fresh("private-short.")];
  await publish(server, quiet, 1);
  const proxy = await proxyTo(t);
  const heardOnce = await listen(t, proxy, [quiet]);
  const heardNothing = await listen(t, proxy, [silent]);
  await publish(server, quiet, 2);
  await heardOnce.hears(2);
  await publish(server, loud, 1, 300);
  proxy.hold();
  proxy.cut("rst");
  await publish(server, loud, 301, 400);
  await Promise.all([away(heardOnce), away(heardNothing)]);
  proxy.allow();
  for (const client of [heardOnce, heardNothing]) assert.equal((await client.connection(2)).recovered, true);
  await publish(server, quiet, 3);
  await publish(server, silent, 1);
  await heardOnce.hears(3);
  await heardNothing.hears(1);
  assert.deepEqual(heardOnce.numbers(), [2, 3]);
  assert.deepEqual(heardNothing.numbers(), [1]);
});

test("several channels at once: each whole and in order", async (t) => {
  const channels = ["domain.", "private-domain.", "presence-domain.", "private-kept.", "private-domain.", "domain."].map(fresh);
  const proxy = await proxyTo(t);
  const client = await listen(t, proxy, channels);
  const [late, ...others] = channels; // nothing was said on the first before the break
  for (const n of range(1, 4)) for (const channel of others) await publish(server, channel, n);
  for (const channel of others) await client.hears(4, channel);
  const speaker = await connect(t, server, {});
  await speaker.join(app, channels[3]);
  await cutWhile(client, proxy, "rst", async () => {
    for (const n of range(5, 12)) for (const channel of [...others].reverse()) await publish(server, channel, n);
    await publish(server, late, 1, 3);
    assert.ok((await speaker.request("publish", { channel: channels[3], event: "client-said", data: "hello" })).position);
  });
  assert.equal((await client.connection(2)).recovered, true);
  await client.hears(3, late);
  for (const channel of others) await client.hears(12, channel);
  assert.deepEqual(client.numbers(late), range(1, 3));
  for (const channel of others) assert.deepEqual(client.numbers(channel), range(1, 12), channel);
  assert.deepEqual(client.data(channels[3], "client-said"), ["hello"]);
});

test("a channel that was left is not among the restored; one that was joined last is", async (t) => {
  const [left, kept, last] = [fresh("private-domain."), fresh("private-domain."), fresh("private-domain.")];
  const proxy = await proxyTo(t);
  const client = await listen(t, proxy, [left, kept]);
  await publish(server, left, 1);
  await client.hears(1, left);
  client.emit("unsubscribe", { channel: left });
  await client.join(app, last);
  // Until the log knows that it left, nothing is recovered.
  await until(() => ![undefined, "?"].includes(client.heard.items.filter(({ event }) => event === "parley:position").at(-1)?.args[0]), "the log to know where it is");
  await cutWhile(client, proxy, "rst", async () => {
    for (const channel of [left, kept, last]) await publish(server, channel, 2, 3);
  });
  assert.equal((await client.connection(2)).recovered, true);
  for (const channel of [kept, last]) await client.hears(3, channel);
  assert.deepEqual([left, kept, last].map(client.numbers), [[1], [2, 3], [2, 3]]);
});

test("events that end in a text, and what is no event of a channel, do not spoil it", async (t) => {
  const [channel, room, denied] = [fresh("private-domain."), fresh("presence-domain."), fresh("private-domain.")];
  backend.denied.add(denied);
  const proxy = await proxyTo(t);
  const client = await listen(t, proxy, [channel, room]);
  await publish(server, channel, 1, 2);
  await trigger(server, app, channel, "text", "this looks like an offset");
  await client.next("text");
  const other = await raw(t, server, app);
  await other.joined(room, { member: user("bob") });
  await client.next("presence:joining");
  other.send({ event: "client-text", channel: room, data: "and so does this" });
  await client.next("client-text");
  await client.request("subscribe", { channel: denied });
  await client.next("subscription_error");
  await cutWhile(client, proxy, "rst", () => publish(server, channel, 3, 5));
  assert.equal((await client.connection(2)).recovered, true);
  await client.hears(5);
  assert.deepEqual(client.numbers(), range(1, 5));
});

test("a channel without a history: nobody knows what was missed there, so it is whole or told", async (t) => {
  const [durable, fleeting] = [fresh("private-domain."), fresh("private-room.")];
  const proxy = await proxyTo(t);
  const client = await listen(t, proxy, [durable, fleeting]);
  await publish(server, durable, 1);
  await publish(server, fleeting, 1);
  await client.hears(1, fleeting);
  await cutWhile(client, proxy, "rst", async () => {
    await publish(server, durable, 2);
    await publish(server, fleeting, 2);
  });
  if ((await client.connection(2)).recovered) await client.hears(2, fleeting);
  else for (const channel of [durable, fleeting]) await client.join(app, channel);
  for (const channel of [durable, fleeting]) await publish(server, channel, 3);
  await client.hears(3, fleeting);
});

test("the restored socket id leaves out its owner again: toOthers()", async (t) => {
  const channel = fresh("private-domain.");
  const proxy = await proxyTo(t);
  const client = await listen(t, proxy, [channel]);
  await cutWhile(client, proxy, "rst", () => publish(server, channel, 1));
  assert.equal((await client.connection(2)).recovered, true);
  await trigger(server, app, channel, "n", 2, { socket_id: client.id });
  await publish(server, channel, 3);
  await client.hears(3);
  assert.deepEqual(client.numbers(), [1, 3]);
});

test("who was away and is restored may speak as before", async (t) => {
  const channel = fresh("private-kept.");
  const proxy = await proxyTo(t);
  const client = await listen(t, proxy, [channel]);
  const other = await connect(t, server, {});
  await other.join(app, channel);
  await cutWhile(client, proxy, "fin", () => publish(server, channel, 1));
  await client.connection(2);
  client.emit("client event", { channel, event: "client-back", data: {} });
  await other.next("client-back");
  assert.ok((await client.request("publish", { channel, event: "client-again", data: {} })).position);
  assert.equal((await client.request("history", { channel, limit: 1 })).channel, channel);
});

describe("presence", () => {
  for (const again of [false, true]) {
    test(`nobody sees a break that was shorter than the grace${again ? ", when all channels are subscribed again" : ""}`, async (t) => {
      const channel = fresh("presence-slow.");
      const watcher = await connect(t, server, {});
      await watcher.join(app, channel, user("watcher"));
      const proxy = await proxyTo(t);
      const client = await listen(t, proxy, [channel]);
      await watcher.next("presence:joining");
      if (again) client.socket.io.on("reconnect", () => client.emit("subscribe", { channel, ...client.proof(app, channel, user("ada")) }));
      await cutWhile(client, proxy, "rst", () => publish(server, channel, 1));
      assert.equal((await client.connection(2)).recovered, true);
      await client.hears(1);
      if (again) await client.heard.atLeast(2, ({ event }) => event === "presence:subscribed", "presence:subscribed");
      assert.deepEqual((await client.request("presence", { channel })).members.map(({ user_id }) => user_id).sort(), ["ada", "watcher"]);
      await publish(server, channel, 2);
      await watcher.heard.find(({ args }) => args[1] === 2, "2");
      await client.hears(2);
      assert.equal(watcher.heard.count(({ event }) => event === "presence:joining"), 1);
      assert.equal(watcher.heard.count(({ event }) => event === "presence:leaving"), 0);
      assert.deepEqual(client.numbers(), [1, 2]);
      // The restored one is a member as before: its leaving is seen.
      client.emit("unsubscribe", { channel });
      assert.equal((await watcher.next("presence:leaving")).args[1].user_id, "ada");
    });
  }

  test("who was away for longer than the grace left and comes again, and is not on it twice", async (t) => {
    const channel = fresh("presence-quick.");
    const watcher = await connect(t, server, {});
    await watcher.join(app, channel, user("watcher"));
    const proxy = await proxyTo(t);
    const client = await listen(t, proxy, [channel]);
    await cutWhile(client, proxy, "rst", () => watcher.next("presence:leaving"));
    assert.equal((await client.connection(2)).recovered, true);
    await watcher.heard.atLeast(2, ({ event }) => event === "presence:joining", "joining");
    assert.deepEqual((await watcher.request("presence", { channel })).members.map(({ user_id }) => user_id).sort(), ["ada", "watcher"]);
  });
});

describe("not recovered, and said so", () => {
  const assertAfresh = async (client, id, count = 2) => {
    const next = await client.connection(count);
    assert.equal(next.recovered, false);
    assert.notEqual(next.id, id);
    return next;
  };

  test("some of what was missed is not kept any more", async (t) => {
    const channel = fresh("private-short.");
    const proxy = await proxyTo(t);
    const client = await listen(t, proxy, [channel]);
    const { id } = client;
    await publish(server, channel, 1, 2);
    await client.hears(2);
    await cutWhile(client, proxy, "rst", () => publish(server, channel, 3, 20));
    await assertAfresh(client, id);
    // Nothing half: what is still kept does not come either.
    const fence = fresh("domain.");
    await client.join(app, fence);
    await publish(server, fence, 1);
    await client.hears(1, fence);
    assert.deepEqual(client.numbers(), [1, 2]);
  });

  test("the history was deleted meanwhile", async (t) => {
    const channel = fresh("private-domain.");
    const proxy = await proxyTo(t);
    const client = await listen(t, proxy, [channel]);
    const { id } = client;
    await publish(server, channel, 1, 2);
    await client.hears(2);
    await cutWhile(client, proxy, "rst", async () => {
      await publish(server, channel, 3, 5);
      assert.equal((await call(server, app, "DELETE", `/apps/${app.id}/channels/${channel}/history`)).status, 200);
    });
    await assertAfresh(client, id);
  });

  test("the gap is on one channel of several", async (t) => {
    const [whole, broken] = [fresh("private-domain."), fresh("private-short.")];
    const proxy = await proxyTo(t);
    const client = await listen(t, proxy, [whole, broken]);
    const { id } = client;
    for (const channel of [whole, broken]) await publish(server, channel, 1, 2);
    await client.hears(2, broken);
    await cutWhile(client, proxy, "rst", async () => {
      for (const channel of [whole, broken]) await publish(server, channel, 3, 20);
    });
    await assertAfresh(client, id);
    for (const channel of [whole, broken]) assert.deepEqual(client.numbers(channel), [1, 2]);
  });

  test("the client left by itself", async (t) => {
    const channel = fresh("private-domain.");
    const client = await listen(t, server, [channel]);
    const { id } = client;
    await publish(server, channel, 1);
    await client.hears(1);
    client.socket.disconnect();
    await publish(server, channel, 2);
    client.socket.connect();
    await assertAfresh(client, id);
    const fence = fresh("domain.");
    await client.join(app, fence);
    await publish(server, channel, 3);
    await publish(server, fence, 1);
    await client.hears(1, fence);
    assert.deepEqual(client.numbers(), [1]);
  });

  test("it was away for too long", async (t) => {
    const own = await startServer(sections({ recovery_seconds: 1 }));
    t.after(() => own.stop());
    const [channel, clock] = [fresh("private-domain."), fresh("presence-quick.")];
    const proxy = await proxyTo(t, own);
    const client = await listen(t, proxy, [channel], { on: own });
    const { id } = client;
    await publish(own, channel, 1);
    await client.hears(1);
    // The grace of this channel is longer than the window: when the other one is told to have left, it is over.
    const watcher = await raw(t, own, app);
    await watcher.joined(clock, { member: user("watcher") });
    await cutWhile(client, proxy, "rst", async () => {
      const other = await raw(t, own, app);
      await other.joined(clock, { member: user("other") });
      other.cut();
      await watcher.next("pusher_internal:member_removed");
    });
    await assertAfresh(client, id);
  });

  test("recovery is off", async (t) => {
    const own = await startServer(sections({ recovery: false }));
    t.after(() => own.stop());
    const channel = fresh("private-domain.");
    const proxy = await proxyTo(t, own);
    const client = await listen(t, proxy, [channel], { on: own });
    const { id } = client;
    await publish(own, channel, 1);
    await client.hears(1);
    assert.deepEqual((await client.next("n")).args, [channel, 1], "no offset");
    await cutWhile(client, proxy, "rst", () => publish(own, channel, 2));
    const next = await client.connection(2);
    assert.ok(!next.recovered);
    assert.notEqual(next.id, id);
  });

  for (const version of ["socket.io-client 3.1", "socket.io-client 2.5"]) {
    test(`${version} does not know of it, and is not confused`, async (t) => {
      const channel = fresh("private-domain.");
      const proxy = await proxyTo(t);
      const client = await listen(t, proxy, [channel], { generation: version });
      await publish(server, channel, 1);
      await client.hears(1);
      await cutWhile(client, proxy, "rst", () => publish(server, channel, 2));
      await client.connection(2);
      await client.join(app, channel);
      await publish(server, channel, 3);
      await client.hears(3);
      assert.deepEqual(client.numbers(), [1, 3]);
    });
  }
});

describe("who may take a session up", () => {
  test("another user's token: not this session", async (t) => {
    const domain = fresh("d");
    const channel = `private-domain.${domain}`;
    let who = fresh("ada");
    const proxy = await proxyTo(t);
    const client = new SocketClient(server, { port: proxy.port, timeout: 20_000 });
    t.after(() => client.end());
    client.socket.disconnect();
    client.socket.auth = (give) => give({ token: token({ sub: who, domains: [domain] }) });
    client.socket.connect();
    await client.connected();
    const { id } = client;
    await client.subscribe(channel);
    await publish(server, channel, 1);
    await client.heard.find(({ args }) => args[1] === 1, "1");
    who = fresh("eve");
    await cutWhile(client, proxy, "rst", () => publish(server, channel, 2));
    await client.connected();
    assert.equal(client.socket.recovered, false);
    assert.notEqual(client.id, id);
    await client.subscribe(channel);
    await publish(server, channel, 3);
    await client.heard.find(({ args }) => args[1] === 3, "3");
    assert.deepEqual(client.data(channel, "n"), [1, 3]);
  });

  test("the same user's newer token: this session", async (t) => {
    const [domain, id] = [fresh("d"), fresh("u")];
    const channel = `private-domain.${domain}`;
    const proxy = await proxyTo(t);
    const client = new SocketClient(server, { port: proxy.port, timeout: 20_000 });
    t.after(() => client.end());
    client.socket.disconnect();
    let n = 0;
    client.socket.auth = (give) => give({ token: token({ sub: id, domains: [domain], jti: `t${++n}` }) });
    client.socket.connect();
    await client.connected();
    await client.subscribe(channel);
    await publish(server, channel, 1);
    await client.heard.find(({ args }) => args[1] === 1, "1");
    await cutWhile(client, proxy, "rst", () => publish(server, channel, 2));
    await client.connected();
    assert.equal(client.socket.recovered, true);
    assert.deepEqual(client.data(channel, "n"), [1, 2]);
  });

  test("a newer token that does not allow a channel any more: nothing of it comes", async (t) => {
    const [domain, other, id] = [fresh("d"), fresh("d"), fresh("u")];
    const [gone, kept] = [domain, other].map((one) => `private-domain.${one}`);
    const proxy = await proxyTo(t);
    const own = await startServer({ apps: [app], socketio });
    t.after(() => own.stop());
    const through = await proxyTo(t, own);
    const client = new SocketClient(own, { port: through.port, timeout: 20_000 });
    t.after(() => client.end());
    client.socket.disconnect();
    let domains = [domain, other];
    client.socket.auth = (give) => give({ token: token({ sub: id, domains }) });
    client.socket.connect();
    await client.connected();
    for (const channel of [gone, kept]) await client.subscribe(channel);
    for (const channel of [gone, kept]) await publish(own, channel, 1);
    await client.heard.atLeast(2, ({ event }) => event === "n", "both");
    domains = [other];
    await cutWhile(client, through, "rst", async () => {
      for (const channel of [gone, kept]) await publish(own, channel, 2);
    });
    await client.connected();
    await client.subscribe(kept);
    for (const channel of [gone, kept]) await publish(own, channel, 3);
    await client.heard.find(({ args }) => args[0] === kept && args[1] === 3, "3");
    assert.deepEqual(client.data(gone, "n"), [1]);
    await proxy.stop().catch(() => {});
  });

  test("kicked while away: nothing of that channel comes any more", async (t) => {
    const id = fresh("u");
    const [room, other] = [fresh("presence-domain."), fresh("private-domain.")];
    const proxy = await proxyTo(t);
    const client = await listen(t, proxy, [room, other], { member: id });
    for (const channel of [room, other]) await publish(server, channel, 1);
    await client.hears(1, other);
    await cutWhile(client, proxy, "rst", async () => {
      assert.equal((await call(server, app, "POST", `/apps/${app.id}/users/${id}/kick`, { body: { channel: room, for_seconds: 60 } })).status, 200);
      for (const channel of [room, other]) await publish(server, channel, 2);
    });
    await client.connection(2);
    await client.join(app, other);
    for (const channel of [room, other]) await publish(server, channel, 3);
    await client.hears(3, other);
    assert.deepEqual(client.numbers(room), [1]);
    assert.equal((await client.request("history", { channel: room })).error, "not_subscribed");
  });

  test("banned while away: not let in, or not as this user", async (t) => {
    const [id, domain] = [fresh("u"), fresh("d")];
    const channel = `private-domain.${domain}`;
    const proxy = await proxyTo(t);
    const client = new SocketClient(server, { port: proxy.port, timeout: 20_000, token: token({ sub: id, domains: [domain] }) });
    t.after(() => client.end());
    await client.connected();
    await client.subscribe(channel);
    await publish(server, channel, 1);
    await client.heard.find(({ args }) => args[1] === 1, "1");
    await cutWhile(client, proxy, "rst", async () => {
      assert.equal((await call(server, app, "POST", `/apps/${app.id}/users/${id}/ban`, { body: { for_seconds: 60, reason: "spam" } })).status, 200);
      await publish(server, channel, 2);
    });
    assert.match(await client.refused(), /banned until .*: spam/);
    assert.deepEqual(client.data(channel, "n"), [1]);
  });

  test("a member of a presence channel, banned while away", async (t) => {
    const id = fresh("u");
    const channel = fresh("presence-domain.");
    const proxy = await proxyTo(t);
    const client = await listen(t, proxy, [channel], { member: id });
    const old = client.id;
    await publish(server, channel, 1);
    await client.hears(1);
    await cutWhile(client, proxy, "rst", async () => {
      assert.equal((await call(server, app, "POST", `/apps/${app.id}/users/${id}/ban`, { body: { for_seconds: 60 } })).status, 200);
      await publish(server, channel, 2);
    });
    const next = await client.connection(2);
    assert.ok(next.recovered === false && next.id !== old, JSON.stringify(next));
    const fence = fresh("domain.");
    await client.join(app, fence);
    await publish(server, channel, 3);
    await publish(server, fence, 1);
    await client.hears(1, fence);
    assert.deepEqual(client.numbers(), [1]);
  });

  test("the application was asked, and has changed its mind: nothing of that channel comes", async (t) => {
    const [denied, open] = [fresh("private-domain."), fresh("private-domain.")];
    const proxy = await proxyTo(t);
    const own = await startServer({ ...sections(), apps: [{ ...app, allowed_origins: ["https://shop.example"], auth: { url: `${backend.url}/broadcasting/auth`, cache_seconds: 0 } }] });
    t.after(() => own.stop());
    const through = await proxyTo(t, own);
    const client = await listen(t, through, [], { on: own });
    for (const channel of [denied, open]) await client.subscribe(channel, { auth: { headers: { Authorization: "Bearer ada" } } });
    for (const channel of [denied, open]) await publish(own, channel, 1);
    await client.hears(1, open);
    await cutWhile(client, through, "rst", async () => {
      backend.denied.add(denied);
      for (const channel of [denied, open]) await publish(own, channel, 2);
    });
    await client.connection(2);
    await client.subscribe(open, { auth: { headers: { Authorization: "Bearer ada" } } });
    for (const channel of [denied, open]) await publish(own, channel, 3);
    await client.hears(3, open);
    assert.deepEqual(client.numbers(denied), [1]);
    await proxy.stop().catch(() => {});
  });
});

for (const [version, { Echo }] of Object.entries(echoes)) {
  test(`${version} with socket.io-client 4.8: its listeners hear what was missed, once`, async (t) => {
    const channel = fresh("domain.");
    const proxy = await proxyTo(t);
    const echo = new Echo({ broadcaster: "socket.io", client: sockets["socket.io-client 4.8"], host: `http://127.0.0.1:${proxy.port}`, auth: { headers: { Authorization: "Bearer ada" } }, forceNew: true, reconnectionDelay: 30, reconnectionDelayMax: 200 });
    t.after(() => echo.disconnect());
    const heard = new Inbox("listeners");
    echo.private(channel).listen(".n", (n) => heard.push(n));
    let n = 0;
    await until(async () => {
      await publish(server, `private-${channel}`, ++n);
      return heard.items.length > 0;
    }, "the subscription");
    const from = heard.items[0];
    await heard.find((item) => item === n, "the newest");
    proxy.hold();
    proxy.cut("rst");
    await publish(server, `private-${channel}`, n + 1, n + 10);
    await until(() => !echo.connector.socket.connected, "the client to notice");
    proxy.allow();
    await heard.find((item) => item === n + 10, "the last one missed");
    await publish(server, `private-${channel}`, n + 11);
    await heard.find((item) => item === n + 11, "a new one");
    assert.deepEqual(heard.items, range(from, n + 11));
  });
}

test("the server has not noticed that the connection is gone: whole, or told", async (t) => {
  // A phone that changes networks: the old connection is silent, the server's patience is long.
  const own = await startServer(sections({ ping_interval_ms: 25_000, ping_timeout_ms: 20_000 }));
  t.after(() => own.stop());
  const channel = fresh("private-domain.");
  const proxy = await proxyTo(t, own);
  const client = await listen(t, proxy, [channel], { on: own });
  const { id } = client;
  await publish(own, channel, 1, 2);
  await client.hears(2);
  proxy.cut("silence");
  await publish(own, channel, 3, 5);
  client.socket.io.engine.close();
  const next = await client.connection(2);
  if (!next.recovered) {
    assert.notEqual(next.id, id);
    await client.join(app, channel);
  }
  await publish(own, channel, 6);
  await client.hears(6);
  assert.deepEqual(client.numbers(), next.recovered ? range(1, 6) : [1, 2, 6]);
});
