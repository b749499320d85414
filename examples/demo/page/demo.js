// The demo: people chat in three domains through unmodified laravel-echo and pusher-js. A visitor reads one
// domain and belongs to all.
//
//   private-domain.{id}    what is said, who is typing, and how the domain's people are (user.status.changed)
//   presence-domain.{id}   who is reading the domain now
//   private-user.{id}      what was said in the other domains (message.notification), for the bell
//
// What a page needs for resume is one line: `wsPath` with an id of its own. After a lost connection the
// server sends what this id missed; a message may then come twice, so messages are known by their id.
// What a page needs for the status of people is `signin()` and one question, `parley:status`.
import { Bell } from "./bell.js";
import Echo from "./echo.js";
import { faceOf, loadIdentity, saveIdentity, uuid } from "./identity.js";
import { People } from "./people.js";
import { Timeline } from "./timeline.js";

const $ = (id) => document.getElementById(id);
const { appKey } = document.body.dataset;
const domains = document.body.dataset.domains.split(" ");
const base = location.pathname.replace(/\/[^/]*$/, "");
const secure = location.protocol === "https:";

const me = await loadIdentity();
const timeline = new Timeline($("timeline"), $("scroll"), $("newer"), me.userId);

// ---- connection ----

const echo = new Echo({
  broadcaster: "pusher",
  Pusher: window.Pusher,
  key: appKey,
  cluster: "self",
  wsHost: location.hostname,
  wsPort: location.port || 80,
  wssPort: location.port || 443,
  wsPath: `${base}/r/${me.clientId}`,
  forceTLS: secure,
  enabledTransports: ["ws", "wss"],
  disableStats: true,
  activityTimeout: 10_000, // a silent network is noticed within seconds
  pongTimeout: 4_000,
  channelAuthorization: {
    transport: "ajax",
    endpoint: `${base}/demo/auth`,
    paramsProvider: whoIAm,
  },
  userAuthentication: { transport: "ajax", endpoint: `${base}/demo/user-auth`, paramsProvider: whoIAm },
});
const { pusher } = echo.connector;
const { connection } = pusher;
globalThis.demo = { echo, pusher }; // to play with in the console

function whoIAm() {
  return { user_id: me.userId, user_name: me.name };
}

let room = null; // { domain, name, said, here } while a domain is on the screen
let outage = null; // { since, missed, back } from the loss until everything missed is here
let joinedOnce = false;

const stateText = { connected: "Connected", connecting: "Connecting", reconnecting: "Reconnecting", unavailable: "Offline", failed: "Not supported", disconnected: "Disconnected" };

connection.bind("state_change", ({ previous, current }) => {
  if (previous === "connected" && joinedOnce && !outage) {
    outage = { since: Date.now(), missed: 0, back: false };
    timeline.notice("Connection lost. Messages you write now are sent when it is back.", "lost");
    typing.clear();
    setTimeout(hurry, 2_000);
  }
  const shown = outage && current !== "connected" && current !== "failed" ? "reconnecting" : current;
  $("status").dataset.state = shown;
  $("status-text").textContent = stateText[shown] ?? shown;
  document.body.classList.toggle("cut", Boolean(outage) && current !== "connected");
  if (current === "connected" && document.hidden) tellActivity(); // a new connection counts as somebody looking
});

// pusher-js comes back by itself, but once refused twice it pauses for 15 seconds and more. Here nobody
// shall wait that long: when the server answers again, the attempt starts anew.
async function hurry() {
  if (!outage || connection.state === "connected") return;
  const answers = await fetch(`${base}/health/live`, { cache: "no-store" }).then((answer) => answer.ok, () => false);
  if (answers && outage && connection.state !== "connected") {
    connection.disconnect();
    connection.connect();
  }
  setTimeout(hurry, 1_000 + Math.random() * 1_000);
}

// Missed messages follow the subscription at once; a moment of silence ends them.
function settle() {
  clearTimeout(outage.timer);
  outage.timer = setTimeout(() => {
    const seconds = Math.max(1, Math.round((outage.backAt - outage.since) / 1000));
    const away = seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
    const caughtUp = outage.gap
      ? "some messages were not kept long enough"
      : outage.missed === 0
        ? "nothing was missed"
        : `${outage.missed} missed message${outage.missed === 1 ? "" : "s"} caught up`;
    timeline.notice(`Back after ${away} · ${caughtUp}`, outage.gap ? "lost" : "back");
    outage = null;
  }, 350);
}

