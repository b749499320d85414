// Where the socket is: NEXT_PUBLIC_WEBSOCKET_URL, or the page's own origin.
export function socketAddress(websocketUrl) {
  const { hostname, port, protocol, origin } = new URL(websocketUrl || window.location.origin);
  const secure = protocol === "https:" || protocol === "wss:";
  return { origin, hostname, secure, port: Number(port) || (secure ? 443 : 80) };
}
