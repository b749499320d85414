// Signatures of the Pusher protocol, written from its description and independent of the server and of
// the SDK, and signed HTTP calls.
import { createHash, createHmac } from "node:crypto";
import { request as httpRequest } from "node:http";

const hmac = (secret, text) => createHmac("sha256", secret).update(text).digest("hex");

export function channelAuth(app, socketId, channel, channelData) {
  const text = channelData === undefined ? `${socketId}:${channel}` : `${socketId}:${channel}:${channelData}`;
  return `${app.key}:${hmac(app.secret, text)}`;
}

export function userAuth(app, socketId, userData) {
  return `${app.key}:${hmac(app.secret, `${socketId}::user::${userData}`)}`;
}

const base64url = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

// A connection token as an application makes it, from the standard's description.
export function token(app, claims, { secret = app.secret, header = { alg: "HS256", typ: "JWT" } } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const text = `${base64url(header)}.${base64url({ iat: now, exp: now + 600, ...claims })}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

export function sharedSecret(channel, masterKeyBase64) {
  return createHash("sha256").update(channel).update(Buffer.from(masterKeyBase64, "base64")).digest("base64");
}

// The path with its signed query.
export function signedPath(app, method, path, { query = {}, body = "", timestamp = Math.floor(Date.now() / 1000) } = {}) {
  const all = { ...query, auth_key: app.key, auth_timestamp: String(timestamp), auth_version: "1.0" };
  if (body.length > 0) all.body_md5 = createHash("md5").update(body).digest("hex");
  const sorted = Object.keys(all).sort();
  const signature = hmac(app.secret, `${method}\n${path}\n${sorted.map((key) => `${key.toLowerCase()}=${all[key]}`).join("&")}`);
  return `${path}?${sorted.map((key) => `${key}=${encodeURIComponent(all[key])}`).join("&")}&auth_signature=${signature}`;
}

let nonce = 0;

// A signed call. Two equal calls in one second would have one signature, which the second of them may not use where
// replays are always refused, so each carries a number unless the test wants otherwise.
export async function call(server, app, method, path, { query = {}, body, headers = {}, timestamp, unique = true } = {}) {
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  const target = signedPath(app, method, path, { query: unique ? { ...query, n: String(++nonce) } : query, body: text, timestamp });
  return send(server, method, target, text, headers);
}

// Plain HTTP over one connection of its own: no pool, no retry, nothing rewritten.
export function send(server, method, target, text = "", headers = {}) {
  return new Promise((done, failed) => {
    const outgoing = httpRequest(
      {
        host: "127.0.0.1",
        port: server.port,
        method,
        path: target,
        agent: false,
        headers: { ...(text.length > 0 ? { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) } : {}), ...headers },
      },
      (answer) => {
        let received = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk) => (received += chunk));
        answer.on("error", failed);
        answer.on("end", () => {
          let json;
          try {
            json = JSON.parse(received);
          } catch {
            json = undefined;
          }
          done({ status: answer.statusCode, headers: answer.headers, text: received, json });
        });
      },
    );
    outgoing.on("error", failed);
    outgoing.end(text);
  });
}

export function trigger(server, app, channel, name, data, extra = {}, options = {}) {
  return call(server, app, "POST", `/apps/${app.id}/events`, { body: { name, channel, data: JSON.stringify(data), ...extra }, ...options });
}

export function history(server, app, channel, query = {}) {
  return call(server, app, "GET", `/apps/${app.id}/channels/${channel}/history`, { query });
}
