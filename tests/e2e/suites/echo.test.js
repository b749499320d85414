// laravel-echo 2 and 1.16, with their `pusher` and `reverb` connectors, as a Laravel front-end uses them.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";

import { Backend, masterKey } from "../lib/backend.js";
import { echoes, pusherOptions, sdk } from "../lib/clients.js";
import { apps, fresh, startServer, test } from "../lib/harness.js";
import { trigger } from "../lib/sign.js";
import { Inbox, until } from "../lib/wait.js";

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

for (const [version, { Echo, Pusher }] of Object.entries(echoes)) {
  for (const broadcaster of ["pusher", "reverb"]) {
    describe(`${version}, ${broadcaster} connector`, () => {
      const connect = (t, user = "1") => {
        const { channelAuthorization, userAuthentication, ...options } = pusherOptions(server, backend, { user });
        const echo = new Echo({
          ...options,
          broadcaster,
          key: apps.main.key,
          Pusher,
          // As an application gives it to Echo: endpoint and headers.
          authEndpoint: channelAuthorization.endpoint,
          auth: { headers: channelAuthorization.headers },
          userAuthentication,
        });
        t.after(() => echo.disconnect());
        return echo;
      };
      const subscribed = (channel) => until(() => channel.subscription.subscribed, () => `the subscription of ${channel.name}`);
      const publish = async (channel, event, data) => assert.equal((await trigger(server, apps.main, channel, event, data)).status, 200);

      test("listen on public, private, encrypted and presence channels", async (t) => {
        const echo = connect(t);
        const heard = new Inbox("listeners");
        const id = fresh("domain.");
        const channels = {
          [id]: echo.channel(id),
          [`private-${id}`]: echo.private(id),
          [`private-encrypted-${id}`]: echo.encryptedPrivate(id),
          [`presence-${id}`]: echo.join(id),
        };
        for (const [name, channel] of Object.entries(channels)) {
          channel.listen(".message.sent", (data) => heard.push([name, data]));
          await subscribed(channel);
        }
        for (const name of Object.keys(channels)) {
          await sdk(server, apps.main, { encryptionMasterKeyBase64: masterKey }).trigger(name, "message.sent", { to: name });
        }
        for (const name of Object.keys(channels)) {
          assert.deepEqual((await heard.find(([to]) => to === name, name))[1], { to: name });
        }
        assert.equal(heard.items.length, 4);
      });

      test("event names: the App\\Events namespace, a leading dot, and listenToAll", async (t) => {
        const echo = connect(t);
        const id = fresh("domain.");
        const heard = new Inbox("listeners");
        const channel = echo.private(id);
        channel.listen("OrderShipped", () => heard.push("class"));
        channel.listen(".user.status.changed", () => heard.push("dot"));
        channel.listenToAll?.((name) => heard.push(`all ${name}`));
        await subscribed(channel);
        await publish(`private-${id}`, "App\\Events\\OrderShipped", {});
        await publish(`private-${id}`, "user.status.changed", {});
        await heard.find((item) => item === "class", "the class name");
        await heard.find((item) => item === "dot", "the dotted name");
        if (channel.listenToAll) await heard.find((item) => item.startsWith("all") && item.includes("OrderShipped"), "listenToAll");
      });

      test("notifications", async (t) => {
        const heard = new Inbox("notifications");
        const channel = connect(t).private("App.Models.User.7");
        channel.notification((notification) => heard.push(notification));
        await subscribed(channel);
        await publish("private-App.Models.User.7", "Illuminate\\Notifications\\Events\\BroadcastNotificationCreated", { id: "n1", type: "invoice" });
        assert.deepEqual(await heard.find(() => true, "a notification"), { id: "n1", type: "invoice" });
      });

      test("whispers reach the others", async (t) => {
        const id = fresh("domain.");
        const heard = new Inbox("whispers");
        const [one, two] = [connect(t, "1").private(id), connect(t, "2").private(id)];
        one.listenForWhisper("typing", () => heard.push("own"));
        two.listenForWhisper("typing", (data) => heard.push(data));
        await Promise.all([subscribed(one), subscribed(two)]);
        one.whisper("typing", { name: "Ada" });
        assert.deepEqual(await heard.find(() => true, "a whisper"), { name: "Ada" });
        two.whisper("typing", {});
        await heard.find((item) => item === "own", "the answer");
      });

      test("here, joining, leaving", async (t) => {
        const id = fresh("domain.");
        const seen = new Inbox("presence callbacks");
        const names = (users) => users.map(({ name }) => name).sort().join(",");
        const ada = connect(t, "ada");
        ada.join(id)
          .here((users) => seen.push(`here ${names(users)}`))
          .joining((user) => seen.push(`joining ${user.name}`))
          .leaving((user) => seen.push(`leaving ${user.name}`));
        await seen.find((item) => item === "here User ada", "here");
        const bob = connect(t, "bob");
        bob.join(id).here((users) => seen.push(`bob's here ${names(users)}`));
        await seen.find((item) => item === "bob's here User ada,User bob", "bob's here");
        await seen.find((item) => item === "joining User bob", "joining");
        bob.leave(id);
        await seen.find((item) => item === "leaving User bob", "leaving");
        assert.equal(seen.items.length, 4, JSON.stringify(seen.items));
      });

      test("leave ends every form of a channel, and events after it stay out", async (t) => {
        const id = fresh("domain.");
        const echo = connect(t);
        const heard = new Inbox("listeners");
        for (const channel of [echo.channel(id), echo.private(id)]) {
          channel.listen(".late", () => heard.push("late"));
          await subscribed(channel);
        }
        echo.leave(id);
        const fence = echo.channel(fresh("domain."));
        fence.listen(".fence", () => heard.push("fence"));
        await subscribed(fence);
        await publish(id, "late", {});
        await publish(`private-${id}`, "late", {});
        await publish(fence.name, "fence", {});
        await heard.find((item) => item === "fence", "the fence");
        assert.deepEqual(heard.items, ["fence"]);
      });

      test("StrictMode: join, leave, join within one tick; one stay, one listener, nobody flaps", async (t) => {
        const id = fresh("domain.");
        const seen = new Inbox("the watcher");
        connect(t, "watcher").join(id).here(() => seen.push("here")).joining((user) => seen.push(`joining ${user.name}`)).leaving((user) => seen.push(`leaving ${user.name}`));
        await seen.find((item) => item === "here", "here");
        const echo = connect(t, "react");
        const heard = new Inbox("the component");
        await until(() => echo.socketId(), "a connection");
        echo.join(id).listen(".message.sent", () => heard.push("first mount"));
        echo.leave(id);
        const second = echo.join(id).listen(".message.sent", () => heard.push("second mount"));
        await subscribed(second);
        await seen.find((item) => item === "joining User react", "joining");
        await publish(`presence-${id}`, "message.sent", {});
        await heard.find((item) => item === "second mount", "the message");
        await publish(`presence-${id}`, "message.sent", {});
        // pusher-js itself keeps the first mount's listener when a pending subscription is taken up again.
        await heard.atLeast(2, (item) => item === "second mount", "messages");
        assert.equal(heard.count((item) => item === "second mount"), 2);
        assert.deepEqual(seen.items, ["here", "joining User react"]);
      });

      test("a denied channel calls error()", async (t) => {
        const id = fresh("domain.");
        backend.denied.add(`private-${id}`);
        backend.forged.add(`private-${id}x`);
        const errors = new Inbox("errors");
        const echo = connect(t);
        echo.private(id).error((error) => errors.push(error.status));
        await errors.find((status) => status === 403, "403 of the application");
        echo.private(`${id}x`).error((error) => errors.push(error.status));
        await errors.find((status) => status === 401, "401 of the server");
      });

      test("socketId() excludes the sender: toOthers()", async (t) => {
        const id = fresh("domain.");
        const heard = new Inbox("listeners");
        const [sender, receiver] = [connect(t, "1"), connect(t, "2")];
        const channels = [sender.private(id), receiver.private(id)];
        channels[0].listen(".message.sent", ({ n }) => heard.push(`sender ${n}`));
        channels[1].listen(".message.sent", ({ n }) => heard.push(`receiver ${n}`));
        await Promise.all(channels.map(subscribed));
        await trigger(server, apps.main, `private-${id}`, "message.sent", { n: 1 }, { socket_id: sender.socketId() });
        await trigger(server, apps.main, `private-${id}`, "message.sent", { n: 2 });
        await heard.atLeast(3, () => true, "messages");
        assert.deepEqual([...heard.items].sort(), ["receiver 1", "receiver 2", "sender 2"]);
      });
    });
  }
}
