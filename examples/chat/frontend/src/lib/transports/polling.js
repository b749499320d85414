// As it was before: nothing is connected, and the pages ask every three seconds (src/hooks/usePolling.js).
export class PollingTransport {
  kind = "polling";
  client = null;
  state = "connected";
  socketId = undefined;

  subscribe() {
    return () => {};
  }

  whisper() {
    return false;
  }

  retry() {}
  close() {}
}
