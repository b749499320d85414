// Laravel Echo over its pusher connectors: the same additions, beside what the application does with Echo itself.
import { createRequire } from "node:module";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import Echo2 from "laravel-echo";
import { attach } from "../src/index.js";
import { app, Backend, Ends, fresh, numbers, publish, pushers, range, startServer, until, when } from "./support.js";

const echo1 = createRequire(import.meta.url)("laravel-echo-1");
const versions = {
  "laravel-echo 2, reverb": { Echo: Echo2, Pusher: pushers["pusher-js 8.6"], broadcaster: "reverb" },
  "laravel-echo 2, pusher": { Echo: Echo2, Pusher: pushers["pusher-js 8.6"], broadcaster: "pusher" },
  "laravel-echo 1.16, reverb": { Echo: echo1.default ?? echo1, Pusher: pushers["pusher-js 7.6"], broadcaster: "reverb" },
};

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

describe.each(Object.entries(versions))("%s", (_, { Echo, Pusher, broadcaster }) => {
  const start = () =>
    ends.add(
      new Echo({
        broadcaster,
        Pusher,
        key: app.key,
        cluster: "",
        wsHost: "127.0.0.1",
        wsPort: server.port,
        forceTLS: false,
        enabledTransports: ["ws"],
        authEndpoint: `${backend.url}/broadcasting/auth`,
        auth: { headers: { "X-User": "ada" } },
      }),
      (echo) => echo.disconnect(),
    );

  test("the additions are those of its pusher-js, and Echo hears on", async () => {
    const base = fresh("domain.");
    const echo = start();
    const parley = ends.add(attach(echo, { leaveDelay: 50 }), (it) => it.close());
    expect(attach(echo.connector.pusher)).toBe(parley);
    const heard = [];
    let joined = false;
    echo
      .private(base)
      .subscribed(() => (joined = true))
      .listen(".message.sent", ({ n }) => heard.push(n));
    await until(() => joined, "Echo's subscription");
    const feed = ends.add(parley.feed(`private-${base}`), (it) => it.release({ now: true })).value;
    await when(feed, ({ state }) => state === "live", "a feed beside it");
    for (const n of range(1, 3)) await publish(server, `private-${base}`, { n });
    await until(() => heard.length === 3, "Echo to hear");
    expect(numbers(await when(feed, ({ publications }) => publications.length === 3, "the feed"))).toEqual([1, 2, 3]);
    expect((await parley.history(`private-${base}`)).newest).toBe(3);
  });

  test("Echo.leave() leaves what a component still uses to the component", async () => {
    const base = fresh("domain.");
    const echo = start();
    const parley = ends.add(attach(echo, { leaveDelay: 50 }), (it) => it.close());
    const heard = [];
    echo.join(base).listen(".message.sent", ({ n }) => heard.push(n));
    const roster = ends.add(parley.roster(`presence-${base}`), (it) => it.release({ now: true })).value;
    await when(roster, ({ count }) => count === 1, "oneself in the roster");
    echo.leave(base);
    const feed = ends.add(parley.feed(`presence-${base}`), (it) => it.release({ now: true })).value;
    await publish(server, `presence-${base}`, { n: 1 });
    await when(feed, ({ publications }) => publications.length === 1, "the feed");
    expect(heard).toEqual([]);
    expect(roster.snapshot).toMatchObject({ state: "subscribed", count: 1 });
  });
});

test("what is no client is refused with a sentence", () => {
  expect(() => attach(null)).toThrow(/pusher-js, of Laravel Echo/);
  expect(() => attach({})).toThrow(TypeError);
});
