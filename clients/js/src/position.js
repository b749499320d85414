// A position names one publication of a channel for ever: the epoch (16 hex digits) and an offset that grows by one.

/** @typedef {{ epoch: string, offset: number }} Position */

const form = /^([0-9a-f]{16}):(\d{1,15})$/;

/**
 * @param {unknown} text
 * @returns {Position | null}
 */
export function parsePosition(text) {
  const parts = typeof text === "string" ? form.exec(text) : null;
  return parts ? { epoch: parts[1], offset: Number(parts[2]) } : null;
}

/** @param {Position} position */
export const formatPosition = ({ epoch, offset }) => `${epoch}:${offset}`;

/** Of a channel that never had a publication: what comes after it is everything. @type {Position} */
export const beginning = Object.freeze({ epoch: "0000000000000000", offset: 0 });
