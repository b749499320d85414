// The server SDKs of other languages, unmodified: `pusher` for Python, pusher-http-go, pusher-http-java.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { apps, fresh, raw, startServer, test as anyTest } from "../lib/harness.js";
import { go, java, python } from "../lib/languages.js";
import { Receiver } from "../lib/receiver.js";
import { history } from "../lib/sign.js";

const app = apps.main;
const [inPython, inGo, inJava] = await Promise.all([python("clients"), go(), java()]);
const start = {
  "pusher for Python": [inPython, (t) => inPython.program(t, "pusher_sdk.py", server.port, app.id, app.key, app.secret)],
  "pusher-http-go": [inGo, (t) => inGo.program(t, "pusher-http-go", server.port, app.id, app.key, app.secret)],
  "pusher-http-java": [inJava, (t) => inJava.program(t, "Sdk", server.port, app.id, app.key, app.secret)],
};
let server;
let receiver;
before(async () => {
  receiver = await Receiver.start(app);
  server = await startServer({ webhooks: [{ name: "sdk", app: app.id, url: receiver.url }] });
});
after(async () => {
  await server?.stop();
  await receiver?.down();
});

const text = { text: "Grüße an alle 🎉", html: "<b>&amp;</b>", n: [1, 2.5, -3] };

for (const [name, [{ skip }, open]] of Object.entries(start)) {
  const test = (what, body) => anyTest(`${name}: ${what}`, { skip }, async (t) => body(t, open(t)));

  test("what it publishes arrives, on many channels, not at the one it excludes", async (t, sdk) => {
    const channels = [fresh("domain."), fresh("private-domain."), fresh("presence-domain.")];
    const [one, two] = [await raw(t, server), await raw(t, server)];
    for (const client of [one, two]) for (const channel of channels) await client.joined(channel, channel.startsWith("presence-") ? { member: { user_id: "1" } } : {});
    await sdk.ask("trigger", { channels, event: "said", data: text });
    await sdk.ask("trigger", { channels: [channels[0]], event: "to others", data: { n: 1 }, socket_id: one.socketId });
    await sdk.ask("trigger", { channels: [channels[0]], event: "fence", data: {} });
    for (const client of [one, two]) {
      await client.next("fence");
      for (const channel of channels) assert.deepEqual(client.of(channel, "said").map(({ data }) => JSON.parse(data)), [text]);
    }
    assert.equal(one.of(channels[0], "to others").length, 0);
    assert.equal(two.of(channels[0], "to others").length, 1);
  });

  test("equal publications within a second are as many publications", async (t, sdk) => {
    const channel = fresh("domain.");
    for (let n = 0; n < 3; n++) await sdk.ask("trigger", { channels: [channel], event: "refresh", data: {} });
    const { publications } = (await history(server, app, channel)).json;
    assert.deepEqual(publications.map(({ event }) => event), ["refresh", "refresh", "refresh"]);
  });

  test("a batch", async (t, sdk) => {
    const channels = [fresh("domain."), fresh("domain.")];
    await sdk.ask("batch", { events: channels.map((channel, n) => ({ channel, name: "n", data: { n } })) });
    for (const [n, channel] of channels.entries()) {
      const { publications } = (await history(server, app, channel)).json;
      assert.deepEqual(publications.map(({ data }) => JSON.parse(data)), [{ n }]);
    }
  });

  test("what it reads of channels and members", async (t, sdk) => {
    const tag = fresh("q");
    const channel = `presence-${tag}`;
    const [one, two] = [await raw(t, server), await raw(t, server)];
    await one.joined(channel, { member: { user_id: "ada" } });
    await two.joined(channel, { member: { user_id: "grace" } });
    const channels = await sdk.ask("channels", { prefix: `presence-${tag}`, info: ["user_count"] });
    assert.deepEqual(Object.keys(channels), [channel]);
    assert.equal(channels[channel].user_count, 2);
    const about = await sdk.ask("channel", { channel, info: ["user_count,subscription_count"] });
    assert.deepEqual([about.occupied, about.user_count, about.subscription_count], [true, 2, 2]);
    assert.equal((await sdk.ask("channel", { channel: `${tag}.nobody` })).occupied, false);
    assert.deepEqual((await sdk.ask("users", { channel })).sort(), ["ada", "grace"]);
  });

  test("whom it lets in is in", async (t, sdk) => {
    const [secret, present] = [fresh("private-domain."), fresh("presence-domain.")];
    const client = await raw(t, server);
    const member = { user_id: "ada", user_info: { name: "Ada Lovelace" } };
    for (const channel of [secret, present]) {
      const proof = await sdk.ask("authorize", { socket_id: client.socketId, channel, ...(channel === present ? { member } : {}) });
      const { data } = await client.joined(channel, { proof: false, extra: proof });
      if (channel === present) assert.deepEqual(JSON.parse(data).presence.hash, { ada: member.user_info });
    }
  });

  test("a webhook is one that it believes, and one that was changed is none", async (t, sdk) => {
    const channel = fresh("presence-domain.");
    const client = await raw(t, server);
    await client.joined(channel, { member: { user_id: "ada" } });
    const wanted = ({ events }) => events.some((event) => event.name === "member_added" && event.channel === channel);
    const { headers, body } = await receiver.requests.find(wanted, "member_added");
    const hook = { key: headers["x-pusher-key"], signature: headers["x-pusher-signature"], body };
    const { events } = await sdk.ask("webhook", hook);
    const added = events.find((event) => event.name === "member_added" && event.channel === channel);
    assert.equal(added.user_id, "ada");
    await assert.rejects(sdk.ask("webhook", { ...hook, body: body.replace("ada", "eve") }));
  });
}
