// @vitest-environment jsdom
// The hooks in React, with stock pusher-js against the real server. In a browser: tests/e2e/suites/client_library.test.js.
import { act as reactAct, StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import { attach } from "../src/index.js";
import { ParleyProvider, useChannel, useHistory, useMessageNotifications, useParley, usePresence, useUserStatus } from "../src/react.js";
import { app, Backend, connect, Ends, fresh, Proxy, publish, pushers, range, startServer, until } from "./support.js";

// What comes over the socket comes outside of act(), as in a page.
async function act(what) {
  globalThis.IS_REACT_ACT_ENVIRONMENT = true;
  try {
    await reactAct(what);
  } finally {
    globalThis.IS_REACT_ACT_ENVIRONMENT = false;
  }
}

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
afterEach(async () => {
  await ends.all();
  localStorage.clear();
});

function client({ leaveDelay = 200, ...connection } = {}) {
  const pusher = ends.add(connect(pushers["pusher-js 8.6"], server, backend, connection), (it) => it.disconnect());
  const sent = [];
  const send = pusher.connection.send_event;
  pusher.connection.send_event = function (event, data, channel) {
    sent.push(`${event} ${data?.channel ?? channel ?? ""}`.trim());
    return send.call(this, event, data, channel);
  };
  ends.add(attach(pusher, { leaveDelay }), (it) => it.close());
  return { pusher, sent, count: (what) => sent.filter((frame) => frame === what).length };
}

// Mounts into a document; what the hooks gave last is at hand.
async function mount(element, { strict = true } = {}) {
  const container = document.body.appendChild(document.createElement("div"));
  const root = createRoot(container);
  ends.add(root, (it) => act(async () => it.unmount()).then(() => container.remove()));
  const render = (what) => act(async () => root.render(strict ? <StrictMode>{what}</StrictMode> : what));
  await render(element);
  return { render, text: () => container.textContent, root };
}


test("StrictMode's double mount is one subscription and no leave", async () => {
  const name = fresh("presence-domain.");
  const { pusher, sent, count } = client();
  const Page = () => `${usePresence(name).count} ${useChannel(name).state}`;
  const { text } = await mount(<ParleyProvider client={pusher}><Page /></ParleyProvider>);
  await until(() => text() === "1 subscribed", () => `the roster; it is ${text()}`);
  expect(count(`pusher:subscribe ${name}`)).toBe(1);
  expect(sent.filter((frame) => frame.startsWith("pusher:unsubscribe"))).toEqual([]);
});

test("another route with the same channel keeps it; none with it leaves after the delay", async () => {
  const name = fresh("presence-domain.");
  const { pusher, count } = client();
  const One = () => `one ${usePresence(name).count}`;
  const Two = () => `two ${usePresence(name).count}`;
  const app = (page) => <ParleyProvider client={pusher}>{page}</ParleyProvider>;
  const { render, text } = await mount(app(<One key="1" />));
  await until(() => text() === "one 1", () => `the first route; it is ${text()}`);
  await render(app("between"));
  await render(app(<Two key="2" />));
  expect(text()).toBe("two 1"); // at once: it never left
  await render(app("elsewhere"));
  await until(() => count(`pusher:unsubscribe ${name}`) === 1, "leaving");
  expect(count(`pusher:subscribe ${name}`)).toBe(1);
});

test("a channel that changes changes everything with it, and no channel is nothing", async () => {
  const [first, second] = [fresh("private-domain."), fresh("private-domain.")];
  await publish(server, first, { n: 1 });
  await publish(server, second, { n: 2 });
  const { pusher, sent } = client();
  const Page = ({ name }) => JSON.stringify(useHistory(name).publications.map(({ data }) => data.n)) + useHistory(name).state;
  const app = (name) => <ParleyProvider client={pusher}><Page name={name} /></ParleyProvider>;
  const { render, text } = await mount(app(null));
  expect(text()).toBe("[]loading");
  expect(sent.filter((frame) => frame.startsWith("pusher:subscribe"))).toEqual([]);
  await render(app(first));
  await until(() => text() === "[1]live", () => text());
  await render(app(second));
  expect(text()).toBe("[]loading");
  await until(() => text() === "[2]live", () => text());
});

test("handlers are those of the last render, and each event comes once", async () => {
  const name = fresh("private-domain.");
  const { pusher } = client();
  const heard = [];
  let turn;
  const Page = () => {
    const [round, setRound] = useState(1);
    turn = setRound;
    const { state } = useChannel(name, { "message.sent": ({ n }) => heard.push(`${round}:${n}`), "*": (_, { event, position }) => heard.push(`${event}@${position.offset}`) });
    return state;
  };
  const { text } = await mount(<ParleyProvider client={pusher}><Page /></ParleyProvider>);
  await until(() => text() === "subscribed", "a subscription");
  await publish(server, name, { n: 1 });
  await until(() => heard.length === 2, "the first");
  await act(async () => turn(2));
  await publish(server, name, { n: 2 });
  await until(() => heard.length === 4, "the second");
  expect(heard).toEqual(["1:1", "message.sent@1", "2:2", "message.sent@2"]);
});

test("whispers reach the others", async () => {
  const name = fresh("private-domain.");
  const [mine, theirs] = [client(), client({ user: "2" })];
  const heard = [];
  theirs.pusher.subscribe(name).bind("client-typing", (data) => heard.push(data));
  await until(() => theirs.pusher.channel(name).subscribed, "the other's subscription");
  let whisper;
  const Page = () => {
    const channel = useChannel(name);
    whisper = channel.whisper;
    return channel.state;
  };
  const { text } = await mount(<ParleyProvider client={mine.pusher}><Page /></ParleyProvider>);
  expect(whisper("typing", { on: false })).toBe(false); // not there yet
  await until(() => text() === "subscribed", "a subscription");
  expect(whisper("typing", { on: true })).toBe(true);
  await until(() => heard.length === 1, "the whisper");
  expect(heard).toEqual([{ on: true }]);
});

test("history on mount and live, over a cut connection, with options written inline", async () => {
  const name = fresh("private-domain.");
  for (const n of range(1, 30)) await publish(server, name, { n });
  const proxy = ends.add(await Proxy.start(server.port), (it) => it.stop());
  const { pusher, count } = client({ port: proxy.port });
  const Page = () => {
    const { publications, state, hasOlder, loadOlder } = useHistory(name, { events: ["message.sent"], limit: 10 });
    return <button onClick={loadOlder}>{`${state} ${hasOlder} ${publications.map(({ data }) => data.n)}`}</button>;
  };
  const { text } = await mount(<ParleyProvider client={pusher}><Page /></ParleyProvider>);
  await until(() => text() === `live true ${range(21, 30)}`, () => text());
  await act(async () => document.querySelector("button").click());
  await until(() => text() === `live true ${range(11, 30)}`, () => text());
  proxy.hold();
  proxy.cut("rst");
  await until(() => pusher.connection.state !== "connected", "the client to notice");
  for (const n of range(31, 35)) await publish(server, name, { n });
  proxy.allow();
  await until(() => text() === `live true ${range(11, 35)}`, () => text());
  expect(count(`parley:history ${name}`)).toBe(2); // the page and the older one: what was missed came by itself
});

test("who comes and goes, and how they are", async () => {
  const domain = fresh("d");
  const [me, other] = [fresh("me"), fresh("other")];
  const { pusher } = client({ user: me });
  const Page = () => {
    const { members } = usePresence(`presence-domain.${domain}`);
    const { statusOf } = useUserStatus(`presence-domain.${domain}`);
    return `${members.map(({ user_id }) => user_id).sort()} ${statusOf(me).status} ${statusOf(other).status}`;
  };
  const { text } = await mount(<ParleyProvider client={pusher}><Page /></ParleyProvider>);
  await until(() => text() === `${me} online offline`, () => text());
  const theirs = client({ user: other });
  theirs.pusher.subscribe(`presence-domain.${domain}`);
  await until(() => text() === `${[me, other].sort()} online online`, () => text());
  theirs.pusher.send_event("parley:activity", { state: "away" });
  await until(() => text() === `${[me, other].sort()} online away`, () => text());
  theirs.pusher.disconnect();
  await until(() => text() === `${me} online offline`, () => text());
});

test("unread: counted live and from before, own ones not, read ones not again, one tab for all", async () => {
  const [one, two] = [fresh("private-domain."), fresh("private-domain.")];
  await publish(server, one, { n: 0, from: "ann" });
  let markRead;
  const Page = () => {
    const notifications = useMessageNotifications([one, two], { events: ["message.sent"], storageKey: "unread-me", isOwn: ({ data }) => data.from === "me" });
    markRead = notifications.markRead;
    return `${notifications.state} ${notifications.unread[one] ?? "-"} ${notifications.unread[two] ?? "-"} ${notifications.total} ${notifications.latest?.data.n ?? "-"}`;
  };
  const visit = () => mount(<ParleyProvider client={client({ leaveDelay: 0 }).pusher}><Page /></ParleyProvider>);

  const first = await visit();
  await until(() => first.text() === "live 0 0 0 -", () => first.text()); // the first visit: all there is was read
  await publish(server, one, { n: 1, from: "ann" });
  await publish(server, one, { n: 2, from: "me" });
  await publish(server, one, { n: 3, from: "ann" }, "message.edited");
  await publish(server, two, { n: 4, from: "ann" });
  await until(() => first.text() === "live 1 1 2 4", () => first.text());
  await act(async () => markRead(one));
  expect(first.text()).toBe("live 0 1 1 4");
  await publish(server, one, { n: 5, from: "ann" });
  await until(() => first.text() === "live 1 1 2 5", () => first.text());
  await act(async () => first.root.unmount());

  for (const n of range(6, 8)) await publish(server, one, { n, from: "ann" }); // nobody is here
  const second = await visit();
  await until(() => second.text() === "live 4 1 5 8", () => second.text());
  await act(async () => markRead());
  expect(second.text()).toBe("live 0 0 0 -");
  await act(async () => second.root.unmount());
  const third = await visit();
  await until(() => third.text().startsWith("live"), () => third.text());
  expect(third.text()).toBe("live 0 0 0 -");

  await publish(server, two, { n: 9, from: "ann" });
  await until(() => third.text() === "live 0 1 1 9", () => third.text());
  const key = `unread-me:${two}`;
  const [epoch, offset] = localStorage.getItem(key).split(":");
  await act(async () => window.dispatchEvent(new StorageEvent("storage", { key, newValue: `${epoch}:${Number(offset) + 1}` }))); // read in another tab
  await until(() => third.text() === "live 0 0 0 -", () => third.text());
});

test("without a client, and on the server, the hooks give their first state", async () => {
  const name = fresh("presence-domain.");
  const Page = () => [useParley() === null, useChannel(name).state, useHistory(name).state, usePresence(name).count, useUserStatus(name).statusOf("1").status, useMessageNotifications([name]).total].join();
  expect(renderToString(<ParleyProvider client={null}><Page /></ParleyProvider>)).toBe("true,subscribing,loading,0,offline,0");
  const { pusher, sent } = client();
  expect(renderToString(<ParleyProvider client={pusher}><Page /></ParleyProvider>)).toBe("false,subscribing,loading,0,offline,0");
  expect(sent.filter((frame) => frame.startsWith("pusher:subscribe"))).toEqual([]);
});
