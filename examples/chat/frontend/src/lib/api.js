// The API as the browser asks it. Every call has an end, and what went wrong has words.
const timeoutMs = 15_000;

export class ApiError extends Error {
  /** @param {number} status 0: no answer */
  constructor(status, message) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

export class Api {
  #url;
  /** The connection that our own broadcasts leave out. @type {() => string | undefined} */
  socketId = () => undefined;
  /** The session is over. @type {() => void} */
  onSignedOut = () => {};

  constructor(url) {
    this.#url = url;
  }

  get(path) {
    return this.#ask("GET", path);
  }

  /** @param {{ keepalive?: boolean }} [options] `keepalive`: also if the page goes meanwhile */
  post(path, body, options) {
    return this.#ask("POST", path, body, options);
  }

  login(email, password) {
    return this.#ask("POST", "/api/login", { email, password }, { expectRefusal: true });
  }

  async #ask(method, path, body, { expectRefusal = false, keepalive = false } = {}) {
    const headers = { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const socketId = this.socketId();
    if (method !== "GET" && socketId) headers["X-Socket-ID"] = socketId;
    let answer;
    let said;
    try {
      answer = await fetch(`${this.#url}${path}`, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: "include",
        cache: "no-store",
        keepalive,
        signal: AbortSignal.timeout(timeoutMs),
      });
      said = answer.status === 204 ? null : await answer.json().catch(() => ({}));
    } catch {
      throw new ApiError(0, navigator.onLine ? "The server does not answer." : "You are offline.");
    }
    if (answer.status === 401 && !expectRefusal) this.onSignedOut();
    if (!answer.ok) throw new ApiError(answer.status, said?.message || `The server answered ${answer.status}.`);
    return said;
  }
}

const pauses = [500, 1000, 2000, 4000, 8000];

/**
 * Asks again while the server is away or busy, for what a page cannot do without.
 * @param {() => Promise<any>} ask
 * @param {{ attempts?: number, signal?: AbortSignal }} [options] `signal` ends the attempts, and the promise stays open
 */
export async function persistently(ask, { attempts = 6, signal } = {}) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      const passing = error instanceof ApiError && (error.status === 0 || error.status === 429 || error.status >= 500);
      if (!passing || attempt >= attempts) throw error;
      await new Promise((done) => setTimeout(done, pauses[Math.min(attempt, pauses.length) - 1] * (0.75 + Math.random() / 2)));
      if (signal?.aborted) return new Promise(() => {});
    }
  }
}
