// A node in its operator's hands: reload, drain, the checker of configurations, the other commands.
import assert from "node:assert/strict";
import { after } from "node:test";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Backend } from "../lib/backend.js";
import { pusherOptions, pushers } from "../lib/clients.js";
import { apps, config, fresh, range, raw, startServer, test } from "../lib/harness.js";
import { Proxy } from "../lib/proxy.js";
import { RawClient } from "../lib/raw.js";
import { freePort, runParley, Server, temporaryDirectory } from "../lib/server.js";
import { history, trigger } from "../lib/sign.js";
import { toToml } from "../lib/toml.js";
import { until } from "../lib/wait.js";

const directory = temporaryDirectory("operations");
after(() => rmSync(directory, { recursive: true, force: true }));
const file = (name, text) => {
  const path = join(directory, name);
  writeFileSync(path, typeof text === "string" ? text : toToml(text));
  return path;
};

test("SIGHUP takes a new configuration and drops nobody", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const client = await raw(t, server);
  const channel = fresh("domain.");
  await client.joined(channel);
  const added = { id: "9000", key: "e2e-key-added", secret: "e2e-secret-added-3f9ac1d27be04856" };
  server.configure(config({ apps: [...Object.values(apps), added] }));
  server.signal("SIGHUP");
  await until(async () => {
    const probe = new RawClient(server, added);
    t.after(() => probe.cut());
    return (await probe.frames.find(() => true, "a frame")).event === "pusher:connection_established";
  }, "the new app");
  assert.equal((await trigger(server, apps.main, channel, "x", {})).status, 200);
  await client.next("x");
  assert.ok((await server.metric("parley_config_reloads_total")) >= 1);
});

test("SIGHUP with mistakes keeps the old configuration and says why", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const client = await raw(t, server);
  server.configure("[[apps]]\nid = 5\nkey = \n");
  const from = server.logText().length;
  server.signal("SIGHUP");
  await until(() => /error|warn/i.test(server.logText().slice(from)), "a complaint in the log");
  await client.settle();
  await client.joined(fresh("private-domain."));
});

test("SIGTERM drains: every client is told 4200, spread over the time, and the process ends with success", async (t) => {
  const server = await startServer({ server: { drain_seconds: 2 } });
  t.after(() => server.stop());
  const clients = await Promise.all(range(1, 40).map(() => raw(t, server)));
  const began = performance.now();
  const closes = clients.map((client) => client.whenClosed().then(({ code }) => ({ code, at: performance.now() - began })));
  const ready = fetch(`${server.url}/health/ready`).then(({ status }) => status);
  assert.equal(await ready, 200);
  server.signal("SIGTERM");
  const ends = await Promise.all(closes);
  assert.deepEqual([...new Set(ends.map(({ code }) => code))], [4200]);
  const times = ends.map(({ at }) => at).sort((a, b) => a - b);
  // Nobody is closed before their time. (That the first need not wait for the last, a unit test holds.)
  assert.ok(times.at(-1) > 1_500 && times[20] > 500, `too early: ${times.map(Math.round)}`);
  const { code } = await server.ended;
  assert.equal(code, 0);
});

test("during a drain the node says that it is not ready, and takes no new clients", async (t) => {
  const server = await startServer({ server: { drain_seconds: 3 } });
  t.after(() => server.stop());
  await Promise.all(range(1, 5).map(() => raw(t, server)));
  server.signal("SIGTERM");
  await until(async () => {
    const status = await fetch(`${server.url}/health/ready`).then((answer) => answer.status, () => "closed");
    return status === 503 || status === "closed";
  }, "not ready");
});

