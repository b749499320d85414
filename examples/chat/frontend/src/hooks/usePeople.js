// The people of a domain and how they are.
import { useUserStatus } from "@parley/client/react";
import { useCallback, useEffect, useMemo, useState } from "react";

import { useRealtime } from "@/components/Realtime";
import { useSession } from "@/components/Session";
import { usePolling } from "@/hooks/usePolling";
import { persistently } from "@/lib/api";

/**
 * @param {number} domain
 * @param {{ id: number, name: string, status: string, last_seen: string | null }[]} initial
 */
export function usePeople(domain, initial) {
  const { api } = useSession();
  const { transport, mode } = useRealtime();
  const [people, setPeople] = useState(initial);
  const channel = `private-domain.${domain}`;
  const load = useCallback(async () => {
    const answer = await api.get(`/api/domains/${domain}/people`);
    setPeople(answer.people);
  }, [api, domain]);

  // With @parley/client: asked once for each connection, then told.
  const { users, state } = useUserStatus(mode === "parley" ? channel : null);
  // Somebody is new in the domain: the API knows the name.
  const unknown = [...users.keys()].filter((id) => !people.some((person) => String(person.id) === id)).join();
  useEffect(() => {
    if (unknown) load().catch(() => {});
  }, [unknown, load]);

  // Alone: asked for after each subscription, then told.
  useEffect(() => {
    if (!transport || transport.kind === "parley") return;
    const end = new AbortController();
    const stop = transport.subscribe(channel, {
      subscribed: () => persistently(load, { attempts: Infinity, signal: end.signal }).catch(() => {}),
      events: {
        "user.status.changed": ({ user_id, status, last_seen }) =>
          setPeople((all) => all.map((person) => (String(person.id) === String(user_id) ? { ...person, status, last_seen } : person))),
      },
    });
    return () => {
      end.abort();
      stop();
    };
  }, [transport, channel, load]);

  usePolling(mode === "polling" ? load : null);

  return useMemo(() => {
    const told = people.map((person) => {
      const now = users.get(String(person.id));
      if (now) return { ...person, status: now.status, last_seen: now.last_seen ?? person.last_seen };
      return state === "live" ? { ...person, status: "offline" } : person;
    });
    const rank = { online: 0, away: 1, offline: 2 };
    return told.sort((a, b) => rank[a.status] - rank[b.status] || a.name.localeCompare(b.name));
  }, [people, users, state]);
}
