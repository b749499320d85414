// Echo with pusher-js and @parley/client: positions, history, statuses.
import { attach } from "@parley/client";

import { EchoTransport, refusal } from "./echo";

export class ParleyTransport extends EchoTransport {
  kind = "parley";
  #parley;

  constructor(options) {
    super(options, { stock: false });
    this.client = this.echo;
    this.#parley = attach(this.echo, { activity: true });
  }

  subscribe(name, { subscribed, failed, gap, events = {} }) {
    const { value: channel, release } = this.#parley.channel(name);
    const stop = channel.listen({
      subscribed,
      gap,
      failed: (why) => failed?.(refusal(why)),
      event: ({ event, data }) => events[event]?.(data),
    });
    return () => {
      stop();
      release();
    };
  }

  whisper(name, event, data) {
    return this.#parley.peek(`channel:${name}`)?.whisper(event, data) ?? false;
  }

  close() {
    this.#parley.close();
    super.close();
  }
}
