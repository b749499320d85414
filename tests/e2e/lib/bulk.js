// Publishes much on one channel, in batches.
import { call } from "./sign.js";

export async function publishBulk(server, app, channel, count, bytes, { at_once = 8 } = {}) {
  const data = JSON.stringify("x".repeat(bytes));
  let left = count;
  const publisher = async () => {
    while (left > 0) {
      const batch = Array.from({ length: Math.min(10, left) }, () => ({ name: "m", channel, data }));
      left -= batch.length;
      const answer = await call(server, app, "POST", `/apps/${app.id}/batch_events`, { body: { batch } });
      if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
    }
  };
  await Promise.all(Array.from({ length: at_once }, publisher));
}
