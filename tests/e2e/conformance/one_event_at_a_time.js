// Loaded before a suite: the WebSockets it makes deliver one event at a time, as those of browsers do.
//
// A suite waits for a message, then for the next. When both came with one read, `ws` delivers the second one before
// the code that waited for the first goes on, and the suite never sees it. Browsers cannot do that, nor can `ws` with
// this option.
let suites;
Object.defineProperty(globalThis, "WebSocket", {
  configurable: true,
  get: () => suites,
  set: (given) => {
    suites = class extends given {
      constructor(url, protocols, options) {
        super(url, protocols, { allowSynchronousEvents: false, ...options });
      }
    };
  },
});
