// Connection state recovery: unmodified socket.io-client 4.8 gets exactly what it missed, or is told that it
// does not (`recovered` is false). Between client and server stands a proxy that breaks the connection.
// Frame by frame: socketio_recovery_frames; who may: socketio_recovery_rights; under load: resumes_under_load.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { Backend } from "../lib/backend.js";
import { echoes, sockets } from "../lib/clients.js";
import { apps, fresh, range, raw, startServer, test } from "../lib/harness.js";
import { recovering, recoverySections } from "../lib/recovering.js";
import { call, trigger } from "../lib/sign.js";
import { connect } from "../lib/sockets.js";
import { Inbox, until } from "../lib/wait.js";

const app = { ...apps.main, limits: { client_events_per_second_max: 0 } };
const sections = (extra) => recoverySections(app, backend, extra);
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
const { publish, user, proxyTo, listen, away, cutWhile } = recovering(app, () => server);

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
