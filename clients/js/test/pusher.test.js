// pusher-js, four versions of it, against the real server.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { attach, ParleyError } from "../src/index.js";
import { app, Backend, connect, Ends, fresh, historyOverHttp, numbers, offsets, Proxy, publish, publishBatch, pushers, range, removeOne, sessionsOverHttp, startServer, until, when } from "./support.js";

let server;
let backend;
const ends = new Ends();

beforeAll(async () => {
  server = await startServer();
  backend = await Backend.start(app);
});
afterAll(async () => {
  await backend?.stop();
  await server?.stop();
});
afterEach(() => ends.all());

describe.each(Object.entries(pushers))("%s", (_, Pusher) => {
  // A client, what it sent, and its additions.
  function page({ before = () => {}, options = { leaveDelay: 200 }, ...connection } = {}) {
    const pusher = ends.add(connect(Pusher, server, backend, connection), (it) => it.disconnect());
    const sent = [];
    const send = pusher.connection.send_event;
    pusher.connection.send_event = function (event, data, channel) {
      const went = send.call(this, event, data, channel);
      if (went) sent.push({ event, data, channel });
      return went;
    };
    before(pusher);
    const parley = ends.add(attach(pusher, options), (it) => it.close());
    return { pusher, parley, sent, of: (event, channel) => sent.filter((frame) => frame.event === event && frame.data.channel === channel) };
  }
  const hold = (lease) => ends.add(lease, (it) => it.release({ now: true })).value;
  const subscribed = (channel) => when(channel, ({ state }) => state === "subscribed", "a subscription");

  async function viaProxy(options) {
    const proxy = ends.add(await Proxy.start(server.port), (it) => it.stop());
    return { proxy, ...page({ port: proxy.port, ...options }) };
  }

  // A cut after which the client comes back at once, with what `meanwhile` did while it was away. Before 8.6 pusher-js takes
  // two resets of one page for a network without WebSockets and pauses; a test that needs more than one uses "own": the
  // page itself disconnects.
  async function away(pusher, proxy, how, meanwhile) {
    if (how === "own") {
      pusher.disconnect();
      await meanwhile();
      pusher.connect();
      return until(() => pusher.connection.state === "connected", "the client to be back");
    }
    proxy.hold();
    proxy.cut(how);
    await until(() => pusher.connection.state !== "connected", "the client to notice");
    await meanwhile();
    proxy.allow();
    await until(() => pusher.connection.state === "connected", () => `the client to be back; it is ${pusher.connection.state}`);
  }

  test("history: pages in both directions, and each question its own answer", async () => {
    const name = fresh("private-domain.");
    for (const n of range(1, 12)) await publish(server, name, { n });
    const { parley } = page();
    await subscribed(hold(parley.channel(name)));
    const [newest, second] = await Promise.all([parley.history(name, { limit: 5 }), parley.history(name, { limit: 3, direction: "forward" })]);
    expect(newest.publications.map(({ offset }) => offset)).toEqual([12, 11, 10, 9, 8]);
    expect(newest).toMatchObject({ newest: 12, oldest: 1, gap: false, more: true });
    expect(second.publications.map(({ offset }) => offset)).toEqual([1, 2, 3]);
    expect(JSON.parse(second.publications[0].data)).toEqual({ n: 1 });
    const older = await parley.history(name, { since: `${newest.epoch}:8`, direction: "backward", limit: 100 });
    expect(older.publications.map(({ offset }) => offset)).toEqual([7, 6, 5, 4, 3, 2, 1]);
    expect(older.more).toBe(false);
  });

  test("history of a channel that one is not on is refused by name", async () => {
    const { parley, pusher } = page();
    await until(() => pusher.connection.state === "connected", "a connection");
    const error = await parley.history(fresh("private-domain.")).catch((caught) => caught);
    expect(error).toBeInstanceOf(ParleyError);
    expect(error.code).toBe("not_subscribed");
  });

  test("a question that the connection does not outlive is answered so", async () => {
    const name = fresh("private-domain.");
    const { parley, proxy, pusher } = await viaProxy();
    await subscribed(hold(parley.channel(name)));
    proxy.cut("silence");
    const asked = parley.history(name).catch((caught) => caught);
    pusher.disconnect();
    expect((await asked).code).toBe("disconnected");
    expect((await parley.history(name).catch((caught) => caught)).code).toBe("disconnected");
  });

  test.each(["rst", "fin", "silence"])("resume of the application's own channels after %s: what was missed, once, in order", async (how) => {
    const name = fresh("private-domain.");
    const { pusher, parley, proxy, of } = await viaProxy({ activityTimeout: 1000, pongTimeout: 500 });
    const got = [];
    const channel = pusher.subscribe(name);
    channel.bind("message.sent", ({ n }) => got.push(n));
    await until(() => channel.subscribed, "a subscription");
    expect(parley.positions).toBe(true);
    for (const n of range(1, 3)) await publish(server, name, { n });
    await until(() => got.length === 3, "three");
    expect(parley.position(name)).toMatch(/^[0-9a-f]{16}:3$/);
    await away(pusher, proxy, how, async () => {
      for (const n of range(4, 9)) await publish(server, name, { n });
    });
    await publish(server, name, { n: 10 });
    await until(() => got.includes(10), "the last one");
    expect(got).toEqual(range(1, 10));
    expect(of("pusher:subscribe", name).map(({ data }) => data.since ?? null)).toEqual([null, expect.stringMatching(/:3$/)]);
  });

  test("a cut in the middle of what is resumed loses nothing", async () => {
    const name = fresh("private-domain.");
    const { pusher, proxy } = await viaProxy();
    const got = [];
    const channel = pusher.subscribe(name);
    await until(() => channel.subscribed, "a subscription");
    await publish(server, name, { n: 1 });
    let cuts = 0;
    channel.bind("message.sent", ({ n }) => {
      got.push(n);
      if (n === 4 && cuts++ === 0) proxy.cut("rst");
    });
    await away(pusher, proxy, "own", async () => {
      for (const n of range(2, 30)) await publish(server, name, { n });
    });
    await until(() => got.includes(30), () => `all; there are ${got}`);
    expect([...new Set(got)].filter((n) => n > 1)).toEqual(range(2, 30));
    expect(got.length).toBe(new Set(got).size);
  });

  test("leaving on purpose forgets the position", async () => {
    const name = fresh("private-domain.");
    const { pusher, parley, of } = page();
    const first = pusher.subscribe(name);
    await until(() => first.subscribed, "a subscription");
    await publish(server, name, { n: 1 });
    await until(() => parley.position(name)?.endsWith(":1"), "a position");
    pusher.unsubscribe(name);
    expect(parley.position(name)).toBe(null);
    const second = pusher.subscribe(name);
    await until(() => second.subscribed, "a subscription");
    expect(of("pusher:subscribe", name).map(({ data }) => data.since)).toEqual([undefined, undefined]);
  });

  test("a page made on the server resumes from the position it was made at", async () => {
    const name = fresh("private-domain.");
    for (const n of range(1, 5)) await publish(server, name, { n });
    const { epoch } = await historyOverHttp(server, name);
    const { pusher, parley } = page();
    parley.resume(name, `${epoch}:2`);
    const got = [];
    pusher.subscribe(name).bind("message.sent", ({ n }) => got.push(n));
    await until(() => got.length === 3, "what came since");
    expect(got).toEqual([3, 4, 5]);
    expect(() => parley.resume(name, "yesterday")).toThrow(ParleyError);
  });

  test("a gap is told, of the application's channels too, and the next resume begins behind it", async () => {
    const name = fresh("short.");
    const { pusher, parley, proxy, of } = await viaProxy();
    const gaps = [];
    ends.add(parley.onGap((channel, gap) => gaps.push({ channel, ...gap })), (stop) => stop());
    const channel = pusher.subscribe(name);
    await until(() => channel.subscribed, "a subscription");
    await publish(server, name, { n: 1 });
    await until(() => parley.position(name)?.endsWith(":1"), "a position");
    await away(pusher, proxy, "rst", async () => {
      for (const n of range(2, 9)) await publish(server, name, { n });
    });
    await until(() => parley.position(name)?.endsWith(":9"), "what is kept");
    expect(gaps).toEqual([{ channel: name, after: 1, before: 7, epoch: expect.any(String) }]);
    await away(pusher, proxy, "own", async () => {});
    await until(() => of("pusher:subscribe", name).length === 3, "another subscription");
    expect(of("pusher:subscribe", name)[2].data.since).toMatch(/:9$/);
    expect(gaps.length).toBe(1);
  });

  test("status: the people of a domain", async () => {
    const domain = fresh("d");
    const { parley, pusher } = page({ user: fresh("u") });
    await subscribed(hold(parley.channel(`presence-domain.${domain}`)));
    const me = pusher.channel(`presence-domain.${domain}`).members.myID;
    const people = await until(async () => {
      const users = await parley.status(`presence-domain.${domain}`);
      return users.length > 0 && users;
    }, "oneself among the people");
    expect(people).toEqual([expect.objectContaining({ user_id: me, status: "online" })]);
    expect((await parley.status(fresh("private-domain.")).catch((caught) => caught)).code).toBe("not_subscribed");
  });

  test("activity is said, and said again on a new connection while it is away", async () => {
    const [domain, user] = [fresh("d"), fresh("u")];
    const { parley, pusher, proxy } = await viaProxy({ user });
    const board = hold(parley.statusBoard(`presence-domain.${domain}`));
    const statuses = (wanted) => when(board, ({ users }) => [...users.values()].map(({ status }) => status).join() === wanted, wanted);
    await statuses("online");
    parley.activity("away");
    await statuses("away");
    await away(pusher, proxy, "rst", async () => {});
    // The board still shows what it knew: the server is asked.
    await until(async () => (await sessionsOverHttp(server, user)).find(({ socket_id }) => socket_id === pusher.connection.socket_id)?.activity === "away", "away on the new connection");
    await statuses("away");
    parley.activity("online");
    await statuses("online");
  });

  // ---- claims ----

  test("a claim that comes back in time neither leaves nor asks again", async () => {
    const name = fresh("presence-domain.");
    const { parley, of } = page({ options: { leaveDelay: 100 } });
    const first = parley.channel(name);
    await subscribed(first.value);
    first.release();
    const second = parley.channel(name);
    expect(second.value).toBe(first.value);
    second.release();
    await until(() => of("pusher:unsubscribe", name).length === 1, "leaving after the delay");
    expect(of("pusher:subscribe", name).length).toBe(1);
    expect(parley.peek(`channel:${name}`)).toBe(undefined);
  });

  test("a subscription that is given up before its answer and wanted again is there", async () => {
    const name = fresh("private-domain.");
    const { parley } = page();
    const lease = parley.channel(name);
    lease.release({ now: true });
    await subscribed(hold(parley.channel(name)));
  });

  test("the application's channel outlives our claim, and ours the application's", async () => {
    const name = fresh("private-domain.");
    const { pusher, parley, of } = page();
    const [theirs, mine] = [[], []];
    pusher.subscribe(name).bind("message.sent", ({ n }) => theirs.push(n));
    const lease = parley.channel(name);
    lease.value.listen({ event: ({ data }) => mine.push(data.n) });
    await subscribed(lease.value);
    await publish(server, name, { n: 1 });
    await until(() => theirs.length === 1 && mine.length === 1, "both to hear");
    pusher.unsubscribe(name);
    await publish(server, name, { n: 2 });
    await until(() => mine.length === 2, "us to hear");
    expect(theirs).toEqual([1]);
    pusher.subscribe(name).bind("message.sent", ({ n }) => theirs.push(n));
    lease.release({ now: true });
    await publish(server, name, { n: 3 });
    await until(() => theirs.length === 2, "the application to hear");
    expect([theirs, mine]).toEqual([[1, 3], [1, 2]]);
    pusher.unsubscribe(name);
    expect(of("pusher:unsubscribe", name).length).toBe(1);
  });

  test("a claim on a channel that the application is on begins at once, with who is there", async () => {
    const name = fresh("presence-domain.");
    const { pusher, parley } = page({ user: "ada" });
    const channel = pusher.subscribe(name);
    await until(() => channel.subscribed, "a subscription");
    const roster = hold(parley.roster(name));
    const { members } = await when(roster, ({ state }) => state === "subscribed", "the roster");
    expect(members.map(({ user_id }) => user_id)).toEqual(["ada"]);
  });

  test("a refusal is told, and asking again is possible", async () => {
    const name = fresh("private-domain.");
    backend.forged.add(name);
    const { parley } = page();
    const first = parley.channel(name);
    const refused = await when(first.value, ({ state }) => state === "failed", "a refusal");
    expect(refused.error.type).toBe("AuthError");
    backend.forged.delete(name);
    first.release();
    await subscribed(hold(parley.channel(name)));
  });

  test("close gives the client back as it was", async () => {
    const { pusher, parley } = page();
    const name = fresh("private-domain.");
    await subscribed(parley.channel(name).value);
    parley.close();
    expect(["subscribe", "unsubscribe", "subscribeAll", "send_event"].filter((method) => Object.hasOwn(pusher, method))).toEqual([]);
    expect(pusher.channel(name)).toBe(undefined);
    expect(() => parley.channel(name)).toThrow(ParleyError);
    expect(attach(pusher)).not.toBe(parley);
    attach(pusher).close();
  });

  // ---- feeds ----

  test("a feed has the newest page and what comes, and older ones on demand", async () => {
    const name = fresh("private-domain.");
    for (const n of range(1, 25)) await publish(server, name, { n });
    const { parley } = page();
    const feed = hold(parley.feed(name, { limit: 10 }));
    const first = await when(feed, ({ state }) => state === "live", "the newest page");
    expect(offsets(first)).toEqual(range(16, 25));
    expect(first).toMatchObject({ hasOlder: true, gap: null, error: null });
    await publish(server, name, { n: 26 });
    await when(feed, (state) => offsets(state).includes(26), "a live one");
    await feed.loadOlder();
    await feed.loadOlder();
    expect(numbers(feed.snapshot)).toEqual(range(1, 26));
    await feed.loadOlder();
    expect(feed.snapshot).toMatchObject({ hasOlder: false, loadingOlder: false });
    expect(new Set(feed.snapshot.publications.map(({ key }) => key)).size).toBe(26);
  });

  test("a feed goes on from the position of a page that was made on the server", async () => {
    const name = fresh("private-domain.");
    for (const n of range(1, 4)) await publish(server, name, { n });
    const { epoch, newest } = await historyOverHttp(server, name);
    for (const n of range(5, 7)) await publish(server, name, { n });
    const { parley } = page();
    const feed = hold(parley.feed(name, { since: `${epoch}:${newest}` }));
    for (const n of range(8, 9)) await publish(server, name, { n });
    const state = await when(feed, (now) => now.state === "live" && offsets(now).includes(9), "what came since");
    expect(offsets(state)).toEqual(range(5, 9));
    expect(state).toMatchObject({ hasOlder: true, gap: null });
    // The position of a channel that had nothing is its beginning.
    const empty = fresh("private-domain.");
    const first = hold(parley.feed(empty, { since: "0000000000000000:0" }));
    await when(first, ({ state }) => state === "live", "an empty channel");
    await publish(server, empty, { n: 1 });
    expect(offsets(await when(first, ({ publications }) => publications.length === 1, "the first"))).toEqual([1]);
    expect(first.snapshot).toMatchObject({ hasOlder: false, gap: null });
  });

  test("a feed that is too far behind shows the newest page and tells the gap", async () => {
    const name = fresh("private-domain.");
    await publish(server, name, { n: 0 });
    const { epoch } = await historyOverHttp(server, name);
    const batch = range(1, 10);
    for (const round of range(0, 109)) await publishBatch(server, batch.map((n) => [name, { n: round * 10 + n }]));
    const { parley } = page();
    const feed = hold(parley.feed(name, { since: `${epoch}:1`, limit: 20 }));
    const state = await when(feed, (now) => now.state === "live", "the newest page");
    expect(offsets(state)).toEqual(range(1082, 1101));
    expect(state.gap).toEqual({ after: 1001, before: 1082, epoch });
    expect(state.hasOlder).toBe(true);
  });

  test("a feed of a channel that has nothing yet begins with the first one", async () => {
    const name = fresh("private-domain.");
    const { parley } = page();
    const feed = hold(parley.feed(name));
    await when(feed, ({ state }) => state === "live", "an empty channel");
    for (const n of range(1, 3)) await publish(server, name, { n });
    expect(offsets(await when(feed, (state) => state.publications.length === 3, "three"))).toEqual([1, 2, 3]);
  });

  test("a feed of a channel that keeps nothing has what comes live", async () => {
    const name = fresh("private-news.");
    const { parley } = page();
    const feed = hold(parley.feed(name));
    await when(feed, ({ state }) => state === "live", "it to be live");
    for (const n of range(1, 3)) await publish(server, name, { n });
    const state = await when(feed, ({ publications }) => publications.length === 3, "three");
    expect(numbers(state)).toEqual([1, 2, 3]);
    expect(offsets(state)).toEqual([null, null, null]);
  });

  test("a feed with events has those, and no holes where the others are", async () => {
    const name = fresh("private-domain.");
    const { parley } = page();
    for (const n of range(1, 3)) await publish(server, name, { n }, n === 2 ? "message.read" : "message.sent");
    const feed = hold(parley.feed(name, { events: ["message.sent"] }));
    await when(feed, ({ state }) => state === "live", "it to be live");
    for (const n of range(4, 6)) await publish(server, name, { n }, n === 5 ? "message.read" : "message.sent");
    expect(numbers(await when(feed, (state) => offsets(state).includes(6), "the last"))).toEqual([1, 3, 4, 6]);
  });

  test("a publication that left out this very connection is in the feed when the next one comes", async () => {
    const name = fresh("private-domain.");
    const { parley, pusher } = page();
    const feed = hold(parley.feed(name));
    await when(feed, ({ state }) => state === "live", "it to be live");
    await publish(server, name, { n: 1 }, "message.sent", { socket_id: pusher.connection.socket_id });
    await publish(server, name, { n: 2 });
    expect(offsets(await when(feed, (state) => state.publications.length === 2, "both"))).toEqual([1, 2]);
  });

  test("deleted publications are no hole", async () => {
    const name = fresh("private-domain.");
    for (const n of range(1, 6)) await publish(server, name, { n });
    const { epoch } = await historyOverHttp(server, name);
    for (const offset of [3, 6]) await removeOne(server, name, `${epoch}:${offset}`);
    const { parley } = page();
    const feed = hold(parley.feed(name, { limit: 2 }));
    await when(feed, ({ state }) => state === "live", "it to be live");
    await publish(server, name, { n: 7 });
    await when(feed, (state) => offsets(state).includes(7), "a live one");
    while (feed.snapshot.hasOlder) await feed.loadOlder();
    expect(offsets(feed.snapshot)).toEqual([1, 2, 4, 5, 7]);
  });

  test("over a cut a feed has everything once, in order", async () => {
    const name = fresh("private-domain.");
    await publish(server, name, { n: 1 });
    const { parley, pusher, proxy } = await viaProxy();
    const feed = hold(parley.feed(name));
    await when(feed, ({ state }) => state === "live", "it to be live");
    await away(pusher, proxy, "rst", async () => {
      for (const n of range(2, 31)) await publish(server, name, { n });
    });
    await publish(server, name, { n: 32 });
    expect(numbers(await when(feed, (state) => numbers(state).includes(32), "the last"))).toEqual(range(1, 32));
    expect(feed.snapshot.gap).toBe(null);
  });

  test("where frames cannot be seen, history fills what a cut left out", async () => {
    const name = fresh("private-domain.");
    await publish(server, name, { n: 1 });
    const { parley, pusher, proxy } = await viaProxy({
      // As if another version of pusher-js had no such transport.
      before: (pusher) => pusher.connection.bind("connected", () => (pusher.connection.connection.transport.bind_global = undefined)),
    });
    const feed = hold(parley.feed(name));
    await when(feed, ({ state }) => state === "live", "it to be live");
    expect(parley.positions).toBe(false);
    for (const n of range(2, 4)) await publish(server, name, { n: n === 4 ? 3 : n }); // two that are equal
    const keys = (await when(feed, (state) => state.publications.length === 4, "live ones")).publications.map(({ key }) => key);
    await away(pusher, proxy, "rst", async () => {
      for (const n of range(5, 7)) await publish(server, name, { n });
    });
    const state = await when(feed, ({ publications }) => publications.length >= 7, "what was missed");
    expect(numbers(state)).toEqual([1, 2, 3, 3, 5, 6, 7]);
    expect(state.publications.slice(0, 4).map(({ key }) => key)).toEqual(keys);
    await publish(server, name, { n: 8 });
    expect(numbers(await when(feed, ({ publications }) => publications.length >= 8, "a live one"))).toEqual([1, 2, 3, 3, 5, 6, 7, 8]);
  });

  test("a feed tells a gap and begins anew with what is kept", async () => {
    const name = fresh("short.");
    const { parley, pusher, proxy } = await viaProxy();
    await publish(server, name, { n: 1 });
    const feed = hold(parley.feed(name));
    await when(feed, ({ state, publications }) => state === "live" && publications.length === 1, "it to be live");
    await away(pusher, proxy, "rst", async () => {
      for (const n of range(2, 9)) await publish(server, name, { n });
    });
    const state = await when(feed, ({ gap }) => gap !== null, "the gap");
    expect(state.gap).toMatchObject({ after: 1, before: 7 });
    expect(numbers(await when(feed, (now) => offsets(now).includes(9), "what is kept"))).toEqual([7, 8, 9]);
  });

  test("what is kept in memory has a bound, and older ones can be had again", async () => {
    const name = fresh("private-domain.");
    const { parley } = page();
    const feed = hold(parley.feed(name, { limit: 5, keep: 5 }));
    await when(feed, ({ state }) => state === "live", "it to be live");
    for (const n of range(1, 12)) await publish(server, name, { n });
    const state = await when(feed, (now) => offsets(now).includes(12), "the last");
    expect(offsets(state)).toEqual(range(8, 12));
    expect(state.hasOlder).toBe(true);
    await feed.loadOlder();
    expect(offsets(feed.snapshot)).toEqual(range(3, 12));
  });
});
