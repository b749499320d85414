// Clients of one address that read nothing, on a public channel with large events: what waits for all of them together
// has a bound, and a client elsewhere gets every event.
import assert from "node:assert/strict";

import { apps, fresh, raw, startServer, test } from "../lib/harness.js";
import { MB, strangers, underAttack } from "../lib/hostile.js";
import { trigger } from "../lib/sign.js";

const bound = 256 * 1024; // of one client; of the node 64 times as much
const clients = 128;

test("what waits for many clients that read nothing has a bound of its own", { timeout: 240_000 }, async (t) => {
  const server = await startServer({ limits: { write_queue_bytes_max: bound, catch_up_buffer_bytes_max: bound }, log: { level: "warn" } });
  t.after(() => server.stop());
  const channel = fresh("news");
  for (let n = 0; n < clients; n += 1) {
    const client = await raw(t, server, apps.main, { localAddress: strangers });
    await client.joined(channel);
    client.ws.pause();
  }
  let most = 0;
  await underAttack(t, server, apps.main, async () => {
    // Until the sockets' own buffers are full and the first ones are closed.
    for (let n = 0; n < 400; n += 1) {
      assert.equal((await trigger(server, apps.main, channel, "big", { n, text: "x".repeat(90_000) })).status, 200);
      if (n % 5 === 0) most = Math.max(most, await server.metric("parley_write_queue_bytes"));
      if ((await server.metric("parley_slow_consumers_total")) > clients / 2) break;
    }
  });
  assert.ok((await server.metric("parley_slow_consumers_total")) > 0, "nobody was slow");
  assert.ok(most <= 64 * bound + 4 * MB, `${most} bytes waited`);
});