// Each time the domain's channel is joined: first, and after every lost connection.
function onSubscribed() {
  askForPeople();
  if (!room.history) {
    room.history = true;
    loadHistory();
  }
  joinedOnce = true;
  if (outage) {
    outage.back = true;
    outage.backAt = Date.now();
    settle();
  }
  flush();
}

function onMessage(data, missed = Boolean(outage?.back)) {
  const fresh = timeline.add({ ...data, at: Number(data.at), missed });
  typing.stop(data.user_id);
  refreshEmpty();
  if (!fresh) return;
  if (missed && outage) {
    outage.missed++;
    settle();
  }
  if (document.hidden && data.user_id !== me.userId) {
    unread++;
    showTitle();
  }
}

// ---- domains ----

function chosenDomain() {
  const domain = location.hash.replace(/^#domain\./, "");
  return domains.includes(domain) ? domain : domains[0];
}

function openDomain(domain) {
  if (room?.domain === domain) return;
  if (room) closeDomain();
  room = { domain, name: `domain.${domain}`, channel: `private-domain.${domain}`, history: false };
  $("room-name").textContent = room.name;
  $("text").placeholder = `Message ${room.name}`;
  $("subtitle").textContent = "private channel · durable history";
  $("second-tab").href = `./#${room.name}`;
  for (const link of document.querySelectorAll("#domains a")) {
    if (link.dataset.domain === domain) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  for (const message of outbox) if (message.channel === room.channel) timeline.add(message);
  refreshEmpty();
  bell.read(domain);
  showTitle();

  room.said = echo
    .private(room.name)
    .subscribed(onSubscribed)
    .listen(".message.sent", (data) => onMessage(data))
    .listen(".user.status.changed", (data) => people.changed(data))
    .listen(".parley:status", onPeople)
    .listen(".parley:gap", () => {
      if (outage) outage.gap = true;
      loadHistory();
    })
    .listenForWhisper("typing", ({ user_id, name }) => typing.start(user_id, name))
    .listenForWhisper("renamed", ({ user_id, name }) => {
      renamed.set(String(user_id), name);
      people.named(String(user_id), name);
      showReaders();
    })
    .error(refused);
  joinReaders();
}

// pusher-js keeps a channel whose subscription is still under way, with all that was bound to it: without
// unbinding, coming back quickly would bind everything twice.
function closeDomain() {
  for (const channel of [room.said, room.here]) channel.subscription.unbind_all();
  echo.leave(room.name);
  typing.clear();
  timeline.clear();
  people.clear();
  stopAsking();
  remembered.clear();
  renamed.clear();
}

function refused() {
  $("status").dataset.state = "failed";
  $("status-text").textContent = "Not allowed in";
}

function domainLink(domain) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = `#domain.${domain}`;
  link.dataset.domain = domain;
  const hash = Object.assign(document.createElement("span"), { className: "hash", textContent: "#" });
  hash.setAttribute("aria-hidden", "true");
  const unread = Object.assign(document.createElement("span"), { className: "unread", hidden: true });
  unread.setAttribute("role", "img");
  link.append(hash, `domain.${domain}`, unread);
  link.addEventListener("click", () => side.close());
  item.append(link);
  return item;
}

// ---- history ----

async function loadHistory() {
  const into = room;
  try {
    const answer = await fetch(`${base}/demo/history?channel=${encodeURIComponent(into.channel)}&limit=50&direction=backward`);
    if (!answer.ok) throw new Error(`history: ${answer.status}`);
    const { publications } = await answer.json();
    if (room !== into) return; // another domain is on the screen by now
    for (const publication of publications) {
      if (publication.event !== "message.sent") continue;
      const data = typeof publication.data === "string" ? JSON.parse(publication.data) : publication.data;
      timeline.add({ ...data, at: Number(data.at ?? publication.time) });
    }
  } catch (error) {
    console.warn(error);
  }
  into.loaded = true;
  refreshEmpty();
}

function refreshEmpty() {
  $("empty").hidden = !room.loaded || timeline.messageCount > 0;
}

// ---- sending ----
// A message has its id before it is sent. Sent again after a doubt, the server knows the id and keeps one.

const outbox = [];
let flushing = false;

function say(text) {
  const message = { id: uuid(), channel: room.channel, text, user_id: me.userId, name: me.name, at: Date.now(), state: "sending" };
  timeline.add(message);
  outbox.push(message);
  refreshEmpty();
  flush();
}

async function flush() {
  if (flushing) return;
  flushing = true;
  let pause = 0;
  while (outbox.length > 0 && pause === 0) {
    const message = outbox[0];
    if (connection.state !== "connected") {
      for (const waiting of outbox) timeline.update(waiting.id, { state: "waiting" });
      break; // onSubscribed() starts again
    }
    pause = await post(message);
  }
  flushing = false;
  if (pause > 0) setTimeout(flush, pause);
}

// Resolves with the milliseconds to wait before the next try; 0 when this message is settled.
async function post(message) {
  let answer;
  try {
    answer = await fetch(`${base}/demo/messages`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": message.id },
      body: JSON.stringify({
        id: message.id,
        channel: message.channel,
        text: message.text,
        user_id: me.userId,
        user_name: message.name,
        socket_id: echo.socketId(),
      }),
    });
  } catch {
    timeline.update(message.id, { state: "waiting" });
    return 1_000;
  }
  if (answer.status === 429 || answer.status >= 500) {
    timeline.update(message.id, { state: "waiting" });
    return 1_500;
  }
  outbox.shift();
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    timeline.update(message.id, { state: "failed", error: body.message || body.error || `Not sent (${answer.status})` });
    return 0;
  }
  timeline.update(message.id, { state: "sent", at: Number(body.at ?? message.at) });
  return 0;
}

