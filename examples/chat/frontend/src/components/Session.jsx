"use client";
// Who is signed in, and the API in their name. Signing out closes the connection and loads the sign-in page anew: nothing that
// was in memory outlives it, in no tab of this browser.
import { createContext, useCallback, useContext, useEffect, useMemo, useState } from "react";

import { Api } from "@/lib/api";
import { disconnect } from "@/lib/websocket";

const SessionContext = createContext(null);
const tabs = "chat-session";

function leave(to) {
  disconnect();
  window.location.replace(to);
}

export function SessionProvider({ user, domains, settings, children }) {
  const [api] = useState(() => new Api(settings.apiUrl));

  useEffect(() => {
    api.onSignedOut = () => leave("/login?ended=1");
    if (typeof BroadcastChannel === "undefined") return;
    const others = new BroadcastChannel(tabs);
    others.onmessage = ({ data }) => data === user.id && leave("/login");
    return () => others.close();
  }, [api, user.id]);

  const signOut = useCallback(async () => {
    await api.post("/api/logout");
    if (typeof BroadcastChannel !== "undefined") {
      const others = new BroadcastChannel(tabs);
      others.postMessage(user.id);
      others.close();
    }
    leave("/login");
  }, [api, user.id]);

  const session = useMemo(() => ({ user, domains, settings, api, signOut }), [user, domains, settings, api, signOut]);
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
}

export const useSession = () => useContext(SessionContext);
