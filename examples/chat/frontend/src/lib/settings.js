// What the deployment says, read by the server at each request: one build runs everywhere. Pages get it as properties.
import "server-only";

const modes = ["parley", "echo", "socketio", "polling"];

export function settings() {
  const env = { ...process.env }; // a copy: `process.env.NEXT_PUBLIC_…` itself would be what it was at the build
  const realtime = env.NEXT_PUBLIC_REALTIME || "parley";
  if (!modes.includes(realtime)) throw new Error(`NEXT_PUBLIC_REALTIME is ${realtime}; it may be ${modes.join(", ")}`);
  return {
    apiUrl: env.NEXT_PUBLIC_API_URL ?? "",
    websocketUrl: env.NEXT_PUBLIC_WEBSOCKET_URL ?? "",
    appKey: env.NEXT_PUBLIC_PARLEY_APP_KEY ?? "",
    realtime,
  };
}

export const internalApiUrl = () => {
  const env = { ...process.env };
  return env.API_URL_INTERNAL || env.NEXT_PUBLIC_API_URL || "http://127.0.0.1:8000";
};
