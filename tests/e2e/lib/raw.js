// A client that speaks frames: what the server really sends, with the extra keys that stock clients
// ignore, and what it does with frames that stock clients never send.
import WebSocket from "ws";

import { channelAuth, userAuth } from "./sign.js";
import { Inbox, within } from "./wait.js";

export class RawClient {
  constructor(server, app, { query = "protocol=7&client=e2e&version=1.0", path, port = server.port, headers = {}, localAddress, pongs = true } = {}) {
    this.app = app;
    this.frames = new Inbox("the frames of a raw client");
    this.closed = new Promise((done) => {
      this.close_ = done;
    });
    const target = path ?? `/app/${app.key}`;
    this.ws = new WebSocket(`ws://127.0.0.1:${port}${target}${query ? `?${query}` : ""}`, { headers, localAddress, perMessageDeflate: false });
    this.ws.on("message", (bytes, binary) => {
      const text = bytes.toString("utf8");
      const frame = binary || !text.startsWith("{") ? { binary } : JSON.parse(text);
      frame.raw = text;
      if (frame.event === "pusher:ping" && pongs) this.send({ event: "pusher:pong", data: {} });
      this.frames.push(frame);
    });
    this.ws.on("close", (code, reason) => this.close_({ code, reason: reason.toString() }));
    this.ws.on("error", (error) => {
      this.error = error;
    });
  }

  static async connect(server, app, options) {
    const client = new RawClient(server, app, options);
    await client.established();
    return client;
  }

  async established() {
    const frame = await this.frames.find((item) => item.event === "pusher:connection_established", "connection_established");
    Object.assign(this, { socketId: JSON.parse(frame.data).socket_id, activityTimeout: JSON.parse(frame.data).activity_timeout });
    return this;
  }

  send(frame) {
    this.ws.send(typeof frame === "string" || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame));
  }

  // Sends a subscription with its signature, or without a proof; resolves with subscription_succeeded or subscription_error.
  async subscribe(channel, { member, extra = {}, proof = true } = {}) {
    const from = this.frames.items.length;
    const data = { channel, ...extra };
    if (member !== undefined) data.channel_data = typeof member === "string" ? member : JSON.stringify(member);
    if (proof && /^(private|presence)-/.test(channel)) data.auth = channelAuth(this.app, this.socketId, channel, data.channel_data);
    this.send({ event: "pusher:subscribe", data });
    return this.frames.find(
      (item) => item.channel === channel && /subscription_succeeded|subscription_error/.test(item.event),
      `the answer to subscribing ${channel}`,
      { from },
    );
  }

  async joined(channel, options) {
    const answer = await this.subscribe(channel, options);
    if (answer.event !== "pusher_internal:subscription_succeeded") throw new Error(`${channel}: ${answer.raw}`);
    return answer;
  }

  unsubscribe(channel) {
    this.send({ event: "pusher:unsubscribe", data: { channel } });
  }

  async signIn(user) {
    const userData = JSON.stringify(user);
    const from = this.frames.items.length;
    this.send({ event: "pusher:signin", data: { auth: userAuth(this.app, this.socketId, userData), user_data: userData } });
    return this.frames.find((item) => item.event === "pusher:signin_success" || item.event === "pusher:error", "the answer to sign-in", { from });
  }

  next(event, options) {
    return this.frames.find((item) => item.event === event, event, options);
  }

  of(channel, event) {
    return this.frames.items.filter((item) => item.channel === channel && (event === undefined || item.event === event));
  }

  // A round trip: whatever the server sent before it has arrived.
  async settle() {
    const from = this.frames.items.length;
    this.send({ event: "pusher:ping", data: {} });
    await this.next("pusher:pong", { from });
  }

  whenClosed(timeout) {
    return within(this.closed, () => `a close; frames: ${this.frames.tail()}`, timeout);
  }

  async close() {
    this.ws.close(1000);
    return this.whenClosed();
  }

  // As a lost network would: no close frame.
  cut() {
    this.ws.terminate();
  }
}
