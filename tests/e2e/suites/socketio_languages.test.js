// Socket.IO clients of other languages, unmodified: python-socketio 5 and 4 (Engine.IO 4 and 3), rust_socketio. As
// laravel-echo-server's clients they bring a bearer token, and the application decides.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { Backend } from "../lib/backend.js";
import { apps, fresh, range, startServer, test as anyTest } from "../lib/harness.js";
import { python, rust } from "../lib/languages.js";
import { trigger } from "../lib/sign.js";
import { connect } from "../lib/sockets.js";
import { until } from "../lib/wait.js";

const events = ["said", "n", "fence", "client-typing", "presence:subscribed", "presence:joining", "presence:leaving", "subscription_error"];
const [five, four, inRust] = await Promise.all([python("clients"), python("socketio4"), rust()]);
const clients = {
  "python-socketio 5": [five, (t, port, transport) => five.program(t, "socketio_client.py", port, transport, ...events)],
  "python-socketio 4": [four, (t, port, transport) => four.program(t, "socketio_client.py", port, transport, ...events)],
  rust_socketio: [inRust, (t, port, transport) => inRust.program(t, "rust_socketio", port, transport, ...events)],
};
let backend;
let server;
let app;
const sections = () => ({
  apps: [{ ...apps.main, auth: { url: `${backend.url}/broadcasting/auth`, forward_headers: ["authorization"] } }],
  channels: [{ match: "domain.*", durability: "quorum" }],
});
before(async () => {
  app = apps.main;
  backend = await Backend.start(app);
  server = await startServer(sections());
});
after(async () => {
  await server?.stop();
  await backend?.stop();
});

const as = (user) => ({ auth: { headers: { Authorization: `Bearer ${user}` } } });
const heard = (client, channel, event) => client.heard.items.filter((item) => item.event === event && item.arguments[0] === channel).map((item) => item.arguments[1]);
const publish = async (on, channel, event, data) => assert.equal((await trigger(on, app, channel, event, data)).status, 200);
// Joined: it hears what is published. Not each of them says when it is connected again, or that it could not
// send: it is asked again and again.
async function joined(client, on, channel, user = "ada") {
  const subscribe = () => client.ask("emit", { event: "subscribe", data: { channel, ...as(user) } });
  const mark = fresh("fence ");
  let rounds = 0;
  await until(async () => {
    if (heard(client, channel, "fence").includes(mark)) return true;
    if (rounds++ % 20 === 0) await subscribe().catch(() => {});
    await publish(on, channel, "fence", mark);
    return false;
  }, () => `${client.name} to hear ${channel}; it heard ${client.heard.tail()} and said ${client.stderr}`);
}

for (const [name, [{ skip }, open]] of Object.entries(clients)) {
  const test = (what, body) => anyTest(`${name}: ${what}`, { skip }, body);

  for (const transport of ["polling", "websocket", "upgrade"]) {
    test(`by ${transport}: every publication once, whatever is in it`, async (t) => {
      const client = open(t, server.port, transport);
      await client.ask("connect");
      const channels = [fresh("domain."), fresh("private-domain.")];
      for (const channel of channels) await joined(client, server, channel);
      const data = { text: "Grüße an alle 🎉", n: [1, 2.5, -3], nothing: null };
      for (const channel of channels) {
        await publish(server, channel, "said", data);
        // More at once than python-engineio takes with one answer to a poll.
        await Promise.all(range(1, 60).map((n) => publish(server, channel, "n", n)));
      }
      await until(() => channels.every((channel) => heard(client, channel, "n").length >= 60), () => `all; ${client.heard.tail()}; it said ${client.stderr}`);
      for (const channel of channels) {
        assert.deepEqual(heard(client, channel, "said"), [data]);
        // python-socketio hands each message to a thread of its own.
        assert.deepEqual(heard(client, channel, "n").sort((a, b) => a - b), range(1, 60));
      }
    });
  }

  test("presence and client events, with JavaScript's clients beside it", async (t) => {
    const channel = fresh("presence-domain.");
    const client = open(t, server.port, "websocket");
    await client.ask("connect");
    await joined(client, server, channel);
    const here = await client.next({ event: "presence:subscribed" });
    assert.deepEqual(here.arguments[1].map(({ user_id }) => user_id), ["ada"]);
    const grace = await connect(t, server, {});
    await grace.subscribe(channel, as("grace"));
    const joining = await client.next({ event: "presence:joining" });
    assert.equal(joining.arguments[1].user_id, "grace");
    await client.ask("emit", { event: "client event", data: { channel, event: "client-typing", data: { by: "ada" } } });
    assert.deepEqual((await grace.next("client-typing")).args.slice(0, 2), [channel, { by: "ada" }]);
    grace.emit("client event", { channel, event: "client-typing", data: { by: "grace" } });
    await client.next({ event: "client-typing" });
    assert.deepEqual(heard(client, channel, "client-typing"), [{ by: "grace" }]);
  });

  test("an acknowledgement says how it went", async (t) => {
    const [yes, no] = [fresh("private-domain."), fresh("private-domain.")];
    backend.denied.add(no);
    const client = open(t, server.port, "websocket");
    await client.ask("connect");
    const good = JSON.stringify(await client.ask("call", { event: "subscribe", data: { channel: yes, ...as("ada") } }));
    const bad = JSON.stringify(await client.ask("call", { event: "subscribe", data: { channel: no, ...as("ada") } }));
    assert.ok(good.includes(yes) && !good.includes("error"), good);
    assert.ok(bad.includes("unauthorized"), bad);
    assert.deepEqual((await client.next({ event: "subscription_error" })).arguments.slice(0, 2), [no, 403]);
  });

  test("after kill -9 it comes back, joins again and hears on", async (t) => {
    const own = await startServer(sections());
    t.after(() => own.stop());
    const channel = fresh("private-domain.");
    const client = open(t, own.port, "websocket");
    await client.ask("connect");
    await joined(client, own, channel);
    await own.kill9();
    await client.next({ what: "disconnected" });
    await own.start();
    await joined(client, own, channel);
    await publish(own, channel, "said", "again");
    await client.next({ event: "said" });
  });
}
