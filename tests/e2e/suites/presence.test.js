// Rosters over all connections of a user: no farewell for a blip, no welcome for a second tab, and a
// roster of thousands that is right at once and stays right.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { frame, Plain } from "../lib/crowd.js";
import { apps, fresh, range, raw, startServer, test } from "../lib/harness.js";
import { call, channelAuth, trigger } from "../lib/sign.js";
import { until } from "../lib/wait.js";

let server;
before(async () => {
  server = await startServer({
    apps: [{ ...apps.main, limits: { presence_members_max: 5000 } }, { ...apps.other, limits: { presence_members_max: 3 } }],
    channels: [
      { match: "quick.*", durability: "quorum", presence_grace_ms: 300, presence_linger_ms: 100 },
      { match: "domain.*", durability: "quorum", presence_grace_ms: 4000 },
    ],
  });
});
after(() => server?.stop());

const member = (id, info) => ({ member: { user_id: id, user_info: info ?? { name: `User ${id}` } } });
const changes = (client, channel) =>
  client.of(channel).filter(({ event }) => event.includes("member_")).map(({ event, data }) => `${event.split("_").pop()} ${JSON.parse(data).user_id}`);
const fence = async (channel, ...clients) => {
  const name = fresh("fence");
  await trigger(server, apps.main, channel, name, {});
  for (const client of clients) await client.next(name);
};
const ids = (frame) => JSON.parse(frame.data).presence.ids;

test("a second tab of a user is no new member, and one of two closed is no farewell", async (t) => {
  const channel = fresh("presence-quick.");
  const watcher = await raw(t, server);
  await watcher.joined(channel, member("watcher"));
  const [tab1, tab2] = [await raw(t, server), await raw(t, server)];
  await tab1.joined(channel, member("ada"));
  const second = await tab2.joined(channel, member("ada"));
  assert.deepEqual(ids(second).sort(), ["ada", "watcher"]);
  await tab1.close();
  await watcher.frames.find(({ event, channel: on }) => on === channel && event.endsWith("member_added"), "member_added");
  await fence(channel, watcher, tab2);
  assert.deepEqual(changes(watcher, channel), ["added ada"]);
  assert.deepEqual(changes(tab2, channel), []);
  await tab2.close();
  await watcher.frames.find(({ event }) => event.endsWith("member_removed"), "member_removed");
  assert.deepEqual(changes(watcher, channel), ["added ada", "removed ada"]);
});

for (const [how, leave] of Object.entries({
  "a lost connection": (client) => client.cut(),
  "a page reload (clean close)": (client) => client.ws.close(1001),
})) {
  test(`${how} and a return within the grace time: nobody sees it`, async (t) => {
    const channel = fresh("presence-domain.");
    const watcher = await raw(t, server);
    await watcher.joined(channel, member("watcher"));
    const before = await raw(t, server);
    await before.joined(channel, member("ada"));
    leave(before);
    await before.whenClosed();
    const back = await raw(t, server);
    const joined = await back.joined(channel, member("ada"));
    assert.deepEqual(ids(joined).sort(), ["ada", "watcher"]);
    await fence(channel, watcher, back);
    assert.deepEqual(changes(watcher, channel), ["added ada"]);
  });
}

test("who does not return is gone after the grace time, once", async (t) => {
  const channel = fresh("presence-quick.");
  const watcher = await raw(t, server);
  await watcher.joined(channel, member("watcher"));
  const ada = await raw(t, server);
  await ada.joined(channel, member("ada"));
  ada.cut();
  await watcher.next("pusher_internal:member_removed");
  await fence(channel, watcher);
  assert.deepEqual(changes(watcher, channel), ["added ada", "removed ada"]);
  const late = await raw(t, server);
  assert.deepEqual(ids(await late.joined(channel, member("late"))).sort(), ["late", "watcher"]);
});

test("who leaves on purpose is gone after the short linger, long before the grace time", async (t) => {
  const channel = fresh("presence-patient.");
  const watcher = await raw(t, server);
  await watcher.joined(channel, member("watcher"));
  const ada = await raw(t, server);
  await ada.joined(channel, member("ada"));
  ada.unsubscribe(channel);
  await watcher.next("pusher_internal:member_removed");
});

