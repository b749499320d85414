// The people of a domain and how they are: one map by user id, fed by the answers to `parley:status` and by
// `user.status.changed`, and the list that shows it. It knows the DOM and nothing of the network.
import { ago, faceOf } from "./identity.js";

const rowsMax = 100;
const freshenMs = 15_000; // "last seen 3 min ago" is never off by more
const order = { online: 0, away: 1, offline: 2 };
const words = { online: "online", away: "away" };

export class People {
  // hooks: mine() → my name; rename(); missing(newcomer) when somebody without a name was told of
  constructor({ list, more, count, announcer, myUserId, hooks }) {
    Object.assign(this, { list, more, count, announcer, me: myUserId, hooks });
    this.known = new Map(); // user id → { name, status, since, last_seen, heard }
    this.rows = new Map(); // user id → the parts of its row
    setInterval(() => this.freshen(), freshenMs);
    document.addEventListener("visibilitychange", () => this.freshen()); // timers sleep in a hidden tab
  }

  clear() {
    this.known.clear();
    this.round = null;
    this.render();
  }

  // ---- what is told ----

  // A picture of all begins: its pages follow, then end(). Who is in none of them has left the domain,
  // except those who were told of meanwhile and those who were never listed: they are asked for again.
  begin() {
    this.round = { ids: new Set(), at: performance.now() };
  }

  page(users) {
    for (const { user_id, status, since, last_seen, user_info } of users) {
      this.round?.ids.add(user_id);
      const person = this.person(user_id);
      if (user_info?.name) person.name = user_info.name;
      if (!(since < person.since)) Object.assign(person, { status, since, last_seen }); // an event may have been quicker
    }
  }

  end() {
    for (const [id, person] of this.round ? this.known : []) {
      if (person.name && !this.round.ids.has(id) && person.heard < this.round.at) this.known.delete(id);
    }
    this.round = null;
    this.render();
    this.askForNames(false);
  }

  changed({ user_id, status, since, last_seen }) {
    const newcomer = !this.known.has(user_id);
    const person = this.person(user_id);
    person.heard = performance.now();
    if (since < person.since) return;
    Object.assign(person, { status, since, last_seen });
    this.render();
    if (person.name && user_id !== this.me) this.announcer.textContent = `${person.name} is ${status}`;
    this.askForNames(newcomer);
  }

  named(id, name) {
    const person = this.known.get(id);
    if (!person || !name || person.name === name) return;
    person.name = name;
    this.render();
  }

  person(id) {
    if (!this.known.has(id)) this.known.set(id, { name: "", status: "offline", since: 0, last_seen: 0, heard: 0 });
    return this.known.get(id);
  }

  // The event of a status names no names; who is new to the page is asked for.
  askForNames(newcomer) {
    for (const [id, person] of this.known) {
      if (!person.name && id !== this.me) return this.hooks.missing(newcomer);
    }
  }

  // ---- what is shown ----

  sorted() {
    const people = [...this.known].filter(([id, { name }]) => name && id !== this.me);
    people.sort(([, a], [, b]) =>
      order[a.status] - order[b.status] || (a.status === "offline" && b.last_seen - a.last_seen) || a.name.localeCompare(b.name));
    const mine = { status: "online", since: 0, last_seen: 0, ...this.known.get(this.me), name: this.hooks.mine() };
    return [[this.me, mine], ...people];
  }

  // Rows stay the same elements, so that focus stays where it is.
  render() {
    const people = this.sorted();
    const shown = people.slice(0, rowsMax);
    const ids = new Set(shown.map(([id]) => id));
    for (const [id, row] of this.rows) {
      if (ids.has(id)) continue;
      row.item.remove();
      this.rows.delete(id);
    }
    shown.forEach(([id, person], index) => {
      if (!this.rows.has(id)) this.rows.set(id, this.row(id));
      const row = this.rows.get(id);
      this.fill(row, id, person);
      if (this.list.children[index] !== row.item) this.list.insertBefore(row.item, this.list.children[index] ?? null);
    });
    const here = people.filter(([, { status }]) => status !== "offline").length;
    this.count.textContent = `${here} of ${people.length} here`;
    this.more.hidden = people.length <= rowsMax;
    this.more.textContent = `and ${people.length - rowsMax} more`;
  }

  freshen() {
    for (const [id, row] of this.rows) {
      const person = this.known.get(id);
      if (person?.status === "offline") this.fillSeen(row, person);
    }
  }

  row(id) {
    const item = document.createElement("li");
    item.dataset.userId = id;
    const badge = document.createElement("span");
    badge.className = "presence";
    const who = document.createElement("div");
    who.className = "who";
    const name = document.createElement("span");
    name.className = "person-name";
    const seen = document.createElement("span");
    who.append(name, seen);
    item.append(badge, who);
    if (id === this.me) item.append(this.youAndEdit());
    return { item, badge, name, seen };
  }

  youAndEdit() {
    const both = document.createDocumentFragment();
    both.append(Object.assign(document.createElement("span"), { className: "you", textContent: "you" }));
    const edit = document.createElement("button");
    edit.type = "button";
    edit.className = "edit";
    edit.textContent = "✎";
    edit.title = "Change your name";
    edit.setAttribute("aria-label", edit.title);
    edit.addEventListener("click", () => this.hooks.rename());
    both.append(edit);
    return both;
  }

  fill(row, id, person) {
    row.item.dataset.status = person.status;
    if (row.name.textContent !== person.name) {
      row.name.textContent = person.name;
      const dot = document.createElement("span");
      dot.className = "presence-dot";
      row.badge.replaceChildren(faceOf(id, person.name), dot);
    }
    this.fillSeen(row, person);
  }

  // Only the dot says `online` to the eye; a screen reader is told the word.
  fillSeen(row, person) {
    row.seen.className = person.status === "online" ? "seen sr" : "seen";
    const offline = person.status === "offline";
    const text = offline ? (person.last_seen > 0 ? `last seen ${ago(person.last_seen)}` : "offline") : words[person.status];
    if (row.seen.textContent !== text) row.seen.textContent = text;
    row.item.title = offline && person.last_seen > 0 ? `Last seen ${new Date(person.last_seen).toLocaleString()}` : "";
  }
}
