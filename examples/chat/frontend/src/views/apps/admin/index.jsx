"use client";
// Who is connected, and in which channels. The backend says on `admin.{id}` when that changed; then it is asked once.
import { useCallback, useEffect, useRef, useState } from "react";

import { Avatar } from "@/components/Avatar";
import { useRealtime } from "@/components/Realtime";
import { useSession } from "@/components/Session";
import { useNow } from "@/hooks/useNow";
import { usePolling } from "@/hooks/usePolling";
import { statusInWords } from "@/lib/time";

const atMostEveryMs = 500;

export default function WhoIsWhere({ initial }) {
  const { api, user, domains } = useSession();
  const { transport, mode } = useRealtime();
  const [people, setPeople] = useState(initial);
  const [failed, setFailed] = useState(null);
  const now = useNow();
  const load = useCallback(async () => {
    try {
      const answer = await api.get("/api/admin/people");
      setPeople(answer.people);
      setFailed(null);
    } catch (error) {
      setFailed(error.message);
    }
  }, [api]);

  const due = useRef(undefined);
  useEffect(() => {
    if (!transport || transport.kind === "polling") return;
    const changed = () => {
      due.current ??= setTimeout(() => {
        due.current = undefined;
        load();
      }, atMostEveryMs);
    };
    const stop = transport.subscribe(`private-admin.${user.id}`, {
      subscribed: changed,
      events: { "people.changed": changed, "user.status.changed": changed },
    });
    return () => {
      stop();
      clearTimeout(due.current);
      due.current = undefined;
    };
  }, [transport, user.id, load]);
  usePolling(mode === "polling" ? load : null);

  const nameOf = (channel) => {
    const [, kind, id] = /^(?:private|presence)-(domain|user|admin)\.(\d+)$/.exec(channel) ?? [];
    if (kind === "domain") return domains.find((domain) => domain.id === Number(id))?.name ?? `Domain ${id}`;
    return channel;
  };
  return (
    <div className="page">
      <h1>Who is where</h1>
      {failed && (
        <p className="wrong" role="alert">
          {failed}
        </p>
      )}
      <table className="where">
        <thead>
          <tr>
            <th scope="col">Person</th>
            <th scope="col">Status</th>
            <th scope="col">In</th>
          </tr>
        </thead>
        <tbody>
          {people.map((person) => (
            <tr key={person.id} data-user={person.id} data-status={person.status}>
              <th scope="row">
                <Avatar {...person} />
                {person.name}
              </th>
              <td>{statusInWords(person, now)}</td>
              <td>
                {person.channels.length === 0 && <span className="quiet">nowhere</span>}
                {person.channels.map((channel) => (
                  <span key={channel} className="tag" title={channel}>
                    {nameOf(channel)}
                  </span>
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
