// What is needed to run clients/ in Go, Java and Rust, made once. Each gives `{ skip, program(t, name, …arguments) }`: `skip`
// says what is missing, or is false. A compiler that is there and does not like our program is a failure.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { made } from "./made.js";
import { ran } from "./processes.js";
import { Program } from "./program.js";
import { environment } from "./python.js";

const clients = join(dirname(fileURLToPath(import.meta.url)), "../clients");
const sources = (folder) => readdirSync(join(clients, folder)).sort().map((file) => readFileSync(join(clients, folder, file), "utf8"));
const last = ({ stdout, stderr }) => (stderr.trim() || stdout.trim()).split("\n").slice(-3).join(" ");

class Unavailable extends Error {}

// A tool whose version decides whether what was made is still good.
async function version(command, args, name = command) {
  const answer = await ran(command, args);
  if (answer.code !== 0) throw new Unavailable(`${name} is not installed`);
  return answer.stdout + answer.stderr;
}

async function fetched(command, args, what, options) {
  const answer = await ran(command, args, options);
  if (answer.code !== 0) throw new Unavailable(`${what} could not be fetched: ${last(answer)}`);
}

async function compiled(command, args, options) {
  const answer = await ran(command, args, options);
  if (answer.code !== 0) throw new Error(`${command} ${args.join(" ")}: ${answer.stdout}${answer.stderr}`);
}

async function language(prepare) {
  try {
    return { skip: false, program: await prepare() };
  } catch (error) {
    if (error instanceof Unavailable) return { skip: error.message, program: null };
    throw error;
  }
}

export const go = () =>
  language(async () => {
    const tool = await version("go", ["version"]);
    const cwd = join(clients, "go");
    const folder = await made("go", [tool, ...sources("go")], async (into) => {
      await fetched("go", ["mod", "download"], "the Go modules", { cwd });
      await compiled("go", ["build", "-mod=readonly", "-buildvcs=false", "-o", join(into, "sdk"), "."], { cwd });
    });
    return (t, name, ...args) => Program.start(t, name, join(folder, "sdk"), args.map(String));
  });

// `name`: the class.
export const java = () =>
  language(async () => {
    const tools = [await version("javac", ["-version"]), await version("mvn", ["-v"], "maven")];
    if (!(Number(/^javac (\d+)/.exec(tools[0])?.[1]) >= 11)) throw new Unavailable(`javac is older than 11: ${tools[0].trim()}`);
    const folder = await made("java", [...tools, ...sources("java")], async (into) => {
      const copy = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies";
      await fetched("mvn", ["-q", "-B", "-f", join(clients, "java/pom.xml"), copy, `-DoutputDirectory=${join(into, "lib")}`], "the Java packages");
      const files = readdirSync(join(clients, "java")).filter((file) => file.endsWith(".java"));
      await compiled("javac", ["-d", join(into, "classes"), "-cp", join(into, "lib/*"), ...files.map((file) => join(clients, "java", file))]);
    });
    return (t, name, ...args) => Program.start(t, `${name}.java`, "java", ["-XX:TieredStopAtLevel=1", "-cp", `${join(folder, "classes")}:${join(folder, "lib/*")}`, name, ...args.map(String)]);
  });

export const rust = () =>
  language(async () => {
    const tool = await version("cargo", ["--version"]);
    const [, major, minor] = /^cargo (\d+)\.(\d+)/.exec(tool);
    if (Number(major) === 1 && Number(minor) < 85) throw new Unavailable(`cargo is older than 1.85: ${tool.trim()}`);
    const folder = await made("rust", [tool, ...sources("rust")], async (into) => {
      // Cargo writes a lock file beside the manifest, and ours has none.
      const place = join(into, "source");
      await compiled("cp", ["-r", join(clients, "rust"), place]);
      await fetched("cargo", ["fetch", "--quiet"], "the Rust crates", { cwd: place });
      await compiled("cargo", ["build", "--quiet", "--offline", "--target-dir", join(into, "target")], { cwd: place });
    });
    return (t, name, ...args) => Program.start(t, name, join(folder, "target/debug/client"), args.map(String));
  });

// `name`: the file.
export const python = (packages) =>
  language(async () => {
    const { python: command, skip } = await environment(packages);
    if (skip) throw new Unavailable(skip);
    return (t, name, ...args) => Program.start(t, name, command, ["-u", join(clients, "python", name), ...args.map(String)], { env: { PYTHONDONTWRITEBYTECODE: "1" } });
  });
