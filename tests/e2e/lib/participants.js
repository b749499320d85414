// Users of one channel, each with the client that their page happens to load: pusher-js, laravel-echo with
// its pusher or its socket.io connector, or a plain socket.io-client. What they hear is told alike. `pages.js` has
// those whose client runs in a browser.
import assert from "node:assert/strict";

import { echoes, pusherOptions, pushers, sockets } from "./clients.js";
import { trigger } from "./sign.js";
import { connect } from "./sockets.js";
import { Inbox, until } from "./wait.js";

const nameOf = (info) => info?.name ?? JSON.stringify(info);

// `heard` has [what, …]: ["event", name, data, channel], ["here", names], ["joining", name], ["leaving", name].
export class Participant {
  constructor(kind, user) {
    Object.assign(this, { kind, user, heard: new Inbox(`what ${user} with ${kind} heard`) });
  }

  here(members) {
    this.heard.push(["here", members.map(nameOf).sort().join()]);
  }

  joining(info) {
    this.heard.push(["joining", nameOf(info)]);
  }

  leaving(info) {
    this.heard.push(["leaving", nameOf(info)]);
  }

  // Data of the events of a name, on all channels or on one.
  events(name, channel) {
    return this.heard.items.filter(([what, event, , on]) => what === "event" && event === name && (channel === undefined || on === channel)).map(([, , data]) => data);
  }

  told(what) {
    return this.heard.items.filter(([kind]) => kind === what).map(([, value]) => value);
  }
}

class PusherParticipant extends Participant {
  constructor(kind, user, { server, backend, app }) {
    super(kind, user);
    this.client = new pushers[kind](app.key, pusherOptions(server, backend, { user }));
  }

  join(channel, events) {
    this.channel = this.client.subscribe(channel);
    const infos = (members) => Object.values(members.members ?? {});
    this.channel.bind("pusher:subscription_succeeded", (members) => channel.startsWith("presence-") && this.here(infos(members)));
    this.channel.bind("pusher:member_added", ({ info }) => this.joining(info));
    this.channel.bind("pusher:member_removed", ({ info }) => this.leaving(info));
    for (const event of events) this.channel.bind(event, (data) => this.heard.push(["event", event, data, channel]));
  }

  whisper(event, data) {
    this.channel.trigger(`client-${event}`, data);
  }

  leave(channel) {
    this.client.unsubscribe(channel);
  }

  get id() {
    return this.client.connection.socket_id;
  }

  end() {
    this.client.disconnect();
  }
}

class EchoParticipant extends Participant {
  constructor(kind, user, { server, backend, app }) {
    super(kind, user);
    const [version, client] = kind.split(" + ");
    const { Echo, Pusher } = echoes[version];
    const headers = { Authorization: `Bearer ${user}` };
    if (client.startsWith("socket.io")) {
      // The options of an application, and a short wait between attempts.
      this.echo = new Echo({ broadcaster: "socket.io", client: sockets[client], host: `http://127.0.0.1:${server.port}`, auth: { headers }, forceNew: true, reconnectionDelay: 30, reconnectionDelayMax: 200 });
    } else {
      const { channelAuthorization, userAuthentication, ...options } = pusherOptions(server, backend, { user });
      this.echo = new Echo({ ...options, broadcaster: "pusher", key: app.key, Pusher, authEndpoint: channelAuthorization.endpoint, auth: { headers } });
    }
  }

  join(channel, events) {
    const [, kind, id] = /^(private-|presence-|)(.*)$/.exec(channel);
    this.channel = kind === "private-" ? this.echo.private(id) : kind === "presence-" ? this.echo.join(id) : this.echo.channel(id);
    if (kind === "presence-") {
      this.channel
        .here((members) => this.here(members))
        .joining((info) => this.joining(info))
        .leaving((info) => this.leaving(info));
    }
    for (const event of events) this.channel.listen(`.${event}`, (data) => this.heard.push(["event", event, data, channel]));
  }

  whisper(event, data) {
    this.channel.whisper(event, data);
  }

  leave(channel) {
    this.echo.leaveChannel(channel);
  }

  get id() {
    return this.echo.socketId();
  }

  end() {
    this.echo.disconnect();
  }
}

// What somebody wrote years ago for laravel-echo-server, without Echo.
class ScriptParticipant extends Participant {
  constructor(kind, user, { server, t }) {
    super(kind, user);
    this.connecting = connect(t, server, { generation: "socket.io-client 2.5", transport: "upgrade" });
    this.connecting.then((client) => (this.client = client)).catch(() => {});
  }

  async join(channel, events) {
    const client = await this.connecting;
    client.socket.on("presence:subscribed", (on, members) => on === channel && this.here(members.map(({ user_info }) => user_info)));
    client.socket.on("presence:joining", (on, { user_info }) => on === channel && this.joining(user_info));
    client.socket.on("presence:leaving", (on, { user_info }) => on === channel && this.leaving(user_info));
    for (const event of events) client.socket.on(event, (on, data) => on === channel && this.heard.push(["event", event, data, channel]));
    client.emit("subscribe", { channel, auth: { headers: { Authorization: `Bearer ${this.user}` } } });
    this.channel = channel;
  }

  whisper(event, data, channel = this.channel) {
    this.client.emit("client event", { channel, event: `client-${event}`, data });
  }

  leave(channel) {
    this.client.emit("unsubscribe", { channel });
  }

  get id() {
    return this.client?.id;
  }

  end() {
    this.client?.end();
  }
}

export const kinds = [
  "pusher-js 8",
  "pusher-js 7",
  "laravel-echo 2 + pusher-js",
  "laravel-echo 2 + socket.io-client 4.8",
  "laravel-echo 1.16 + socket.io-client 4.8",
  "laravel-echo 2 + socket.io-client 2.5",
  "laravel-echo 1.16 + socket.io-client 2.5",
  "a script with socket.io-client 2.5",
];

export function participant(t, kind, user, where) {
  const Kind = kind.startsWith("pusher-js") ? PusherParticipant : kind.startsWith("laravel-echo") ? EchoParticipant : ScriptParticipant;
  const one = new Kind(kind, user, { ...where, t });
  t.after(() => one.end());
  return one;
}

// What the application says on a channel.
export const publisher = (server, app, channel) => async (event, data, extra) => {
  const answer = await trigger(server, app, channel, event, data, extra);
  assert.equal(answer.status, 200, answer.text);
};

// All of them hear what `publish` publishes on a channel.
export async function arrived(all, channel, publish) {
  for (const one of all) {
    await until(async () => {
      if (one.events("are you there", channel).length > 0) return true;
      await publish("are you there", {});
      return false;
    }, () => `${one.kind} on ${channel}; it heard ${one.heard.tail()}`);
  }
}

// All of them on one channel.
export async function gather(t, where, channel, events, publish, wanted = kinds) {
  const all = wanted.map((kind, index) => participant(t, kind, `u${index + 1}`, where));
  for (const one of all) await one.join(channel, [...events, "are you there"]);
  await arrived(all, channel, publish);
  return all;
}

let fences = 0;
// Whatever was said before has been heard by all.
export async function fence(publish, all) {
  const mark = `fence ${++fences}`;
  await publish("fence", mark);
  for (const one of all) await one.heard.find(([, event, data]) => event === "fence" && data === mark, `${one.kind}: the fence`);
}
