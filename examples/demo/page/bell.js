// What was said in the domains that are not on the screen: a count, a short list, a number beside each
// domain. Lives in sessionStorage, so that a reload forgets nothing. It knows the DOM and nothing of the network.
import { ago } from "./identity.js";

const key = "parley-demo-bell";
const keptMax = 99;
const shownMax = 8;
const rememberedMax = 300; // ids: after a lost connection a notification may come twice

function part(tag, className, text) {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

export class Bell {
  // go(domain): somebody chose a line. changed(count): for the page's title.
  constructor({ button, badge, panel, list, empty, announcer, go, changed }) {
    Object.assign(this, { button, badge, panel, list, empty, announcer, go, changed });
    this.unread = []; // newest first
    this.ids = [];
    try {
      Object.assign(this, JSON.parse(sessionStorage.getItem(key)));
    } catch {
      // unreadable: start afresh
    }
    this.panel.addEventListener("beforetoggle", ({ newState }) => newState === "open" && this.renderList());
    this.panel.addEventListener("toggle", ({ newState }) => {
      this.button.setAttribute("aria-expanded", String(newState === "open"));
      if (newState === "open") this.list.querySelector("button")?.focus();
    });
  }

  // False: known already.
  add({ id, domain, from, text, at }, reading) {
    if (this.ids.includes(id)) return false;
    this.ids = [id, ...this.ids].slice(0, rememberedMax);
    if (domain !== reading) {
      this.unread = [{ id, domain, from, text, at }, ...this.unread].slice(0, keptMax);
      this.announcer.textContent = `New message of ${from} in domain.${domain}`;
    }
    this.render();
    return true;
  }

  read(domain) {
    this.unread = this.unread.filter((one) => one.domain !== domain);
    this.render();
  }

  count(domain) {
    return this.unread.filter((one) => one.domain === domain).length;
  }

  render() {
    sessionStorage.setItem(key, JSON.stringify({ unread: this.unread, ids: this.ids }));
    const count = this.unread.length;
    this.badge.hidden = count === 0;
    this.badge.textContent = String(count);
    this.button.setAttribute("aria-label", count === 0 ? "Nothing new in other domains" : `${count} unread in other domains`);
    for (const link of document.querySelectorAll("#domains a")) {
      const here = this.count(link.dataset.domain);
      const number = link.querySelector(".unread");
      number.hidden = here === 0;
      number.textContent = String(here);
      number.setAttribute("aria-label", `${here} unread`);
    }
    if (this.panel.matches(":popover-open")) this.renderList();
    this.changed(count);
  }

  renderList() {
    this.empty.hidden = this.unread.length > 0;
    this.list.replaceChildren(...this.unread.slice(0, shownMax).map((one) => this.line(one)));
    const rest = this.unread.length - shownMax;
    if (rest > 0) this.list.append(part("li", "bell-rest", `and ${rest} more`));
  }

  line({ domain, from, text, at }) {
    const item = document.createElement("li");
    const button = part("button", "bell-line", "");
    button.type = "button";
    const head = part("span", "bell-head", "");
    head.append(part("span", "bell-from", from), ` in domain.${domain}`, part("span", "bell-time", ago(at)));
    button.append(head, part("span", "bell-text", text));
    button.addEventListener("click", () => {
      this.panel.hidePopover();
      this.go(domain);
    });
    item.append(button);
    return item;
  }
}
