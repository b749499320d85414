"use client";
// The tab's connection (src/lib/websocket.js) for everything below, and its state in words.
import { ParleyProvider } from "@parley/client/react";
import { createContext, useContext, useEffect, useMemo, useState, useSyncExternalStore } from "react";

import { useSession } from "./Session";
import { useOnline } from "@/hooks/useOnline";
import { connection, hold } from "@/lib/websocket";

const RealtimeContext = createContext({ transport: null, mode: null, state: "connecting" });

export function RealtimeProvider({ children }) {
  const { user, settings, api } = useSession();
  useEffect(() => hold({ user, settings, api }), [user, settings, api]);
  const { transport, state } = useSyncExternalStore(connection.subscribe, connection.now, connection.onServer);

  useEffect(() => {
    api.socketId = () => transport?.socketId;
    return () => {
      api.socketId = () => undefined;
    };
  }, [api, transport]);

  // The server ended it on purpose: maybe the session is over, which this answers.
  useEffect(() => {
    if (state === "refused") api.get("/api/me").catch(() => {});
  }, [api, state]);

  const value = useMemo(() => ({ transport, mode: transport?.kind ?? null, state }), [transport, state]);
  return (
    <RealtimeContext.Provider value={value}>
      <ParleyProvider client={transport?.client ?? null}>{children}</ParleyProvider>
    </RealtimeContext.Provider>
  );
}

export const useRealtime = () => useContext(RealtimeContext);

const patienceMs = 1500; // a blip is not worth a banner

/** "online" | "offline" | "reconnecting" */
export function useConnectionState() {
  const { state } = useRealtime();
  const online = useOnline();
  const [late, setLate] = useState(false);
  const connected = state === "connected";
  useEffect(() => {
    if (connected) return;
    const timer = setTimeout(() => setLate(true), patienceMs);
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [connected]);
  if (!online) return "offline";
  return connected || !late ? "online" : "reconnecting";
}

export function ConnectionBanner() {
  const { transport, state: connected } = useRealtime();
  const state = useConnectionState();
  return (
    <div className="banner-place" role="status" data-connection={state} data-realtime={connected}>
      {state === "offline" && <p className="banner">You are offline. What is written meanwhile comes when you are back.</p>}
      {state === "reconnecting" && (
        <p className="banner">
          {connected === "refused" ? "The server refused the connection. Trying again…" : "Connecting again…"}{" "}
          <button type="button" onClick={() => transport?.retry()}>
            Try now
          </button>
        </p>
      )}
    </div>
  );
}
