// socket.io-client in three generations behind one face: what differs between them in how an application
// connects, listens and asks is here, and nothing of it is patched.
import { sockets } from "./clients.js";
import { channelAuth } from "./sign.js";
import { Inbox, until, within } from "./wait.js";

export const transports = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };
export const generations = Object.keys(sockets);
// Protocol 5 has CONNECT payloads, socket ids of its own, and offsets.
export const isFive = (generation) => !generation.endsWith("2.5");

export class SocketClient {
  // `token` is handed over at connect as each generation can: in the CONNECT payload, or in the query.
  constructor(server, { generation = "socket.io-client 4.8", transport = "websocket", port = server.port, namespace = "/", token, query = {}, auth = {}, ...extra } = {}) {
    this.generation = generation;
    this.five = isFive(generation);
    const options = {
      forceNew: true,
      transports: transports[transport],
      reconnectionDelay: 30,
      reconnectionDelayMax: 200,
      randomizationFactor: 0,
      timeout: 20_000,
      ...extra,
    };
    if (this.five) {
      options.auth = { ...auth, ...(token === undefined ? {} : { token }) };
      options.query = query;
    } else {
      options.query = { ...query, ...(token === undefined ? {} : { token }) };
    }
    this.adopt(sockets[generation](`http://127.0.0.1:${port}${namespace === "/" ? "" : namespace}`, options));
  }

  // Another namespace on the same connection.
  of(namespace, options = {}) {
    const other = Object.create(SocketClient.prototype);
    Object.assign(other, { generation: this.generation, five: this.five });
    other.adopt(this.socket.io.socket(namespace, options));
    return other;
  }

  adopt(socket) {
    this.socket = socket;
    this.heard = new Inbox("what a socket heard");
    this.state = new Inbox("the life of a socket");
    if (this.five) {
      socket.onAny((event, ...args) => this.heard.push({ event, args }));
    } else {
      // 2.5 has no onAny; its users wrap onevent.
      const { onevent } = socket;
      socket.onevent = (packet) => {
        const [event, ...args] = packet.data;
        this.heard.push({ event, args });
        onevent.call(socket, packet);
      };
    }
    for (const event of ["connect", "disconnect", "connect_error", ...(this.five ? [] : ["error"])]) {
      socket.on(event, (what) => this.state.push({ event, what, id: socket.id }));
    }
  }

  get id() {
    return this.socket.id;
  }

  get transport() {
    return this.socket.io.engine.transport.name;
  }

  async connected() {
    await until(() => this.socket.connected, () => `a connected socket; ${this.state.tail()}`);
    return this;
  }

  // What the server refused, as the application hears it: the message.
  async refused() {
    const { what } = await this.state.find(({ event }) => event === "connect_error" || event === "error", "connect_error");
    return typeof what === "string" ? what : (what.message ?? JSON.stringify(what));
  }

  emit(event, ...args) {
    this.socket.emit(event, ...args);
  }

  // With an acknowledgement, whatever it says.
  request(event, ...args) {
    return within(new Promise((done) => this.socket.emit(event, ...args, (...answer) => done(answer.length > 1 ? answer : answer[0]))), () => `an acknowledgement of ${event}; ${this.state.tail()}`);
  }

  async subscribe(channel, extra = {}) {
    const answer = await this.request("subscribe", { channel, ...extra });
    if (answer.error) throw Object.assign(new Error(`${channel}: ${answer.error} ${answer.message}`), answer);
    return answer;
  }

  // The proof that an application would have made.
  proof(app, channel, member) {
    const channel_data = member === undefined ? undefined : JSON.stringify(member);
    return { auth: channelAuth(app, this.id, channel, channel_data), ...(channel_data === undefined ? {} : { channel_data }) };
  }

  join(app, channel, member) {
    return this.subscribe(channel, /^(private|presence)-/.test(channel) ? this.proof(app, channel, member) : {});
  }

  // The next event of a channel, or any with that name.
  next(event, options = {}) {
    return this.heard.find((item) => item.event === event && (options.channel === undefined || item.args[0] === options.channel), event, options);
  }

  // Data of a channel's events of one name.
  data(channel, event) {
    return this.heard.items.filter((item) => item.event === event && item.args[0] === channel).map(({ args }) => args[1]);
  }

  end() {
    this.socket.io.reconnection(false);
    this.socket.disconnect();
    (this.socket.io._close ?? this.socket.io.close).call(this.socket.io);
  }
}

export async function connect(t, server, options) {
  const client = new SocketClient(server, options);
  t.after(() => client.end());
  return client.connected();
}
