/**
 * A few people who send all the time, each the next message once the last one is acknowledged.
 * Owns the count of acknowledgements; what happens to the cluster meanwhile is the caller's.
 *
 * @module
 */

import type { ChatClient } from "../src/client/chat_client.ts";
import { openChat } from "../src/client/open.ts";

const PASSWORD = "measured with care";

/** Writers that go on until they are stopped. */
export class SteadyWriter {
  readonly #client: ChatClient;
  readonly #name: string;
  readonly #sending: readonly Promise<void>[];
  #acknowledged = 0;
  #stopped = false;

  private constructor(client: ChatClient, options: { readonly name: string; senders: number }) {
    this.#client = client;
    this.#name = options.name;
    this.#sending = Array.from({ length: options.senders }, () => this.#send());
  }

  static async start(
    servers: readonly string[],
    options: { readonly name: string; readonly senders: number },
  ): Promise<SteadyWriter> {
    const client = openChat({ servers });
    await client.createAccount(options.name, PASSWORD);
    await client.login(options.name, PASSWORD);
    return new SteadyWriter(client, options);
  }

  /** Acknowledged messages a second while `work` goes on. */
  async rateDuring(work: () => Promise<unknown>): Promise<number> {
    const [before, began] = [this.#acknowledged, performance.now()];
    await work();
    return (this.#acknowledged - before) * 1_000 / (performance.now() - began);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#sending);
    this.#client.close();
  }

  async #send(): Promise<void> {
    while (!this.#stopped) {
      await this.#client.send(this.#name, "and on it goes");
      this.#acknowledged++;
    }
  }
}
