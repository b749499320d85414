// What the tests share: the real program, the application's backend, and stock clients, from the end-to-end tests' own parts.
import { createRequire } from "node:module";

import { Backend } from "../../../tests/e2e/lib/backend.js";
import { Proxy } from "../../../tests/e2e/lib/proxy.js";
import { Server } from "../../../tests/e2e/lib/server.js";
import { call, trigger as triggerOn } from "../../../tests/e2e/lib/sign.js";
import { until } from "../../../tests/e2e/lib/wait.js";

export { Backend, Proxy, Server, until };

const require = createRequire(import.meta.url);

export const app = { id: "4711", key: "e2e-key-4711", secret: "e2e-secret-4711-3f9ac1d27be04856" };

/** pusher-js in the versions that people run. */
export const pushers = {
  "pusher-js 8.6": require("pusher-js"),
  "pusher-js 8.0": require("pusher-js-8-0"),
  "pusher-js 7.6": require("pusher-js-7"),
  "pusher-js 7.0": require("pusher-js-7-0"),
};

export const startServer = (sections = {}) =>
  Server.start({
    config: {
      log: { level: "info" },
      apps: [{ ...app, name: "main", client_events: true }],
      channels: [
        { match: "short.*", durability: "quorum", retention: { count: 3 } },
        { match: "domain.*", durability: "quorum", presence_grace_ms: 700, presence_linger_ms: 100 },
        { match: "user.*", durability: "quorum", presence_grace_ms: 700, presence_linger_ms: 100 },
      ],
      ...sections,
    },
  });

/** What ends with a test, last first. */
export class Ends {
  #ends = [];
  add(thing, end) {
    this.#ends.push(() => end(thing));
    return thing;
  }
  async all() {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }
}

export function connect(Pusher, server, backend, { user = "1", port = server.port, ...extra } = {}) {
  const headers = { "X-User": user };
  return new Pusher(app.key, {
    cluster: "",
    wsHost: "127.0.0.1",
    wsPort: port,
    forceTLS: false,
    enabledTransports: ["ws"],
    // The one name of 7.0, which later ones understand, too.
    authEndpoint: `${backend.url}/broadcasting/auth`,
    auth: { headers },
    userAuthentication: { transport: "ajax", endpoint: `${backend.url}/broadcasting/user-auth`, headers },
    ...extra,
  });
}

export async function publish(server, channel, data, event = "message.sent", extra = {}) {
  const answer = await triggerOn(server, app, channel, event, data, extra);
  if (answer.status !== 200) throw new Error(`publish: ${answer.status} ${answer.text}`);
}

/** Up to ten at once: `[[channel, data], …]`. */
export async function publishBatch(server, all, event = "message.sent") {
  const batch = all.map(([channel, data]) => ({ name: event, channel, data: JSON.stringify(data) }));
  const answer = await call(server, app, "POST", `/apps/${app.id}/batch_events`, { body: { batch } });
  if (answer.status !== 200) throw new Error(`publish: ${answer.status} ${answer.text}`);
}

export const remove = (server, channel, query = {}) => call(server, app, "DELETE", `/apps/${app.id}/channels/${channel}/history`, { query });
export const removeOne = (server, channel, position) => call(server, app, "DELETE", `/apps/${app.id}/channels/${channel}/history/${position}`);
export const historyOverHttp = async (server, channel, query = {}) => (await call(server, app, "GET", `/apps/${app.id}/channels/${channel}/history`, { query })).json;

/** How the server knows the connections of a user. */
export const sessionsOverHttp = async (server, user) => (await call(server, app, "GET", `/apps/${app.id}/users/${user}/sessions`)).json.sessions;

let names = 0;
export const fresh = (prefix) => `${prefix}${process.pid}x${++names}`;

/** Resolves when a store's snapshot satisfies. */
export const when = (store, satisfied, what) => until(() => satisfied(store.snapshot) && store.snapshot, () => `${what}; it is ${JSON.stringify(store.snapshot, plain).slice(0, 600)}`);
const plain = (_, value) => (value instanceof Map ? Object.fromEntries(value) : value);

export const offsets = (state) => state.publications.map(({ offset }) => offset);
export const numbers = (state) => state.publications.map(({ data }) => data.n);
export const range = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
