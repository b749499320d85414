// Python with the packages of clients/python/NAME.txt, in a virtual environment of its own:
//   const { python, skip } = await environment("clients");
// `skip` says why there is none (no Python, nothing to fetch it from), or is false.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { made } from "./made.js";
import { ran } from "./processes.js";

const lists = join(dirname(fileURLToPath(import.meta.url)), "../clients/python");

class Unavailable extends Error {}

export async function environment(name) {
  const list = join(lists, `${name}.txt`);
  const version = await ran("python3", ["-c", "import sys, venv, ensurepip; print(sys.version, sys.prefix)"]);
  if (version.code !== 0) return { python: null, skip: "python3 with its venv module is not installed" };
  try {
    const folder = await made(`python-${name}`, [version.stdout, readFileSync(list, "utf8")], async (into) => {
      const steps = [
        ["python3", ["-m", "venv", into]],
        [join(into, "bin/python"), ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", list]],
      ];
      for (const [command, args] of steps) {
        const { code, stdout, stderr } = await ran(command, args);
        if (code !== 0) throw new Unavailable(`the packages of clients/python/${name}.txt could not be installed: ${(stderr || stdout).trim().split("\n").at(-1)}`);
      }
    });
    return { python: join(folder, "bin/python"), skip: false };
  } catch (error) {
    if (error instanceof Unavailable) return { python: null, skip: error.message };
    throw error;
  }
}
