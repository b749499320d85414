// Every key of the configuration: changed in the file, reloaded, and its effect seen on the running server; or it needs
// a restart, and the reload says so. A key that nobody has classified fails here: give it a row in ../keys.
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { inspect, isDeepStrictEqual } from "node:util";

import { node, unlooked } from "../keys/node.js";
import { apps, channels, webhooks } from "../keys/tables.js";
import { merged, nested, started, World } from "../keys/world.js";
import { test } from "../lib/harness.js";
import { runParley, Server, temporaryDirectory } from "../lib/server.js";
import { deadlineMs, until } from "../lib/wait.js";

const root = resolve(fileURLToPath(import.meta.url), "../../../..");
const rows = { ...node };
for (const [table, of] of Object.entries({ apps, channels, webhooks })) for (const [key, row] of Object.entries(of)) rows[`${table}.${key}`] = row;

// As the server itself describes them: name -> does it need a restart?
async function keysOfTheServer() {
  const { stdout } = await runParley(["config-reference"]);
  const keys = new Map();
  let prefix;
  for (const line of stdout.split("\n")) {
    const heading = /^## (.+)/.exec(line)?.[1];
    if (heading !== undefined) prefix = { "The node": "", Applications: "apps.", "Channel rules": "channels.", Webhooks: "webhooks." }[heading];
    const key = /^\| `([a-z0-9_.]+)` \|/.exec(line)?.[1];
    if (key !== undefined && prefix !== undefined) keys.set(prefix + key, line.includes("*Needs a restart.*"));
  }
  assert.ok(keys.size > 100, `${keys.size} keys were read from the reference`);
  return keys;
}

// What is looked at for each connection is in force within a tick: the first look may be too early.
async function comes(world, row, wanted, when) {
  let seen;
  await until(async () => isDeepStrictEqual((seen = await row.look(world).catch((error) => error)), wanted), () => `${inspect(wanted)} ${when}; seen: ${inspect(seen)}`, row.patience ?? deadlineMs);
}

test("every key has a row that shows its effect, or says that it needs a restart", async () => {
  const keys = await keysOfTheServer();
  const without = [...keys.keys()].filter((key) => rows[key] === undefined);
  assert.deepEqual(without, [], "new keys: add a row to tests/e2e/keys/node.js or tables.js. It says how the effect is seen after a reload, or `restart` with another value");
  assert.deepEqual(Object.keys(rows).filter((key) => !keys.has(key)), [], "rows of keys that are gone");
  for (const [key, restart] of keys) {
    assert.equal("restart" in rows[key], restart, `${key}: the table of keys and its row disagree on whether it needs a restart`);
  }
});

describe("a reload takes", { concurrency: 1 }, () => {
  let shared;
  before(async () => {
    shared = await started(await new World().prepare({}));
  });
  after(() => shared?.stop());

  for (const [key, row] of Object.entries(rows)) {
    if ("restart" in row || "heldBy" in row) continue;
    test(key, async (t) => {
      const world = await new World().prepare(row);
      world.server = row.alone ? await started(world) : shared;
      t.after(async () => {
        await world.end();
        if (row.alone) await world.server.stop();
      });
      if (!row.alone) await world.reload();
      const [first, then] = row.shows;
      if (first !== unlooked) await comes(world, row, first, "before the change");
      world.isChanged = true;
      await world.reload(typeof row.to === "function" ? row.to(world) : world.changed(key, row.to));
      await comes(world, row, then, "after the change");
    });
  }
});

test("where another test sees the effect, that test is there", () => {
  for (const [key, { heldBy, because }] of Object.entries(rows)) {
    if (heldBy === undefined) continue;
    assert.ok(because, `${key}: say why it cannot be seen here`);
    assert.ok(readFileSync(join(root, heldBy[0]), "utf8").includes(heldBy[1]), `${key}: ${heldBy[0]} has no ${heldBy[1]}`);
  }
});

describe("a reload says that a restart is needed for", () => {
  // Without flags: they would win over the file.
  class Plain extends Server {
    commandLine() {
      return ["serve", "--config", this.configFile];
    }
  }
  const directory = temporaryDirectory("restart");
  after(() => rmSync(directory, { recursive: true, force: true }));
  const files = { certificate: join(directory, "certificate.pem"), key: join(directory, "key.pem") };
  const shape = {
    server: { host: "127.0.0.1", port: 0, io_threads: 1 },
    metrics: { port: 0 },
    data: { dir: join(directory, "data"), shards: 1 },
    apps: [{ id: "4711", key: "e2e-key-restart", secret: "e2e-secret-restart-3f9ac1d27be04856" }],
  };
  let server;
  before(async () => {
    for (const path of Object.values(files)) writeFileSync(path, "-----BEGIN NOTHING-----\n"); // looked at only on a start
    server = new Plain({ config: shape });
    await server.start();
  });
  after(() => server?.stop());

  for (const [key, row] of Object.entries(rows)) {
    if (!("restart" in row)) continue;
    test(key, async () => {
      const value = typeof row.restart === "function" ? row.restart(files) : row.restart;
      const from = server.logText().length;
      server.configure(merged(merged(shape, row.beside?.(files)), nested(key, value)));
      server.signal("SIGHUP");
      const line = new RegExp(`this key needs a restart.*\\b${key.replaceAll(".", "\\.")}\\b`);
      await until(() => line.test(server.logText().slice(from)), () => `the log to say so: ${server.logText().slice(from)}`);
      await server.expectAlive();
    });
  }
});
