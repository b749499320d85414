// What a board shows when answers and events meet, in orders that a server cannot be made to have.
import { expect, test } from "vitest";

import { StatusBoard } from "../src/people.js";

// A board that was just subscribed, and has asked: `hears` events, and is `answered`.
function board() {
  let heard;
  let page;
  let end;
  const parley = {
    channel: () => ({ value: { listen: (to) => ((heard = to), () => {}) }, release() {} }),
    statusPages: (_channel, take) => {
      page = take;
      return new Promise((resolve) => (end = resolve));
    },
  };
  const shown = new StatusBoard(parley, "presence-domain.1");
  heard.subscribed();
  return {
    hears: (status, since) => heard.event({ event: "user.status.changed", data: { user_id: "7", status, since, last_seen: since } }),
    answered: async (status, since) => {
      page([{ user_id: "7", status, since, last_seen: since }]);
      end();
      await new Promise((resolve) => setTimeout(resolve));
    },
    status: () => shown.snapshot.users.get("7")?.status,
  };
}

test("an event that overtook the answer stays, also one of the same millisecond", async () => {
  for (const since of [4, 5]) {
    const { hears, answered, status } = board();
    hears("online", 5);
    hears("away", 5);
    await answered("online", since);
    expect(status()).toBe("away");
  }
});

test("an answer that is newer than the event counts", async () => {
  const { hears, answered, status } = board();
  hears("online", 5);
  await answered("away", 6);
  expect(status()).toBe("away");
});
