// What both kinds of clients (pusher_client.js, socketio_client.js) are to the rest of the library.

/**
 * @typedef {import("./position.js").Position} Position
 */

/**
 * Somebody in a presence channel.
 * @typedef {{ user_id: string, user_info: any }} Member
 */

/**
 * @typedef {object} HistoryQuery
 * @property {string} [since] a position, `epoch:offset`: after it (forward) or before it (backward)
 * @property {number} [limit]
 * @property {"forward" | "backward"} [direction] without `since` backward, else forward
 */

/**
 * What a subscription began with. `recovered`: nothing was missed, or all that was comes by itself.
 * @typedef {{ recovered: boolean, position: Position | null, members: Member[] | null }} Subscribed
 */

/**
 * `after` and `before` are offsets: what lies between is not sent.
 * @typedef {{ after: number, before: number, epoch: string }} Gap
 */

/**
 * Where a client tells what it hears. Only of channels that were subscribed through it, except for the connection's own.
 * @typedef {object} Sink
 * @property {() => void} connected
 * @property {() => void} disconnected
 * @property {(channel: string, how: Subscribed) => void} subscribed
 * @property {(channel: string, why: any) => void} failed
 * @property {(channel: string, event: string, data: any, position: Position | null) => void} event
 * @property {(channel: string, member: Member) => void} joined
 * @property {(channel: string, member: Member) => void} left
 * @property {(channel: string, gap: Gap) => void} gap
 */

/**
 * @typedef {object} Client
 * @property {string} kind
 * @property {boolean} connected
 * @property {boolean} positions
 * @property {(channel: string) => void} subscribe
 * @property {(channel: string) => void} unsubscribe
 * @property {(channel: string) => boolean} isSubscribed
 * @property {(channel: string, event: string, data: unknown) => boolean} whisper
 * @property {(channel: string) => Position | null} position
 * @property {(channel: string, position: Position) => void} setPosition
 * @property {(channel: string, query: HistoryQuery) => Promise<any>} history
 * @property {(channel: string, after: string) => Promise<any>} status
 * @property {(what: Record<string, unknown>) => Promise<any>} [publish] with an acknowledgement; of Socket.IO only
 * @property {(state: "online" | "away") => void} activity
 * @property {() => void} close
 */

export {};
