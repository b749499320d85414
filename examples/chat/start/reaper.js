// Ends what a killed launcher leaves behind: its parts are told here, and the pipe closes when the launcher is gone.
const pids = new Set();
let text = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (chunk) => {
  const lines = (text + chunk).split("\n");
  text = lines.pop();
  for (const line of lines) pids[line[0] === "+" ? "add" : "delete"](Number(line.slice(1)));
});
process.stdin.on("end", () => {
  for (const pid of pids) {
    try {
      process.kill(-pid, "SIGTERM"); // with its workers: each part leads a group
    } catch {
      // Gone already.
    }
  }
});