test("a drained stock client does not storm the node that is going away", async (t) => {
  const server = await startServer({ server: { drain_seconds: 3 } });
  t.after(() => server.stop());
  const backend = await Backend.start(apps.main);
  t.after(() => backend.stop());
  const proxy = await Proxy.start(server.port);
  t.after(() => proxy.stop());
  const first = new pushers["pusher-js 8"](apps.main.key, pusherOptions(server, backend, { port: proxy.port }));
  t.after(() => first.disconnect());
  await until(() => first.connection.state === "connected", "a connection");
  await Promise.all(range(1, 9).map(() => raw(t, server))); // somebody to drain meanwhile
  await server.end("SIGTERM");
  // 4200 means "at once": the first attempt is refused, and pusher-js slows down by itself.
  assert.ok(proxy.attempts <= 6, `${proxy.attempts} attempts within three seconds`);
});

test("stock clients of a drained node come back to the next one with what they missed", async (t) => {
  const server = await startServer({ server: { drain_seconds: 1 } });
  t.after(() => server.stop());
  const backend = await Backend.start(apps.main);
  t.after(() => backend.stop());
  const channel = fresh("private-domain.");
  const people = range(1, 5).map((n) => {
    const client = new pushers["pusher-js 8"](apps.main.key, pusherOptions(server, backend, { wsPath: `/r/drain-client-${n}` }));
    t.after(() => client.disconnect());
    const heard = [];
    client.subscribe(channel).bind("n", ({ n: number }) => heard.push(number));
    return { client, heard };
  });
  for (const { client } of people) await until(() => client.channel(channel).subscribed, "the subscription");
  await trigger(server, apps.main, channel, "n", { n: 1 });
  for (const { heard } of people) await until(() => heard.includes(1), "message 1");
  await server.end("SIGTERM");
  await server.start();
  await trigger(server, apps.main, channel, "n", { n: 2 });
  await trigger(server, apps.main, channel, "n", { n: 3 });
  for (const { heard } of people) {
    await until(() => heard.includes(3), () => `message 3, heard ${heard}`); // pusher-js pauses 15 s when refused
    assert.deepEqual([...new Set(heard)], [1, 2, 3]);
  }
});

test("the port is in use: said, with an exit code", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const path = file("port.toml", config());
  const { code, stderr, stdout } = await runParley(["serve", "--config", path, "--host", "127.0.0.1", "--port", String(server.port), "--metrics-port", "0", "--data-dir", join(directory, "port")]);
  assert.notEqual(code, 0);
  assert.match(stderr + stdout, new RegExp(`${server.port}`));
  assert.match(stderr + stdout, /in use|already/i);
  await server.expectAlive();
});

test("the data directory is in use by another process: said, and the other one is unharmed", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const path = file("lock.toml", config());
  const { code, stderr, stdout } = await runParley(["serve", "--config", path, "--host", "127.0.0.1", "--port", "0", "--metrics-port", "0", "--data-dir", server.dataDir]);
  assert.notEqual(code, 0);
  assert.match(stderr + stdout, /use|lock/i);
  assert.equal((await trigger(server, apps.main, fresh("domain."), "x", {})).status, 200);
});

test("a configuration full of mistakes: every one is named, with its line", async () => {
  const path = file(
    "mistakes.toml",
    `[server]
port = "six thousand"
drain_seconds = -5
pathprefix = "/ws"

[limits]
frame_bytes_max = 1
no_such_limit = 7

[[apps]]
id = "a b"
key = ""
secret = "x"

[[channels]]
match = ""
durability = "sometimes"

[unheard]
of = 1
`,
  );
  for (const command of ["check", "serve"]) {
    const { code, stderr, stdout } = await runParley([command, "--config", path, ...(command === "serve" ? ["--port", "0", "--data-dir", join(directory, "mistakes")] : [])]);
    const said = stdout + stderr;
    assert.notEqual(code, 0, command);
    for (const key of ["port", "drain_seconds", "pathprefix", "frame_bytes_max", "no_such_limit", "secret", "durability", "unheard"]) {
      assert.ok(said.includes(key), `${command} does not mention ${key}:\n${said}`);
    }
    assert.match(said, /\b2\b/, "a line number");
    assert.ok(!/terminate called|core dumped/.test(said));
  }
});

