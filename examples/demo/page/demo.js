// The demo: two people chat in `domain.1` through unmodified laravel-echo and pusher-js.
//
// What a page needs for resume is one line: `wsPath` with an id of its own. After a lost connection the
// server sends what this id missed; a message may then come twice, so messages are known by their id.
import Echo from "./echo.js";
import { initials, loadIdentity, saveIdentity, tone, uuid } from "./identity.js";
import { Timeline } from "./timeline.js";

const $ = (id) => document.getElementById(id);
const { appKey, room: roomName } = document.body.dataset;
const channelName = `presence-${roomName}`;
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
    paramsProvider: () => ({ user_id: me.userId, user_name: me.name }),
  },
});
const connection = echo.connector.pusher.connection;

let room = null;
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
  document.body.classList.toggle("away", Boolean(outage) && current !== "connected");
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

function onSubscribed() {
  showPeople();
  if (!joinedOnce) {
    joinedOnce = true;
    loadHistory();
  }
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
  if (document.hidden && data.user_id !== me.userId) document.title = `(${++unread}) ${title}`;
}

function joinRoom() {
  room = echo
    .join(roomName)
    .here(onSubscribed)
    .joining(() => showPeople())
    .leaving(() => showPeople())
    .listen(".message.sent", (data) => onMessage(data))
    .listen(".parley:gap", () => {
      if (outage) outage.gap = true;
      loadHistory();
    })
    .listenForWhisper("typing", ({ user_id, name }) => typing.start(user_id, name))
    .listenForWhisper("renamed", ({ user_id, name }) => {
      renamed.set(String(user_id), name);
      showPeople();
    })
    .error(() => {
      $("status").dataset.state = "failed";
      $("status-text").textContent = "Not allowed in";
    });
}

// ---- history ----

async function loadHistory() {
  try {
    const answer = await fetch(`${base}/demo/history?channel=${encodeURIComponent(channelName)}&limit=50&direction=backward`);
    if (!answer.ok) throw new Error(`history: ${answer.status}`);
    for (const publication of (await answer.json()).publications) {
      if (publication.event !== "message.sent") continue;
      const data = typeof publication.data === "string" ? JSON.parse(publication.data) : publication.data;
      timeline.add({ ...data, at: Number(data.at ?? publication.time) });
    }
  } catch (error) {
    console.warn(error);
  }
  historyLoaded = true;
  refreshEmpty();
}

let historyLoaded = false;
function refreshEmpty() {
  $("empty").hidden = !historyLoaded || timeline.messageCount > 0;
}

// ---- sending ----
// A message has its id before it is sent. Sent again after a doubt, the server knows the id and keeps one.

const outbox = [];
let flushing = false;

function say(text) {
  const message = { id: uuid(), text, user_id: me.userId, name: me.name, at: Date.now(), state: "sending" };
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
        channel: channelName,
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
  if (body.id && body.id !== message.id) {
    timeline.remove(message.id);
    timeline.add({ ...message, ...body, id: body.id, text: message.text, name: message.name, user_id: me.userId, at: Number(body.at ?? message.at), state: "sent" });
  } else {
    timeline.update(message.id, { state: "sent", at: Number(body.at ?? message.at) });
  }
  return 0;
}

// ---- people ----

const renamed = new Map(); // user id → the name that a whisper told
const remembered = new Map(); // user id → { name, left, farewell }: so that a blip is not a farewell
const blipMs = 60_000;

function showPeople() {
  if (!room.subscription.subscribed) return; // between leaving and joining again
  const members = [];
  room.subscription.members.each(({ id, info }) => {
    const mine = id === me.userId;
    members.push({ id, name: mine ? me.name : (renamed.get(id) ?? info?.name ?? "Someone"), mine });
  });
  members.sort((a, b) => b.mine - a.mine || a.name.localeCompare(b.name));

  const now = Date.now();
  const present = new Set(members.map((member) => member.id));
  const arriving = remembered.size === 0; // who is here already has not joined
  for (const member of members) {
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

  $("count").textContent = String(members.length);
  $("subtitle").textContent = members.length === 1 ? "Only you are here" : `${members.length} people are here`;
  $("people").replaceChildren(...members.slice(0, 100).map(personRow));
  $("faces").replaceChildren(...members.slice(0, 4).map((member) => inElement("li", faceOf(member))));
}

function inElement(tag, ...children) {
  const made = document.createElement(tag);
  made.append(...children);
  return made;
}

function faceOf({ id, name }) {
  const face = document.createElement("span");
  face.className = `face ${tone(id)}`;
  face.textContent = initials(name);
  return face;
}

function personRow(member) {
  const name = document.createElement("span");
  name.className = "person-name";
  name.textContent = member.name;
  const row = inElement("li", faceOf(member), name);
  row.dataset.userId = member.id;
  if (!member.mine) return row;
  row.append(Object.assign(document.createElement("span"), { className: "you", textContent: "you" }));
  const edit = document.createElement("button");
  edit.type = "button";
  edit.className = "edit";
  edit.textContent = "✎";
  edit.title = "Change your name";
  edit.setAttribute("aria-label", edit.title);
  edit.addEventListener("click", openRename);
  row.append(edit);
  return row;
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
  room.whisper("renamed", { user_id: me.userId, name });
  // Joining again tells the server the new name for those who come later; the others see no leaving.
  echo.leave(roomName);
  joinRoom();
});

// ---- typing ----

const typing = {
  people: new Map(), // user id → { name, timer }
  lastTold: 0,
  tell() {
    if (connection.state !== "connected" || Date.now() - this.lastTold < 2_000) return;
    this.lastTold = Date.now();
    room.whisper("typing", { user_id: me.userId, name: me.name });
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

const title = document.title;
let unread = 0;
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unread = 0;
  document.title = title;
});

joinRoom();
fit();
if (matchMedia("(pointer: fine)").matches) text.focus();
