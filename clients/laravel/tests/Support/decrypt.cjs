// Stock pusher-js on a private-encrypted channel, with the proof that the application gave: node decrypt.cjs LIBRARY PORT KEY
// CHANNEL. It prints its socket id, reads the proof from stdin, says when it is subscribed, and prints what it understood.
const [library, port, key, channel] = process.argv.slice(2);
const Pusher = require(library);
const input = require("node:readline").createInterface({ input: process.stdin });
const proof = new Promise((done) => input.once("line", (line) => done(JSON.parse(line))));
const pusher = new Pusher(key, {
  cluster: "self", wsHost: "127.0.0.1", wsPort: Number(port), forceTLS: false, enabledTransports: ["ws"],
  channelAuthorization: { customHandler: (_, done) => proof.then((answer) => done(null, answer)) },
});
pusher.connection.bind("connected", () => console.log("socket", pusher.connection.socket_id));
pusher.subscribe(channel).bind("pusher:subscription_succeeded", () => console.log("subscribed"))
  .bind("message.sent", (data) => console.log("heard", JSON.stringify(data)));