test("files that are no TOML or not there are named", async () => {
  const cases = { [file("broken.toml", "[server\nport = 1")]: /broken\.toml/, [join(directory, "absent.toml")]: /absent\.toml/ };
  for (const [path, pattern] of Object.entries(cases)) {
    const { code, stderr, stdout } = await runParley(["check", "--config", path]);
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, pattern);
  }
});

test("check prints a good configuration and never a secret", async () => {
  const { code, stdout, stderr } = await runParley(["check", "--config", file("good.toml", config())]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /domain\.\*/);
  for (const { secret } of Object.values(apps)) assert.ok(!(stdout + stderr).includes(secret));
});

test("an empty or well-known secret is refused outside --dev", async () => {
  for (const secret of ["", "app-secret-demo", "secret"]) {
    const path = file("weak.toml", { apps: [{ id: "1", key: "some-key", secret }] });
    const { code, stdout, stderr } = await runParley(["serve", "--config", path, "--host", "127.0.0.1", "--port", "0", "--metrics-port", "0", "--data-dir", join(directory, "weak")]);
    assert.notEqual(code, 0, `secret ${JSON.stringify(secret)}`);
    assert.match(stdout + stderr, /secret/);
  }
});

test("the names of earlier setups are understood", async (t) => {
  const server = await Server.start({
    config: "",
    env: { PUSHER_APP_ID: "77", PUSHER_APP_KEY: "earlier-key", PUSHER_APP_SECRET: "earlier-secret-3f9ac1d27be04856" },
  });
  t.after(() => server.stop());
  const app = { id: "77", key: "earlier-key", secret: "earlier-secret-3f9ac1d27be04856" };
  await raw(t, server, app);
  assert.equal((await trigger(server, app, "domain.1", "x", {})).status, 200);
});

