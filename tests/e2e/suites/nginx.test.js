// Behind a real nginx with the configuration that deploy/nginx ships.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";

import WebSocket from "ws";

import { Backend } from "../lib/backend.js";
import { pusherOptions, pushers, sdk } from "../lib/clients.js";
import { apps, fresh, range, raw, startServer, test } from "../lib/harness.js";
import { RawClient } from "../lib/raw.js";
import { freePort, temporaryDirectory } from "../lib/server.js";
import { send, trigger } from "../lib/sign.js";
import { until, within } from "../lib/wait.js";

const shipped = resolve(dirname(fileURLToPath(import.meta.url)), "../../../deploy/nginx/parley.conf");
const skip = spawnSync("nginx", ["-v"]).error ? "nginx is not installed" : false;
const directory = temporaryDirectory("nginx");
let server;
let backend;
let front; // { port } as the clients see it
let bare; // the same behind two lines of nginx, as people write them first
let nginx;
let nginxLog = "";

before(async () => {
  if (skip) return;
  server = await startServer({ server: { trusted_proxies: ["127.0.0.1"] }, limits: { connections_per_address_max: 3 } });
  backend = await Backend.start(apps.main);
  front = { port: await freePort() };
  bare = { port: await freePort() };
  // The shipped file stands inside http { }; only addresses are changed.
  assert.ok(existsSync(shipped), shipped);
  const site = readFileSync(shipped, "utf8")
    .replace(/listen\s+443\s+ssl[^;]*;/, `listen 127.0.0.1:${front.port};`)
    .replace(/^\s*ssl_[^;]+;/gm, "")
    .replaceAll("127.0.0.1:6001", `127.0.0.1:${server.port}`);
  mkdirSync(join(directory, "logs"), { recursive: true });
  const file = join(directory, "nginx.conf");
  writeFileSync(
    file,
    `daemon off;\npid ${directory}/nginx.pid;\nerror_log stderr warn;\nworker_processes 1;\nevents { worker_connections 256; }\nhttp {\n  access_log off;\n` +
      ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `  ${kind}_temp_path ${directory}/${kind};\n`).join("") +
      `${site}\nserver { listen 127.0.0.1:${bare.port}; location / { proxy_pass http://127.0.0.1:${server.port}; } }\n}\n`,
  );
  nginx = spawn("nginx", ["-p", directory, "-c", file], { stdio: ["ignore", "pipe", "pipe"] });
  nginx.stderr.on("data", (chunk) => (nginxLog += chunk));
  const ended = new Promise((_, failed) => nginx.on("close", (code) => failed(new Error(`nginx ended with ${code}: ${nginxLog}`))));
  ended.catch(() => {});
  await Promise.race([until(async () => (await fetch(`http://127.0.0.1:${front.port}/health/live`)).status === 200, () => `nginx to answer; ${nginxLog}`), ended]);
});
after(async () => {
  if (nginx && nginx.exitCode === null) {
    const ended = new Promise((done) => nginx.on("close", done));
    nginx.kill("SIGTERM");
    await within(ended, "nginx to end");
  }
  await server?.stop();
  await backend?.stop();
  rmSync(directory, { recursive: true, force: true });
});

test("WebSocket and API work through nginx", { skip }, async (t) => {
  const channel = fresh("private-domain.");
  const client = new pushers["pusher-js 8"](apps.main.key, pusherOptions(server, backend, { port: front.port }));
  t.after(() => client.disconnect());
  const heard = [];
  client.subscribe(channel).bind("x", (data) => heard.push(data));
  await until(() => client.channel(channel).subscribed, "the subscription");
  await sdk(front, apps.main).trigger(channel, "x", { through: "nginx" });
  await until(() => heard.length === 1, "the event");
  assert.deepEqual(heard[0], { through: "nginx" });
});

test("a WebSocket through an nginx that does not pass the upgrade on is told which lines mend it", { skip }, async (t) => {
  const logged = server.log.length;
  const tell = (socket) => new Promise((done) => socket.on("unexpected-response", (_, answer) => done(answer)).on("open", () => done(null)).on("error", () => {}));
  for (let n = 0; n < 2; n++) {
    const socket = new WebSocket(`ws://127.0.0.1:${bare.port}/app/${apps.main.key}?protocol=7`);
    t.after(() => socket.terminate());
    const answer = await within(tell(socket), "an answer to the upgrade");
    assert.equal(answer?.statusCode, 426);
    let text = "";
    for await (const chunk of answer.setEncoding("utf8")) text += chunk;
    assert.match(JSON.parse(text).message, /`Upgrade: websocket`.*proxy_http_version 1\.1; proxy_set_header Upgrade \$http_upgrade; proxy_set_header Connection 'upgrade';/);
  }
  await until(() => /came as plain HTTP/.test(server.log.slice(logged).join("")), "the log to say so");
  assert.equal(server.log.slice(logged).join("").split("came as plain HTTP").length, 2, "one line, not one a request");
  assert.equal((await send(bare, "GET", "/health/live")).status, 200, "HTTP itself passes");
});

test("resume paths pass through nginx", { skip }, async (t) => {
  const channel = fresh("domain.");
  const path = `/r/${randomUUID()}/app/${apps.main.key}`;
  const first = await raw(t, server, apps.main, { path, port: front.port });
  await first.joined(channel);
  first.cut();
  await trigger(server, apps.main, channel, "x", { n: 1 });
  const second = await raw(t, server, apps.main, { path, port: front.port });
  await second.joined(channel);
  await second.next("x");
});

test("a connection that is silent for longer than nginx' read timeout would allow is kept by pings", { skip }, () => {
  const timeout = /proxy_read_timeout\s+(\d+)(s|m|h)?/.exec(readFileSync(shipped, "utf8"));
  assert.ok(timeout, "proxy_read_timeout is set");
  const seconds = Number(timeout[1]) * { s: 1, m: 60, h: 3600 }[timeout[2] ?? "s"];
  assert.ok(seconds > 75, `${seconds} s`);
});

test("the client's address is the one that nginx saw, and only because nginx is trusted", { skip }, async (t) => {
  // nginx comes from 127.0.0.1, which is trusted; the clients come from other addresses of this machine.
  // At most three connections an address, and a client may tell nginx whatever it likes.
  const from = (localAddress, headers = {}) => new RawClient(server, apps.main, { port: front.port, localAddress, headers });
  const first = range(1, 3).map(() => from("127.0.0.2"));
  const claims = range(1, 3).map((number) => from("127.0.0.3", { "X-Forwarded-For": `10.0.0.${number}` }));
  for (const client of [...first, ...claims]) {
    t.after(() => client.cut());
    await client.established();
  }
  const refused = [from("127.0.0.2"), from("127.0.0.3", { "X-Forwarded-For": "10.9.9.9" })];
  for (const client of refused) {
    t.after(() => client.cut());
    assert.equal((await client.whenClosed()).code, 4100);
  }
  const other = from("127.0.0.4");
  t.after(() => other.cut());
  await other.established();
});

test("metrics are not reachable through nginx", { skip }, async () => {
  const answer = await send(front, "GET", "/metrics");
  assert.ok([403, 404].includes(answer.status), String(answer.status));
});
