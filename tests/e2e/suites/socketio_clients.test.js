// Unmodified socket.io-client in three generations, each over polling, WebSocket, and from one to the other.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { Backend } from "../lib/backend.js";
import { apps, fresh, range, raw, startServer, test } from "../lib/harness.js";
import { call, history, token as signToken, trigger } from "../lib/sign.js";
import { connect, generations, isFive, SocketClient, transports } from "../lib/sockets.js";
import { until } from "../lib/wait.js";

const app = apps.main;
const asking = { ...apps.other, id: "4730", key: "e2e-key-4730", secret: "e2e-secret-4730-3f9ac1d27be04856" };
const token = (claims, options) => signToken(app, claims, options);
const socketio = { app: app.id, namespaces: [`/chat=${app.id}`, `/other=${apps.other.id}`, `/asking=${asking.id}`] };
const sections = () => ({
  apps: [app, apps.other, { ...asking, allowed_origins: ["https://shop.example"], auth: { url: `${backend.url}/broadcasting/auth`, cache_refusal_seconds: 0 } }],
  socketio,
});
let server;
let backend;
before(async () => {
  backend = await Backend.start(asking);
  server = await startServer(sections(), { args: ["--conformance", "--conformance-port", "0"] });
});
after(async () => {
  await server?.stop();
  await backend?.stop();
});

const publish = async (channel, event, data, extra, who = app) => {
  const answer = await trigger(server, who, channel, event, data, extra);
  assert.equal(answer.status, 200, answer.text);
};
const user = (id) => ({ user_id: id, user_info: { name: `User ${id}` } });
const members = (list) => list.map(({ user_id, user_info }) => `${user_id} ${user_info?.name}`).sort();