test("newer user_info wins, silently", async (t) => {
  const channel = fresh("presence-domain.");
  const [tab1, tab2, late] = [await raw(t, server), await raw(t, server), await raw(t, server)];
  await tab1.joined(channel, member("ada", { name: "old" }));
  await tab2.joined(channel, member("ada", { name: "new" }));
  const joined = await late.joined(channel, member("late"));
  assert.deepEqual(JSON.parse(joined.data).presence.hash.ada, { name: "new" });
  await fence(channel, tab1);
  assert.deepEqual(changes(tab1, channel), ["added late"]);
});

test("more members than the app allows are refused; a second tab of a member is not", async (t) => {
  const channel = fresh("presence-room.");
  const join = async (id) => (await (await raw(t, server, apps.other)).subscribe(channel, member(id))).event;
  for (const id of ["1", "2", "3", "3"]) assert.equal(await join(id), "pusher_internal:subscription_succeeded");
  assert.equal(await join("4"), "pusher:subscription_error");
});

test("snapshot and changes agree for every joiner while members come and go", async (t) => {
  const channel = fresh("presence-quick.");
  const observers = [];
  const coming = (async () => {
    for (const round of range(1, 6)) {
      const wave = await Promise.all(range(1, 10).map(() => raw(t, server)));
      await Promise.all(wave.map((client, index) => client.joined(channel, member(`w${round}-${index}`))));
      wave.forEach((client, index) => (index % 2 ? client.unsubscribe(channel) : undefined));
    }
  })();
  for (const number of range(1, 8)) {
    const client = await raw(t, server);
    client.first = await client.joined(channel, member(`observer${number}`));
    observers.push(client);
  }
  await coming;
  // 6 waves of which 5 members each stay, and the observers.
  const wanted = 6 * 5 + 8;
  const folded = (client) => {
    const set = new Set(ids(client.first));
    for (const frame of client.of(channel)) {
      const { user_id } = frame.event.includes("member_") ? JSON.parse(frame.data) : {};
      if (frame.event.endsWith("member_added")) {
        assert.ok(!set.has(user_id), `${user_id} added twice`);
        set.add(user_id);
      } else if (frame.event.endsWith("member_removed")) {
        assert.ok(set.delete(user_id), `${user_id} removed but not there`);
      }
    }
    return set;
  };
  for (const client of observers) {
    await until(() => folded(client).size === wanted, () => `a roster of ${wanted}, has ${folded(client).size}`);
    assert.deepEqual([...folded(client)].sort(), [...folded(observers[0])].sort());
  }
  const answer = await call(server, apps.main, "GET", `/apps/${apps.main.id}/channels/${channel}/users`);
  assert.deepEqual(answer.json.users.map(({ id }) => id).sort(), [...folded(observers[0])].sort());
});

test("a roster of 2,000 members: joining it is quick and complete", async (t) => {
  const channel = fresh("presence-domain.");
  const crowd = [];
  t.after(() => crowd.forEach((client) => client.destroy()));
  for (let start = 0; start < 2000; start += 100) {
    const batch = range(start, start + 99).map(() => new Plain(server.port));
    crowd.push(...batch);
    await Promise.all(
      batch.map(async (client, index) => {
        const socketId = await client.open(apps.main);
        const data = JSON.stringify({ user_id: String(start + index), user_info: { name: `User ${start + index}` } });
        const auth = channelAuth(apps.main, socketId, channel, data);
        client.write(frame(JSON.stringify({ event: "pusher:subscribe", data: { channel, channel_data: data, auth } })));
        await client.until(/subscription_succeeded/);
        client.ignore(); // what the crowd hears about each other: two million frames
      }),
    );
  }
  const late = await raw(t, server);
  const joined = await late.joined(channel, member("late"));
  const { presence } = JSON.parse(joined.data);
  assert.equal(presence.count, 2001);
  assert.equal(new Set(presence.ids).size, 2001);
  assert.deepEqual(presence.hash["1234"], { name: "User 1234" });
  const users = await call(server, apps.main, "GET", `/apps/${apps.main.id}/channels/${channel}/users`);
  assert.equal(users.json.users.length, 2001);
});
