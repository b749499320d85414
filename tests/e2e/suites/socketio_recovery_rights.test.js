// Who may take up a kept session: its user, and with the rights of now.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { Backend } from "../lib/backend.js";
import { apps, fresh, startServer, test } from "../lib/harness.js";
import { recovering, recoverySections } from "../lib/recovering.js";
import { call, token as signToken } from "../lib/sign.js";
import { connect, SocketClient } from "../lib/sockets.js";
import { until } from "../lib/wait.js";

const app = { ...apps.main, limits: { client_events_per_second_max: 0 } };
const token = (claims) => signToken(app, claims);
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
  const own = await startServer({ apps: [app], socketio: sections().socketio });
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