test("publish, history and subscribe on the command line", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const where = ["--url", server.url, "--app-id", apps.main.id, "--key", apps.main.key];
  const env = { PARLEY_APP_SECRET: apps.main.secret };
  const succeeds = async (line, options) => {
    const { code, stdout, stderr } = await runParley(line, { env, ...options });
    assert.equal(code, 0, `${line.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  };
  const channel = fresh("private-domain.");
  await succeeds(["publish", ...where, channel, "message.sent", '{"n":1}']);
  await succeeds(["publish", ...where, channel, "message.sent", "-"], { input: '{"n":2}' });
  await succeeds(["publish", ...where, "--idempotency-key", "k", channel, "message.sent", '{"n":3}']);
  await succeeds(["publish", ...where, "--idempotency-key", "k", channel, "message.sent", '{"n":3}']);
  const stored = (await history(server, apps.main, channel)).json.publications;
  assert.deepEqual(stored.map(({ data }) => data), ['{"n":1}', '{"n":2}', '{"n":3}']);

  const lines = (await succeeds(["history", ...where, "--json", "--direction", "backward", "--limit", "2", channel])).trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines.map(({ offset }) => offset), [3, 2]);
  assert.match(await succeeds(["history", ...where, channel]), /message\.sent/);

  const heard = await succeeds(["subscribe", ...where, "--json", "--rewind", "2", "--count", "2", channel]);
  assert.equal(heard.trim().split("\n").filter((line) => line.includes("message.sent")).length, 2, heard);

  const wrong = await runParley(["publish", ...where, channel, "x", "y"], { env: { PARLEY_APP_SECRET: "wrong-secret-wrong-secret" } });
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.stderr + wrong.stdout, /401|authori|signature/i);
  const nobody = await runParley(["publish", "--url", "http://127.0.0.1:1", "--app-id", "1", "--key", "k", channel, "x", "y"], { env });
  assert.notEqual(nobody.code, 0);
  assert.match(nobody.stderr + nobody.stdout, /127\.0\.0\.1|refused|connect/i);
});

test("every command explains itself, and version says which", async () => {
  for (const command of ["serve", "check", "publish", "subscribe", "history", "bench"]) {
    const { code, stdout } = await runParley([command, "--help"]);
    assert.equal(code, 0);
    assert.ok(stdout.includes(command));
  }
  const version = await runParley(["version"]);
  assert.equal(version.code, 0);
  assert.match(version.stdout, /\d+\.\d+\.\d+/);
});

test("an unknown command or option: said, with an exit code, no crash", async () => {
  for (const line of [["serv"], ["serve", "--prot", "1"], ["serve", "--port", "99999"], ["serve", "--port", "x"]]) {
    const { code, stdout, stderr } = await runParley(line);
    assert.ok(code !== 0 && code !== null, `${line}: ${code}`);
    assert.ok((stdout + stderr).length > 10);
  }
});

test("--dev starts with nothing, and tells what it is on /", async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const app = { id: "4711", key: "app-key-demo", secret: "app-secret-demo" };
  const client = await raw(t, server, app);
  await client.joined("private-domain.1");
  assert.equal((await trigger(server, app, "private-domain.1", "x", {})).status, 200);
  await client.next("x");
  assert.equal((await history(server, app, "private-domain.1")).json.publications.length, 1);
  const page = await fetch(`${server.url}/`);
  assert.equal(page.status, 200);
});

test("without --dev there is no demo app, no demo page and no conformance echo", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const client = new RawClient(server, { key: "app-key-demo" });
  t.after(() => client.cut());
  assert.equal((await client.whenClosed()).code, 4001);
  for (const path of ["/demo/auth", "/demo/history?channel=presence-domain.1", "/demo.js"]) {
    assert.equal((await fetch(`${server.url}${path}`)).status, 404, path);
  }
  const echo = new RawClient(server, apps.main, { path: "/conformance/echo", query: "" });
  t.after(() => echo.cut());
  await echo.whenClosed();
});

// ---- the command line ----

test("a word that is no command or option says which was meant, and ends with 64", async () => {
  for (const [line, said] of [
    [["publsh", "a", "b", "c"], /there is no command `publsh`; did you mean `publish`\?/],
    [["webhooks", "replya"], /parley webhooks: there is no command `replya`; did you mean `replay`\?/],
    [["serve", "--metric-port", "1"], /parley serve has no option `--metric-port`; did you mean `--metrics-port`\?/],
    [["nothing-like-it"], /there is no command `nothing-like-it`\n/],
    [[], /subcommand is required/i],
    [["history", "domain.1", "--limit", "0"], /--limit/],
    [["users", "--limit", "0"], /--limit/],
  ]) {
    const { code, stderr, stdout } = await runParley(line);
    assert.match(stderr + stdout, said, line.join(" "));
    assert.equal(code, 64, line.join(" "));
  }
  for (const line of [["--help"], ["--version"], ["publish", "--help"]]) assert.equal((await runParley(line)).code, 0);
});

test("a command that does not reach the server says what it could not do, and why", async () => {
  const port = await freePort();
  const to = ["--url", `http://127.0.0.1:${port}`, "--app-id", "1", "--key", "k", "--secret", "s"];
  const { code, stderr } = await runParley(["publish", ...to, "domain.1", "event", "{}"]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`cannot publish: cannot connect to 127.0.0.1:${port}.*refused`));
  assert.match(stderr, /--url/);
  const none = await runParley(["publish", "--config", "/dev/null", "domain.1", "event", "{}"]);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /cannot speak to the server: which application\?/);
});

// ---- earlier names ----

const dotenv = ["APP_NAME=Shop", "REVERB_APP_ID=4711", "REVERB_APP_KEY=kmgkqlpxlfo", "REVERB_APP_SECRET=a-secret-of-good-length", "REVERB_SERVER_PATH=/ws", "REVERB_SCALING_ENABLED=true", ""].join("\n");

