// The stock clients, unmodified, in the versions that people run.
import { createRequire } from "node:module";

import Echo2 from "laravel-echo";

const require = createRequire(import.meta.url);

export const pushers = {
  "pusher-js 8": require("pusher-js"),
  "pusher-js 7": require("pusher-js-7"),
};
const echo1 = require("laravel-echo-1");
export const echoes = {
  "laravel-echo 2": { Echo: Echo2, Pusher: pushers["pusher-js 8"] },
  "laravel-echo 1.16": { Echo: echo1.default ?? echo1, Pusher: pushers["pusher-js 7"] },
};
export const sockets = {
  "socket.io-client 4.8": require("socket.io-client").io,
  "socket.io-client 3.1": require("socket.io-client-3").io,
  "socket.io-client 2.5": require("socket.io-client-2"),
};
export const PusherServer = require("pusher");

export function pusherOptions(server, backend, { user = "1", watchlist, port = server.port, ...extra } = {}) {
  const headers = { "X-User": user, ...(watchlist ? { "X-Watchlist": watchlist.join(",") } : {}) };
  return {
    cluster: "",
    wsHost: "127.0.0.1",
    wsPort: port,
    forceTLS: false,
    enabledTransports: ["ws"],
    channelAuthorization: { transport: "ajax", endpoint: `${backend.url}/broadcasting/auth`, headers },
    userAuthentication: { transport: "ajax", endpoint: `${backend.url}/broadcasting/user-auth`, headers },
    ...extra,
  };
}

export function sdk(server, app, extra = {}) {
  return new PusherServer({ appId: app.id, key: app.key, secret: app.secret, host: "127.0.0.1", port: String(server.port), useTLS: false, ...extra });
}
