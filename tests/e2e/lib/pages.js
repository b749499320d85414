// Users of a channel whose client runs in Chromium: pages of an application with Laravel Echo and the bundles
// that people load with a script tag. A page is of another origin than the server, as a page of a shop is.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { Backend } from "./backend.js";
import { results, watched } from "./browser.js";
import { Participant } from "./participants.js";
import { trigger } from "./sign.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const bundles = {
  "laravel-echo 2": "laravel-echo/dist/echo.iife.js",
  "laravel-echo 1.16": "laravel-echo-1/dist/echo.iife.js",
  "pusher-js 8": "pusher-js/dist/web/pusher.min.js",
  "socket.io-client 4.8": "socket.io-client/dist/socket.io.min.js",
  "socket.io-client 2.5": "socket.io-client-2/dist/socket.io.js",
};
const types = { html: "text/html", css: "text/css", js: "text/javascript" };

// The application: its page, its authorisation endpoint, and a route that broadcasts to others.
export class ChannelSite {
  constructor(app) {
    this.app = app;
    this.backend = new Backend(app);
    this.server = null; // the one to publish to
    this.http = createServer((request, response) => this.answer(request, response));
  }

  static async start(app) {
    const site = new ChannelSite(app);
    await new Promise((done) => site.http.listen(0, "127.0.0.1", done));
    site.url = `http://127.0.0.1:${site.http.address().port}`;
    // The same site by another name is another origin.
    site.otherUrl = site.url.replace("127.0.0.1", "localhost");
    return site;
  }

  async answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, "http://site");
    if (pathname.startsWith("/broadcasting/")) return this.backend.answer(request, response);
    if (pathname === "/messages") {
      let body = "";
      for await (const chunk of request) body += chunk;
      const { channel, data } = JSON.parse(body);
      const { status } = await trigger(this.server, this.app, channel, "message.sent", data, { socket_id: request.headers["x-socket-id"] });
      return response.writeHead(status).end();
    }
    const bundle = /^\/clients\/(.+)$/.exec(pathname);
    const file = bundle ? join(root, "node_modules", bundles[decodeURIComponent(bundle[1])]) : join(root, "pages", pathname === "/" ? "channel.html" : pathname);
    let text;
    try {
      text = readFileSync(file, "utf8");
    } catch {
      return response.writeHead(404).end();
    }
    if (pathname === "/") {
      const scripts = JSON.parse(searchParams.get("settings")).client.split(" + ");
      text = text.replace("<!-- scripts -->", scripts.map((name) => `<script src="clients/${encodeURIComponent(name)}"></script>`).join("\n"));
    }
    response.writeHead(200, { "Content-Type": `${types[file.split(".").pop()]}; charset=utf-8` }).end(text);
  }

  stop() {
    this.http.closeAllConnections();
    return new Promise((done) => this.http.close(done));
  }
}

// `heard` has also ["connected", recovered], ["away", reason], ["refused", message] and ["kept out", channel, why]. Who the user
// is says a cookie.
export class PageParticipant extends Participant {
  // `kind`: "laravel-echo 2 + socket.io-client 4.8"; `options` are further ones of Echo. `asSelf`: the own id, for a pusher-js
  // that brings no proof, so that the server asks the application.
  static async open(t, browser, { site, server, kind, user, channels, events, port = server.port, namespace = "", url = site.url, cookie = `user=${user}`, asSelf, options = {} }) {
    const one = new PageParticipant(`a page with ${kind}`, user);
    one.context = await browser.newContext({ viewport: { width: 900, height: 560 }, locale: "en-GB" });
    t.after(() => one.context.close());
    const [name, value] = cookie.split("=");
    await one.context.addCookies([{ name, value, url }]);
    await one.context.exposeFunction("tell", (item) => void one.heard.push(item));
    one.page = watched(await one.context.newPage());
    one.page.on("pageerror", (error) => one.heard.push(["problem", String(error)]));
    one.sockets = []; // addresses of its WebSockets
    one.page.on("websocket", (socket) => one.sockets.push(socket.url()));
    // `timeout`: after a silent loss the browser may ask over an idle connection that is dead as well.
    const echo = kind.includes("socket.io")
      ? { broadcaster: "socket.io", host: `http://127.0.0.1:${port}${namespace}`, withCredentials: true, reconnectionDelay: 30, reconnectionDelayMax: 200, timeout: 3_000, ...options }
      : { broadcaster: "pusher", key: site.app.key, cluster: "", wsHost: "127.0.0.1", wsPort: port, forceTLS: false, enabledTransports: ["ws"], authEndpoint: "/broadcasting/auth", ...options };
    const settings = { user, asSelf, client: kind, echo, channels, events: [...events, "are you there", "fence"] };
    // A script of JSONP that waits for its answer holds the page's `load` back.
    await one.page.goto(`${url}/?settings=${encodeURIComponent(JSON.stringify(settings))}`, { waitUntil: "domcontentloaded" });
    return one;
  }

  act(name, ...args) {
    return this.page.evaluate(([what, given]) => window.page[what](...given), [name, args]);
  }

  whisper(event, data, channel) {
    return this.act("whisper", event, data, channel);
  }

  // A request to the application, which broadcasts to others.
  say(channel, data) {
    return this.act("say", channel, data);
  }

  leave(channel) {
    return this.act("leave", channel);
  }

  end() {
    return this.context.close();
  }

  shot(file) {
    return this.page.screenshot({ path: join(results, `${file}.png`), fullPage: true });
  }
}
