// Which pages may read the answers of polling: what a browser is told of origins, as the configuration says. In a browser:
// socketio_browser.
import assert from "node:assert/strict";
import { after, before } from "node:test";

import { Endpoint } from "../lib/engine.js";
import { startServer, test } from "../lib/harness.js";

let server;
before(async () => {
  server = await startServer({});
});
after(() => server?.stop());

const page = "https://app.example";
const ask = (on, method, query, headers = {}) => new Endpoint(on.port, "/socket.io/").request(method, query, { headers: { Origin: page, ...headers } });
const cors = ({ headers }) => Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith("access-control-")));

test("by default a browser lets none of them read an answer", async () => {
  assert.deepEqual(cors(await ask(server, "GET", { transport: "polling" })), {});
  const preflight = await ask(server, "OPTIONS", { transport: "polling" }, { "Access-Control-Request-Method": "POST" });
  assert.deepEqual(cors(preflight), {});
});

test("one origin with credentials: on answers, errors and preflights", async (t) => {
  const own = await startServer({ socketio: { cors_origins: [page], cors_credentials: true } });
  t.after(() => own.stop());
  const allowed = { "access-control-allow-origin": page, "access-control-allow-credentials": "true" };
  for (const query of [{ transport: "polling" }, { transport: "polling", sid: "nobody" }, { transport: "abc" }]) {
    const answer = await ask(own, "GET", query);
    assert.deepEqual(cors(answer), allowed, JSON.stringify(query));
    assert.match(answer.headers.vary, /\bOrigin\b/);
  }
  const preflight = await ask(own, "OPTIONS", { transport: "polling" }, { "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-token,content-type" });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers["content-length"], "0");
  assert.deepEqual(cors(preflight), { ...allowed, "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE", "access-control-allow-headers": "x-token,content-type" });
  assert.match(preflight.headers.vary, /\bOrigin\b/);
  assert.match(preflight.headers.vary, /\bAccess-Control-Request-Headers\b/);
  const stranger = await new Endpoint(own.port, "/socket.io/").request("GET", { transport: "polling" }, { headers: { Origin: "https://evil.example" } });
  assert.notEqual(stranger.headers["access-control-allow-origin"], "https://evil.example");
  assert.notEqual(stranger.headers["access-control-allow-origin"], "*");
});

test("several origins: each is told its own name", async (t) => {
  const own = await startServer({ socketio: { cors_origins: [page, "https://two.example"] } });
  t.after(() => own.stop());
  for (const Origin of [page, "https://two.example"]) {
    const answer = await ask(own, "GET", { transport: "polling" }, { Origin });
    assert.deepEqual(cors(answer), { "access-control-allow-origin": Origin });
    assert.match(answer.headers.vary, /\bOrigin\b/);
  }
  assert.equal(cors(await ask(own, "GET", { transport: "polling" }, { Origin: "https://evil.example" }))["access-control-allow-origin"], undefined);
});

test("every origin", async (t) => {
  const own = await startServer({ socketio: { cors_origins: ["*"] } });
  t.after(() => own.stop());
  assert.deepEqual(cors(await ask(own, "GET", { transport: "polling" })), { "access-control-allow-origin": "*" });
});
