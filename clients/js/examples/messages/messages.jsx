// A messages page without polling: conversations with what is unread, the messages of one, who is here, and how its people are.
// Its backend answers two calls: the authorisation of Laravel's broadcasting, and POST /messages/{domain}.
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { ParleyProvider, useHistory, useMessageNotifications, usePresence, useUserStatus } from "@parley/client/react";

const sent = ["message.sent"];
const channelOf = (domain) => `private-domain.${domain}`;

export function MessagesApp({ echo, options, me, domains }) {
  return (
    <ParleyProvider client={echo} options={options}>
      <Pages me={me} domains={domains} />
    </ParleyProvider>
  );
}

function Pages({ me, domains }) {
  const route = useRoute();
  const { unread, total, markRead } = useMessageNotifications(domains.map(channelOf), {
    events: sent,
    storageKey: `read:${me.id}`,
    isOwn: ({ data }) => data.from === me.id,
  });
  const open = domains.includes(route) ? route : null;

  // What stands on the screen is read.
  const onScreen = open ? unread[channelOf(open)] : 0;
  useEffect(() => {
    if (open && onScreen > 0) markRead(channelOf(open));
  }, [open, onScreen, markRead]);

  useEffect(() => {
    document.title = total > 0 ? `(${total}) Messages` : "Messages";
  }, [total]);

  return (
    <div className="app">
      <nav>
        <h1>Messages</h1>
        {domains.map((domain) => (
          <a key={domain} href={`#${domain}`} className={domain === open ? "open" : ""} data-domain={domain}>
            <span>Domain {domain}</span>
            {unread[channelOf(domain)] > 0 && <b className="badge">{unread[channelOf(domain)]}</b>}
          </a>
        ))}
        <a href="#about" className={open ? "" : "open"}>
          About
        </a>
        <footer>
          Signed in as <b>{me.name}</b>
        </footer>
      </nav>
      {open ? <Conversation key={open} domain={open} me={me} /> : <main className="empty">Choose a conversation. New messages are counted meanwhile.</main>}
    </div>
  );
}

function Conversation({ domain, me }) {
  const { publications, state, hasOlder, loadOlder, gap } = useHistory(channelOf(domain), { events: sent, limit: 20 });
  const { members } = usePresence(`presence-domain.${domain}`);
  const { statusOf, users } = useUserStatus(channelOf(domain));
  const end = useRef(null);
  const newest = publications.at(-1)?.key;
  useLayoutEffect(() => {
    end.current?.scrollIntoView({ block: "end" });
  }, [newest]);
  const nameOf = (id) => members.find(({ user_id }) => user_id === id)?.user_info?.name;

  return (
    <>
      <main data-state={state}>
        <header>
          <h2>Domain {domain}</h2>
          <span className="here" title={members.map(({ user_info }) => user_info.name).join(", ")}>
            {members.length} here
          </span>
        </header>
        <ol className="messages">
          {hasOlder && (
            <li className="older">
              <button onClick={loadOlder}>Older messages</button>
            </li>
          )}
          {state === "live" && publications.length === 0 && <li className="gap">Nothing was said here yet.</li>}
          {gap && <li className="gap">Some messages of meanwhile are not kept any more.</li>}
          {publications.map(({ key, data, time }) => (
            <li key={key} className={data.from === me.id ? "message own" : "message"}>
              <i className={`dot ${statusOf(data.from).status}`} />
              <b>{data.name ?? data.from}</b>
              <time>{new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}</time>
              <p>{data.text}</p>
            </li>
          ))}
          <li ref={end} />
        </ol>
        <Composer domain={domain} me={me} />
      </main>
      <aside>
        <h3>People</h3>
        <ul className="people">
          {[...users.values()]
            .sort((a, b) => (a.user_id < b.user_id ? -1 : 1))
            .map(({ user_id, status, last_seen, user_info }) => (
              <li key={user_id} data-user={user_id} data-status={status}>
                <i className={`dot ${status}`} />
                <span>{user_info?.name ?? nameOf(user_id) ?? user_id}</span>
                <small>{status === "offline" && last_seen ? `last seen ${new Date(last_seen).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}` : status}</small>
              </li>
            ))}
        </ul>
      </aside>
    </>
  );
}

function Composer({ domain, me }) {
  const [text, setText] = useState("");
  const send = async (event) => {
    event.preventDefault();
    if (!text.trim()) return;
    setText("");
    // Everybody gets it by the channel, the sender too: nothing is put into a list here.
    await fetch(`messages/${domain}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-User": me.id, "X-Name": me.name },
      body: JSON.stringify({ text }),
    });
  };
  return (
    <form onSubmit={send}>
      <input value={text} onChange={({ target }) => setText(target.value)} placeholder="Write a message" aria-label="Message" />
      <button disabled={!text.trim()}>Send</button>
    </form>
  );
}

function useRoute() {
  const [route, setRoute] = useState(() => location.hash.slice(1));
  useEffect(() => {
    const changed = () => setRoute(location.hash.slice(1));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
