// Who wants a channel: the application itself, by the client's own subscribe and unsubscribe, and we. The client is told to
// leave only when nobody is left, so a component that unmounts does not take the application's channel away, nor the other
// way round.

export class Claims {
  /** @type {Set<string>} */
  application = new Set();
  /** @type {Set<string>} */
  ours = new Set();

  /** @param {string} channel */
  wanted(channel) {
    return this.application.has(channel) || this.ours.has(channel);
  }
}
