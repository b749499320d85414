// As it was before: ask every three seconds. For NEXT_PUBLIC_REALTIME=polling.
import { useEffect, useRef } from "react";

export const everyMs = 3000;

/** @param {null | (() => Promise<unknown>)} ask null: nothing is asked */
export function usePolling(ask) {
  const latest = useRef(ask);
  useEffect(() => {
    latest.current = ask;
  });
  const wanted = ask !== null;
  useEffect(() => {
    if (!wanted) return;
    let asking = false;
    const timer = setInterval(async () => {
      if (asking) return; // slower than three seconds: not twice at once
      asking = true;
      try {
        await latest.current?.();
      } catch {
        // the next one
      } finally {
        asking = false;
      }
    }, everyMs);
    return () => clearInterval(timer);
  }, [wanted]);
}
