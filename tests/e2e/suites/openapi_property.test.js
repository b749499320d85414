// The HTTP API and docs/openapi.yaml hold each other: schemathesis makes requests from the description, such as it
// allows and such as it forbids, and compares the answers with it. From a seed: the same requests each time.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";

import { apps, startServer, test } from "../lib/harness.js";
import { ran } from "../lib/processes.js";
import { environment } from "../lib/python.js";

const description = resolve(dirname(fileURLToPath(import.meta.url)), "../../../docs/openapi.yaml");
const operations = readFileSync(description, "utf8").match(/^ {6}operationId: /gm).length;
const key = "e2e-admin-key-3f9ac1d27be04856";
const hook = "hook";
const { python, skip } = await environment("schemathesis");

// What a schema cannot say: that one parameter depends on another, on the channel's name, on the time of day, or on which
// nodes there are. There a request that fits may be refused, with a documented 400.
const conditional = ["listChannels", "showChannel", "banUser", "kickUser", "drainNode", "undrainNode", "removeNode"];
// Where more is taken than is described. Pusher's libraries end connections with an empty object, an empty list or nothing:
// whatever is no object says nothing. And `limit=` is as good as no limit.
const lenient = ["terminateConnections", "listUsers", "listMembers", "readHistory", "listActors", "listDeadLetters"];

// Without its key a call is 401, and from the eleventh wrong key of a minute on 429: that has tests of its own
// (admin_api_test.cpp), and here it would only be met by chance.
const settings = () => `
checks.ignored_auth.enabled = false
checks.missing_required_header.enabled = false
headers = { Authorization = "Bearer ${key}" }
parameters = { "path.app" = "${apps.main.id}", "path.target" = "${hook}" }
${conditional.map((id) => `[[operations]]\ninclude-operation-id = "${id}"\nchecks.positive_data_acceptance.enabled = false\n`).join("")}
${lenient.map((id) => `[[operations]]\ninclude-operation-id = "${id}"\nchecks.negative_data_rejection.enabled = false\n`).join("")}
`;

let server;
let folder;
let tested = 0;
before(async () => {
  if (skip) return;
  server = await startServer({ admin: { key }, webhooks: [{ name: hook, app: apps.main.id, url: "http://127.0.0.1:9/", enabled: false }] });
  folder = mkdtempSync(join(tmpdir(), "parley-e2e-openapi-"));
  writeFileSync(join(folder, "schemathesis.toml"), settings());
});
after(async () => {
  await server?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

async function holds(paths, base) {
  const line = ["--config-file", "schemathesis.toml", "run", description, "--url", `${server.url}${base}`, "--include-path-regex", paths];
  const bounds = ["--phases", "examples,coverage,fuzzing", "--max-examples", "10", "--seed", "1", "--continue-on-failure", "--request-timeout", "60"];
  const { code, stdout, stderr } = await ran(join(dirname(python), "st"), [...line, ...bounds], { cwd: folder, env: { ...process.env, NO_COLOR: "1" } });
  assert.equal(code, 0, `${stdout}${stderr}`);
  const [, count, all] = /Selected: (\d+)\/(\d+)/.exec(stdout) ?? assert.fail(stdout);
  assert.match(stdout, new RegExp(`Tested: ${count}\\b`));
  assert.equal(Number(all), operations);
  tested += Number(count);
  assert.ok(server.alive);
}

const options = { skip, timeout: 600_000 };
test("the calls of an application are as they are described", options, () => holds("^/apps/", "/admin"));
test("the calls of operators are as they are described", options, () => holds("^/admin/", ""));
test("no operation of the description was left out", { skip }, () => assert.equal(tested, operations));
