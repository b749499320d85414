// Strangers ask for channels that the application refuses, over and over: an honest client's question does not wait for
// all of theirs. Counted in questions, not in time.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before } from "node:test";

import { apps, fresh, raw, startServer, test } from "../lib/harness.js";
import { elsewhere, strangers } from "../lib/hostile.js";
import { until } from "../lib/wait.js";

const crowd = 30;
const each = 20;
const line = 900; // questions that may wait; of them one address has three quarters
const places = 4; // questions that the application gets at a time

// Holds every question until open() is called, then refuses all but those for honest channels.
class SlowApplication {
  constructor() {
    this.asked = []; // channels, in the order in which their questions came
    this.held = [];
    this.isOpen = false;
    this.server = createServer(async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      const channel = new URLSearchParams(body).get("channel_name");
      this.asked.push(channel);
      const allowed = channel.startsWith("private-honest");
      const answer = () => response.writeHead(allowed ? 200 : 403, { "Content-Type": "application/json" }).end(allowed ? "true" : "{}");
      if (this.isOpen) answer();
      else this.held.push(answer);
    });
  }

  async start() {
    await new Promise((done) => this.server.listen(0, "127.0.0.1", done));
    this.url = `http://127.0.0.1:${this.server.address().port}/auth`;
    return this;
  }

  open() {
    this.isOpen = true;
    for (const answer of this.held.splice(0)) answer();
  }

  close() {
    this.isOpen = false;
    this.asked.length = 0;
  }

  stop() {
    this.open();
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }
}

const app = { ...apps.main, allowed_origins: ["https://shop.example"] };
const headers = { Origin: "https://shop.example" };
let application;
let server;
before(async () => {
  application = await new SlowApplication().start();
  const auth = { url: application.url, concurrency_max: places, timeout_ms: 60_000, waiting_max: line, cache_seconds: 0, cache_refusal_seconds: 0 };
  server = await startServer({ apps: [{ ...app, auth }] });
});
after(async () => {
  await application?.stop();
  await server?.stop();
});

const unanswered = async () => (await server.metric("parley_calls_waiting")) + (await server.metric("parley_calls_in_flight"));
const ask = (client, channel) => client.send({ event: "pusher:subscribe", data: { channel } });
const answered = (client, channel) => client.frames.find((frame) => frame.channel === channel, `an answer for ${channel}`, { timeout: 60_000 });

for (const [where, honestAddress, most] of [
  ["at their own address", strangers, crowd + 1],
  ["elsewhere", elsewhere, 1],
]) {
  test(`an honest client ${where} waits for a turn, not for a crowd's line`, async (t) => {
    application.close();
    const clients = await Promise.all(Array.from({ length: crowd }, () => raw(t, server, app, { headers, localAddress: strangers })));
    const honest = await raw(t, server, app, { headers, localAddress: honestAddress });
    for (const client of clients) for (let i = 0; i < each; i++) ask(client, fresh("private-stranger."));
    await until(async () => (await unanswered()) === crowd * each, "all questions to stand in line");
    assert.ok(application.asked.length < places, "a place is kept free for other addresses");
    const mine = fresh("private-honest.");
    ask(honest, mine);
    await until(async () => (await unanswered()) === crowd * each + 1, "the honest question to stand in line");
    const before = application.asked.filter((channel) => channel !== mine).length;
    application.open();
    assert.equal((await answered(honest, mine)).event, "pusher_internal:subscription_succeeded");
    // Those that were with the application already, a turn of everybody else, and what comes in over several connections
    // of the node to it at a time.
    const place = application.asked.indexOf(mine);
    assert.ok(place <= before + most + places, `it was question ${place + 1} of ${crowd * each + 1}`);
    await until(async () => (await unanswered()) === 0, "all answers");
  });
}

test("one address does not fill the line: what is more than its share is refused, and counted", async (t) => {
  application.close();
  const share = (line * 3) / 4;
  const clients = await Promise.all(Array.from({ length: crowd }, () => raw(t, server, app, { headers, localAddress: strangers })));
  const honest = await raw(t, server, app, { headers, localAddress: elsewhere });
  const many = Math.ceil(share / crowd) + 1;
  for (const client of clients) for (let i = 0; i < many; i++) ask(client, fresh("private-stranger."));
  await until(async () => (await server.metric("parley_auth_questions_total", { outcome: "over_share" })) === crowd * many - share, "refusals");
  assert.equal(await unanswered(), share);
  const mine = fresh("private-honest.");
  ask(honest, mine);
  await until(async () => (await unanswered()) === share + 1, "the honest question to stand in line");
  application.open();
  assert.equal((await answered(honest, mine)).event, "pusher_internal:subscription_succeeded");
  await until(async () => (await unanswered()) === 0, "all answers");
});
