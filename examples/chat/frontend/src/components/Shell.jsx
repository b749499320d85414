"use client";
// What stands around every page: where one can go, the bell, who one is, and the connection's state.
import { usePathname } from "next/navigation";
import { useEffect, useRef, useState } from "react";

import { Avatar } from "./Avatar";
import { Bell, Leave, Mark } from "./icons";
import { PageLink } from "./PageLink";
import { ConnectionBanner } from "./Realtime";
import { useSession } from "./Session";
import { useGlobalMessageNotifications } from "@/hooks/useGlobalMessageNotifications";

export function Shell({ children }) {
  const { user } = useSession();
  const { total } = useGlobalMessageNotifications();
  const path = usePathname();
  const pages = [
    ["/", "Overview"],
    ["/messages", "Messages"],
    ...(user.admin ? [["/admin", "Who is where"]] : []),
  ];
  const title = pages.find(([address]) => address === path)?.[1] ?? "Chat";
  useEffect(() => {
    document.title = total > 0 ? `(${total}) ${title}` : title;
  }, [total, title]);

  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="bar">
        <PageLink className="brand" href="/" aria-label="Chat, overview">
          <Mark /> Chat
        </PageLink>
        <nav aria-label="Pages">
          {pages.map(([address, name]) => (
            <PageLink key={address} href={address} aria-current={path === address ? "page" : undefined}>
              {name}
            </PageLink>
          ))}
        </nav>
        <div className="bar-end">
          <Notifications />
          <SignedIn />
        </div>
      </header>
      <ConnectionBanner />
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

const inBadge = (count) => (count > 99 ? "99+" : count);

function Notifications() {
  const { domains } = useSession();
  const { total, unreadOf } = useGlobalMessageNotifications();
  const { open, setOpen, place } = useMenu();
  const unread = domains.filter(({ id }) => unreadOf(id) > 0);
  const words = total === 0 ? "No unread messages" : `${total} unread message${total === 1 ? "" : "s"}`;
  return (
    <div className="menu" ref={place}>
      <button type="button" className="icon-button bell" aria-label={words} aria-expanded={open} aria-controls="bell-menu" onClick={() => setOpen(!open)} data-unread={total}>
        <Bell />
        {total > 0 && (
          <b className="badge" aria-hidden="true">
            {inBadge(total)}
          </b>
        )}
      </button>
      <span className="unseen" role="status">
        {total > 0 ? words : ""}
      </span>
      {open && (
        <div className="popover" id="bell-menu">
          <h2>Unread</h2>
          {unread.length === 0 && <p>Everything is read.</p>}
          <ul>
            {unread.map(({ id, name }) => (
              <li key={id}>
                <PageLink href={`/messages?domain=${id}`} onClick={() => setOpen(false)}>
                  {name} <b className="badge">{inBadge(unreadOf(id))}</b>
                </PageLink>
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function SignedIn() {
  const { user, signOut } = useSession();
  const { open, setOpen, place } = useMenu();
  const [leaving, setLeaving] = useState(false);
  const [failed, setFailed] = useState(null);
  const leave = async () => {
    setLeaving(true);
    setFailed(null);
    try {
      await signOut();
    } catch (error) {
      // The session is still valid at the server: to look signed out would be a lie.
      setFailed(`You are still signed in: ${error.message}`);
      setLeaving(false);
    }
  };
  return (
    <div className="menu" ref={place}>
      <button type="button" className="who" aria-expanded={open} aria-controls="who-menu" onClick={() => setOpen(!open)}>
        <Avatar {...user} size={32} />
        <span className="unseen">Signed in as </span>
        <span className="who-name">{user.name}</span>
      </button>
      {open && (
        <div className="popover" id="who-menu">
          <p>
            Signed in as <b>{user.name}</b>
            {user.admin && " (administrator)"}
          </p>
          {failed && (
            <p className="wrong" role="alert">
              {failed}
            </p>
          )}
          <button type="button" className="plain" onClick={leave} disabled={leaving}>
            <Leave /> Sign out
          </button>
        </div>
      )}
    </div>
  );
}

// Open until Escape, a click elsewhere, or the focus goes elsewhere.
function useMenu() {
  const [open, setOpen] = useState(false);
  const place = useRef(null);
  useEffect(() => {
    if (!open) return;
    const elsewhere = ({ target }) => place.current?.contains(target) || setOpen(false);
    const key = (event) => {
      if (event.key !== "Escape") return;
      setOpen(false);
      place.current?.querySelector("button")?.focus();
    };
    document.addEventListener("pointerdown", elsewhere);
    document.addEventListener("focusin", elsewhere);
    document.addEventListener("keydown", key);
    return () => {
      document.removeEventListener("pointerdown", elsewhere);
      document.removeEventListener("focusin", elsewhere);
      document.removeEventListener("keydown", key);
    };
  }, [open]);
  return { open, setOpen, place };
}
