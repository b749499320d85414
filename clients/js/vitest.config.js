// Each file starts a server of its own; two at a time leave room for it.
import { defineConfig } from "vitest/config";

// A wait ends before its test does, so that it can say what did not come; an old pusher-js may pause for 15 s and then
// for 30 s before it tries again.
process.env.PARLEY_E2E_DEADLINE_MS ??= "50000";

export default defineConfig({
  esbuild: { jsx: "automatic" },
  test: {
    include: ["test/**/*.test.{js,jsx}"],
    environment: "node",
    testTimeout: 110_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    minWorkers: 1,
    reporters: ["default", "./test/tap_summary.js"],
  },
});
