"use client";
// The messages page: the domains with what is unread, the conversation of one, and its people. It polled once.
import { useState } from "react";

import { Conversation } from "./Conversation";
import { PeopleList } from "./PeopleList";
import { People as PeopleIcon } from "@/components/icons";
import { PageLink } from "@/components/PageLink";
import { useSession } from "@/components/Session";
import { useGlobalMessageNotifications } from "@/hooks/useGlobalMessageNotifications";
import { usePeople } from "@/hooks/usePeople";

export default function Chat({ domain, page, people }) {
  return (
    <div className="chat">
      <Domains open={domain} />
      <Open key={domain} domain={domain} page={page} initialPeople={people} />
    </div>
  );
}

function Open({ domain, page, initialPeople }) {
  const { domains } = useSession();
  const people = usePeople(domain, initialPeople);
  const [showPeople, setShowPeople] = useState(false); // on a phone; a desktop has room for them
  const online = people.filter(({ status }) => status !== "offline").length;
  const name = domains.find(({ id }) => id === domain)?.name ?? `Domain ${domain}`;
  return (
    <>
      <section className="conversation" aria-label={`Conversation in ${name}`}>
        <header>
          <h1>{name}</h1>
          <span className="quiet">{online} online</span>
          <button type="button" className="icon-button people-toggle" aria-expanded={showPeople} aria-controls="people" onClick={() => setShowPeople(!showPeople)}>
            <PeopleIcon /> <span className="unseen">People</span>
          </button>
        </header>
        <Conversation domain={domain} page={page} people={people} />
      </section>
      <PeopleList people={people} shown={showPeople} />
    </>
  );
}

function Domains({ open }) {
  const { domains } = useSession();
  const { unreadOf } = useGlobalMessageNotifications();
  return (
    <nav className="domains" aria-label="Domains">
      <ul>
        {domains.map(({ id, name }) => {
          const unread = id === open ? 0 : unreadOf(id);
          return (
            <li key={id}>
              <PageLink href={`/messages?domain=${id}`} aria-current={id === open ? "page" : undefined} data-domain={id}>
                <span className="hash" aria-hidden="true">
                  #
                </span>
                <span>{name}</span>
                {unread > 0 && (
                  <b className="badge">
                    {unread > 99 ? "99+" : unread}
                    <span className="unseen"> unread</span>
                  </b>
                )}
              </PageLink>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

/** Why somebody does not see a conversation, in words. */
export function Refused({ reason }) {
  const { domains } = useSession();
  return (
    <div className="page refused" role="alert">
      <h1>{reason}</h1>
      <p>An administrator can make you a member.</p>
      {domains.length > 0 && (
        <p>
          Yours: {domains.map(({ id, name }, index) => (
            <span key={id}>
              {index > 0 && ", "}
              <PageLink href={`/messages?domain=${id}`}>{name}</PageLink>
            </span>
          ))}
        </p>
      )}
    </div>
  );
}
