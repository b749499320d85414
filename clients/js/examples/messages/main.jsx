// Starts the page: Echo as in every Laravel front-end, and the application around it.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import Echo from "laravel-echo";
import Pusher from "pusher-js";

import { MessagesApp } from "./messages.jsx";

const settings = JSON.parse(document.getElementById("settings").textContent);

const echo = new Echo({
  broadcaster: "reverb",
  Pusher,
  key: settings.key,
  wsHost: settings.host,
  wsPort: settings.port,
  forceTLS: false,
  enabledTransports: ["ws"],
  auth: { headers: { "X-User": settings.me.id, "X-Name": settings.me.name } },
  userAuthentication: { endpoint: "/broadcasting/user-auth", headers: { "X-User": settings.me.id, "X-Name": settings.me.name } },
});
echo.connector.pusher.signin();

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <MessagesApp echo={echo} options={{ activity: true, ...settings.options }} me={settings.me} domains={settings.domains} />
  </StrictMode>,
);
