// socket.io-client, as it is: `subscribe` out, (event, channel, data) in. The connection brings a token instead of asking the
// backend for each channel.
import { io } from "socket.io-client";

import { persistently } from "../api";
import { socketAddress } from "./address";

const leaveDelayMs = 3000;
const retryMs = 5000;

export class SocketIoTransport {
  kind = "socketio";
  client = null;
  state = "connecting";
  #socket;
  #channels = new Map();
  #onState;
  #timer;
  #closed = false;

  constructor({ settings, api, onState }) {
    this.#onState = onState;
    this.#socket = io(socketAddress(settings.websocketUrl).origin, {
      auth: (give) => {
        persistently(() => api.get("/broadcasting/token")).then(
          ({ token }) => give({ token }),
          () => give({}), // refused with a sentence, and tried again
        );
      },
      // A socket at once; long polling where none gets through. Polling from a page of another port needs socketio.cors_origins.
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      reconnectionDelay: 500,
      reconnectionDelayMax: 5000,
      forceNew: true,
      withCredentials: true,
    });
    this.#socket.on("connect", () => this.#connected());
    this.#socket.on("disconnect", (reason) => {
      for (const entry of this.#channels.values()) entry.subscribed = false;
      this.#become("unavailable");
      // Ended by the server on purpose: socket.io-client does not return by itself.
      if (reason === "io server disconnect") this.#later();
    });
    this.#socket.on("connect_error", () => {
      this.#become(this.state === "connecting" ? "connecting" : "unavailable");
      if (!this.#socket.active) this.#later();
    });
    // The token is short-lived; a new one, before it ends, keeps the connection.
    this.#socket.on("parley:token_expiring", () => {
      persistently(() => api.get("/broadcasting/token")).then(
        ({ token }) => this.#socket.emit("token", { token }),
        () => {}, // it ends, and a new connection asks again
      );
    });
    this.#socket.onAny((...heard) => this.#heard(heard));
    document.addEventListener("visibilitychange", this.#activity);
  }

  get socketId() {
    return this.#socket.connected ? this.#socket.id : undefined;
  }

  subscribe(name, listener) {
    let entry = this.#channels.get(name);
    if (!entry) {
      entry = { subscribed: false, listeners: new Set() };
      this.#channels.set(name, entry);
      if (this.#socket.connected) this.#ask(name);
    } else if (entry.subscribed) {
      queueMicrotask(() => entry.listeners.has(listener) && listener.subscribed?.({ recovered: false }));
    }
    clearTimeout(entry.timer);
    entry.listeners.add(listener);
    return () => {
      entry.listeners.delete(listener);
      if (entry.listeners.size > 0) return;
      entry.timer = setTimeout(() => {
        this.#channels.delete(name);
        if (this.#socket.connected) this.#socket.emit("unsubscribe", { channel: name });
      }, leaveDelayMs);
    };
  }

  whisper(name, event, data) {
    if (!this.#socket.connected || !this.#channels.get(name)?.subscribed) return false;
    this.#socket.emit("client event", { channel: name, event: `client-${event}`, data });
    return true;
  }

  retry() {
    clearTimeout(this.#timer);
    if (!this.#closed && !this.#socket.connected) this.#socket.disconnect().connect();
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const { timer } of this.#channels.values()) clearTimeout(timer);
    this.#channels.clear();
    document.removeEventListener("visibilitychange", this.#activity);
    this.#socket.disconnect();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.retry(), retryMs * (0.75 + Math.random() / 2));
  }

  #activity = () => {
    if (this.#socket.connected) this.#socket.emit("activity", { state: document.hidden ? "away" : "online" });
  };

  #connected() {
    this.#become("connected");
    if (document.hidden) this.#activity();
    for (const [name, entry] of this.#channels) {
      // What was missed comes by itself.
      if (this.#socket.recovered) {
        entry.subscribed = true;
        this.#tell(name, "subscribed", { recovered: true });
      } else {
        this.#ask(name);
      }
    }
  }

  #ask(name) {
    this.#socket.emit("subscribe", { channel: name }, (answer) => {
      const entry = this.#channels.get(name);
      if (!entry || answer?.error) return; // a refusal comes as an event, too
      entry.subscribed = true;
      this.#tell(name, "subscribed", { recovered: false });
    });
  }

  #heard([event, channel, data, more]) {
    if (event === "subscription_error") {
      this.#tell(channel, "failed", { status: data, message: more?.message || "The server refused." });
    } else if (event === "parley:gap") {
      this.#tell(channel, "gap");
    } else {
      for (const { events } of [...(this.#channels.get(channel)?.listeners ?? [])]) events?.[event]?.(data);
    }
  }

  #tell(name, what, ...how) {
    for (const listener of [...(this.#channels.get(name)?.listeners ?? [])]) listener[what]?.(...how);
  }

  #become(state) {
    if (this.#closed || this.state === state) return;
    this.state = state;
    this.#onState();
  }
}
