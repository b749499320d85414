// The messages page of clients/js/examples, as a small site: bundled, with the backend that it needs. Counts what the page asks
// over HTTP.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { Backend } from "./backend.js";
import { trigger } from "./sign.js";

const client = join(dirname(fileURLToPath(import.meta.url)), "../../../clients/js");
const example = join(client, "examples/messages");
const require = createRequire(join(client, "package.json"));

// `react`: the folder of node_modules to take it from, `react` or `react-18`.
async function bundle(react) {
  const { build } = require("esbuild");
  const modules = join(client, "node_modules");
  const { outputFiles } = await build({
    entryPoints: [join(example, "main.jsx")],
    bundle: true,
    write: false,
    jsx: "automatic",
    format: "iife",
    define: { "process.env.NODE_ENV": '"development"' }, // StrictMode mounts twice only there
    alias: {
      "@parley/client/react": join(client, "src/react.js"),
      "@parley/client": join(client, "src/index.js"),
      react: join(modules, react),
      "react-dom": join(modules, react.replace("react", "react-dom")),
    },
    logLevel: "warning",
  });
  return outputFiles[0].text;
}

const escaped = (value) => JSON.stringify(value).replace(/</g, "\\u003c");

export class MessagesSite {
  constructor(server, app) {
    this.server = server;
    this.app = app;
    this.backend = new Backend(app);
    this.asked = []; // path of each request
    this.http = createServer((request, response) => this.answer(request, response));
  }

  static async start(server, app, { react = "react" } = {}) {
    const site = new MessagesSite(server, app);
    site.script = await bundle(react);
    await new Promise((done) => site.http.listen(0, "127.0.0.1", done));
    site.url = `http://127.0.0.1:${site.http.address().port}`;
    return site;
  }

  async answer(request, response) {
    const url = new URL(request.url, "http://site");
    this.asked.push(url.pathname);
    if (url.pathname.startsWith("/broadcasting/")) return this.backend.answer(request, response);
    const reply = (type, text, status = 200) => {
      response.writeHead(status, { "Content-Type": type });
      response.end(text);
    };
    if (url.pathname === "/main.js") return reply("text/javascript", this.script);
    if (url.pathname === "/messages.css") return reply("text/css", readFileSync(join(example, "messages.css")));
    if (url.pathname === "/favicon.ico") return reply("image/x-icon", "");
    if (url.pathname.startsWith("/messages/")) {
      let body = "";
      for await (const chunk of request) body += chunk;
      const message = { ...JSON.parse(body), from: request.headers["x-user"], name: request.headers["x-name"] };
      const { status } = await trigger(this.server, this.app, `private-domain.${url.pathname.split("/")[2]}`, "message.sent", message);
      return reply("application/json", "{}", status);
    }
    const settings = { key: this.app.key, host: "127.0.0.1", ...JSON.parse(url.searchParams.get("settings")) };
    return reply(
      "text/html",
      `<!doctype html><meta charset="utf-8"><title>Messages</title><link rel="stylesheet" href="messages.css">
       <div id="root"></div><script id="settings" type="application/json">${escaped(settings)}</script><script src="main.js"></script>`,
    );
  }

  address(settings, route = "") {
    return `${this.url}/?settings=${encodeURIComponent(JSON.stringify(settings))}${route ? `#${route}` : ""}`;
  }

  stop() {
    this.http.closeAllConnections();
    return new Promise((done) => this.http.close(done));
  }
}
