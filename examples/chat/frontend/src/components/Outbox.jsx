"use client";
// What this tab is sending, over changes of route: each message waits here until it is in the conversation. One that failed stays
// until it is sent again, under the same client_id, so that the server makes it one message however often it comes.
import { createContext, useCallback, useContext, useMemo, useRef, useState } from "react";

import { useSession } from "./Session";
import { uuid } from "@/lib/uuid";

const OutboxContext = createContext(null);

export function OutboxProvider({ children }) {
  const { api } = useSession();
  const [items, setItems] = useState([]);

  const change = useCallback((clientId, what) => setItems((all) => all.map((item) => (item.client_id === clientId ? { ...item, ...what } : item))), []);
  const drop = useCallback((clientIds) => {
    setItems((all) => (all.some(({ client_id }) => clientIds.includes(client_id)) ? all.filter(({ client_id }) => !clientIds.includes(client_id)) : all));
  }, []);

  // One at a time in each domain: what was written first stands first.
  const lines = useRef(new Map());
  const deliver = useCallback(
    (item) => {
      const post = async () => {
        try {
          const { message } = await api.post(`/api/domains/${item.domain}/messages`, { text: item.text, client_id: item.client_id });
          change(item.client_id, { state: "sent", message });
        } catch (error) {
          change(item.client_id, { state: "failed", error: error.message });
        }
      };
      lines.current.set(item.domain, (lines.current.get(item.domain) ?? Promise.resolve()).then(post));
    },
    [api, change],
  );

  const send = useCallback(
    (domain, text) => {
      const item = { client_id: uuid(), domain, text, created_at: new Date().toISOString(), state: "sending" };
      setItems((all) => [...all, item]);
      deliver(item);
    },
    [deliver],
  );

  const retry = useCallback(
    (item) => {
      change(item.client_id, { state: "sending", error: undefined });
      deliver(item);
    },
    [change, deliver],
  );

  const value = useMemo(() => ({ items, send, retry, drop }), [items, send, retry, drop]);
  return <OutboxContext.Provider value={value}>{children}</OutboxContext.Provider>;
}

export const useOutbox = () => useContext(OutboxContext);