// ---- how the domain's people are ----

const people = new People({
  list: $("people"),
  more: $("more"),
  count: $("count"),
  announcer: $("announcer"),
  myUserId: me.userId,
  hooks: { mine: () => me.name, rename: openRename, missing: askAgain },
});

const asking = { timer: 0, tries: 0, pages: 0 };
const askedPagesMax = 20; // of up to a thousand people
const asksMax = 5; // for one who is told of and not listed yet

// The whole picture; the changes come by themselves.
function askForPeople(after) {
  stopAsking();
  if (after === undefined) {
    asking.pages = 0;
    people.begin();
  }
  asking.pages++;
  pusher.send_event("parley:status", { channel: room.channel, ...(after && { after }) });
}

function stopAsking() {
  clearTimeout(asking.timer);
  asking.timer = 0;
}

function onPeople({ users, next }) {
  people.page(users);
  if (next && asking.pages < askedPagesMax) return askForPeople(next);
  people.end();
}

// Somebody came who is new to the page. Who has just signed in for the first time may be told of before
// being listed, so it asks a few times, and less often each time.
function askAgain(newcomer) {
  if (newcomer) asking.tries = 0;
  if (asking.timer || asking.tries >= asksMax) return;
  asking.timer = setTimeout(() => {
    asking.timer = 0;
    if (connection.state === "connected" && room.said.subscription.subscribed) askForPeople();
  }, 150 * 2 ** asking.tries++);
}

// Is anybody looking? The server takes what is said here for the status `away`.
function tellActivity() {
  if (connection.state === "connected") pusher.send_event("parley:activity", { state: document.hidden ? "away" : "online" });
}
document.addEventListener("visibilitychange", tellActivity);

// A connection has a number of events a second, whispers too. What was refused beyond it is said and asked again.
let tooOften = 0;
connection.bind("error", ({ data }) => {
  if (data?.code !== 4301 || tooOften) return;
  tooOften = setTimeout(() => {
    tooOften = 0;
    tellActivity();
    if (connection.state === "connected" && room.said.subscription.subscribed) askForPeople();
  }, 1_100);
});

// ---- who is reading the domain ----

const renamed = new Map(); // user id → the name that a whisper told
const remembered = new Map(); // user id → { name, left, farewell }: so that a blip is not a farewell
const blipMs = 60_000;

function joinReaders() {
  room.here = echo
    .join(room.name)
    .here(() => showReaders())
    .joining(() => showReaders())
    .leaving(() => showReaders())
    .error(refused);
}

function showReaders() {
  if (!room.here.subscription.subscribed) return; // between leaving and joining again
  const members = [];
  room.here.subscription.members.each(({ id, info }) => {
    const mine = id === me.userId;
    members.push({ id, name: mine ? me.name : (renamed.get(id) ?? info?.name ?? "Someone"), mine });
  });
  members.sort((a, b) => b.mine - a.mine || a.name.localeCompare(b.name));

  const now = Date.now();
  const present = new Set(members.map((member) => member.id));
  const arriving = remembered.size === 0; // who is here already has not joined
  for (const member of members) {
    people.named(member.id, member.name);
    const known = remembered.get(member.id);
    const blip = known?.left && now - known.left < blipMs;
    if (blip) known.farewell?.remove();
    else if ((!known || known.left) && !arriving && !outage) timeline.notice(`${member.name} joined`);
    remembered.set(member.id, { name: member.name });
  }
  for (const [id, known] of remembered) {
    if (present.has(id) || known.left) continue;
    known.left = now;
    renamed.delete(id);
    typing.stop(id);
    if (!outage) known.farewell = timeline.notice(`${known.name} left`);
  }

  $("subtitle").textContent = members.length === 1 ? "Only you are in this room" : `${members.length} people are in this room`;
  $("faces").replaceChildren(...members.slice(0, 4).map(readerFace));
}

