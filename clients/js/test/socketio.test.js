// socket.io-client and Echo's socket.io connector against the real server.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import Echo from "laravel-echo";
import { io } from "socket.io-client";
import { io as io3 } from "socket.io-client-3";
import { attach } from "../src/index.js";
import { app, Backend, Ends, fresh, historyOverHttp, numbers, offsets, Proxy, publish, range, startServer, until, when } from "./support.js";

let server;
let backend;
const ends = new Ends();
beforeAll(async () => {
  backend = await Backend.start(app);
  server = await startServer({
    channels: [
      { match: "domain.*", durability: "quorum", presence_grace_ms: 700, presence_linger_ms: 100 },
      { match: "notes.*", durability: "quorum", keep_client_events: true },
    ],
    apps: [{ ...app, name: "main", client_events: true, auth: { url: `${backend.url}/broadcasting/auth`, forward_headers: ["x-user", "authorization"] } }],
  });
});
afterAll(async () => {
  await backend?.stop();
  await server?.stop();
});
afterEach(() => ends.all());

const headers = (user) => ({ headers: { "X-User": user } });

function page({ port = server.port, user = "1", leaveDelay = 200, client = io } = {}) {
  const socket = ends.add(client(`http://127.0.0.1:${port}`, { transports: ["websocket"], forceNew: true, auth: headers(user), reconnectionDelay: 50, reconnectionDelayMax: 50 }), (it) => it.disconnect());
  const sent = [];
  socket.onAnyOutgoing?.((event, what) => sent.push(`${event} ${what?.channel}`));
  const parley = ends.add(attach(socket, { leaveDelay, timeout: 3000 }), (it) => it.close());
  return { socket, parley, sent, count: (what) => sent.filter((frame) => frame === what).length };
}
const hold = (lease) => ends.add(lease, (it) => it.release({ now: true })).value;
const subscribed = (channel) => when(channel, ({ state }) => state === "subscribed", "a subscription");
const live = (feed) => when(feed, ({ state }) => state === "live", "a live feed");

async function away(socket, proxy, meanwhile) {
  proxy.hold();
  proxy.cut("rst");
  await until(() => !socket.connected, "the client to notice");
  await meanwhile();
  proxy.allow();
  await until(() => socket.connected, "the client to be back");
}

