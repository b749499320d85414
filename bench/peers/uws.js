// Bare uWebSockets as a floor: it answers the Pusher handshake so that the same load generator can
// drive it, checks no signature, parses no publish, and hands each frame on unchanged to the topic that
// the connection has joined.
'use strict';

const { randomInt } = require('node:crypto');
const uws = require('uWebSockets.js');

const subscribeHead = '{"event":"pusher:subscribe"';

uws.App().ws('/app/:key', {
  idleTimeout: 120,
  maxPayloadLength: 1024 * 1024,
  maxBackpressure: 16 * 1024 * 1024,
  open(ws) {
    const id = `${randomInt(1, 1e9)}.${randomInt(1, 1e9)}`;
    ws.send(JSON.stringify({
      event: 'pusher:connection_established',
      data: JSON.stringify({ socket_id: id, activity_timeout: 120 }),
    }));
  },
  message(ws, bytes) {
    if (ws.topic !== undefined) {
      ws.publish(ws.topic, bytes, false);
      return;
    }
    const text = Buffer.from(bytes).toString();
    if (!text.startsWith(subscribeHead)) return;
    ws.topic = JSON.parse(text).data.channel;
    ws.subscribe(ws.topic);
    ws.send(JSON.stringify({
      event: 'pusher_internal:subscription_succeeded', channel: ws.topic, data: '{}',
    }));
  },
}).listen('127.0.0.1', Number(process.env.PORT), (listening) => {
  if (!listening) process.exit(1);
});
