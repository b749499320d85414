"use client";
// Who is signed in, and the API in their name. Signing out closes the connection and loads the sign-in page anew: nothing that
// was in memory outlives it, in no tab of this browser.
import { createContext, useCallback, useContext, useEffect, useMemo, useState } from "react";

import { Api } from "@/lib/api";
import { hearOtherTabs, tellOtherTabs } from "@/lib/tabs";
import { disconnect } from "@/lib/websocket";

const SessionContext = createContext(null);
function leave(to) {
  disconnect();
  window.location.replace(to);
}

export function SessionProvider({ user, domains, settings, children }) {
  const [api] = useState(() => new Api(settings.apiUrl));

  useEffect(() => {
    api.onSignedOut = () => leave("/login?ended=1");
    // The cookie is every tab's: who signed out, or signed in as somebody else, did so in all of them.
    return hearOtherTabs((now) => now !== user.id && leave(now === null ? "/login" : "/messages"));
  }, [api, user.id]);

  const signOut = useCallback(async () => {
    // Meant to end: answers of 401 that other questions get meanwhile are no news.
    const { onSignedOut } = api;
    api.onSignedOut = () => {};
    try {
      await api.post("/api/logout");
    } catch (error) {
      // 401: it was over already.
      if (error.status !== 401) {
        api.onSignedOut = onSignedOut;
        throw error;
      }
    }
    tellOtherTabs(null);
    leave("/login");
  }, [api]);

  const session = useMemo(() => ({ user, domains, settings, api, signOut }), [user, domains, settings, api, signOut]);
  return <SessionContext.Provider value={session}>{children}</SessionContext.Provider>;
}

export const useSession = () => useContext(SessionContext);
