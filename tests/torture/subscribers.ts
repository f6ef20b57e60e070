/**
 * Clients that stay subscribed through all failovers. Owns what each was handed, in the order in
 * which it came; whether that is right the checker says.
 *
 * @module
 */

import { type ChatClient, ChatError, openChat } from "../../mod.ts";
import { until } from "../cluster/wait.ts";
import type { Received, Stream } from "./record.ts";
import { PASSWORD } from "./writers.ts";

/** One subscription of each receiver, or more. */
export class Subscribers {
  readonly #clients: ChatClient[] = [];
  readonly #streams: { readonly receiver: string; readonly received: Received[] }[] = [];
  readonly #end = new AbortController();

  /** Resolves once all of them are connected: from then on nothing may be missed. */
  static async start(options: {
    readonly servers: readonly string[];
    readonly receivers: readonly string[];
    /** Longest that one may take to begin, ms. */
    readonly beginMsMax: number;
    readonly onProblem: (text: string) => void;
  }): Promise<Subscribers> {
    const subscribers = new Subscribers();
    await Promise.all(options.receivers.map((receiver) => subscribers.#begin(receiver, options)));
    return subscribers;
  }

  get streams(): readonly Stream[] {
    return this.#streams;
  }

  close(): void {
    this.#end.abort();
    for (const client of this.#clients) client.close();
  }

  async #begin(
    receiver: string,
    { servers, beginMsMax, onProblem }: {
      readonly servers: readonly string[];
      readonly beginMsMax: number;
      readonly onProblem: (text: string) => void;
    },
  ): Promise<void> {
    const client = openChat({ servers });
    this.#clients.push(client);
    await client.login(receiver, PASSWORD, { timeoutMs: beginMsMax });
    const received: Received[] = [];
    this.#streams.push({ receiver, received });
    let isUp = false;
    const subscription = client.subscribe({
      signal: this.#end.signal,
      onMember: (member) => isUp ||= member !== null,
    });
    const follow = async () => {
      for await (const { id, seq } of subscription) received.push({ id, seq });
    };
    follow().catch((thrown) => {
      if (this.#end.signal.aborted) return;
      const { reason, message } = ChatError.from(thrown);
      onProblem(`The subscription of ${receiver} ended: ${reason}, ${message}`);
    });
    await until(() => isUp, { what: `the subscription of ${receiver}`, ms: beginMsMax });
  }
}