test("a .env beside it serves the application and the server", async (t) => {
  const directory = temporaryDirectory("dotenv");
  writeFileSync(join(directory, ".env"), dotenv);
  const server = new Server({ dev: false, cwd: directory });
  t.after(async () => {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  await server.start();
  const app = { id: "4711", key: "kmgkqlpxlfo", secret: "a-secret-of-good-length" };
  const client = await raw(t, server, app, { path: `/ws/app/${app.key}` });
  await client.joined("private-domain.1");
  await until(() => /read from .env.*REVERB_APP_ID/.test(server.logText()), "the log to say so");
  assert.match(server.logText(), /REVERB_SCALING_ENABLED in .env has no effect here/);
});

test("what soketi's users have set is taken or named", async (t) => {
  const env = { SOKETI_DEFAULT_APP_ID: "7", SOKETI_DEFAULT_APP_KEY: "the-key-of-seven", SOKETI_DEFAULT_APP_SECRET: "the-secret-of-seven-is-long", SOKETI_PATH_PREFIX: "ws", SOKETI_QUEUE_DRIVER: "redis" };
  const server = new Server({ dev: false, env });
  t.after(() => server.stop());
  await server.start();
  await raw(t, server, { key: env.SOKETI_DEFAULT_APP_KEY }, { path: `/ws/app/${env.SOKETI_DEFAULT_APP_KEY}` });
  await until(() => /SOKETI_QUEUE_DRIVER has no effect here/.test(server.logText()), "the log to name it");
});

test("check --from makes a parley.toml of a .env and of a soketi.json", async () => {
  const soketi = JSON.stringify({ port: 6002, appManager: { array: { apps: [{ id: "1", key: "the-key-of-one", secret: "the-secret-of-one-is-long" }] } }, adapter: { driver: "redis" } });
  for (const [name, text, line] of [
    ["dot.env", dotenv, /^path_prefix = "\/ws"$/m],
    ["soketi.json", soketi, /^port = 6002$/m],
  ]) {
    const { code, stdout, stderr } = await runParley(["check", "--from", file(name, text)]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, line);
    assert.match(stderr, /left out: (REVERB_SCALING_ENABLED|adapter\.driver): one node/);
    const checked = await runParley(["check", "--config", file("made.toml", stdout)]);
    assert.equal(checked.code, 0, checked.stderr);
  }
});

test("probes written for Reverb and soketi go on", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  for (const path of ["/up", "/ready", "/accept-traffic"]) assert.equal((await fetch(`${server.url}${path}`)).status, 200, path);
});

const readiness = async (server) => {
  const answer = await fetch(`${server.url}/health/ready`);
  return [answer.status, (await answer.json()).reason];
};

test("a data directory that is deleted under a running node: not ready, loudly, and nothing is acknowledged", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const channel = fresh("domain.");
  assert.equal((await trigger(server, apps.main, channel, "x", {})).status, 200);
  assert.equal(await server.metric("parley_data_directory_present"), 1);
  rmSync(server.dataDir, { recursive: true, maxRetries: 5 });
  // Nobody publishes: it is found all the same.
  await until(async () => (await readiness(server))[0] === 503, "a node that is not ready");
  assert.match((await readiness(server))[1], /data directory gone/);
  assert.equal(await server.metric("parley_data_directory_present"), 0);
  assert.equal(await server.metric("parley_storage_available"), 0);
  assert.match(server.logText(), /error .*deleted, emptied or replaced while the server ran/);
  const refused = await trigger(server, apps.main, channel, "x", {});
  assert.deepEqual([refused.status, refused.json.error], [503, "storage_unavailable"], refused.text);
  assert.ok(!existsSync(server.dataDir), "an empty one in its place would be taken for all there ever was");
  await server.expectAlive();
});

test("a data directory that was moved away and comes back: so does the node, with all it had", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const channel = fresh("domain.");
  assert.equal((await trigger(server, apps.main, channel, "x", {})).status, 200);
  const away = join(directory, fresh("away-"));
  renameSync(server.dataDir, away);
  mkdirSync(server.dataDir); // another one of its name is not it
  await until(async () => (await readiness(server))[0] === 503, "a node that is not ready");
  rmSync(server.dataDir, { recursive: true });
  renameSync(away, server.dataDir);
  await until(async () => (await readiness(server))[0] === 200, "a node that is ready again");
  assert.equal((await trigger(server, apps.main, channel, "y", {})).status, 200);
  assert.equal((await history(server, apps.main, channel)).json.newest, 2);
});
