// Waiting without sleeping: for a condition, for an event, always with a deadline and a sentence that
// says what did not come.

export const deadlineMs = Number(process.env.PARLEY_E2E_DEADLINE_MS || 60_000);

export class Deadline extends Error {}

const describe = (what) => (typeof what === "function" ? what() : what);

// Polls until `probe` gives something truthy, and resolves with it. A probe may throw: not yet.
export async function until(probe, what, timeout = deadlineMs) {
  const end = performance.now() + timeout;
  let last;
  for (;;) {
    try {
      const got = await probe();
      if (got) return got;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      throw new Deadline(`waited ${timeout} ms for ${describe(what)}${last ? `; last: ${last.message ?? last}` : ""}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

// Bounds a promise.
export function within(promise, what, timeout = deadlineMs) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Deadline(`waited ${timeout} ms for ${describe(what)}`)), timeout);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// A list that something fills and a test waits on.
export class Inbox {
  constructor(name) {
    this.name = name;
    this.items = [];
    this.waiting = new Set();
  }

  push(item) {
    this.items.push(item);
    for (const check of [...this.waiting]) check();
  }

  // The first item that matches, from index `from` on; present or to come.
  find(matches, what, { from = 0, timeout = deadlineMs } = {}) {
    return this.wait(() => this.items.slice(from).find(matches), what, timeout);
  }

  count(matches) {
    return this.items.filter(matches).length;
  }

  atLeast(number, matches, what, timeout = deadlineMs) {
    return this.wait(
      () => this.count(matches) >= number && this.items.filter(matches),
      () => `${number} of ${what} (there are ${this.count(matches)})`,
      timeout,
    );
  }

  wait(probe, what, timeout) {
    const got = probe();
    if (got) return Promise.resolve(got);
    let check;
    const found = new Promise((resolve) => {
      check = () => {
        const value = probe();
        if (value) resolve(value);
      };
      this.waiting.add(check);
    });
    return within(found, () => `${describe(what)} in ${this.name}; it has ${this.tail()}`, timeout).finally(() => this.waiting.delete(check));
  }

  tail() {
    return JSON.stringify(this.items.slice(-8)).slice(0, 1500);
  }
}
