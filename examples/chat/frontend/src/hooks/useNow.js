// The time, every half minute: for "5 minutes ago". 0 while the page is what the server made, so that both say the same.
import { useSyncExternalStore } from "react";

const everyMs = 30_000;
let now = 0;
let timer;
const listeners = new Set();

function tick() {
  now = Date.now();
  for (const listener of [...listeners]) listener();
}

function subscribe(listener) {
  listeners.add(listener);
  if (listeners.size === 1) {
    now = Date.now();
    timer = setInterval(tick, everyMs);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) clearInterval(timer);
  };
}

export const useNow = () =>
  useSyncExternalStore(
    subscribe,
    () => (now ||= Date.now()),
    () => 0,
  );
