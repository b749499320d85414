// What the tabs of one browser tell one another: who is signed in now, or null.
const name = "chat-session";
const there = typeof BroadcastChannel !== "undefined";

/** @param {number | null} user */
export function tellOtherTabs(user) {
  if (!there) return;
  const others = new BroadcastChannel(name);
  others.postMessage(user);
  others.close();
}

/** @param {(user: number | null) => void} listener @returns {() => void} */
export function hearOtherTabs(listener) {
  if (!there) return () => {};
  const others = new BroadcastChannel(name);
  others.onmessage = ({ data }) => listener(data);
  return () => others.close();
}
