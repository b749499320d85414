// laravel/authorize.php behind PHP's own web server: the application that the server asks. Users are ada, grace and linus,
// known by that as a bearer token or by a session.
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { phpHas, started } from "./processes.js";
import { freePort, temporaryDirectory } from "./server.js";
import { Inbox, until, within } from "./wait.js";

const script = join(dirname(fileURLToPath(import.meta.url)), "../laravel/authorize.php");
export const skip = phpHas(["Broadcasting", "Container", "Filesystem", "Http", "Redis", "Session"]) ? false : "php with php-illuminate-broadcasting and php-illuminate-http is not installed";

export class LaravelSite {
  static async start() {
    const site = new LaravelSite();
    site.sessions = temporaryDirectory("sessions");
    site.port = await freePort();
    site.url = `http://127.0.0.1:${site.port}`;
    site.questions = new Inbox("the questions to Laravel");
    await site.up();
    return site;
  }

  // Again on the same port, after down().
  async up() {
    this.child = started("php", ["-S", `127.0.0.1:${this.port}`, script], { env: { ...process.env, SESSIONS: this.sessions }, stdio: ["ignore", "ignore", "pipe"] });
    this.output = "";
    let text = "";
    this.child.stderr.setEncoding("utf8").on("data", (chunk) => {
      this.output += chunk;
      text += chunk;
      const lines = text.split("\n");
      text = lines.pop();
      for (const line of lines) if (line.startsWith("{")) this.questions.push(JSON.parse(line));
    });
    await until(async () => (await fetch(`${this.url}/up`)).status === 404, () => `PHP to answer; ${this.output}`);
  }

  async down() {
    this.child.kill("SIGKILL");
    await within(this.child.ended, "PHP to end");
  }

  async stop() {
    await this.down();
    rmSync(this.sessions, { recursive: true, force: true });
  }

  // A session as a visitor has it who has signed in: its cookie, and the token that its pages carry.
  async login(user) {
    const answer = await fetch(`${this.url}/login?user=${user}`);
    const cookie = answer.headers.get("set-cookie").split(";")[0];
    return { cookie, csrf: (await answer.json()).csrf };
  }

  asked(channel) {
    return this.questions.items.filter((question) => question.channel === channel);
  }
}
