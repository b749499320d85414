// Times in words.
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

/** @param {string | number} seen @param {number} now */
export function ago(seen, now) {
  const passed = now - new Date(seen).getTime();
  if (passed < minute) return "just now";
  if (passed < hour) return `${count(Math.floor(passed / minute), "minute")} ago`;
  if (passed < day) return `${count(Math.floor(passed / hour), "hour")} ago`;
  return `${count(Math.floor(passed / day), "day")} ago`;
}

/** "online", "away", "last seen 5 minutes ago", or "offline" of somebody who was never here or while the time is not known. */
export function statusInWords({ status, last_seen }, now) {
  if (status !== "offline") return status;
  return last_seen && now ? `last seen ${ago(last_seen, now)}` : "offline";
}

// Server and browser may be in different zones: until the page is alive both say UTC.
const options = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const utcClock = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" });
// Put together here: whether a comma stands in it depends on the version of ICU, and those of server and browser differ.
const dayParts = { weekday: "long", day: "numeric", month: "long" };
const utcDay = new Intl.DateTimeFormat("en-GB", { ...dayParts, timeZone: "UTC" });

export const clock = (time, local) => (local ? new Intl.DateTimeFormat("en-GB", options) : utcClock).format(new Date(time));

export function dayOf(time, local) {
  const parts = (local ? new Intl.DateTimeFormat("en-GB", dayParts) : utcDay).formatToParts(new Date(time));
  return Object.keys(dayParts).map((name) => parts.find(({ type }) => type === name).value).join(" ");
}
