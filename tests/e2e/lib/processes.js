// Programs of others that a test runs: PHP, redis-server, clients in other languages. They end with the suite at the latest.
import { spawn, spawnSync } from "node:child_process";

const living = new Set();
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

export function started(command, args, options) {
  const child = spawn(command, args, options);
  living.add(child);
  child.ended = new Promise((done) => child.on("close", (code, signal) => done({ code, signal })));
  child.ended.then(() => living.delete(child));
  return child;
}

// Runs a command to its end; a command that is not there ends with 127.
export async function ran(command, args, options = {}) {
  const child = started(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) child[name].setEncoding("utf8").on("data", (text) => (said[name] += text));
  const missing = new Promise((done) => child.once("error", ({ message }) => done({ code: 127, signal: null, missing: message })));
  return { ...(await Promise.race([child.ended, missing])), ...said };
}

// PHP is there, with its extensions and these parts of Illuminate.
export function phpHas(parts, extensions = []) {
  const conditions = [...parts.map((part) => `stream_resolve_include_path('Illuminate/${part}/autoload.php')`), ...extensions.map((name) => `extension_loaded('${name}')`)];
  const php = spawnSync("php", ["-r", `exit(${conditions.join(" && ")} ? 0 : 1);`]);
  return !php.error && php.status === 0;
}
