// Ends what a killed launcher leaves behind: its parts are told here, and the pipe closes when the launcher is gone.
const END_MS = 15_000;
const pids = new Set();
let text = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => {
  const lines = (text + chunk).split("\n");
  text = lines.pop();
  for (const line of lines) pids[line[0] === "+" ? "add" : "delete"](Number(line.slice(1)));
});
process.stdin.on("end", () => {
  tell("SIGTERM");
  // Who does not listen is killed, as the launcher does it.
  const end = performance.now() + END_MS;
  const timer = setInterval(() => {
    tell(0);
    if (pids.size > 0 && performance.now() < end) return;
    clearInterval(timer);
    tell("SIGKILL");
  }, 200);
});

// With its workers: each part leads a group. One that is gone is forgotten, its number may be given to another.
function tell(signal) {
  for (const pid of pids) {
    try {
      process.kill(-pid, signal);
    } catch {
      pids.delete(pid);
    }
  }
}
