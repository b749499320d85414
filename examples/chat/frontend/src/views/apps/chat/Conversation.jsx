"use client";
import { Fragment, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

import { Composer } from "./Composer";
import { Avatar } from "@/components/Avatar";
import { Down } from "@/components/icons";
import { useSession } from "@/components/Session";
import { useConversation } from "@/hooks/useConversation";
import { useGlobalMessageNotifications } from "@/hooks/useGlobalMessageNotifications";
import { useNow } from "@/hooks/useNow";
import { typingInWords, useTyping } from "@/hooks/useTyping";
import { firstUnread } from "@/lib/messages";
import { clock, dayOf } from "@/lib/time";

const atEndPx = 60;
const togetherMs = 5 * 60_000; // what one person says within it stands under one name

export function Conversation({ domain, page, people }) {
  const { user } = useSession();
  const { markRead, lastReadOf } = useGlobalMessageNotifications();
  const { messages, outgoing, send, retry, discard, hasOlder, loadOlder, loadingOlder, olderFailed, failure } = useConversation(domain, page);
  const { typing, tell, stopped, forget } = useTyping(domain, people);
  const local = useNow() !== 0;
  // Where reading stopped before this visit.
  const [unreadFrom] = useState(() => firstUnread(page.messages, lastReadOf(domain), user.id));
  const statusOf = (id) => people.find((person) => person.id === id)?.status ?? "offline";

  // ---- the end stays in sight, unless somebody reads further up ----

  const list = useRef(null);
  const [atEnd, setAtEnd] = useState(true);
  const follow = useRef(true);
  const scrolled = useCallback(({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
    follow.current = scrollHeight - scrollTop - clientHeight < atEndPx;
    setAtEnd(follow.current);
  }, []);
  const toEnd = useCallback(() => {
    follow.current = true;
    list.current.scrollTop = list.current.scrollHeight;
  }, []);
  const oldest = messages[0]?.id;
  const newest = messages.at(-1)?.id;
  const before = useRef({ oldest, height: 0 });
  useLayoutEffect(() => {
    const place = list.current;
    if (follow.current) {
      place.scrollTop = place.scrollHeight;
    } else if (oldest !== before.current.oldest) {
      // Older ones came above: what was in sight stays there.
      place.scrollTop += place.scrollHeight - before.current.height;
    }
    before.current = { oldest, height: place.scrollHeight };
  });
  useEffect(() => {
    const place = list.current;
    // The keyboard of a phone, a banner.
    const grown = new ResizeObserver(() => {
      if (follow.current) place.scrollTop = place.scrollHeight;
      before.current.height = place.scrollHeight;
    });
    grown.observe(place);
    return () => grown.disconnect();
  }, []);

  // ---- what stands on the screen is read ----

  const [visible, setVisible] = useState(false);
  useEffect(() => {
    const look = () => setVisible(!document.hidden);
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);
  useEffect(() => {
    if (visible && atEnd && newest && newest > lastReadOf(domain)) markRead(domain, newest);
  }, [visible, atEnd, newest, domain, lastReadOf, markRead]);

  // Who has said it types no more.
  const last = messages.at(-1);
  useEffect(() => {
    if (last) forget(last.sender.id);
  }, [last, forget]);

  return (
    <>
      <div className="log" ref={list} onScroll={scrolled} tabIndex={0} role="log" aria-live="polite" aria-relevant="additions" aria-label="Messages">
        {hasOlder && (
          <div className="older">
            <button type="button" onClick={loadOlder} disabled={loadingOlder}>
              {loadingOlder ? "Loading…" : "Older messages"}
            </button>
            {olderFailed && (
              <p className="wrong" role="alert">
                {olderFailed}
              </p>
            )}
          </div>
        )}
        {messages.length === 0 && outgoing.length === 0 && <p className="empty">Nothing was said here yet. Write the first message.</p>}
        <ol>
          {messages.map((message, index) => {
            const previous = messages[index - 1];
            const newDay = !previous || dayOf(previous.created_at, local) !== dayOf(message.created_at, local);
            const unread = message.id === unreadFrom;
            const together = !newDay && !unread && previous.sender.id === message.sender.id && new Date(message.created_at) - new Date(previous.created_at) < togetherMs;
            return (
              <Fragment key={message.id}>
                {newDay && <li className="divider day">{dayOf(message.created_at, local)}</li>}
                {unread && <li className="divider unread">New</li>}
                <Message own={message.sender.id === user.id} together={together} status={statusOf(message.sender.id)} local={local} {...message} />
              </Fragment>
            );
          })}
          {outgoing.map((item) => (
            <Outgoing key={item.client_id} item={item} local={local} retry={retry} discard={discard} />
          ))}
        </ol>
      </div>
      {!atEnd && (
        <button type="button" className="to-end" onClick={toEnd}>
          <Down width="16" height="16" /> Newest
        </button>
      )}
      <p className="typing" role="status">
        {typingInWords(typing)}
      </p>
      {failure ? (
        <p className="refusal wrong" role="alert">
          {failure}
        </p>
      ) : (
        <Composer
          onSend={(text) => {
            toEnd();
            send(text);
            stopped();
          }}
          onTyping={tell}
          onEmpty={stopped}
        />
      )}
    </>
  );
}

function Message({ id, sender, text, created_at, own, together, status, local }) {
  return (
    <li className={`message${own ? " own" : ""}${together ? " together" : ""}`} data-id={id}>
      {!together && !own && <Avatar {...sender} status={status} size={34} />}
      <div>
        {!together && (
          <p className="by">
            <b>{own ? "You" : sender.name}</b> <time dateTime={created_at}>{clock(created_at, local)}</time>
          </p>
        )}
        <p className="text">{text}</p>
      </div>
    </li>
  );
}

function Outgoing({ item, local, retry, discard }) {
  const failed = item.state === "failed";
  return (
    <li className={`message own outgoing ${item.state}`} data-client-id={item.client_id}>
      <div>
        <p className="by">
          <b>You</b> {failed ? <time dateTime={item.created_at}>{clock(item.created_at, local)}</time> : <span>sending…</span>}
        </p>
        <p className="text">{item.text}</p>
        {failed && (
          <p className="not-sent" role="alert">
            Not sent. {item.error}{" "}
            <button type="button" onClick={() => retry(item)}>
              Try again
            </button>{" "}
            <button type="button" onClick={() => discard(item)}>
              Discard
            </button>
          </p>
        )}
      </div>
    </li>
  );
}
