"use client";
import { PageLink } from "@/components/PageLink";
import { useSession } from "@/components/Session";
import { useGlobalMessageNotifications } from "@/hooks/useGlobalMessageNotifications";

export function Overview() {
  const { user, domains } = useSession();
  const { unreadOf, latest } = useGlobalMessageNotifications();
  return (
    <div className="page">
      <h1>Hello {user.name}</h1>
      {domains.length === 0 && <p>You are not a member of any domain yet. An administrator can add you to one.</p>}
      <ul className="cards">
        {domains.map(({ id, name }) => {
          const unread = unreadOf(id);
          return (
            <li key={id}>
              <PageLink className="card" href={`/messages?domain=${id}`} data-domain={id}>
                <h2>{name}</h2>
                <p>{unread > 0 ? <b>{unread} unread</b> : "Everything is read"}</p>
                {latest?.domain_id === id && (
                  <p className="latest">
                    {latest.sender.name}: {latest.text}
                  </p>
                )}
              </PageLink>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
