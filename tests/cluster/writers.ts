/**
 * Clients that write all the time while nodes fall and rise. Owns what they sent and what was
 * acknowledged; it never stops for an error, since a client that keeps trying must get through.
 *
 * @module
 */

import type { ChatClient } from "../../src/client/chat_client.ts";
import { systemClock } from "../../src/client/clock.ts";
import { openChat } from "../../src/client/open.ts";
import { newRequestId } from "../../src/client/request_id.ts";
import type { SeenMessage, Written } from "./history.ts";
import { until } from "./wait.ts";

/** Everyone writes to this account, so that one conversation each shows what is there. */
export const RECEIVER = "receiver";
const PASSWORD = "a long enough password";

export interface WritersOptions {
  /** Client addresses of the cluster. */
  readonly servers: readonly string[];
  /** How many accounts write, one message at a time each. */
  readonly senders: number;
  /** Messages a second, all together. */
  readonly perSecond: number;
}

/** Accounts that send numbered messages to one receiver, at a steady rate. */
export class Writers {
  readonly #clients: readonly ChatClient[];
  readonly #intervalMs: number;
  readonly #clock = systemClock();
  readonly #acknowledged: SeenMessage[] = [];
  readonly #waiting = new Set<string>();
  /** Requests given up without an answer, at the end. */
  readonly errors: string[] = [];
  #running: Promise<void>[] = [];
  #stopped = false;
  /** Longest time without any acknowledgement so far, ms. */
  #pauseMsMax = 0;
  #lastMs = performance.now();

  private constructor(clients: readonly ChatClient[], options: WritersOptions) {
    this.#clients = clients;
    this.#intervalMs = 1_000 * options.senders / options.perSecond;
  }

  /** Makes the accounts, logs them in and begins. */
  static async start(options: WritersOptions): Promise<Writers> {
    const names = Array.from({ length: options.senders }, (_, index) => `sender${index + 1}`);
    const clients = await Promise.all(
      [RECEIVER, ...names].map(async (name) => {
        const client = openChat({ servers: options.servers });
        await client.createAccount(name, PASSWORD);
        await client.login(name, PASSWORD);
        return client;
      }),
    );
    const writers = new Writers(clients, options);
    writers.#lastMs = performance.now();
    writers.#running = writers.senders.map((client) => writers.#write(client));
    return writers;
  }

  /** The clients that write. */
  get senders(): readonly ChatClient[] {
    return this.#clients.slice(1);
  }

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  /** What was acknowledged until now. */
  acknowledgedSoFar(): readonly SeenMessage[] {
    return [...this.#acknowledged];
  }

  /** Longest time without any acknowledgement since the last call of this, ms. */
  takePauseMs(): number {
    const longest = Math.max(this.#pauseMsMax, performance.now() - this.#lastMs);
    this.#pauseMsMax = 0;
    return longest;
  }

  /** Resolves once so many more messages are acknowledged than now. */
  async more(count: number, what: string): Promise<void> {
    const goal = this.acknowledged + count;
    await until(() => this.acknowledged >= goal, {
      what: `${count} more messages ${what} (${this.errors.at(-1) ?? "no errors"})`,
      ms: 25_000,
    });
  }

  /** Sends nothing more, waits for what is on its way, and says what is known. */
  async stop(): Promise<Written> {
    this.#stopped = true;
    await Promise.all(this.#running);
    return { acknowledged: this.#acknowledged, unanswered: [...this.#waiting] };
  }

  close(): void {
    this.#stopped = true;
    for (const client of this.#clients) client.close();
  }

  async #write(client: ChatClient): Promise<void> {
    const from = client.user ?? "";
    for (let number = 1; !this.#stopped; number++) {
      const due = performance.now() + this.#intervalMs;
      await this.#send(client, {
        id: newRequestId(this.#clock),
        from,
        body: `${from} says ${number}`,
      });
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    }
  }

  async #send(
    client: ChatClient,
    { id, from, body }: { readonly id: string; readonly from: string; readonly body: string },
  ): Promise<void> {
    this.#waiting.add(id);
    try {
      const { seq } = await client.send(RECEIVER, body, { requestId: id, timeoutMs: 30_000 });
      this.#waiting.delete(id);
      this.#acknowledged.push({ id, seq, from, body });
      const now = performance.now();
      this.#pauseMsMax = Math.max(this.#pauseMsMax, now - this.#lastMs);
      this.#lastMs = now;
    } catch (thrown) {
      this.errors.push(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }
}
