// What suites of Engine.IO ask of a session again and again.
import assert from "node:assert/strict";

// Another connection, for a session that exists.
export const second = (t, session, endpoint = session.endpoint) => {
  const opened = endpoint.socket({ sid: session.sid });
  t.after(() => opened.cut());
  return opened;
};
export const assertError = (answer, code, message, status = 400) => {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers["content-type"], /^application\/json/);
  assert.deepEqual(answer.json, { code, message });
};
export const assertGone = async (session) => assertError(await session.poll(), 1, "Session ID unknown");
export const assertEchoes = async (session, text = `4still here ${session.sid}`) => {
  assert.equal((await session.post(text)).text, "ok");
  await session.next((packet) => packet === text, "the echo");
};
