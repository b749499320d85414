// What tests make out of other languages' packages. It stays below build/e2e, so that the next run finds it.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { started } from "./processes.js";

const place = resolve(dirname(fileURLToPath(import.meta.url)), "../../../build/e2e");

// The folder `name`, filled by `make(folder)` unless that was done for these very inputs (texts). Suites run side by side:
// one makes it, the others wait.
export async function made(name, inputs, make) {
  const folder = join(place, name);
  const stamp = join(place, `${name}.made`);
  const want = createHash("sha256").update(JSON.stringify([folder, process.arch, ...inputs])).digest("hex");
  const there = () => existsSync(folder) && existsSync(stamp) && readFileSync(stamp, "utf8") === want;
  if (there()) return folder;
  mkdirSync(place, { recursive: true });
  await alone(join(place, `${name}.lock`), async () => {
    if (there()) return;
    rmSync(stamp, { force: true });
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    await make(folder);
    writeFileSync(stamp, want);
  });
  return folder;
}

// The kernel takes the lock back when we die, however that happens.
async function alone(file, work) {
  const holder = started("flock", [file, "sh", "-c", "echo held; read _"], { stdio: ["pipe", "pipe", "inherit"] });
  holder.stdin.on("error", () => {});
  await new Promise((held, failed) => {
    holder.stdout.once("data", held);
    holder.once("error", failed);
    holder.ended.then(({ code }) => failed(new Error(`flock ${file} ended with ${code}`)));
  });
  try {
    await work();
  } finally {
    holder.stdin.end();
    await holder.ended;
  }
}
