// Programs of others that a test runs, PHP and redis-server. They end with the suite at the latest.
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

// PHP is there, with its extensions and these parts of Illuminate.
export function phpHas(parts, extensions = []) {
  const conditions = [...parts.map((part) => `stream_resolve_include_path('Illuminate/${part}/autoload.php')`), ...extensions.map((name) => `extension_loaded('${name}')`)];
  const php = spawnSync("php", ["-r", `exit(${conditions.join(" && ")} ? 0 : 1);`]);
  return !php.error && php.status === 0;
}
