// "Ben is typing…": a client event on the domain's presence channel, passed on and forgotten.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { useRealtime } from "@/components/Realtime";
import { useSession } from "@/components/Session";

const tellEveryMs = 2000;
const believeForMs = 5000;

/**
 * @param {number} domain
 * @param {{ id: number, name: string }[]} people of the domain: a client event says whatever its sender wants, names too
 */
export function useTyping(domain, people) {
  const { user } = useSession();
  const { transport } = useRealtime();
  const [typing, setTyping] = useState([]); // ids
  const timers = useRef(new Map());
  const told = useRef(-Infinity);
  const channel = `presence-domain.${domain}`;
  const names = useMemo(() => new Map(people.map(({ id, name }) => [id, name])), [people]);
  const known = useRef(names);
  useEffect(() => {
    known.current = names;
  }, [names]);

  const forget = useCallback((id) => {
    clearTimeout(timers.current.get(id));
    timers.current.delete(id);
    setTyping((all) => (all.includes(id) ? all.filter((other) => other !== id) : all));
  }, []);

  useEffect(() => {
    if (!transport) return;
    const waiting = timers.current;
    const stop = transport.subscribe(channel, {
      events: {
        "client-typing": ({ id, typing: still }) => {
          if (id === user.id || !known.current.has(id)) return;
          if (!still) return forget(id);
          clearTimeout(waiting.get(id));
          waiting.set(id, setTimeout(() => forget(id), believeForMs));
          setTyping((all) => (all.includes(id) ? all : [...all, id]));
        },
      },
    });
    return () => {
      stop();
      for (const timer of waiting.values()) clearTimeout(timer);
      waiting.clear();
      setTyping([]);
    };
  }, [transport, channel, user.id, forget]);

  const say = useCallback((still) => transport?.whisper(channel, "typing", { id: user.id, typing: still }) ?? false, [transport, channel, user.id]);
  const tell = useCallback(() => {
    if (performance.now() - told.current < tellEveryMs) return;
    if (say(true)) told.current = performance.now();
  }, [say]);
  const stopped = useCallback(() => {
    if (told.current === -Infinity) return;
    told.current = -Infinity;
    say(false);
  }, [say]);
  return { typing: useMemo(() => typing.filter((id) => names.has(id)).map((id) => names.get(id)), [typing, names]), tell, stopped, forget };
}

/** @param {string[]} names */
export function typingInWords(names) {
  if (names.length === 0) return "";
  if (names.length === 1) return `${names[0]} is typing…`;
  if (names.length === 2) return `${names[0]} and ${names[1]} are typing…`;
  return "Several people are typing…";
}
