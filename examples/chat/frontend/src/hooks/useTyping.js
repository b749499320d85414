// "Ben is typing…": a client event on the domain's presence channel, passed on and forgotten.
import { useCallback, useEffect, useRef, useState } from "react";

import { useRealtime } from "@/components/Realtime";
import { useSession } from "@/components/Session";

const tellEveryMs = 2000;
const believeForMs = 5000;

/** @param {number} domain */
export function useTyping(domain) {
  const { user } = useSession();
  const { transport } = useRealtime();
  const [typing, setTyping] = useState([]); // { id, name }
  const timers = useRef(new Map());
  const told = useRef(-Infinity);
  const channel = `presence-domain.${domain}`;

  const forget = useCallback((id) => {
    clearTimeout(timers.current.get(id));
    timers.current.delete(id);
    setTyping((all) => (all.some((person) => person.id === id) ? all.filter((person) => person.id !== id) : all));
  }, []);

  useEffect(() => {
    if (!transport) return;
    const waiting = timers.current;
    const stop = transport.subscribe(channel, {
      events: {
        "client-typing": ({ id, name, typing: still }) => {
          if (id === user.id || typeof name !== "string") return;
          if (!still) return forget(id);
          clearTimeout(waiting.get(id));
          waiting.set(id, setTimeout(() => forget(id), believeForMs));
          setTyping((all) => (all.some((person) => person.id === id) ? all : [...all, { id, name: name.slice(0, 60) }]));
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

  const say = useCallback((still) => transport?.whisper(channel, "typing", { id: user.id, name: user.name, typing: still }) ?? false, [transport, channel, user]);
  const tell = useCallback(() => {
    if (performance.now() - told.current < tellEveryMs) return;
    if (say(true)) told.current = performance.now();
  }, [say]);
  const stopped = useCallback(() => {
    if (told.current === -Infinity) return;
    told.current = -Infinity;
    say(false);
  }, [say]);
  return { typing, tell, stopped, forget };
}

export function typingInWords(typing) {
  const names = typing.map(({ name }) => name);
  if (names.length === 0) return "";
  if (names.length === 1) return `${names[0]} is typing…`;
  if (names.length === 2) return `${names[0]} and ${names[1]} are typing…`;
  return "Several people are typing…";
}
