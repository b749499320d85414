// The messages of one domain. The page that was made on the server is the beginning, the socket goes on at its exact position
// (`@parley/client`), or asks the API for what lies between (Echo or Socket.IO alone), or everything is asked for every three seconds.
import { useHistory } from "@parley/client/react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { useOutbox } from "@/components/Outbox";
import { useRealtime } from "@/components/Realtime";
import { useSession } from "@/components/Session";
import { usePolling } from "@/hooks/usePolling";
import { persistently } from "@/lib/api";
import { fromPage, keep, trimmed, withMessages, withNewest, withOlder } from "@/lib/messages";

const sent = ["message.sent"];
const pageSize = 50;

/**
 * @param {number} domain the component has it as its key
 * @param {{ messages: any[], has_older: boolean, position: string | null }} page
 */
export function useConversation(domain, page) {
  const { api } = useSession();
  const { transport, mode } = useRealtime();
  const outbox = useOutbox();
  const channel = `private-domain.${domain}`;
  const path = `/api/domains/${domain}/messages`;

  const [conversation, setConversation] = useState(() => fromPage(page));
  // Up to this id nothing is missing. What was sent from here does not count: others may have written meanwhile.
  const complete = useRef(page.messages.at(-1)?.id ?? 0);
  const completeTo = (messages) => {
    complete.current = Math.max(complete.current, messages.at(-1)?.id ?? 0);
  };

  const most = useRef(keep); // what was asked for stays
  const add = useCallback((messages) => setConversation((now) => trimmed(withMessages(now, messages), most.current)), []);

  // Asks for the newest page until it is there. `mark`: up to which id nothing is missing.
  const ends = useRef(null);
  useEffect(() => {
    ends.current = new AbortController();
    return () => ends.current.abort();
  }, []);
  const catchUp = useCallback(
    async (mark) => {
      const { signal } = ends.current;
      const newestPage = await persistently(() => api.get(`${path}?limit=${pageSize}`), { attempts: Infinity, signal });
      if (signal.aborted) return;
      completeTo(newestPage.messages);
      setConversation((now) => withNewest(now, newestPage, mark));
    },
    [api, path],
  );

  // Somebody came back to this route: the server made the page again.
  const first = useRef(page);
  useEffect(() => {
    if (page === first.current) return;
    first.current = page;
    const mark = complete.current;
    setConversation((now) => withNewest(now, page, mark));
  }, [page]);

  // ---- with @parley/client: from the page's position on, each once, also over a lost connection ----

  const [position] = useState(page.position);
  const feed = useHistory(mode === "parley" ? channel : null, { events: sent, since: position ?? undefined });
  useEffect(() => add(feed.publications.map(({ data }) => messageOf(data))), [add, feed.publications]);
  // Not kept any more, or the page has no position since the server was away then: from the database.
  const hole = feed.gap ?? (position === null && feed.state === "live" ? "no position" : null);
  useEffect(() => {
    if (hole) catchUp(0).catch(() => {});
  }, [catchUp, hole]);

  // ---- Echo or Socket.IO alone ----

  const [refused, setRefused] = useState(null);
  useEffect(() => {
    if (!transport || transport.kind === "parley") return;
    return transport.subscribe(channel, {
      subscribed: ({ recovered }) => {
        setRefused(null);
        if (!recovered) catchUp(complete.current).catch(() => {});
      },
      gap: () => catchUp(0).catch(() => {}),
      failed: setRefused,
      events: {
        "message.sent": (data) => {
          completeTo([data.message]);
          add([messageOf(data)]);
        },
      },
    });
  }, [transport, channel, catchUp, add]);

  // ---- as before ----

  const poll = async () => {
    const mark = complete.current;
    const newestPage = await api.get(`${path}?limit=${pageSize}`);
    completeTo(newestPage.messages);
    setConversation((now) => trimmed(withNewest(now, newestPage, mark), most.current));
  };
  usePolling(mode === "polling" ? poll : null);

  // ---- what is sent from here ----

  const outgoing = useMemo(() => outbox.items.filter((item) => item.domain === domain), [outbox.items, domain]);
  useEffect(() => {
    const arrived = outgoing.filter(({ state }) => state === "sent");
    if (arrived.length === 0) return;
    add(arrived.map(({ message }) => message));
    outbox.drop(arrived.map(({ client_id }) => client_id));
  }, [outgoing, outbox, add]);
  // An answer was lost, and the message came another way.
  useEffect(() => {
    const own = new Set(outgoing.map(({ client_id }) => client_id));
    const came = own.size === 0 ? [] : conversation.messages.filter(({ client_id }) => own.has(client_id));
    if (came.length > 0) outbox.drop(came.map(({ client_id }) => client_id));
  }, [outgoing, outbox, conversation.messages]);

  const [loadingOlder, setLoadingOlder] = useState(false);
  const [olderFailed, setOlderFailed] = useState(null);
  const oldest = conversation.messages[0]?.id;
  const loadOlder = useCallback(async () => {
    setLoadingOlder(true);
    setOlderFailed(null);
    try {
      const older = await api.get(`${path}?before=${oldest}&limit=${pageSize}`);
      most.current += pageSize;
      setConversation((now) => (now.messages[0]?.id === oldest ? withOlder(now, older) : now));
    } catch (error) {
      setOlderFailed(error.message);
    } finally {
      setLoadingOlder(false);
    }
  }, [api, path, oldest]);

  const failure = mode === "parley" ? (feed.state === "failed" ? feed.error : null) : refused;
  return {
    messages: conversation.messages,
    outgoing: outgoing.filter(({ state }) => state !== "sent"),
    send: useCallback((text) => outbox.send(domain, text), [outbox, domain]),
    retry: outbox.retry,
    discard: useCallback((item) => outbox.drop([item.client_id]), [outbox]),
    hasOlder: conversation.hasOlder,
    loadOlder,
    loadingOlder,
    olderFailed,
    failure: failure && inWords(failure),
  };
}

// `client_id` comes beside the message or in it.
const messageOf = ({ message, client_id }) => (client_id === undefined ? message : { ...message, client_id });

function inWords({ status, message, error }) {
  return message || (typeof error === "string" && error) || (status === 403 ? "You are not a member of this domain" : "New messages cannot be received here");
}
