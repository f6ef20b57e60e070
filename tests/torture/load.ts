/**
 * Everybody who uses the cluster during a torture run: writers, subscribers, people who come and
 * go. Owns their accounts, their start and their end.
 *
 * @module
 */

import { openChat } from "../../mod.ts";
import type { Random } from "../../src/sim/random.ts";
import { until } from "../cluster/wait.ts";
import { Accounts } from "./accounts.ts";
import type { KeptMessage } from "./checker.ts";
import { Subscribers } from "./subscribers.ts";
import { PASSWORD, Writers } from "./writers.ts";

const WRITERS = ["writer1", "writer2", "writer3", "writer4"];
const RECEIVERS = ["reader1", "reader2", "reader3"];
/** Longest that one account may take to begin, ms: before the first fault nothing is measured. */
const BEGIN_MS_MAX = 120_000;
/** Longest that subscribers may take to be handed the last messages once all is quiet, ms. */
const DELIVERY_MS_MAX = 20_000;

export interface LoadOptions {
  readonly servers: readonly string[];
  readonly random: Random;
  readonly onProblem: (text: string) => void;
}

/** All clients of a run. */
export class Load {
  readonly writers: Writers;
  readonly subscribers: Subscribers;
  readonly accounts: Accounts;

  private constructor(writers: Writers, subscribers: Subscribers, accounts: Accounts) {
    this.writers = writers;
    this.subscribers = subscribers;
    this.accounts = accounts;
  }

  /** Makes the accounts and begins; the cluster must be whole. */
  static async start({ servers, random, onProblem }: LoadOptions): Promise<Load> {
    const client = openChat({ servers });
    try {
      for (const name of [...WRITERS, ...RECEIVERS]) {
        await client.createAccount(name, PASSWORD, { timeoutMs: BEGIN_MS_MAX });
      }
    } finally {
      client.close();
    }
    const subscribers = await Subscribers.start({
      servers,
      receivers: RECEIVERS,
      beginMsMax: BEGIN_MS_MAX,
      onProblem,
    });
    const writers = await Writers.start({
      servers,
      writers: WRITERS,
      receivers: RECEIVERS,
      random,
      beginMsMax: BEGIN_MS_MAX,
      onProblem,
    });
    const accounts = new Accounts({ servers, random: random.fork("accounts"), onProblem });
    accounts.start();
    return new Load(writers, subscribers, accounts);
  }

  get receivers(): readonly string[] {
    return RECEIVERS;
  }

  /** Nobody asks for anything new; resolves once everything on its way has come to an end. */
  async stop(): Promise<void> {
    await Promise.all([this.writers.stop(), this.accounts.stop()]);
  }

  /** Waits until the subscribers were handed as much as there is; the checker says what is not. */
  async delivered(messages: readonly KeptMessage[]): Promise<void> {
    const expected = new Map(
      RECEIVERS.map((name) => [name, messages.filter(({ to }) => to === name).length]),
    );
    const isDone = () =>
      this.subscribers.streams.every(({ receiver, received }) =>
        received.length >= (expected.get(receiver) ?? 0)
      );
    await until(isDone, { what: "the last messages", ms: DELIVERY_MS_MAX }).catch(() => {});
  }

  close(): void {
    this.writers.close();
    this.subscribers.close();
  }
}
