// `./parley.sh example`: starts the chat and stays until Ctrl-C, or until a part of it dies.
import { parseArgs } from "node:util";

import { Chat, people } from "./chat.js";

const usage = `usage: ./parley.sh example [--port N] [--fresh] [--directory D] [--no-pages]
  --port N       where the chat answers; without it 8080, or a free port when that is in use
  --fresh        forget messages, people and secrets of earlier runs
  --directory D  where they are kept (build/example)
  --no-pages     without Next.js: the API and the sockets alone
`;

function options() {
  let values;
  try {
    ({ values } = parseArgs({ options: { port: { type: "string" }, fresh: { type: "boolean" }, directory: { type: "string" }, parley: { type: "string" }, "no-pages": { type: "boolean" }, help: { type: "boolean" } } }));
  } catch (error) {
    stopWith(`${error.message}\n${usage}`, 2);
  }
  if (values.help) {
    process.stdout.write(usage);
    process.exit(0);
  }
  const port = values.port === undefined ? null : Number(values.port);
  if (port !== null && !(Number.isInteger(port) && port >= 1 && port <= 65535)) stopWith(`--port ${values.port}: a port is a number from 1 to 65535\n${usage}`, 2);
  return { ...values, port, next: !values["no-pages"] };
}

function stopWith(text, code) {
  process.stderr.write(text.endsWith("\n") ? text : `${text}\n`);
  process.exit(code);
}

let ending = null; // the end has begun, once
const end = (code) => (ending ??= chat.stop().then(() => process.exit(code)));

const chat = new Chat({
  ...options(),
  prefer: [8080],
  say: (text) => process.stderr.write(`${text}\n`),
  onEnd: (_, why) => {
    if (ending) return;
    process.stderr.write(`\n${why}\n\nthe rest ends too\n`);
    end(1);
  },
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => end(0));

try {
  await chat.start();
  if (!ending) {
    const whom = people.map(({ email, password, what }) => `  ${email.padEnd(18)} ${password}   ${what}\n`).join("");
    process.stdout.write(`chat ready ${chat.url}\n${whom}Parley ${chat.parleyUrl}, its metrics ${chat.metricsUrl}/metrics, logs in ${chat.directory}/logs; Ctrl-C ends all\n`);
  }
} catch (error) {
  if (!ending) {
    process.stderr.write(`${error.message}\n`);
    end(1);
  }
}
