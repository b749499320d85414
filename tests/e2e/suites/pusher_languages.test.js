// Pusher clients of other languages, unmodified: Pysher and asyncpusher (Python), pusher-java-client.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { Backend } from "../lib/backend.js";
import { apps, fresh, range, raw, startServer, test as anyTest } from "../lib/harness.js";
import { java, python } from "../lib/languages.js";
import { trigger } from "../lib/sign.js";
import { until } from "../lib/wait.js";

const app = apps.main;
const [inPython, inJava] = await Promise.all([python("clients"), java()]);
const authorization = () => `${backend.url}/broadcasting/auth`;
const clients = {
  Pysher: [inPython, (t, { port }) => inPython.program(t, "pysher_client.py", port, app.key, app.secret, "ada")],
  asyncpusher: [inPython, (t, { port }) => inPython.program(t, "asyncpusher_client.py", port, app.key, authorization(), "ada")],
  "pusher-java-client": [inJava, (t, { port }) => inJava.program(t, "Client", port, app.key, authorization(), "ada")],
};
let backend;
let server;
before(async () => {
  backend = await Backend.start(app);
  server = await startServer();
});
after(async () => {
  await server?.stop();
  await backend?.stop();
});

const publish = async (on, channel, event, data) => assert.equal((await trigger(on, app, channel, event, data)).status, 200);
// Each gives an event's data as its users get it: parsed or not.
const values = (client, channel, event) => client.events(channel, event).map((data) => (typeof data === "string" ? JSON.parse(data) : data));
async function opened(t, open, on = server) {
  const client = open(t, on);
  await client.ask("connect");
  await client.next({ what: "connected" });
  return client;
}
async function joined(client, channel, events = []) {
  await client.ask("subscribe", { channel, events });
  await client.next({ what: "subscribed", channel });
}

for (const [name, [{ skip }, open]] of Object.entries(clients)) {
  const test = (what, body) => anyTest(`${name}: ${what}`, { skip }, body);

  test("publications on public, private and presence channels, in order", async (t) => {
    const client = await opened(t, open);
    const channels = [fresh("domain."), fresh("private-domain."), fresh("presence-domain.")];
    for (const channel of channels) await joined(client, channel, ["said", "n"]);
    const data = { text: "Grüße an alle 🎉", n: [1, 2.5, -3], nothing: null };
    for (const channel of channels) {
      await publish(server, channel, "said", data);
      for (const n of range(1, 20)) await publish(server, channel, "n", n);
    }
    await until(() => channels.every((channel) => client.events(channel, "n").length >= 20), () => `all; ${client.heard.tail()}`);
    for (const channel of channels) {
      assert.deepEqual(values(client, channel, "said"), [data]);
      assert.deepEqual(values(client, channel, "n"), range(1, 20));
    }
  });

  test("client events, both ways", async (t) => {
    const channel = fresh("private-domain.");
    const client = await opened(t, open);
    const other = await raw(t, server);
    await other.joined(channel);
    await joined(client, channel, ["client-typing"]);
    await client.ask("trigger", { channel, event: "client-typing", data: { by: "ada" } });
    const { data } = await other.next("client-typing");
    assert.deepEqual(typeof data === "string" ? JSON.parse(data) : data, { by: "ada" });
    other.send({ event: "client-typing", channel, data: { by: "grace" } });
    await client.next({ what: "event", event: "client-typing" });
    assert.deepEqual(values(client, channel, "client-typing"), [{ by: "grace" }]);
  });

  test("a cache channel, without and with something in it", async (t) => {
    const channel = fresh("cache-domain.");
    const client = await opened(t, open);
    await joined(client, channel, ["price", "pusher:cache_miss"]);
    await client.next({ what: "event", event: "pusher:cache_miss" });
    await publish(server, channel, "price", { euro: 1 });
    await client.next({ what: "event", event: "price" });
    const late = await opened(t, open);
    await late.ask("subscribe", { channel, events: ["price"] });
    await late.next({ what: "event", event: "price" });
    for (const one of [client, late]) assert.deepEqual(values(one, channel, "price"), [{ euro: 1 }]);
    for (const one of [client, late]) assert.equal(one.heard.count(({ what }) => what === "problem"), 0, one.heard.tail());
  });

  test("after kill -9 it comes back and hears on", async (t) => {
    const own = await startServer();
    t.after(() => own.stop());
    const client = await opened(t, open, own);
    // Pysher does not sign again when it comes back.
    const channels = name === "Pysher" ? [fresh("domain.")] : [fresh("domain."), fresh("private-domain.")];
    for (const channel of channels) await joined(client, channel, ["said"]);
    await own.kill9();
    const from = client.heard.items.length;
    await own.start();
    await client.next({ what: "connected" }, from);
    for (const channel of channels) {
      await until(async () => {
        if (client.events(channel, "said").length > 0) return true;
        await publish(own, channel, "said", "again");
        return false;
      }, () => `${name} to hear ${channel} again; ${client.heard.tail()}`);
    }
  });
}

anyTest("with nothing to say they stay connected, while who is silent is closed again and again", { skip: inPython.skip || inJava.skip }, async (t) => {
  const own = await startServer({ timing: { activity_timeout: "1s", silence_before_ping: "2s", pong_timeout: "3s" } });
  t.after(() => own.stop());
  const all = await Promise.all(Object.values(clients).map(([, open]) => opened(t, open, own)));
  for (const _ of range(1, 2)) {
    const silent = await raw(t, own, app, { pongs: false });
    assert.equal((await silent.whenClosed()).code, 4201);
  }
  for (const client of all) {
    const channel = fresh("domain.");
    await joined(client, channel, ["said"]);
    await publish(own, channel, "said", 1);
    await client.next({ what: "event", event: "said" });
    assert.equal(client.heard.count(({ what }) => what === "connected"), 1, client.heard.tail());
  }
});

anyTest("Pysher and pusher-java-client: who is there", { skip: inPython.skip || inJava.skip }, async (t) => {
  const channel = fresh("presence-domain.");
  const ada = await opened(t, clients.Pysher[1]);
  await joined(ada, channel);
  const java = inJava.program(t, "Client", server.port, app.key, authorization(), "grace");
  await java.ask("connect");
  await java.next({ what: "connected" });
  await joined(java, channel);
  assert.equal((await java.next({ what: "here", channel })).users, "ada,grace");
  await ada.next({ what: "joining", channel });
  const linus = await raw(t, server);
  await linus.joined(channel, { member: { user_id: "linus", user_info: { name: "Linus" } } });
  assert.equal((await java.next({ what: "joining", user: "linus" })).info, '{"name":"Linus"}');
  linus.unsubscribe(channel);
  await java.next({ what: "leaving", user: "linus" });
});
