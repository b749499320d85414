// Who sits at this tab: a random user with a name, and the client id by which the server knows the
// tab again after a lost connection. Both live in sessionStorage, so a reload keeps them and a second
// tab is a second person. And how people and times are shown.

const adjectives = ["Quiet", "Bright", "Swift", "Gentle", "Curious", "Merry", "Bold", "Calm", "Witty", "Sunny", "Keen", "Lucky"];
const animals = ["Otter", "Heron", "Fox", "Lynx", "Robin", "Badger", "Hare", "Wren", "Marten", "Falcon", "Seal", "Finch"];

const pick = (list) => list[Math.floor(Math.random() * list.length)];

// crypto.randomUUID exists on https and localhost only; the page also works on a plain LAN address.
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function create() {
  return { clientId: uuid(), userId: uuid().slice(0, 8), name: `${pick(adjectives)} ${pick(animals)}` };
}

// "Duplicate tab" copies sessionStorage. Two tabs with one client id would take each other's missed
// messages, so the id is held by a lock for as long as the page lives.
async function claim(clientId) {
  if (!navigator.locks) return true;
  return new Promise((resolve) => {
    navigator.locks
      .request(`parley-client-${clientId}`, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock === null ? undefined : new Promise(() => {});
      })
      .catch(() => resolve(true));
  });
}

export async function loadIdentity() {
  let me = null;
  try {
    me = JSON.parse(sessionStorage.getItem("parley-demo"));
  } catch {
    // unreadable: start afresh
  }
  if (!me?.clientId || !me.userId || !me.name || !(await claim(me.clientId))) {
    me = create();
    await claim(me.clientId);
  }
  saveIdentity(me);
  return me;
}

export function saveIdentity(me) {
  sessionStorage.setItem("parley-demo", JSON.stringify(me));
}

export function initials(name) {
  const words = name.trim().split(/\s+/);
  return ((words[0]?.[0] ?? "?") + (words.length > 1 ? words.at(-1)[0] : "")).toUpperCase();
}

// A stable colour for a user: one of twelve hues that read well on light and dark.
export function tone(userId) {
  let hash = 0;
  for (const character of String(userId)) hash = (hash * 31 + character.codePointAt(0)) >>> 0;
  return `tone-${hash % 12}`;
}

export function faceOf(userId, name) {
  const face = document.createElement("span");
  face.className = `face ${tone(userId)}`;
  face.textContent = initials(name);
  face.setAttribute("aria-hidden", "true");
  return face;
}

const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

// A time in the past as one would say it. The server's clock may be ahead: that is just now.
export function ago(at) {
  const minutes = Math.floor((Date.now() - at) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ago`;
  if (minutes < 48 * 60) return "yesterday";
  return `on ${day.format(at)}`;
}
