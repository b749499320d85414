// Nodes of a cluster, for the suites that start several: real processes on the loopback.
import { Server } from "./server.js";
import { until } from "./wait.js";

// Where others reach it.
export const place = (server) => `127.0.0.1:${[...server.logText().matchAll(/listening for other nodes .*port=(\d+)/g)].at(-1)[1]}`;

// Into `started` before it is up, for who stops them all at the end of a test.
export async function startNode(started, name, config) {
  const server = new Server({ config, dev: true });
  started.push(server);
  await server.start();
  await until(() => server.logText().includes("listening for other nodes"), `${name} to listen`);
  return server;
}

// A metric of all of them together.
export async function sum(nodes, metric) {
  let all = 0;
  for (const node of nodes) all += (await node.metric(metric)) ?? 0;
  return all;
}
