// Things that several parts of a page use at once: opened for the first, closed a moment after the last. The moment is what makes
// StrictMode's double mount, a changed dependency and a change of route no more than a change of hands.

/**
 * @template V
 * @typedef {{ value: V, release: (options?: { now?: boolean }) => void }} Lease
 */

/** @template {{ close(): void }} V */
export class Leases {
  /** @type {Map<string, { value: V, users: number, timer: any }>} */
  #entries = new Map();
  #delay;

  /** @param {number} delay milliseconds between the last release and the close */
  constructor(delay) {
    this.#delay = delay;
  }

  /**
   * @param {string} key
   * @param {() => V} open
   * @returns {Lease<V>}
   */
  acquire(key, open) {
    let entry = this.#entries.get(key);
    if (!entry) {
      entry = { value: open(), users: 0, timer: undefined };
      this.#entries.set(key, entry);
    }
    const held = entry;
    held.users++;
    clearTimeout(held.timer);
    let released = false;
    return {
      value: held.value,
      release: ({ now = false } = {}) => {
        if (released) return;
        released = true;
        if (--held.users > 0) return;
        if (now) this.#close(key, held);
        else held.timer = setTimeout(() => this.#close(key, held), this.#delay);
      },
    };
  }

  /**
   * What is open, without a claim on it.
   * @param {string} key
   * @returns {V | undefined}
   */
  peek(key) {
    return this.#entries.get(key)?.value;
  }

  closeAll() {
    for (const [key, entry] of [...this.#entries]) this.#close(key, entry);
  }

  /**
   * @param {string} key
   * @param {{ value: V, users: number, timer: any }} entry
   */
  #close(key, entry) {
    clearTimeout(entry.timer);
    if (this.#entries.get(key) !== entry) return;
    this.#entries.delete(key);
    entry.value.close();
  }
}
