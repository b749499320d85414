// Why something that was asked for did not happen. `code` is the server's word (docs/errors.md) or one of ours:
// disconnected, timeout, unsupported, closed.

/** An answer that is a refusal, or no answer. */
export class ParleyError extends Error {
  /**
   * @param {string} code
   * @param {string} [message]
   */
  constructor(code, message) {
    super(message ?? code);
    this.name = "ParleyError";
    /** @type {string} */
    this.code = code;
  }
}

const passing = new Set([
  "timeout", "overloaded", "rate_limited", "storage_unavailable", "not_leader", "no_quorum", "unavailable", "internal",
]);

/**
 * May the same question be answered when it is asked again in a moment?
 * @param {unknown} error
 */
export const isPassing = (error) => error instanceof ParleyError && passing.has(error.code);
