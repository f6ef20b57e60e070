/**
 * A client that makes accounts, logs them in and out and deletes some, for as long as the run
 * lasts. Owns what it was told about each account and session; an outcome that it was not told
 * makes that account `unknown` for ever.
 *
 * @module
 */

import { type ChatClient, ChatError, openChat } from "../../mod.ts";
import type { Random } from "../../src/sim/random.ts";
import { wait } from "./pause.ts";
import type { AccountFact, SessionFact } from "./record.ts";
import { PASSWORD } from "./writers.ts";

/** Passwords cost CPU on purpose; the machine is needed for other things too. */
const PAUSE_MS = 1_500;
const CALL_MS_MAX = 30_000;

/** People who come and go. */
export class Accounts {
  readonly #servers: readonly string[];
  readonly #random: Random;
  readonly #onProblem: (text: string) => void;
  readonly accounts: AccountFact[] = [];
  readonly sessions: SessionFact[] = [];
  #running: Promise<void> = Promise.resolve();
  #stopped = false;
  /** Until it is resolved nobody new comes. */
  #pause: PromiseWithResolvers<void> | null = null;
  #living: Promise<void> = Promise.resolve();
  readonly #stop = Promise.withResolvers<void>();

  constructor(options: {
    readonly servers: readonly string[];
    readonly random: Random;
    readonly onProblem: (text: string) => void;
  }) {
    this.#servers = options.servers;
    this.#random = options.random;
    this.#onProblem = options.onProblem;
  }

  start(): void {
    this.#running = this.#run();
  }

  /**
   * Resolves once nothing is on its way, and nothing will be before {@linkcode resume}: while two
   * sides are parted, each ends sessions and accounts that the other one has.
   */
  async pause(): Promise<void> {
    this.#pause ??= Promise.withResolvers();
    await this.#living;
  }

  resume(): void {
    this.#pause?.resolve();
    this.#pause = null;
  }

  /** Resolves once nothing is on its way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.resume();
    this.#stop.resolve();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let number = 1; !this.#stopped; number++) {
      await this.#pause?.promise;
      if (this.#stopped) return;
      const client = openChat({ servers: this.#servers });
      this.#living = this.#oneLife(client, `guest${number}`).finally(() => client.close());
      await this.#living;
      await Promise.race([wait(PAUSE_MS), this.#stop.promise]);
    }
  }

  async #oneLife(client: ChatClient, name: string): Promise<void> {
    const account: AccountFact = { name, state: "unknown" };
    this.accounts.push(account);
    const made = await this.#try(name, () => client.createAccount(name, PASSWORD, timeout()));
    if (made === "refused") account.state = "gone";
    if (made !== "done") return;
    account.state = "there";
    if (await this.#try(name, () => client.login(name, PASSWORD, timeout())) !== "done") return;
    const session: SessionFact = {
      user: name,
      token: client.sessionState()?.token ?? "",
      state: "open",
    };
    this.sessions.push(session);
    const next = this.#random.next();
    if (next < 0.3) return;
    session.state = "unknown";
    const isDeletion = next < 0.6;
    if (isDeletion) account.state = "unknown";
    const ended = await this.#try(
      name,
      () => isDeletion ? client.deleteAccount(timeout()) : client.logout(timeout()),
    );
    if (ended === "done") session.state = "ended";
    if (ended === "refused") session.state = "open";
    if (isDeletion && ended === "done") account.state = "gone";
    if (isDeletion && ended === "refused") account.state = "there";
  }

  /** Whether it happened, if that is known. */
  async #try(name: string, call: () => Promise<unknown>): Promise<"done" | "refused" | "unknown"> {
    try {
      await call();
      return "done";
    } catch (thrown) {
      const error = ChatError.from(thrown);
      const isTrouble = !error.definite || error.reason === "NO_LEADER" ||
        error.reason === "OVERLOADED" || error.reason === "SHUTTING_DOWN" ||
        error.reason === "NOT_LEADER" || error.reason === "RATE_LIMITED";
      if (!isTrouble) this.#onProblem(`${name} was refused: ${error.reason}, ${error.message}`);
      return error.definite ? "refused" : "unknown";
    }
  }
}

function timeout(): { readonly timeoutMs: number } {
  return { timeoutMs: CALL_MS_MAX };
}
