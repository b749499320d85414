// A client or an SDK of another language, in a small program of its own (clients/): it reads commands and says what happens,
// each a line of JSON. What it says without being asked is `heard`; to a command it answers `{"answer": …}` or
// `{"error": "…"}`, in order.
import { started } from "./processes.js";
import { Inbox, within } from "./wait.js";

export class Program {
  constructor(name, command, args, options = {}) {
    this.name = name;
    this.heard = new Inbox(`what ${name} said`);
    this.waiting = [];
    this.stderr = "";
    // What the surroundings send through a proxy is not what is here.
    const env = { ...process.env, NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1", ...options.env };
    this.child = started(command, args, { stdio: ["pipe", "pipe", "pipe"], ...options, env });
    this.child.on("error", ({ message }) => (this.stderr += message));
    this.child.stdin.on("error", () => {});
    this.child.stderr.setEncoding("utf8").on("data", (text) => (this.stderr = (this.stderr + text).slice(-4_000)));
    let text = "";
    this.child.stdout.setEncoding("utf8").on("data", (chunk) => {
      const lines = (text + chunk).split("\n");
      text = lines.pop();
      for (const line of lines) this.take(JSON.parse(line));
    });
  }

  // Ends with its test.
  static start(t, ...how) {
    const program = new Program(...how);
    t.after(() => program.stop());
    return program;
  }

  take(said) {
    if ("answer" in said || "error" in said) this.waiting.shift()?.(said);
    else this.heard.push(said);
  }

  async ask(what, parameters = {}) {
    const answered = new Promise((done) => this.waiting.push(done));
    this.child.stdin.write(`${JSON.stringify({ do: what, ...parameters })}\n`);
    const ended = this.child.ended.then(({ code, signal }) => ({ error: `it ended with ${signal ?? code}: ${this.stderr}` }));
    const said = await within(Promise.race([answered, ended]), () => `${this.name} to answer to ${what}; it said ${this.stderr}`);
    if ("error" in said) throw new Error(`${this.name}: ${said.error}`);
    return said.answer;
  }

  // The next of what it says that has these fields.
  next(fields, from = 0) {
    const fits = (item) => Object.entries(fields).every(([name, value]) => JSON.stringify(item[name]) === JSON.stringify(value));
    return this.heard.find(fits, () => `${JSON.stringify(fields)}; it said ${this.stderr}`, { from });
  }

  // What it heard of an event of a channel.
  events(channel, event) {
    return this.heard.items.filter((item) => item.what === "event" && item.channel === channel && item.event === event).map(({ data }) => data);
  }

  async stop() {
    this.child.kill("SIGKILL");
    await within(this.child.ended, `${this.name} to end`);
  }
}
