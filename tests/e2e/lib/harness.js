// What a suite imports: `test` that shows the servers' logs when it fails, the applications of the
// tests' configuration, and shorthands.
import { test as nodeTest } from "node:test";

import { RawClient } from "./raw.js";
import { running, Server } from "./server.js";

const seen = new Set();

export function test(name, ...rest) {
  const body = rest.pop();
  const options = { ...(rest[0] ?? {}) };
  options.timeout = Math.max(options.timeout ?? 0, 300_000);
  return nodeTest(name, options, async (t) => {
    for (const server of running) seen.add(server);
    const marks = new Map([...seen].map((server) => [server, server.log.length]));
    try {
      await body(t);
    } catch (error) {
      for (const server of running) seen.add(server);
      for (const server of seen) {
        const text = server.log.slice(marks.get(server) ?? 0).join("").split("\n").slice(-80).join("\n");
        process.stderr.write(`\n--- "${name}" failed; log of ${server.url} (${server.alive ? "running" : `ended ${JSON.stringify(server.exit)}`}):\n${text}\n---\n`);
      }
      throw error;
    }
  });
}

const app = (id, extra = {}) => ({ id, key: `e2e-key-${id}`, secret: `e2e-secret-${id}-3f9ac1d27be04856`, ...extra });

export const apps = {
  main: app("4711", { name: "main", client_events: true }),
  quiet: app("4712", { name: "client events off", client_events: false }),
  small: app("4713", { name: "two connections", limits: { connections_max: 2 } }),
  disabled: app("4714", { name: "disabled", enabled: false }),
  tls: app("4715", { name: "tls only", tls_only: true }),
  counting: app("4716", { name: "counts subscriptions", subscription_count: true }),
  strict: app("4717", { name: "must authorise", authorization_timeout_seconds: 1 }),
  rotating: app("4718", { name: "rotating", secret_previous: "e2e-secret-before-3f9ac1d27be04856" }),
  origins: app("4719", { name: "origins", allowed_origins: ["https://good.example", "https://*.wild.example"] }),
  other: app("4720", { name: "a tenant beside" }),
};

// The configuration of most suites. Sections given replace the ones here.
export function config(sections = {}) {
  return {
    log: { level: "info" },
    apps: Object.values(apps),
    channels: [
      { match: "short.*", durability: "quorum", retention: { count: 5 } },
      { match: "kept.*", durability: "quorum", keep_client_events: true },
      { match: "domain.*", durability: "quorum", presence_grace_ms: 1500 },
      // What happens here before the deadline does not wait for the grace time of a lost connection.
      { match: "patient.*", durability: "quorum", presence_grace_ms: 600_000 },
      { match: "user.*", durability: "quorum" },
      { match: "admin.*", durability: "quorum" },
    ],
    ...sections,
  };
}

export const startServer = (sections = {}, options = {}) => Server.start({ config: config(sections), ...options });

// A raw client that ends with its test.
export async function raw(t, server, who = apps.main, options = {}) {
  const client = await RawClient.connect(server, who, options);
  t.after(() => client.cut());
  return client;
}

let names = 0;
// Tests of one suite share a server: each takes channels of its own.
export const fresh = (prefix) => `${prefix}${process.pid}x${++names}`;

export const range = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
