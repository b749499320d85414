"use client";
// What is unread in all domains, on every page: the bell, the marks beside the domains, the page's title. How far somebody has read
// is kept by the server, so it survives a reload and is the same on all devices.
import { createContext, createElement, useCallback, useContext, useEffect, useMemo, useRef, useState } from "react";

import { useRealtime } from "@/components/Realtime";
import { useSession } from "@/components/Session";
import { usePolling } from "@/hooks/usePolling";
import { persistently } from "@/lib/api";
import { counted, heard, read, totalOf, unreadOf } from "@/lib/unread";

const NotificationsContext = createContext(null);

/** Once, in the dashboard's layout. `initial`: the API's answer when the page was made. */
export function NotificationsProvider({ initial, children }) {
  const { user, domains, api } = useSession();
  const { transport, mode, state } = useRealtime();
  const [unread, setUnread] = useState(() => counted(new Map(), initial));
  const [latest, setLatest] = useState(null);

  const load = useCallback(async () => {
    const answer = await api.get("/api/unread");
    setUnread((now) => counted(now, answer.domains));
  }, [api]);

  useEffect(() => {
    if (!transport || transport.kind === "polling") return;
    const end = new AbortController();
    // Many channels are there at once: one question for all.
    let due;
    const ask = () => {
      due ??= setTimeout(() => {
        due = undefined;
        persistently(load, { attempts: Infinity, signal: end.signal }).catch(() => {});
      }, 50);
    };
    const listen = (channel, events) => {
      let begun = false;
      return transport.subscribe(channel, {
        // What was missed comes by itself where the connection was recovered.
        subscribed: ({ recovered }) => {
          if (!begun || !recovered) ask();
          begun = true;
        },
        gap: ask,
        events,
      });
    };
    const stops = domains.map(({ id }) =>
      listen(`private-domain.${id}`, {
        "message.sent": ({ message }) => {
          if (message.sender.id === user.id) return;
          setUnread((now) => heard(now, message.domain_id, message.id));
          setLatest(message);
        },
      }),
    );
    // Read on another device, or in another tab.
    stops.push(listen(`private-user.${user.id}`, { "messages.read": ({ domain_id, last_read_id }) => setUnread((now) => read(now, domain_id, last_read_id)) }));
    return () => {
      end.abort();
      clearTimeout(due);
      for (const stop of stops) stop();
    };
  }, [transport, domains, user.id, load]);

  usePolling(mode === "polling" ? load : null);

  // One request at a time for each domain, the newest mark wins.
  const marks = useRef(new Map());
  const sayMark = useCallback(
    async (domain, known) => {
      if (known.running) return;
      known.running = true;
      try {
        while (known.said < known.wanted) {
          const mark = known.wanted;
          await persistently(() => api.post(`/api/domains/${domain}/read`, { message_id: mark }, { keepalive: true }));
          known.said = mark;
        }
      } catch {
        // The next connection, the next message or the next visit says it again.
      } finally {
        known.running = false;
      }
    },
    [api],
  );
  const markRead = useCallback(
    (domain, messageId) => {
      setUnread((now) => read(now, domain, messageId));
      const known = marks.current.get(domain) ?? { said: 0, wanted: 0, running: false };
      marks.current.set(domain, known);
      known.wanted = Math.max(known.wanted, messageId);
      sayMark(domain, known);
    },
    [sayMark],
  );
  // What could not be said while the server was away.
  useEffect(() => {
    if (state !== "connected") return;
    for (const [domain, known] of marks.current) sayMark(domain, known);
  }, [state, sayMark]);

  const value = useMemo(
    () => ({
      total: totalOf(unread),
      unreadOf: (domain) => unreadOf(unread, domain),
      lastReadOf: (domain) => unread.get(domain)?.last_read_id ?? 0,
      latest,
      markRead,
    }),
    [unread, latest, markRead],
  );
  return createElement(NotificationsContext.Provider, { value }, children);
}

/** @returns {{ total: number, unreadOf: (domain: number) => number, lastReadOf: (domain: number) => number, latest: any, markRead: (domain: number, messageId: number) => void }} */
export const useGlobalMessageNotifications = () => useContext(NotificationsContext);
