// The application behind the server, as Laravel would answer: /broadcasting/auth and
// /broadcasting/user-auth, form in, JSON out. Who the caller is stands in a header, as a session would:
// `X-User: ada`, `Authorization: Bearer ada` or a cookie `user=ada`.
import { createServer } from "node:http";

import { channelAuth, sharedSecret, userAuth } from "./sign.js";

export const masterKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

export class Backend {
  constructor(app) {
    this.app = app;
    this.denied = new Set(); // channels that answer 403
    this.forged = new Set(); // channels that answer with a wrong signature
    this.calls = [];
    this.server = createServer((request, response) => this.answer(request, response));
  }

  static async start(app) {
    const backend = new Backend(app);
    await new Promise((done) => backend.server.listen(0, "127.0.0.1", done));
    backend.url = `http://127.0.0.1:${backend.server.address().port}`;
    return backend;
  }

  async answer(request, response) {
    let body = "";
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    const { "x-user": plain, "x-name": name, authorization = "", cookie = "" } = request.headers;
    const id = plain ?? /^Bearer (.+)$/.exec(authorization)?.[1] ?? /\buser=([^;]+)/.exec(cookie)?.[1] ?? "1";
    const user = { id, name: name ?? `User ${id}` };
    const socketId = form.get("socket_id");
    const channel = form.get("channel_name");
    this.calls.push({ path: request.url, socketId, channel, user, headers: request.headers });
    const reply = (status, value) => {
      response.writeHead(status, { "Content-Type": "application/json", "Access-Control-Allow-Origin": "*" });
      response.end(JSON.stringify(value));
    };
    if (request.url === "/broadcasting/user-auth") {
      const watchlist = request.headers["x-watchlist"]?.split(",");
      const userData = JSON.stringify({ id: user.id, user_info: { name: user.name }, ...(watchlist ? { watchlist } : {}) });
      return reply(200, { auth: userAuth(this.app, socketId, userData), user_data: userData });
    }
    if (this.denied.has(channel)) return reply(403, { message: "Access denied" });
    const presence = channel.startsWith("presence-");
    const channelData = presence ? JSON.stringify({ user_id: user.id, user_info: { id: user.id, name: user.name } }) : undefined;
    const answer = { auth: channelAuth(this.app, socketId, channel, channelData) };
    if (this.forged.has(channel)) answer.auth = `${this.app.key}:${"0".repeat(64)}`;
    if (presence) answer.channel_data = channelData;
    if (channel.startsWith("private-encrypted-")) answer.shared_secret = sharedSecret(channel, masterKey);
    return reply(200, answer);
  }

  stop() {
    this.server.closeAllConnections();
    return new Promise((done) => this.server.close(done));
  }
}
