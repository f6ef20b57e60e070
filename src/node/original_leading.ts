/**
 * Elections under an original client, which has neither a request id nor patience: a node that
 * knows no leader keeps its call until it does, and what became of a request that lost its leader
 * is found out here, since that client could only ask for it again. Owns both waits.
 *
 * @module
 */

import { findOutcome } from "../chat/queries.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { compareTerms, maxTerm, ZERO_TERM } from "../raft/term.ts";
import type { Term } from "../raft/types.ts";
import { pause } from "./pause.ts";
import type { ServiceOptions } from "./service_parts.ts";

/** What the calls of original clients ask of the protocol. */
export class OriginalLeading {
  readonly #options: Pick<ServiceOptions, "driver" | "reader" | "clock">;
  /** Newest term in which this node led. */
  #led: Term = ZERO_TERM;
  #waiting = 0;

  constructor(options: Pick<ServiceOptions, "driver" | "reader" | "clock">) {
    this.#options = options;
    options.driver.onRole(({ role, term }) => {
      if (role === "leader") this.#led = maxTerm(this.#led, term);
    });
  }

  /** Resolves if this node leads, with its state as new as can be; throws what it is instead. */
  async lead(signal: AbortSignal): Promise<void> {
    const { driver, clock } = this.#options;
    const until = clock.mono() + limits.originalElectionMsMax;
    while (true) {
      // Listened to before it is asked: nothing can change unheard between the two.
      const news = new News((heard) => driver.onRole(heard));
      try {
        return await driver.readIndex();
      } catch (thrown) {
        const error = ChatError.from(thrown);
        const left = until - clock.mono();
        const mayWait = error.reason === "NO_LEADER" && left > 0 && !signal.aborted &&
          this.#waiting < limits.originalWaitingMax;
        if (!mayWait) throw error;
        this.#waiting += 1;
        await pause(clock, left, AbortSignal.any([signal, news.heard]));
        this.#waiting -= 1;
      } finally {
        news.end();
      }
    }
  }

  /**
   * What became of a request that ended with `lost`, as this node sees it, leading or not. Resolves
   * if it happened; throws what refused it, `NO_LEADER` if it is certain that it did not and never
   * will happen, and `lost` if that is not known by the end of the signal.
   */
  async settle(requestId: string, lost: ChatError, signal: AbortSignal): Promise<void> {
    const { driver, reader } = this.#options;
    // It was put into this node's log in that term, or in one before.
    const led = this.#led;
    while (true) {
      const news = new News((heard) => driver.onApplied(heard));
      try {
        // Before the look: the state is at least as new as that.
        const applied = driver.appliedPosition().term;
        const decided = await findOutcome(reader, requestId);
        if (decided !== null) {
          const { outcome } = decided;
          if (outcome.ok) return;
          throw new ChatError(outcome.reason, outcome.message);
        }
        // Terms never decrease along a log: its place is behind what is applied, and not its own.
        if (compareTerms(applied, led) > 0) throw neverHappened(lost);
        if (signal.aborted) throw lost;
        await news.within(signal);
      } finally {
        news.end();
      }
    }
  }
}

function neverHappened(cause: ChatError): ChatError {
  const text = "The request was lost with its leader and did not happen: try another node";
  return new ChatError("NO_LEADER", text, { cause });
}

/** One thing that may be heard of, from now on. */
class News {
  readonly #controller = new AbortController();
  readonly #forget: () => void;

  constructor(listen: (heard: () => void) => () => void) {
    this.#forget = listen(() => this.#controller.abort());
  }

  get heard(): AbortSignal {
    return this.#controller.signal;
  }

  /** Resolves once it is heard of, or at the end of the signal. */
  async within(signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.heard]);
    if (either.aborted) return;
    await new Promise<void>((resolve) => {
      either.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  end(): void {
    this.#forget();
  }
}
