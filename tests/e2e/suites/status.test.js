// A user's status as a person would expect it: two tabs, a reload, a sleeping laptop, a crashed browser, a
// crashed server. Watched from a domain's private channel, without joining a presence channel.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { Proxy } from "../lib/proxy.js";
import { Backend } from "../lib/backend.js";
import { pusherOptions, pushers } from "../lib/clients.js";
import { apps, fresh, raw, startServer, test } from "../lib/harness.js";
import { until } from "../lib/wait.js";

let server;
before(async () => {
  server = await startServer({
    timing: { silence_before_ping: "1s", pong_timeout: "1s" },
    channels: [
      { match: "user.*", durability: "quorum", presence_grace_ms: 700, presence_linger_ms: 100 },
      { match: "domain.*", durability: "quorum", presence_grace_ms: 700, presence_linger_ms: 100 },
    ],
  });
});
after(() => server?.stop());

// Somebody who watches domain D: what is told of a user, in order.
async function watch(t, domain, port) {
  const watcher = await raw(t, server, apps.main, { port });
  await watcher.joined(`private-domain.${domain}`);
  return {
    client: watcher,
    of: (user) =>
      watcher
        .of(`private-domain.${domain}`, "user.status.changed")
        .map(({ data }) => JSON.parse(data))
        .filter(({ user_id }) => user_id === user),
    names(user) {
      return this.of(user).map(({ status }) => status);
    },
    becomes(user, ...statuses) {
      return until(
        () => {
          const names = this.names(user);
          if (names.length > statuses.length) throw new Error(`too many changes: ${names}`);
          return names.join() === statuses.join();
        },
        () => `${user}: ${statuses}; there are ${this.names(user)}`,
      );
    },
  };
}

// Another user's whole stay: whatever was due before it has been told.
async function fence(t, watching, domain) {
  const user = fresh("fence");
  const client = await raw(t, server);
  await client.signIn({ id: user, domains: [domain] });
  await watching.becomes(user, "online");
  client.cut();
  await watching.becomes(user, "online", "offline");
}

test("two tabs are one stay; the status has a time and the one before", async (t) => {
  const [domain, user] = [fresh("d"), fresh("u")];
  const watching = await watch(t, domain);
  const [tab1, tab2] = [await raw(t, server), await raw(t, server)];
  await tab1.signIn({ id: user, domains: [domain] });
  await watching.becomes(user, "online");
  await tab2.signIn({ id: user, domains: [domain] });
  await tab1.close();
  await fence(t, watching, domain);
  assert.deepEqual(watching.names(user), ["online"]);
  const before = Date.now();
  await tab2.close();
  await watching.becomes(user, "online", "offline");
  const [online, offline] = watching.of(user);
  assert.equal(online.previous, "offline");
  assert.equal(offline.previous, "online");
  assert.ok(offline.last_seen >= online.since && Math.abs(offline.last_seen - before) < 5_000, JSON.stringify(offline));
});

test("a reload is nothing, for one tab and for the tab that was looked at", async (t) => {
  const [domain, user] = [fresh("d"), fresh("u")];
  const watching = await watch(t, domain);
  const background = await raw(t, server);
  await background.signIn({ id: user, domains: [domain] });
  const page = await raw(t, server);
  await page.signIn({ id: user, domains: [domain] });
  background.send({ event: "parley:activity", data: { state: "away" } });
  page.ws.close(1001);
  const again = await raw(t, server);
  await again.signIn({ id: user, domains: [domain] });
  await fence(t, watching, domain);
  assert.deepEqual(watching.names(user), ["online"]);
  again.send({ event: "parley:activity", data: { state: "away" } });
  await watching.becomes(user, "online", "away");
  again.send({ event: "parley:activity", data: { state: "online" } });
  await watching.becomes(user, "online", "away", "online");
});

test("a laptop that falls asleep is offline since its last word", async (t) => {
  const [domain, user] = [fresh("d"), fresh("u")];
  const watching = await watch(t, domain);
  const proxy = await Proxy.start(server.port);
  t.after(() => proxy.stop());
  const laptop = await raw(t, server, apps.main, { port: proxy.port });
  await laptop.signIn({ id: user, domains: [domain] });
  await watching.becomes(user, "online");
  const asleep = Date.now();
  proxy.cut("silence");
  await watching.becomes(user, "online", "offline");
  const [, offline] = watching.of(user);
  assert.ok(offline.last_seen <= asleep + 500, `last seen ${offline.last_seen - asleep} ms after it fell asleep`);
});