for (const generation of generations) {
  for (const transport of Object.keys(transports)) {
    describe(`${generation}, ${transport}`, () => {
      const dial = (t, options = {}) => connect(t, server, { generation, transport, ...options });
      const isOffset = (value) => typeof value === "string" && value.length > 0;

      test("connects, by the transport that it wants, with a socket id that SDKs of the Pusher protocol take", async (t) => {
        const client = await dial(t);
        assert.match(client.id, /^\d+\.\d+$/);
        await until(() => client.transport === (transport === "polling" ? "polling" : "websocket"), () => `the transport, is ${client.transport}`);
        const other = await dial(t);
        assert.notEqual(client.id, other.id);
      });

      for (const prefix of ["", "private-", "presence-"]) {
        test(`${prefix || "public "}channel: what the API publishes comes as (event, channel, data)`, async (t) => {
          const channel = fresh(`${prefix}domain.`);
          const client = await dial(t);
          await client.join(app, channel, prefix === "presence-" ? user("ada") : undefined);
          const data = { text: "héllo → 世界 👋", number: 12.5, nested: { list: [1, null, true] } };
          await publish(channel, "message.sent", data);
          const { args } = await client.next("message.sent");
          assert.deepEqual(args.slice(0, 2), [channel, data]);
          // A durable channel's event ends with its offset, for clients that can recover.
          assert.equal(args.length, isFive(generation) ? 3 : 2, JSON.stringify(args));
          if (isFive(generation)) assert.ok(isOffset(args[2]));
        });
      }

      test("without an acknowledgement, as laravel-echo subscribes", async (t) => {
        const channel = fresh("domain.");
        const client = await dial(t);
        client.emit("subscribe", { channel, auth: { headers: {} } });
        await until(async () => {
          await publish(channel, "hello", {});
          return client.heard.count(({ event }) => event === "hello") > 0;
        }, "an event");
      });

      test("event names with backslashes, dots, colons and spaces, and data of every kind", async (t) => {
        const channel = fresh("private-domain.");
        const client = await dial(t);
        await client.join(app, channel);
        for (const name of ["App\\Events\\OrderShipped", "user.status.changed", "a:b", "with spaces", "ünï"]) {
          await publish(channel, name, { name });
          assert.deepEqual((await client.next(name)).args.slice(0, 2), [channel, { name }]);
        }
        const kinds = [null, true, 0, -1.5, "text", "", [], [1, [2]], {}];
        for (const data of kinds) await publish(channel, "kind", data);
        await client.heard.atLeast(kinds.length, ({ event }) => event === "kind", "kinds");
        assert.deepEqual(client.data(channel, "kind"), kinds);
        // What is no JSON comes as the text that it is.
        await call(server, app, "POST", `/apps/${app.id}/events`, { body: { name: "plain", channel, data: "no json at all" } });
        assert.equal((await client.next("plain")).args[1], "no json at all");
      });

      test("a subscription is acknowledged with its position", async (t) => {
        const channel = fresh("private-domain.");
        await publish(channel, "first", {});
        const { epoch, newest } = (await history(server, app, channel)).json;
        const client = await dial(t);
        const answer = await client.join(app, channel);
        assert.equal(answer.channel, channel);
        assert.equal(answer.position, `${epoch}:${newest}`);
      });

      test("since and rewind: what was before follows, once and in order", async (t) => {
        const channel = fresh("private-domain.");
        for (const n of range(1, 10)) await publish(channel, "n", n);
        const { epoch, publications } = (await history(server, app, channel)).json;
        const [late, last] = [await dial(t), await dial(t)];
        const answer = await late.subscribe(channel, { ...late.proof(app, channel), since: `${epoch}:${publications[5].offset}` });
        assert.equal(answer.recovered, true);
        await last.subscribe(channel, { ...last.proof(app, channel), rewind: 2 });
        await publish(channel, "n", 11);
        for (const client of [late, last]) await client.heard.find(({ event, args }) => event === "n" && args[1] === 11, "11");
        assert.deepEqual(late.data(channel, "n"), range(7, 11));
        assert.deepEqual(last.data(channel, "n"), range(9, 11));
      });

      test("a wrong signature is refused by name, and the connection goes on", async (t) => {
        const channel = fresh("private-domain.");
        const client = await dial(t);
        const answer = await client.request("subscribe", { channel, auth: `${app.key}:${"0".repeat(64)}` });
        assert.equal(answer.error, "unauthorized");
        assert.equal(typeof answer.message, "string");
        const { args } = await client.next("subscription_error");
        assert.equal(args[0], channel);
        assert.ok(args[1] === 401 || args[1] === 403, String(args[1]));
        assert.equal(args[2].error, "unauthorized");
        await client.join(app, channel);
      });

      test("no proof at all is refused, and nothing of the channel is heard", async (t) => {
        const channel = fresh("private-domain.");
        const client = await dial(t);
        client.emit("subscribe", { channel });
        assert.equal((await client.next("subscription_error")).args[0], channel);
        const open = fresh("domain.");
        await client.join(app, open);
        await publish(channel, "secret", {});
        await publish(open, "fence", {});
        await client.next("fence");
        assert.equal(client.heard.count(({ event }) => event === "secret"), 0);
      });

      test("a connection token opens what it says and nothing else", async (t) => {
        const domain = fresh("d");
        const client = await dial(t, { token: token({ sub: "42", domains: [domain], info: { name: "Ada" } }) });
        await client.subscribe(`private-domain.${domain}`);
        await client.subscribe(`presence-domain.${domain}`);
        const { args } = await client.next("presence:subscribed");
        assert.deepEqual(args[0], `presence-domain.${domain}`);
        assert.deepEqual(args[1], [{ user_id: "42", user_info: { name: "Ada" } }]);
        await client.subscribe("private-user.42");
        assert.equal((await client.request("subscribe", { channel: "private-domain.elsewhere" })).error, "unauthorized");
      });

      test("a token in the query does as well", async (t) => {
        const domain = fresh("d");
        const client = await dial(t, { query: { token: token({ sub: "42", domains: [domain] }) } });
        await client.subscribe(`private-domain.${domain}`);
      });

      test("a token for one channel opens that one", async (t) => {
        const channel = fresh("private-room.");
        const client = await dial(t);
        const auth = token({ sub: "42", channels: [channel] });
        await client.subscribe(channel, { auth });
        assert.equal((await client.request("subscribe", { channel: fresh("private-room."), auth })).error, "unauthorized");
        assert.equal((await client.request("subscribe", { channel: fresh("private-room.") })).error, "unauthorized");
      });

      for (const [why, make, says] of [
        ["another's secret", () => token({ sub: "42" }, { secret: "not-this-application" }), /signature/],
        ["expired", () => token({ sub: "42", iat: 1, exp: Math.floor(Date.now() / 1000) - 600 }), /expired/],
      ]) {
        test(`a connection token that is refused says why: ${why}`, async (t) => {
          const client = new SocketClient(server, { generation, transport, token: make() });
          t.after(() => client.end());
          assert.match(await client.refused(), says);
          assert.equal(client.socket.connected, false);
        });
      }

      test("the application is asked with the headers of the subscription", async (t) => {
        const channel = fresh("private-domain.");
        const id = fresh("u");
        const client = await dial(t, { namespace: "/asking" });
        const from = backend.calls.length;
        await client.subscribe(channel, { auth: { headers: { Authorization: `Bearer ${id}`, "X-Evil": "1", Host: "evil.example", "Content-Length": "0" } } });
        const mine = backend.calls.slice(from).filter((one) => one.channel === channel);
        assert.equal(mine.length, 1);
        assert.equal(mine[0].path, "/broadcasting/auth");
        assert.equal(mine[0].user.id, id);
        assert.match(mine[0].socketId, /^\d+\.\d+$/);
        if (isFive(generation)) assert.equal(mine[0].socketId, client.id);
        assert.equal(mine[0].headers["x-evil"], undefined, "headers that are not on the list stay here");
        assert.notEqual(mine[0].headers.host, "evil.example");
      });

      test("the application is asked with the cookies of the handshake; its presence data is the member", async (t) => {
        const channel = fresh("presence-domain.");
        const id = fresh("u");
        const client = await dial(t, { namespace: "/asking", extraHeaders: { Cookie: `user=${id}` }, transportOptions: { polling: { extraHeaders: { Cookie: `user=${id}` } }, websocket: { extraHeaders: { Cookie: `user=${id}` } } } });
        await client.subscribe(channel, { auth: { headers: {} } });
        const { args } = await client.next("presence:subscribed");
        assert.deepEqual(args[1], [{ user_id: id, user_info: { id, name: `User ${id}` } }]);
      });

      test("what the application denies is never subscribed", async (t) => {
        const channel = fresh("private-domain.");
        backend.denied.add(channel);
        const client = await dial(t, { namespace: "/asking" });
        const answer = await client.request("subscribe", { channel, auth: { headers: { Authorization: "Bearer 1" } } });
        assert.equal(answer.error, "unauthorized");
        assert.deepEqual((await client.next("subscription_error")).args.slice(0, 2), [channel, 403]);
      });

      test("presence: who is here, who comes, who goes; two sockets of one user are one member", async (t) => {
        const channel = fresh("presence-domain.");
        const ada = await dial(t);
        await ada.join(app, channel, user("ada"));
        assert.deepEqual(members((await ada.next("presence:subscribed")).args[1]), ["ada User ada"]);
        const [tab1, tab2] = [await dial(t), await dial(t)];
        await tab1.join(app, channel, user("bob"));
        assert.deepEqual(members((await tab1.next("presence:subscribed")).args[1]), ["ada User ada", "bob User bob"]);
        await tab2.join(app, channel, user("bob"));
        assert.deepEqual(members((await tab2.next("presence:subscribed")).args[1]), ["ada User ada", "bob User bob"]);
        assert.deepEqual((await ada.next("presence:joining")).args.slice(0, 2), [channel, user("bob")]);
        assert.deepEqual((await ada.request("presence", { channel })).members.map(({ user_id }) => user_id).sort(), ["ada", "bob"]);
        tab1.emit("unsubscribe", { channel });
        await tab1.join(app, channel, user("bob"));
        for (const tab of [tab1, tab2]) tab.emit("unsubscribe", { channel });
        const leaving = await ada.next("presence:leaving");
        assert.deepEqual(leaving.args.slice(0, 2), [channel, user("bob")]);
        assert.equal(ada.heard.count(({ event }) => event === "presence:joining"), 1);
        assert.equal(ada.heard.count(({ event }) => event === "presence:leaving"), 1);
        assert.equal(tab1.heard.count(({ event }) => event === "presence:joining"), 0, "never about oneself");
      });

      test("subscribing again is answered again, and told to nobody", async (t) => {
        const channel = fresh("presence-domain.");
        const watcher = await dial(t);
        await watcher.join(app, channel, user("watcher"));
        const client = await dial(t);
        for (const _ of range(1, 3)) await client.join(app, channel, user("ada"));
        await publish(channel, "fence", {});
        await watcher.next("fence");
        await client.next("fence");
        assert.equal(watcher.heard.count(({ event }) => event === "presence:joining"), 1);
        assert.equal(client.heard.count(({ event }) => event === "fence"), 1);
      });

      test("client events reach the others and not their sender", async (t) => {
        const channel = fresh("private-domain.");
        const [one, two] = [await dial(t), await dial(t)];
        await one.join(app, channel);
        await two.join(app, channel);
        for (const data of [{ on: true }, [1, 2], "text", 7, null]) one.emit("client event", { channel, event: "client-typing", data });
        await two.heard.atLeast(5, ({ event }) => event === "client-typing", "client-typing");
        assert.deepEqual(two.data(channel, "client-typing"), [{ on: true }, [1, 2], "text", 7, null]);
        await publish(channel, "fence", {});
        await one.next("fence");
        assert.equal(one.heard.count(({ event }) => event === "client-typing"), 0);
      });

      test("client events from outside, on public channels, or under other names reach nobody", async (t) => {
        const [guarded, open] = [fresh("private-domain."), fresh("domain.")];
        const [outside, member, watcher] = [await dial(t), await dial(t), await dial(t)];
        await member.join(app, guarded);
        await member.join(app, open);
        await watcher.join(app, guarded);
        await watcher.join(app, open);
        outside.emit("client event", { channel: guarded, event: "client-evil", data: {} });
        await outside.join(app, fresh("domain."));
        member.emit("client event", { channel: open, event: "client-evil", data: {} });
        for (const event of ["evil", "message.sent", "presence:joining", "connect", "", "client", 7, null, { a: 1 }]) member.emit("client event", { channel: guarded, event, data: "evil" });
        member.emit("client event", { channel: guarded, event: "client-good", data: {} });
        await watcher.next("client-good");
        assert.deepEqual(watcher.heard.items.map(({ event }) => event).filter((event) => !event.startsWith("parley:")), ["client-good"]);
        assert.ok(member.socket.connected);
      });

      test("unsubscribe: nothing of the channel comes any more", async (t) => {
        const [left, kept] = [fresh("domain."), fresh("domain.")];
        const client = await dial(t);
        await client.join(app, left);
        await client.join(app, kept);
        client.emit("unsubscribe", { channel: left, auth: { headers: {} } });
        client.emit("unsubscribe", { channel: fresh("never-joined.") });
        assert.equal((await client.request("history", { channel: left })).error, "not_subscribed");
        await publish(left, "late", {});
        await publish(kept, "fence", {});
        await client.next("fence");
        assert.equal(client.heard.count(({ event }) => event === "late"), 0);
      });

      test("publish is acknowledged with a position, and the same key twice is one event", async (t) => {
        const channel = fresh("private-kept.");
        const [one, two] = [await dial(t), await dial(t)];
        await one.join(app, channel);
        await two.join(app, channel);
        const event = { channel, event: "client-said", data: { n: 1 }, idempotency_key: fresh("key") };
        const first = await one.request("publish", event);
        assert.match(first.position ?? JSON.stringify(first), /^[0-9a-f]{16}:\d+$/);
        assert.equal(first.duplicate, false);
        const again = await one.request("publish", event);
        assert.equal(again.position, first.position);
        assert.equal(again.duplicate, true);
        await one.request("publish", { ...event, data: { n: 2 }, idempotency_key: fresh("key") });
        await two.heard.find(({ args }) => args[1]?.n === 2, "the second event");
        assert.deepEqual(two.data(channel, "client-said"), [{ n: 1 }, { n: 2 }]);
        assert.equal((await one.request("publish", { channel: fresh("private-kept."), event: "client-said", data: {} })).error, "not_subscribed");
        const refused = await one.request("publish", { channel, event: "said", data: {} });
        assert.equal(typeof refused.error, "string", JSON.stringify(refused));
      });

      test("history: pages of a channel that one is on", async (t) => {
        const channel = fresh("private-domain.");
        for (const n of range(1, 5)) await publish(channel, "n", { n });
        const client = await dial(t);
        assert.equal((await client.request("history", { channel })).error, "not_subscribed");
        await client.join(app, channel);
        const all = await client.request("history", { channel, direction: "forward" });
        const told = (await history(server, app, channel)).json;
        assert.deepEqual({ channel: all.channel, epoch: all.epoch, newest: all.newest, gap: all.gap, more: all.more }, { channel, epoch: told.epoch, newest: told.newest, gap: false, more: false });
        assert.deepEqual(all.publications.map(({ event, data }) => [event, data]), range(1, 5).map((n) => ["n", { n }]));
        assert.deepEqual(all.publications.map(({ offset }) => offset), told.publications.map(({ offset }) => offset));
        assert.ok(all.publications.every(({ time }) => Math.abs(time - Date.now()) < 60_000));
        const page = await client.request("history", { channel, since: `${all.epoch}:${all.publications[1].offset}`, limit: 2 });
        assert.deepEqual(page.publications.map(({ data }) => data.n), [3, 4]);
        assert.equal(page.more, true);
        const back = await client.request("history", { channel, limit: 2, direction: "backward" });
        assert.deepEqual(back.publications.map(({ data }) => data.n), [5, 4]);
        assert.equal(typeof (await client.request("history", { channel, since: "nonsense" })).error, "string");
      });

      test("status: the people of a domain, and activity", async (t) => {
        const domain = fresh("d");
        const channel = `private-domain.${domain}`;
        const id = fresh("u");
        const client = await dial(t, { token: token({ sub: id, domains: [domain], info: { name: "Ada" } }) });
        await client.subscribe(channel);
        const mine = async () => Object.values((await client.request("status", { channel })).users).find(({ user_id }) => user_id === id);
        await until(async () => (await mine())?.status === "online", "online");
        // What is asked here counts against what a client may do in a second.
        const say = (state) => until(async () => (await client.request("activity", { state })).error === undefined, `to be ${state}`);
        await say("away");
        await until(async () => (await mine()).status === "away", "away");
        await say("online");
        await until(async () => (await mine()).status === "online", "online again");
        assert.equal((await client.request("status", { channel: "private-domain.elsewhere" })).error, "not_subscribed");
      });

      test("binary, both ways and acknowledged", async (t) => {
        const client = await dial(t, { port: server.conformancePort });
        const bytes = Buffer.from([0, 1, 2, 253, 254, 255]);
        const same = (value) => assert.deepEqual(Buffer.from(value), bytes);
        client.emit("message", 1, { deep: [bytes] }, bytes);
        const { args } = await client.next("message-back");
        assert.equal(args[0], 1);
        same(args[1].deep[0]);
        same(args[2]);
        const [one, two] = await client.request("message-with-ack", bytes, { bytes });
        same(one);
        same(two.bytes);
        const large = Buffer.alloc(300_000, 7);
        assert.ok(large.equals(Buffer.from(await client.request("message-with-ack", large))));
      });

      test("three hundred acknowledged requests, each with its own answer", async (t) => {
        const client = await dial(t);
        const answers = await Promise.all(range(1, 300).map((n) => client.request("presence", { channel: `presence-number.${n}` })));
        assert.deepEqual(answers.map(({ message }) => Number(message.split(".").at(-1))), range(1, 300));
      });

      if (isFive(generation)) {
        test("volatile messages: dropped or delivered, never late, never out of order", async (t) => {
          const channel = fresh("private-domain.");
          const [one, two] = [await dial(t), await dial(t)];
          await one.join(app, channel);
          await two.join(app, channel);
          let n = 0;
          await until(() => {
            if (n < 9) one.socket.volatile.emit("client event", { channel, event: "client-cursor", data: ++n });
            return two.heard.count(({ event }) => event === "client-cursor") > 0;
          }, "a volatile message");
          const got = two.data(channel, "client-cursor");
          assert.deepEqual(got, [...got].sort((a, b) => a - b));
        });
      }

      test("namespaces on one connection: own sockets, own channels, own applications", async (t) => {
        const channel = fresh("domain.");
        const main = await dial(t);
        const chat = await main.of("/chat").connected();
        const other = await main.of("/other").connected();
        assert.equal(chat.socket.io, main.socket.io);
        for (const client of [main, chat, other]) await client.subscribe(channel);
        await publish(channel, "hello", { from: "main" });
        await publish(channel, "hello", { from: "other" }, {}, apps.other);
        for (const client of [main, chat, other]) await client.next("hello");
        assert.deepEqual(main.data(channel, "hello"), [{ from: "main" }]);
        assert.deepEqual(chat.data(channel, "hello"), [{ from: "main" }]);
        assert.deepEqual(other.data(channel, "hello"), [{ from: "other" }]);
        chat.socket.disconnect();
        await publish(channel, "again", {});
        await main.next("again");
        await until(() => !chat.socket.connected, "chat to be left");
        assert.equal(chat.heard.count(({ event }) => event === "again"), 0);
        assert.ok(main.socket.connected);
      });

      test("on a namespace a socket goes by the id that it knows: signatures, toOthers(), its own events", async (t) => {
        const channel = fresh("private-domain.");
        const main = await dial(t);
        const chat = await main.of("/chat").connected();
        assert.notEqual(chat.id, main.id);
        for (const client of [main, chat]) await client.join(app, channel);
        await publish(channel, "hello", 1, { socket_id: chat.id });
        await publish(channel, "hello", 2, { socket_id: main.id });
        await publish(channel, "hello", 3);
        for (const client of [main, chat]) await client.heard.find(({ event, args }) => event === "hello" && args[1] === 3, "3");
        assert.deepEqual(chat.data(channel, "hello"), [2, 3]);
        assert.deepEqual(main.data(channel, "hello"), [1, 3]);
        chat.emit("client event", { channel, event: "client-mine", data: {} });
        await main.next("client-mine");
        await publish(channel, "hello", 4);
        await chat.heard.find(({ event, args }) => event === "hello" && args[1] === 4, "4");
        assert.equal(chat.heard.count(({ event }) => event === "client-mine"), 0);
      });

      test("a namespace that is none: told so, and the others go on", async (t) => {
        const main = await dial(t);
        const none = main.of("/nope");
        t.after(() => none.socket.disconnect());
        assert.equal(await none.refused(), "Invalid namespace");
        assert.equal(none.socket.connected, false);
        await main.subscribe(fresh("domain."));
      });

      test("toOthers(): the socket id leaves out exactly that socket", async (t) => {
        const channel = fresh("private-domain.");
        const [one, two] = [await dial(t), await dial(t)];
        await one.join(app, channel);
        await two.join(app, channel);
        await publish(channel, "message.sent", 1, { socket_id: one.id });
        await publish(channel, "message.sent", 2);
        for (const client of [one, two]) await client.heard.find(({ args }) => args[1] === 2, "2");
        assert.deepEqual(one.data(channel, "message.sent"), [2]);
        assert.deepEqual(two.data(channel, "message.sent"), [1, 2]);
      });

      test("a user is banned: the connections end, and do not get in again", async (t) => {
        const id = fresh("u");
        const client = await dial(t, { token: token({ sub: id }) });
        const stranger = await dial(t, { token: token({ sub: fresh("u") }) });
        assert.equal((await call(server, app, "POST", `/apps/${app.id}/users/${id}/ban`, { body: { for_seconds: 60, reason: "spam" } })).status, 200);
        await client.state.find(({ event }) => event === "disconnect", "a disconnect");
        client.socket.connect();
        assert.match(await client.refused(), /banned until .*: spam/);
        assert.ok(stranger.socket.connected);
      });

      test("a user is kicked off a channel, and is told", async (t) => {
        const id = fresh("u");
        const channel = fresh("presence-domain.");
        const client = await dial(t);
        await client.join(app, channel, user(id));
        assert.equal((await call(server, app, "POST", `/apps/${app.id}/users/${id}/kick`, { body: { channel, for_seconds: 60 } })).status, 200);
        assert.equal((await client.next("subscription_error")).args[0], channel);
        const again = await client.request("subscribe", { channel, ...client.proof(app, channel, user(id)) });
        assert.equal(again.error, "kicked");
        assert.ok(client.socket.connected);
      });

      test("a message over the bound ends the connection, and the client comes back", async (t) => {
        const channel = fresh("domain.");
        const client = await dial(t);
        client.emit("client event", { channel, event: "client-big", data: "x".repeat(2_000_000) });
        await client.state.find(({ event }) => event === "disconnect", "a disconnect");
        await client.connected();
        await client.subscribe(channel);
      });

      test("kill -9 and restart of the server: the client comes back by itself", async (t) => {
        const own = await startServer(sections());
        t.after(() => own.stop());
        const channel = fresh("domain.");
        const client = await connect(t, own, { generation, transport });
        client.socket.on("connect", () => client.emit("subscribe", { channel }));
        await own.kill9();
        await client.state.find(({ event }) => event === "disconnect", "a disconnect");
        await own.start();
        await client.connected();
        await until(async () => {
          await trigger(own, app, channel, "hello", {});
          return client.heard.count(({ event }) => event === "hello") > 0;
        }, "an event after the restart");
      });
    });
  }
}

test("pusher-js' raw frames and socket ids are the same ids: no two connections share one", async (t) => {
  const ids = [(await raw(t, server)).socketId];
  for (const generation of generations) {
    const client = await connect(t, server, { generation });
    ids.push(client.id);
  }
  assert.equal(new Set(ids).size, ids.length);
});
