// A socket.io server that does what the scenarios ask for, and no more.
//
// "join" carries the same HMAC over (socket id, room) that a Pusher subscription carries, so that its
// cost compares; "pub" goes to everybody else in the room. Packets are not compressed (the default).
'use strict';

const { createHmac, timingSafeEqual } = require('node:crypto');
const { createServer } = require('node:http');
const { Server } = require('socket.io');

const key = 'app-key-demo';
const secret = 'app-secret-demo';

const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false });

function authorised(socketId, room, auth) {
  const expected = `${key}:${createHmac('sha256', secret).update(`${socketId}:${room}`).digest('hex')}`;
  const given = Buffer.from(String(auth));
  return given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
}

io.on('connection', (socket) => {
  socket.on('join', (room, auth, done) => {
    if (!authorised(socket.id, room, auth)) return done('unauthorised');
    socket.join(room);
    done(true);
  });
  socket.on('pub', (room, data) => {
    if (socket.rooms.has(room)) socket.to(room).emit('msg', data);
  });
});

http.listen(Number(process.env.PORT), '127.0.0.1');
