// The list of messages: each id once, in the order of the server's times, grouped by author and day,
// with lines of the page's own ("connection lost") in between. It knows the DOM and nothing of the
// network.
import { initials, tone } from "./identity.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "long", month: "long", day: "numeric" });
const groupMs = 4 * 60 * 1000;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function dayName(at) {
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 86_400_000);
  return days === 0 ? "Today" : days === 1 ? "Yesterday" : weekday.format(at);
}

export class Timeline {
  constructor(list, scroller, newerButton, myUserId) {
    this.list = list;
    this.scroller = scroller;
    this.newer = newerButton;
    this.me = myUserId;
    this.entries = []; // messages and notices, sorted by `at`
    this.byId = new Map();
    this.newer.addEventListener("click", () => this.toEnd(true));
    this.scroller.addEventListener("scroll", () => {
      if (this.atEnd()) this.newer.hidden = true;
    });
  }

  get messageCount() {
    return this.byId.size;
  }

  clear() {
    this.entries = [];
    this.byId.clear();
    this.list.replaceChildren();
    this.newer.hidden = true;
  }

  // True when the message was not there before.
  add(message) {
    const known = this.byId.get(message.id);
    if (known) {
      if (known.state !== "sent") this.update(message.id, { ...message, state: "sent" });
      return false;
    }
    const entry = { kind: "message", state: "sent", ...message };
    this.byId.set(entry.id, entry);
    this.insert(entry);
    return true;
  }

  update(id, change) {
    const entry = this.byId.get(id);
    if (!entry) return;
    const moved = change.at !== undefined && change.at !== entry.at;
    Object.assign(entry, change);
    if (moved) {
      this.entries.splice(this.entries.indexOf(entry), 1);
      entry.node.remove();
      this.insert(entry);
    } else {
      this.render(entry);
    }
  }

  remove(id) {
    const entry = this.byId.get(id);
    if (!entry) return;
    this.byId.delete(id);
    this.entries.splice(this.entries.indexOf(entry), 1);
    entry.node.remove();
  }

  // A line of the page itself. Returns a handle whose text can change.
  notice(text, tone = "plain", at = Date.now()) {
    const entry = { kind: "notice", text, tone, at: Math.max(at, this.entries.at(-1)?.at ?? 0) };
    this.insert(entry);
    return {
      set: (newText, newTone = tone) => {
        entry.text = newText;
        entry.tone = newTone;
        this.render(entry);
      },
      remove: () => {
        const index = this.entries.indexOf(entry);
        if (index >= 0) this.entries.splice(index, 1); // the list may have been cleared
        entry.node.remove();
      },
    };
  }

  insert(entry) {
    const follow = this.atEnd();
    let index = this.entries.length;
    while (index > 0 && this.entries[index - 1].at > entry.at) index--;
    this.entries.splice(index, 0, entry);
    entry.node = element("li");
    this.list.insertBefore(entry.node, this.entries[index + 1]?.node ?? null);
    this.render(entry);
    if (this.entries[index + 1]) this.render(this.entries[index + 1]); // its group may have changed
    if (follow || entry.user_id === this.me) this.toEnd();
    else if (entry.kind === "message") this.newer.hidden = false;
  }

  render(entry) {
    const before = this.entries[this.entries.indexOf(entry) - 1];
    const newDay = !before || new Date(before.at).toDateString() !== new Date(entry.at).toDateString();
    entry.node.replaceChildren();
    if (newDay) entry.node.append(element("div", "day", dayName(entry.at)));
    if (entry.kind === "notice") this.renderNotice(entry);
    else this.renderMessage(entry, before, newDay);
  }

  renderNotice(entry) {
    entry.node.className = `notice notice-${entry.tone}`;
    const line = element("p");
    line.append(element("span", "notice-text", entry.text), this.time(entry));
    entry.node.append(line);
  }

  renderMessage(entry, before, newDay) {
    const mine = entry.user_id === this.me;
    const grouped =
      !newDay && before?.kind === "message" && before.user_id === entry.user_id && entry.at - before.at < groupMs;
    entry.node.className = "message";
    entry.node.dataset.id = entry.id;
    entry.node.classList.toggle("mine", mine);
    entry.node.classList.toggle("grouped", grouped);
    entry.node.classList.toggle("missed", Boolean(entry.missed));
    entry.node.dataset.state = entry.state;

    const row = element("div", "row");
    const face = element("span", `face ${tone(entry.user_id)}`, grouped ? "" : initials(entry.name));
    face.setAttribute("aria-hidden", "true");
    const body = element("div", "body");
    if (!grouped) {
      const byline = element("div", "byline");
      byline.append(element("span", `author ${tone(entry.user_id)}`, mine ? `${entry.name} (you)` : entry.name), this.time(entry));
      body.append(byline);
    }
    body.append(element("p", "text", entry.text));
    if (entry.state === "sending") body.append(element("span", "sending", "Sending…"));
    if (entry.state === "waiting") body.append(element("span", "sending", "Waiting for the connection…"));
    if (entry.state === "failed") body.append(element("span", "failed", entry.error || "Not sent"));
    if (grouped) row.append(this.time(entry));
    else row.append(face);
    row.append(body);
    entry.node.append(row);
  }

  time(entry) {
    const time = element("time", "", clock.format(entry.at));
    time.dateTime = new Date(entry.at).toISOString();
    time.title = new Date(entry.at).toLocaleString();
    return time;
  }

  atEnd() {
    return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < 80;
  }

  toEnd(smooth = false) {
    this.newer.hidden = true;
    this.scroller.scrollTo({ top: this.scroller.scrollHeight, behavior: smooth ? "smooth" : "instant" });
  }
}
