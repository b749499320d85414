// Every channel type, sign-in, watchlists and client events, with unmodified pusher-js 8 and 7.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { Backend, masterKey } from "../lib/backend.js";
import { pusherOptions, pushers, sdk } from "../lib/clients.js";
import { apps, fresh, raw, startServer, test } from "../lib/harness.js";
import { Proxy } from "../lib/proxy.js";
import { call, trigger } from "../lib/sign.js";
import { Inbox, until, within } from "../lib/wait.js";

let server;
let backend;
before(async () => {
  server = await startServer();
  backend = await Backend.start(apps.main);
});
after(async () => {
  await server?.stop();
  await backend?.stop();
});

for (const [version, Pusher] of Object.entries(pushers)) {
  describe(version, () => {
    const connect = (t, options = {}, app = apps.main) => {
      const client = new Pusher(app.key, pusherOptions(server, backend, options));
      t.after(() => client.disconnect());
      return client;
    };
    const connected = (client) => until(() => client.connection.state === "connected", () => `connected, is ${client.connection.state}`);
    // Everything that the application hears on the channel.
    const subscribe = async (client, name) => {
      const channel = client.subscribe(name);
      channel.heard = new Inbox(`what ${name} heard`);
      channel.bind_global((event, data) => channel.heard.push({ event, data }));
      await channel.heard.find(({ event }) => event === "pusher:subscription_succeeded", `subscription of ${name}`);
      return channel;
    };
    const heard = (channel, event) => channel.heard.find((item) => item.event === event, event);
    const publish = async (channel, event, data, extra) => {
      const answer = await trigger(server, apps.main, channel, event, data, extra);
      assert.equal(answer.status, 200, answer.text);
    };

    test("connects, and has a socket id of the form that SDKs check", async (t) => {
      const client = connect(t);
      await connected(client);
      assert.match(client.connection.socket_id, /^\d{1,10}\.\d{1,10}$/);
    });

    for (const prefix of ["", "private-", "presence-", "cache-", "private-cache-", "presence-cache-"]) {
      test(`${prefix || "public "}channel: subscribes and hears what the API publishes`, async (t) => {
        const name = fresh(`${prefix}domain.`);
        const channel = await subscribe(connect(t), name);
        const data = { text: "héllo → 世界 👋", number: 12.5, nested: { list: [1, null, true] } };
        await publish(name, "message.sent", data);
        assert.deepEqual((await heard(channel, "message.sent")).data, data);
      });
    }

    test("application data arrives byte for byte", async (t) => {
      const name = fresh("private-domain.");
      const channel = await subscribe(connect(t), name);
      // Key order, number form and escapes must survive; a string that is no JSON comes as it is.
      const sent = ['{"b":1.0,"a":12345678901234567890,"s":"\\u00e9\\/"}', "no json at all", '"quoted"', "", "null"];
      for (const data of sent) {
        const body = JSON.stringify({ name: "exact", channel: name, data });
        const answer = await call(server, apps.main, "POST", `/apps/${apps.main.id}/events`, { body });
        assert.equal(answer.status, 200, answer.text);
      }
      await channel.heard.atLeast(5, ({ event }) => event === "exact", "exact events");
      const got = channel.heard.items.filter(({ event }) => event === "exact").map(({ data }) => data);
      assert.deepEqual(got, [JSON.parse(sent[0]), "no json at all", "quoted", "", null]);
    });

    test("encrypted channel: decrypts what the SDK encrypted; the server saw only ciphertext", async (t) => {
      const name = fresh("private-encrypted-domain.");
      const watcher = await raw(t, server);
      await watcher.joined(name);
      const channel = await subscribe(connect(t), name);
      await sdk(server, apps.main, { encryptionMasterKeyBase64: masterKey }).trigger(name, "secret", { whisper: "the eagle" });
      assert.deepEqual((await heard(channel, "secret")).data, { whisper: "the eagle" });
      const frame = await watcher.next("secret");
      assert.deepEqual(Object.keys(JSON.parse(frame.data)).sort(), ["ciphertext", "nonce"]);
      assert.ok(!frame.raw.includes("eagle"));
    });

    for (const prefix of ["cache-", "private-cache-", "presence-cache-"]) {
      test(`${prefix}channel: a late subscriber gets the last event, an early one a miss`, async (t) => {
        const name = fresh(`${prefix}domain.`);
        const client = connect(t);
        const early = client.subscribe(name);
        const missed = new Promise((done) => early.bind("pusher:cache_miss", done));
        await within(missed, "pusher:cache_miss");
        await publish(name, "price", { euro: 1 });
        await publish(name, "price", { euro: 2 });
        const late = await subscribe(connect(t, { user: "2" }), name);
        assert.deepEqual((await heard(late, "price")).data, { euro: 2 });
        assert.deepEqual(late.heard.items.filter(({ event }) => event === "price").length, 1);
      });
    }

    test("presence: who is here, who comes, who goes; never about oneself", async (t) => {
      const name = fresh("presence-domain.");
      const ada = await subscribe(connect(t, { user: "ada" }), name);
      assert.equal(ada.members.count, 1);
      assert.equal(ada.members.me.id, "ada");
      const bobClient = connect(t, { user: "bob" });
      const bob = await subscribe(bobClient, name);
      assert.deepEqual(Object.keys(bob.members.members).sort(), ["ada", "bob"]);
      assert.deepEqual(bob.members.get("ada").info, { id: "ada", name: "User ada" });
      const added = await heard(ada, "pusher:member_added");
      assert.deepEqual(added.data, { id: "bob", info: { id: "bob", name: "User bob" } });
      bobClient.unsubscribe(name);
      assert.equal((await heard(ada, "pusher:member_removed")).data.id, "bob");
      assert.equal(ada.members.count, 1);
      assert.equal(bob.heard.count(({ event }) => event === "pusher:member_added"), 0);
    });

    test("client events reach the others with the sender's user id, not the sender", async (t) => {
      const name = fresh("presence-domain.");
      const ada = await subscribe(connect(t, { user: "ada" }), name);
      const bob = await subscribe(connect(t, { user: "bob" }), name);
      const senders = [];
      bob.bind("client-typing", (_, metadata) => senders.push(metadata?.user_id));
      for (const data of [{ on: true }, [1, 2], "text", 7, null]) assert.ok(ada.trigger("client-typing", data));
      const got = await bob.heard.atLeast(5, ({ event }) => event === "client-typing", "client-typing");
      assert.deepEqual(got.map(({ data }) => data), [{ on: true }, [1, 2], "text", 7, null]);
      assert.deepEqual(senders, Array(5).fill("ada"));
      await publish(name, "fence", {});
      await heard(ada, "fence");
      assert.equal(ada.heard.count(({ event }) => event === "client-typing"), 0);
    });

    test("client events on a private channel carry no user id", async (t) => {
      const name = fresh("private-domain.");
      const one = await subscribe(connect(t, { user: "ada" }), name);
      const two = await subscribe(connect(t, { user: "bob" }), name);
      const senders = new Inbox("senders");
      two.bind("client-typing", (_, metadata) => senders.push(`from ${metadata?.user_id}`));
      one.trigger("client-typing", {});
      assert.equal(await senders.find(() => true, "client-typing"), "from undefined");
    });

    test("more client events in a second than the application allows are answered 4301 and dropped; the connection lives", async (t) => {
      const name = fresh("private-room.");
      const client = connect(t);
      const errors = new Inbox("connection errors");
      client.connection.bind("error", (error) => errors.push(error));
      const sender = await subscribe(client, name);
      const receiver = await subscribe(connect(t), name);
      for (let number = 1; number <= 2000; number++) sender.trigger("client-burst", { number });
      const error = await errors.find((item) => (item.error?.data ?? item.data)?.code === 4301, "error 4301");
      assert.ok(error);
      await publish(name, "fence", {});
      await heard(receiver, "fence");
      const got = receiver.heard.count(({ event }) => event === "client-burst");
      assert.ok(got >= 250 && got < 2000, `${got} of 2000 came through`);
      assert.equal(client.connection.state, "connected");
    });

    test("socket_id excludes one connection", async (t) => {
      const name = fresh("private-domain.");
      const excluded = connect(t);
      const one = await subscribe(excluded, name);
      const two = await subscribe(connect(t), name);
      await publish(name, "others", {}, { socket_id: excluded.connection.socket_id });
      await publish(name, "all", {});
      await heard(one, "all");
      await heard(two, "others");
      assert.equal(one.heard.count(({ event }) => event === "others"), 0);
    });

    test("a forged signature is refused on the channel, and the connection goes on", async (t) => {
      const name = fresh("private-domain.");
      backend.forged.add(name);
      const client = connect(t);
      const refused = new Inbox("subscription errors");
      client.subscribe(name).bind("pusher:subscription_error", (error) => refused.push(error));
      const error = await refused.find(() => true, "pusher:subscription_error");
      assert.equal(error.status, 401);
      assert.equal(error.type, "AuthError");
      await subscribe(client, fresh("private-domain."));
      assert.equal(client.connection.state, "connected");
    });

    test("what the application's auth endpoint denies is never subscribed", async (t) => {
      const name = fresh("private-domain.");
      backend.denied.add(name);
      const refused = new Inbox("subscription errors");
      connect(t).subscribe(name).bind("pusher:subscription_error", (error) => refused.push(error));
      assert.equal((await refused.find(() => true, "pusher:subscription_error")).status, 403);
    });

    test("sign-in: server-to-user events reach every connection of the user and nobody else", async (t) => {
      const user = fresh("u");
      const signIn = async (id) => {
        const client = connect(t, { user: id });
        client.heard = new Inbox(`user events of ${id}`);
        client.user.bind_global?.((event, data) => client.heard.push({ event, data }));
        client.user.bind("notice", (data) => client.heard.push({ event: "notice", data }));
        client.signin();
        await within(client.user.signinDonePromise, "sign-in");
        // The server-to-user channel is subscribed after the sign-in.
        await until(() => client.user.serverToUserChannel?.subscribed, "the server-to-user channel");
        return client;
      };
      const [first, second, stranger] = [await signIn(user), await signIn(user), await signIn(`${user}-other`)];
      await sdk(server, apps.main).sendToUser(user, "notice", { n: 1 });
      for (const client of [first, second]) {
        assert.deepEqual((await client.heard.find(({ event }) => event === "notice", "notice")).data, { n: 1 });
      }
      await sdk(server, apps.main).sendToUser(`${user}-other`, "notice", { n: 2 });
      assert.deepEqual((await stranger.heard.find(({ event }) => event === "notice", "notice")).data, { n: 2 });
    });

    test("watchlist: told who is online, then of every change", async (t) => {
      const friend = fresh("friend");
      const watcher = connect(t, { user: fresh("watcher"), watchlist: [friend] });
      const changes = new Inbox("watchlist events");
      watcher.user.watchlist.bind("online", ({ user_ids }) => changes.push(`online ${user_ids}`));
      watcher.user.watchlist.bind("offline", ({ user_ids }) => changes.push(`offline ${user_ids}`));
      watcher.signin();
      await within(watcher.user.signinDonePromise, "sign-in");
      const friends = [connect(t, { user: friend }), connect(t, { user: friend })];
      for (const client of friends) {
        client.signin();
        await within(client.user.signinDonePromise, "sign-in");
      }
      await changes.find((change) => change === `online ${friend}`, "online");
      for (const client of friends) client.disconnect();
      await changes.find((change) => change === `offline ${friend}`, "offline");
      const late = connect(t, { user: fresh("watcher"), watchlist: [fresh("nobody"), "someone"] });
      late.signin();
      await within(late.user.signinDonePromise, "sign-in");
      assert.equal(changes.count((change) => change === `online ${friend}`), 1, "online only once for two connections");
    });

    test("terminate_connections ends the user's connections for good and nobody else's", async (t) => {
      const user = fresh("u");
      const [one, two, other] = [connect(t, { user }), connect(t, { user }), connect(t, { user: fresh("u") })];
      for (const client of [one, two, other]) {
        client.signin();
        await within(client.user.signinDonePromise, "sign-in");
      }
      await sdk(server, apps.main).terminateUserConnections(user);
      for (const client of [one, two]) {
        await until(() => client.connection.state === "disconnected", () => `disconnected, is ${client.connection.state}`);
      }
      assert.equal(other.connection.state, "connected");
    });

    test("subscription_count is told to subscribers of an app that wants it", async (t) => {
      const name = fresh("domain.");
      const one = await subscribe(connect(t, {}, apps.counting), name);
      await one.heard.find(({ event, data }) => event === "pusher:subscription_count" && data.subscription_count === 1, "count 1");
      const second = connect(t, {}, apps.counting);
      await subscribe(second, name);
      await one.heard.find(({ event, data }) => event === "pusher:subscription_count" && data.subscription_count === 2, "count 2");
      assert.equal(one.subscriptionCount, 2);
      second.disconnect();
      await until(() => one.subscriptionCount === 1, "count 1 again");
    });

    test("unsubscribe, then subscribe again at once: subscribed, and the roster never flaps", async (t) => {
      const name = fresh("presence-domain.");
      const watcher = await subscribe(connect(t, { user: "watcher" }), name);
      const client = connect(t, { user: "strict" });
      await subscribe(client, name);
      await heard(watcher, "pusher:member_added");
      client.unsubscribe(name);
      await subscribe(client, name);
      await publish(name, "fence", {});
      await heard(watcher, "fence");
      assert.equal(watcher.heard.count(({ event }) => event === "pusher:member_removed"), 0);
      assert.equal(watcher.heard.count(({ event }) => event === "pusher:member_added"), 1);
      assert.equal(watcher.members.count, 2);
    });

    test("an unknown key stops the client for good", async (t) => {
      const client = connect(t, {}, { key: "no-such-key" });
      const errors = new Inbox("errors");
      client.connection.bind("error", (error) => errors.push(error));
      await until(() => client.connection.state === "disconnected", () => `disconnected, is ${client.connection.state}`);
      assert.equal((await errors.find(() => true, "an error")).error.data.code, 4001);
    });

    test("a silent network is noticed by ping, and the client comes back", async (t) => {
      const proxy = await Proxy.start(server.port);
      t.after(() => proxy.stop());
      const client = connect(t, { port: proxy.port, activityTimeout: 400, pongTimeout: 200 });
      await connected(client);
      const first = client.connection.socket_id;
      proxy.cut("silence");
      await until(() => client.connection.state === "connected" && client.connection.socket_id !== first, "a new connection");
    });
  });
}