test("a crashed browser is a leave after the grace period; a presence channel counts as being here", async (t) => {
  const [domain, user] = [fresh("d"), fresh("u")];
  const watching = await watch(t, domain);
  const browser = await raw(t, server);
  await browser.joined(`presence-domain.${domain}`, { member: { user_id: user, user_info: { name: "Ada" } } });
  await watching.becomes(user, "online");
  const cut = Date.now();
  browser.cut();
  await watching.becomes(user, "online", "offline");
  assert.ok(Date.now() - cut >= 600, "not before the grace period");
});

test("a domain that is named after the user is here is told so too, and once", async (t) => {
  const [first, second, user] = [fresh("d"), fresh("d"), fresh("u")];
  const [watching, later] = [await watch(t, first), await watch(t, second)];
  const browser = await raw(t, server);
  await browser.joined(`presence-domain.${first}`, { member: { user_id: user, user_info: { name: "Ada" } } });
  await watching.becomes(user, "online");
  await browser.signIn({ id: user, domains: [first, second] });
  await later.becomes(user, "online");
  assert.equal(later.of(user)[0].previous, "offline");
  later.client.send({ event: "parley:status", data: { channel: `private-domain.${second}` } });
  const { users } = JSON.parse((await later.client.next("parley:status")).data);
  assert.ok(users.some(({ user_id, status }) => user_id === user && status === "online"), "listed when it is told");
  browser.cut();
  await later.becomes(user, "online", "offline");
  await watching.becomes(user, "online", "offline");
});

test("stock pusher-js: sign-in makes online, and the own channel hears it too", async (t) => {
  const backend = await Backend.start(apps.main);
  t.after(() => backend.stop());
  const user = fresh("u");
  const mine = await raw(t, server);
  await mine.joined(`private-user.${user}`);
  const pusher = new pushers["pusher-js 8"](apps.main.key, pusherOptions(server, backend, { user }));
  t.after(() => pusher.disconnect());
  pusher.signin();
  const heard = await mine.next("user.status.changed");
  assert.equal(JSON.parse(heard.data).status, "online");
});

test("the people of a domain, asked over the socket", async (t) => {
  const [domain, here, gone] = [fresh("d"), fresh("here"), fresh("gone")];
  const watching = await watch(t, domain);
  const one = await raw(t, server);
  await one.signIn({ id: here, user_info: { name: "Ada" }, domains: [domain] });
  const other = await raw(t, server);
  await other.signIn({ id: gone, domains: [domain] });
  await other.close();
  await watching.becomes(gone, "online", "offline");
  watching.client.send({ event: "parley:status", data: { channel: `private-domain.${domain}` } });
  const answer = JSON.parse((await watching.client.next("parley:status")).data);
  assert.deepEqual(
    answer.users.map(({ user_id, status, user_info }) => [user_id, status, user_info?.name]).sort(),
    [[gone, "offline", undefined], [here, "online", "Ada"]].sort(),
  );
  assert.equal(answer.next, "");
});

test("a crash of the server: who comes back was never away, who does not is offline with a last seen", async (t) => {
  const [domain, back, lost] = [fresh("d"), fresh("back"), fresh("lost")];
  const first = await watch(t, domain);
  const [one, two] = [await raw(t, server), await raw(t, server)];
  await one.signIn({ id: back, domains: [domain] });
  await two.signIn({ id: lost, domains: [domain] });
  await first.becomes(back, "online");
  await first.becomes(lost, "online");
  await server.kill9();
  const killed = Date.now();
  await server.start();
  const second = await watch(t, domain);
  const returned = await raw(t, server);
  await returned.signIn({ id: back, domains: [domain] });
  await until(() => second.names(lost).length > 0, `${lost} to be told offline`);
  assert.deepEqual(second.names(lost), ["offline"]);
  assert.deepEqual(second.names(back), []);
  const [{ last_seen }] = second.of(lost);
  assert.ok(last_seen <= killed && last_seen > killed - 15_000, `last seen ${killed - last_seen} ms before the crash`);
});
