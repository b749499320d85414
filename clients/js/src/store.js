// A value that changes and tells so. The snapshot is immutable and stays the same object until something changed, which is
// what useSyncExternalStore wants. What happens in one turn is told once, so a replay of a hundred events is one render.

/** @template T */
export class Store {
  /** @type {T} */
  #snapshot;
  #stale = false;
  #told = true;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {() => T} */
  #take;

  /**
   * @param {T} initial
   * @param {() => T} take makes the snapshot of now
   */
  constructor(initial, take) {
    this.#snapshot = initial;
    this.#take = take;
  }

  /** @returns {T} */
  get snapshot() {
    if (this.#stale) {
      this.#stale = false;
      this.#snapshot = this.#take();
    }
    return this.#snapshot;
  }

  changed() {
    this.#stale = true;
    if (!this.#told) return;
    this.#told = false;
    queueMicrotask(() => {
      this.#told = true;
      for (const listener of [...this.#listeners]) listener();
    });
  }

  /**
   * @param {() => void} listener
   * @returns {() => void} takes it away
   */
  onChange(listener) {
    // A function of its own: the same listener may be there twice.
    const own = () => listener();
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }
}