describe("socket.io-client 4", () => {
  test("history and its refusal", async () => {
    const name = fresh("private-domain.");
    for (const n of range(1, 5)) await publish(server, name, { n });
    const { parley } = page();
    await subscribed(hold(parley.channel(name)));
    const newest = await parley.history(name, { limit: 2 });
    expect(newest.publications.map(({ offset }) => offset)).toEqual([5, 4]);
    expect(newest).toMatchObject({ newest: 5, more: true, gap: false });
    expect((await parley.history(fresh("private-domain.")).catch((caught) => caught)).code).toBe("not_subscribed");
  });

  test("publishing is acknowledged with a position, and the same key with the same", async () => {
    const name = fresh("private-notes.");
    const { parley } = page();
    await subscribed(hold(parley.channel(name)));
    const first = await parley.publish(name, "client-note", { n: 1 }, { idempotencyKey: "one" });
    expect(first).toEqual({ position: expect.stringMatching(/:1$/), duplicate: false });
    expect(await parley.publish(name, "client-note", { n: 1 }, { idempotencyKey: "one" })).toEqual({ ...first, duplicate: true });
  });

  test("a feed: history, live, and what came while the connection was gone", async () => {
    const name = fresh("private-domain.");
    await publish(server, name, { n: 1 });
    const proxy = ends.add(await Proxy.start(server.port), (it) => it.stop());
    const { parley, socket, count } = page({ port: proxy.port });
    const feed = hold(parley.feed(name));
    await live(feed);
    for (const n of range(2, 4)) await publish(server, name, { n });
    await when(feed, ({ publications }) => publications.length === 4, "live ones");
    await away(socket, proxy, async () => {
      for (const n of range(5, 9)) await publish(server, name, { n });
    });
    expect(socket.recovered).toBe(true);
    await publish(server, name, { n: 10 });
    expect(numbers(await when(feed, (state) => numbers(state).includes(10), "the last"))).toEqual(range(1, 10));
    expect(count(`subscribe ${name}`)).toBe(1);
    expect(count(`history ${name}`)).toBe(1); // the page: what was missed came by itself
  });

  test("a server that was killed under a feed: everything once, in order", async () => {
    const name = fresh("private-domain.");
    const { parley } = page();
    const feed = hold(parley.feed(name));
    await live(feed);
    for (const n of range(1, 3)) await publish(server, name, { n });
    await when(feed, ({ publications }) => publications.length === 3, "live ones");
    await server.kill9();
    await server.start();
    for (const n of range(4, 6)) await publish(server, name, { n });
    expect(numbers(await when(feed, (state) => numbers(state).includes(6), "the last"))).toEqual(range(1, 6));
  });

  test("an unrecovered reconnect asks history from where it stopped", async () => {
    const name = fresh("private-domain.");
    await publish(server, name, { n: 1 });
    const { parley, socket } = page();
    const feed = hold(parley.feed(name));
    await live(feed);
    await publish(server, name, { n: 2 });
    await when(feed, ({ publications }) => publications.length === 2, "a live one");
    socket.disconnect(); // on purpose: there is nothing to recover
    for (const n of range(3, 6)) await publish(server, name, { n });
    socket.connect();
    await when(feed, ({ publications }) => publications.length === 6, "what was missed");
    expect(numbers(feed.snapshot)).toEqual(range(1, 6));
    await publish(server, name, { n: 7 });
    await when(feed, ({ publications }) => publications.length === 7, "a live one");
    expect(new Set(feed.snapshot.publications.map(({ key }) => key)).size).toBe(7);
    expect(offsets(feed.snapshot).filter((offset) => offset !== null)).toEqual(range(1, offsets(feed.snapshot).filter((offset) => offset !== null).length));
  });

  test("presence: who is there, who comes and goes", async () => {
    const name = fresh("presence-domain.");
    const ada = page({ user: "ada" });
    const roster = hold(ada.parley.roster(name));
    const are = (wanted) => when(roster, ({ members }) => members.map(({ user_id }) => user_id).sort().join() === wanted, wanted);
    await are("ada");
    const grace = page({ user: "grace" });
    const lease = grace.parley.roster(name);
    await are("ada,grace");
    lease.release({ now: true });
    await are("ada");
  });

  test("presence over a cut: nobody flickers, and who came meanwhile is there", async () => {
    const name = fresh("presence-domain.");
    const proxy = ends.add(await Proxy.start(server.port), (it) => it.stop());
    const ada = page({ user: "ada", port: proxy.port });
    const roster = hold(ada.parley.roster(name));
    const are = (wanted) => when(roster, ({ members }) => members.map(({ user_id }) => user_id).sort().join() === wanted, wanted);
    await are("ada");
    const counts = [];
    ends.add(roster.onChange(() => counts.push(roster.snapshot.count)), (stop) => stop());
    await away(ada.socket, proxy, async () => {
      const grace = page({ user: "grace" });
      await subscribed(hold(grace.parley.channel(name)));
    });
    await are("ada,grace");
    expect(Math.min(...counts)).toBe(1);
  });

  test("a page made on the server begins after its position", async () => {
    const name = fresh("private-domain.");
    for (const n of range(1, 5)) await publish(server, name, { n });
    const { epoch } = await historyOverHttp(server, name);
    const { parley, socket } = page();
    parley.resume(name, `${epoch}:2`);
    const got = [];
    socket.on("message.sent", (channel, { n }) => channel === name && got.push(n));
    socket.emit("subscribe", { channel: name, auth: headers("1") });
    await until(() => got.length === 3, "what came since");
    expect(got).toEqual([3, 4, 5]);
  });

  test("what was read here is read on the next visit, though live publications have no position", async () => {
    const name = fresh("private-domain.");
    const kept = new Map();
    globalThis.localStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
    ends.add(null, () => delete globalThis.localStorage);
    const visit = () => ends.add(page().parley.unread({ channels: [name], storageKey: "u" }), (it) => it.release({ now: true })).value;
    const counts = (unread, wanted) => when(unread, ({ state, byChannel }) => state === "live" && byChannel.get(name).length === wanted, `${wanted} unread`);
    const first = visit();
    await counts(first, 0);
    for (const n of range(1, 3)) await publish(server, name, { n });
    await counts(first, 3);
    first.markRead();
    await publish(server, name, { n: 4 });
    await counts(first, 1);
    await until(() => kept.get(`u:${name}`)?.endsWith(":3"), () => `the mark; it is ${kept.get(`u:${name}`)}`);
    await counts(visit(), 1);
  });

  test("activity is said", async () => {
    const domain = fresh("d");
    const { parley } = page({ user: "sue" });
    const board = hold(parley.statusBoard(`presence-domain.${domain}`));
    for (const state of ["online", "away", "online"]) {
      parley.activity(state);
      await when(board, ({ users }) => users.get("sue")?.status === state, state);
    }
  });

  test("status: asked, then told", async () => {
    const domain = fresh("d");
    const { parley } = page({ user: "sam" });
    hold(parley.roster(`presence-domain.${domain}`));
    const board = hold(parley.statusBoard(`presence-domain.${domain}`));
    await when(board, ({ users }) => users.get("sam")?.status === "online", "oneself online");
    expect((await parley.status(`presence-domain.${domain}`)).map(({ user_id }) => user_id)).toEqual(["sam"]);
  });

  test("a claim that comes back in time neither leaves nor asks again; the application's channel stays", async () => {
    const name = fresh("private-domain.");
    const { parley, socket, count } = page({ leaveDelay: 100 });
    const first = parley.channel(name);
    await subscribed(first.value);
    first.release();
    const second = parley.channel(name);
    expect(second.value).toBe(first.value);
    const heard = [];
    socket.emit("subscribe", { channel: name, auth: headers("1") });
    socket.on("message.sent", (channel, { n }) => channel === name && heard.push(n));
    second.release({ now: true });
    await publish(server, name, { n: 1 });
    await until(() => heard.length === 1, "the application to hear");
    expect(count(`unsubscribe ${name}`)).toBe(0);
    socket.emit("unsubscribe", { channel: name, auth: headers("1") });
    expect(count(`unsubscribe ${name}`)).toBe(1);
  });

  test("a refusal is told", async () => {
    const name = fresh("private-domain.");
    backend.denied.add(name);
    const { parley } = page();
    const refused = await when(hold(parley.channel(name)), ({ state }) => state === "failed", "a refusal");
    expect(refused.error).toMatchObject({ type: "AuthError", status: 403, error: "unauthorized" });
    backend.denied.delete(name);
  });

  test("socket.io-client 3, which knows no recovery: history fills what a cut left out", async () => {
    const name = fresh("private-domain.");
    const proxy = ends.add(await Proxy.start(server.port), (it) => it.stop());
    const { parley, socket } = page({ port: proxy.port, client: io3 });
    const feed = hold(parley.feed(name));
    await live(feed);
    for (const n of range(1, 3)) await publish(server, name, { n });
    await when(feed, ({ publications }) => publications.length === 3, "live ones");
    await away(socket, proxy, async () => {
      for (const n of range(4, 9)) await publish(server, name, { n });
    });
    expect(numbers(await when(feed, ({ publications }) => publications.length === 9, "what was missed"))).toEqual(range(1, 9));
  });
});

test("Echo's socket.io connector: the same beside it", async () => {
  const base = fresh("domain.");
  const echo = ends.add(
    new Echo({ broadcaster: "socket.io", client: io, host: `http://127.0.0.1:${server.port}`, transports: ["websocket"], forceNew: true, auth: headers("ada") }),
    (it) => it.disconnect(),
  );
  const parley = ends.add(attach(echo, { leaveDelay: 100 }), (it) => it.close());
  const heard = [];
  echo.private(base).listen(".message.sent", ({ n }) => heard.push(n));
  const feed = hold(parley.feed(`private-${base}`));
  await live(feed);
  for (const n of range(1, 3)) await publish(server, `private-${base}`, { n });
  expect(numbers(await when(feed, ({ publications }) => publications.length === 3, "the feed"))).toEqual([1, 2, 3]);
  await until(() => heard.length === 3, "Echo");
  echo.leave(base);
  await publish(server, `private-${base}`, { n: 4 });
  await when(feed, ({ publications }) => publications.length === 4, "the feed after Echo left");
  expect(heard).toEqual([1, 2, 3]);
});
