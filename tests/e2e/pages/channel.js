// A page of an application: joins its channels with Laravel Echo, shows what it hears and tells it to the test.
const { user, asSelf, client, echo: options, channels, events } = JSON.parse(new URLSearchParams(location.search).get("settings"));
const byId = (id) => document.getElementById(id);
byId("user").textContent = `User ${user}`;
byId("client").textContent = client;
document.title = `User ${user}`;

const people = new Set();
function showPeople() {
  byId("people").replaceChildren(...[...people].sort().map((name) => Object.assign(document.createElement("li"), { textContent: name })));
}
function show(...columns) {
  const row = document.createElement("li");
  row.append(...columns.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
  byId("heard").append(row);
}
function state(text, connected) {
  byId("state").textContent = text;
  byId("state").className = connected ? "connected" : "";
}

if (asSelf) {
  options.channelAuthorization = {
    customHandler: ({ channelName }, done) => done(null, { auth: "", ...(channelName.startsWith("presence-") ? { channel_data: JSON.stringify({ user_id: asSelf }) } : {}) }),
  };
}
const Echo = window.Echo.default ?? window.Echo;
const echo = new Echo(options);
const { socket, pusher } = echo.connector;
if (socket) {
  socket.on("connect", () => {
    tell(["connected", socket.recovered === true]);
    state(socket.recovered ? "connected again, nothing missed" : "connected", true);
  });
  socket.on("disconnect", (reason) => {
    tell(["away", reason]);
    state(`away: ${reason}`);
  });
  socket.on("subscription_error", (name, status) => tell(["kept out", name, status]));
  socket.on("connect_error", (error) => tell(["refused", String(error.message ?? error)]));
} else {
  pusher.connection.bind("state_change", ({ current }) => {
    if (current === "connected") tell(["connected", false]);
    state(current, current === "connected");
  });
}

const joined = new Map();
for (const name of channels) {
  const [, kind, id] = /^(private-|presence-|)(.*)$/.exec(name);
  const channel = kind === "private-" ? echo.private(id) : kind === "presence-" ? echo.join(id) : echo.channel(id);
  joined.set(name, channel);
  if (pusher) channel.error((why) => tell(["kept out", name, why]));
  if (kind === "presence-") {
    channel
      .here((members) => {
        people.clear();
        for (const member of members) people.add(member.name);
        showPeople();
        tell(["here", [...people].sort().join()]);
      })
      .joining((member) => {
        people.add(member.name);
        showPeople();
        show(name, "joining", member.name);
        tell(["joining", member.name]);
      })
      .leaving((member) => {
        people.delete(member.name);
        showPeople();
        show(name, "leaving", member.name);
        tell(["leaving", member.name]);
      });
  }
  for (const event of events) {
    channel.listen(`.${event}`, (data) => {
      if (event !== "fence" && event !== "are you there") show(name, event, JSON.stringify(data));
      tell(["event", event, data, name]);
    });
  }
}

// What the test has the user do. Echo adds X-Socket-ID by itself to what axios, jQuery and Turbo send.
window.page = {
  say: (channel, data) =>
    fetch("messages", { method: "POST", headers: { "Content-Type": "application/json", "X-Socket-ID": echo.socketId() }, body: JSON.stringify({ channel, data }) }).then(({ status }) => status),
  whisper: (event, data, channel) => void joined.get(channel).whisper(event, data),
  leave: (channel) => echo.leaveChannel(channel),
  socketId: () => echo.socketId(),
  transport: () => socket?.io.engine.transport.name,
};
