/** @type {import("next").NextConfig} */
export default {
  reactStrictMode: true,
  poweredByHeader: false,
  // Beside node_modules, where ./parley.sh looks whether it was built.
  distDir: "dist",
  // @parley/client is a folder of this repository, outside of this one.
  outputFileTracingRoot: new URL("../../..", import.meta.url).pathname,
};