function readerFace({ id, name }) {
  const item = document.createElement("li");
  item.title = name;
  item.append(faceOf(id, name), Object.assign(document.createElement("span"), { className: "sr", textContent: name }));
  return item;
}

function openRename() {
  $("name").value = me.name;
  $("rename").showModal();
  $("name").select();
}

$("rename-form").addEventListener("submit", (event) => {
  const name = $("name").value.trim();
  if (event.submitter?.value !== "save" || !name || name === me.name) return;
  me.name = name;
  saveIdentity(me);
  people.render();
  if (connection.state === "connected") room.said.whisper("renamed", { user_id: me.userId, name });
  // Joining again tells the server the new name for those who come later; the others see no leaving.
  room.here.subscription.unbind_all();
  echo.leaveChannel(`presence-${room.name}`);
  joinReaders();
});

// ---- typing ----

const typing = {
  people: new Map(), // user id → { name, timer }
  lastTold: 0,
  tell() {
    if (connection.state !== "connected" || Date.now() - this.lastTold < 2_000) return;
    this.lastTold = Date.now();
    room.said.whisper("typing", { user_id: me.userId, name: me.name });
  },
  start(id, name) {
    clearTimeout(this.people.get(id)?.timer);
    this.people.set(id, { name, timer: setTimeout(() => this.stop(id), 4_000) });
    this.show();
  },
  stop(id) {
    clearTimeout(this.people.get(id)?.timer);
    if (this.people.delete(id)) this.show();
  },
  clear() {
    for (const id of [...this.people.keys()]) this.stop(id);
  },
  show() {
    const names = [...this.people.values()].map((person) => person.name);
    const who = names.length > 2 ? "Several people are" : names.length === 2 ? `${names[0]} and ${names[1]} are` : `${names[0]} is`;
    $("typing").textContent = names.length === 0 ? "" : `${who} typing`;
    $("typing").classList.toggle("on", names.length > 0);
  },
};

// ---- composer and page ----

const text = $("text");

function fit() {
  text.style.height = "auto";
  text.style.height = `${Math.min(text.scrollHeight, 160)}px`;
  $("send").disabled = text.value.trim() === "";
}
text.addEventListener("input", () => {
  fit();
  if (text.value.trim()) typing.tell();
});
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("composer").requestSubmit();
  }
});
$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const said = text.value.trim();
  if (!said) return;
  text.value = "";
  fit();
  typing.lastTold = 0;
  say(said);
});

let unread = 0; // said here while nobody looked
function showTitle() {
  const count = unread + bell.unread.length;
  document.title = `${count > 0 ? `(${count}) ` : ""}Parley · ${room.name}`;
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unread = 0;
  showTitle();
});

// ---- the side, which is a drawer in a narrow window ----

const side = {
  open() {
    document.body.classList.add("side-open");
    this.set(true);
    document.querySelector("#domains a[aria-current]").focus();
  },
  close() {
    if (!document.body.classList.contains("side-open")) return;
    document.body.classList.remove("side-open");
    this.set(false);
    $("open-side").focus();
  },
  set(open) {
    $("open-side").setAttribute("aria-expanded", String(open));
    $("scrim").hidden = !open;
    document.querySelector("main").inert = open;
  },
};
$("open-side").addEventListener("click", () => side.open());
$("scrim").addEventListener("click", () => side.close());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) side.close();
});
matchMedia("(max-width: 760px)").addEventListener("change", () => side.close());

// ---- start ----

const bell = new Bell({
  button: $("bell"),
  badge: $("bell-count"),
  panel: $("bell-panel"),
  list: $("bell-list"),
  empty: $("bell-empty"),
  announcer: $("announcer"),
  go: (domain) => (location.hash = `domain.${domain}`),
  changed: () => room && showTitle(),
});
$("domains").append(...domains.map(domainLink));
echo.private(`user.${me.userId}`).listen(".message.notification", (data) => bell.add(data, room.domain));
echo.connector.signin(); // pusher-js signs in again by itself on each connection
addEventListener("hashchange", () => openDomain(chosenDomain()));
openDomain(chosenDomain());
fit();
if (matchMedia("(pointer: fine)").matches) text.focus();
