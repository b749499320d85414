// @parley/client: history, resume and status for a client that is there already.
import { Parley } from "./parley.js";

export { ParleyError } from "./errors.js";
export { Parley } from "./parley.js";

/**
 * @typedef {import("./parley.js").ParleyOptions} ParleyOptions
 * @typedef {import("./parley.js").HistoryPage} HistoryPage
 * @typedef {import("./parley.js").HistoryPublication} HistoryPublication
 * @typedef {import("./client.js").HistoryQuery} HistoryQuery
 * @typedef {import("./client.js").Member} Member
 * @typedef {import("./client.js").Gap} Gap
 * @typedef {import("./channel.js").Channel} Channel
 * @typedef {import("./channel.js").ChannelState} ChannelState
 * @typedef {import("./channel.js").Delivery} Delivery
 * @typedef {import("./feed.js").Feed} Feed
 * @typedef {import("./feed.js").FeedOptions} FeedOptions
 * @typedef {import("./feed.js").FeedState} FeedState
 * @typedef {import("./feed.js").Publication} Publication
 * @typedef {import("./people.js").UserStatus} UserStatus
 */

/** @type {WeakMap<object, Parley>} */
const attached = new WeakMap();

/**
 * Adds to a client of pusher-js, Laravel Echo or socket.io-client. The same client gives the same object again.
 * @param {any} client
 * @param {ParleyOptions} [options] of the first call
 * @returns {Parley}
 */
export function attach(client, options) {
  const found = clientOf(client);
  const key = found.pusher ?? found.socket;
  let parley = attached.get(key);
  if (!parley || parley.closed) {
    parley = new Parley(found, options);
    attached.set(key, parley);
  }
  return parley;
}

/**
 * @param {any} client
 * @returns {{ pusher?: any, socket?: any, headers?: () => Record<string, string> | undefined }}
 */
function clientOf(client) {
  const connector = client?.connector;
  if (connector?.pusher) return { pusher: connector.pusher };
  if (connector?.socket) return { socket: connector.socket, headers: () => connector.options?.auth?.headers };
  if (typeof client?.allChannels === "function" && client.connection) return { pusher: client };
  if (typeof client?.onAny === "function" && client.io) return { socket: client, headers: () => (typeof client.auth === "function" ? undefined : client.auth?.headers) };
  throw new TypeError("attach() takes an instance of pusher-js, of Laravel Echo (pusher, reverb or socket.io), or a socket of socket.io-client 3 or newer");
}
