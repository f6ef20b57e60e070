/**
 * Proposals from the caller to the applied outcome: those of one turn reach the core together,
 * each then waits at its log index (DESIGN §4, §8). Owns what may be told to a caller, and when:
 * an outcome only once it is applied here; never retries on its own.
 *
 * Only so many are on their way to their commit at once; the others wait for their author's turn,
 * since what is on its way is decided in order, and whoever comes later waits for all of it.
 *
 * @module
 */

import { assert } from "../assert.ts";
import type { Command, Outcome } from "../chat/command.ts";
import { ChatError } from "../errors.ts";
import { FairQueue } from "../fair_queue.ts";
import { limits } from "../limits.ts";
import type { Input, Refusal } from "../raft/io.ts";
import { sameTerm } from "../raft/term.ts";
import type { Entry, Index, Term } from "../raft/types.ts";
import type { Proposed } from "./driver_api.ts";
import type { DriverMeasures, DriverQueues } from "./measures.ts";
import type { Clock } from "./ports.ts";

/** What {@linkcode Proposals} need and whom they tell. */
export interface ProposalsOptions {
  readonly clock: Clock;
  readonly measures: DriverMeasures;
  readonly step: (input: Input) => void;
  /** A refusal of the core as the error that a caller sees. */
  readonly refused: (refusal: Refusal) => ChatError;
}

interface Proposal {
  readonly data: Uint8Array;
  /** Monotonic ms at which the caller has waited long enough. */
  readonly until: number;
  readonly resolve: (proposed: Proposed) => void;
  readonly reject: (error: ChatError) => void;
  /** The caller has gone with `COMMIT_TIMEOUT`; its entry still takes up room. */
  timedOut: boolean;
  /** It is on its way, no matter where. */
  begun: boolean;
}

interface Waiting {
  readonly proposal: Proposal;
  readonly term: Term;
}

/** All proposals of this node that are not decided yet: bounded by count and by bytes. */
export class Proposals {
  readonly #options: ProposalsOptions;
  /** By author. */
  readonly #queued = new FairQueue<Proposal>(1);
  /** Taken from the queue and not decided: fresh, handed or waiting. */
  #begun = 0;
  #fresh: Proposal[] = [];
  /** Handed to the core, not yet answered; by the id of the propose input. */
  readonly #handed = new Map<number, readonly Proposal[]>();
  /** In the log, by index, in rising order. */
  readonly #waiting = new Map<Index, Waiting>();
  #lastId = 0;
  #count = 0;
  #bytes = 0;

  constructor(options: ProposalsOptions) {
    this.#options = options;
  }

  /** What is not decided yet. */
  get queues(): Pick<DriverQueues, "proposals" | "proposalBytes"> {
    return { proposals: this.#count, proposalBytes: this.#bytes };
  }

  /** Queues a command for the proposal of this turn, or of the one in which it is the author's. */
  propose(data: Uint8Array, author = ""): Promise<Proposed> {
    const full = this.#count >= limits.proposalsPendingMax ||
      this.#bytes + data.byteLength > limits.proposalBytesPendingMax;
    if (full) return Promise.reject(overloaded());
    this.#count++;
    this.#bytes += data.byteLength;
    const until = this.#options.clock.mono() + limits.commitWaitMsMax;
    return new Promise((resolve, reject) => {
      const proposal = { data, until, resolve, reject, timedOut: false, begun: false };
      this.#queued.push([author], proposal);
      this.#begin();
    });
  }

  /** Effect `proposed`: the entries are in this node's log, and may or may not commit. */
  proposed(id: number, place: { readonly firstIndex: Index; readonly term: Term }): void {
    let index = place.firstIndex;
    for (const proposal of this.#take(id)) {
      assert(!this.#waiting.has(index), `Two proposals at index ${index}`);
      this.#waiting.set(index++, { proposal, term: place.term });
    }
  }

  /** Effect `notProposed`: none of them happened. */
  notProposed(id: number, refusal: Refusal): void {
    for (const proposal of this.#take(id)) this.#fail(proposal, this.#options.refused(refusal));
  }

  /** These entries are applied here: whoever waits at their indexes learns what came of it. */
  applied(entries: readonly Entry[], outcomes: ReadonlyMap<Index, Outcome>): void {
    if (this.#waiting.size === 0) return;
    for (const { index, term } of entries) {
      const waiting = this.#waiting.get(index);
      if (waiting === undefined) continue;
      this.#waiting.delete(index);
      if (sameTerm(waiting.term, term)) this.#succeed(waiting, index, outcomes.get(index));
      else this.#fail(waiting.proposal, leadershipLost());
    }
  }

  /** A snapshot replaced the state up to here: what came of these entries is not known here. */
  installed(through: Index): void {
    this.#failWhere((index) => index <= through);
  }

  /**
   * This node leads in no other term than `leads`. Entries up to `through` are committed, so
   * their outcome is on its way; those of other terms above it may yet happen or not.
   */
  leadershipLost(leads: Term | null, through: Index): void {
    this.#failWhere((index, { term }) =>
      index > through && (leads === null || !sameTerm(term, leads))
    );
  }

  /** Takes from the queue what there is room for. */
  #begin(): void {
    while (this.#begun < limits.proposalsBegunMax) {
      const proposal = this.#queued.shift();
      if (proposal === undefined) return;
      if (proposal.until <= this.#options.clock.mono()) {
        this.#fail(proposal, overloaded());
        continue;
      }
      proposal.begun = true;
      this.#begun++;
      this.#fresh.push(proposal);
      if (this.#fresh.length === 1) this.#options.clock.defer(() => this.#flush());
    }
  }

  /** Answers those that have waited too long. */
  expire(now: number): void {
    for (const { proposal } of this.#waiting.values()) {
      if (proposal.timedOut || proposal.until > now) continue;
      proposal.timedOut = true;
      proposal.reject(
        new ChatError(
          "COMMIT_TIMEOUT",
          "The write was not confirmed in time and may still happen: retry it with the same request id",
        ),
      );
    }
  }

  /** The node stops: what the core has not seen did not happen, the rest may have. */
  close(): void {
    const unseen = this.#fresh;
    this.#fresh = [];
    for (let one = this.#queued.shift(); one; one = this.#queued.shift()) unseen.push(one);
    for (const proposal of unseen) {
      this.#fail(proposal, new ChatError("SHUTTING_DOWN", "The node is stopping: try another"));
    }
    for (const id of [...this.#handed.keys()]) {
      for (const proposal of this.#take(id)) this.#fail(proposal, leadershipLost());
    }
    this.#failWhere(() => true);
  }

  #flush(): void {
    // In the bounds of one append each, so that one proposal is never more than a core's turn.
    while (this.#fresh.length > 0) {
      const proposals = this.#fresh.splice(0, limits.appendEntriesMax);
      const id = ++this.#lastId;
      this.#handed.set(id, proposals);
      this.#options.step({ kind: "propose", id, commands: proposals.map((one) => one.data) });
    }
  }

  #take(id: number): readonly Proposal[] {
    const proposals = this.#handed.get(id);
    assert(proposals !== undefined, `The core answered proposal ${id}, which it was not given`);
    this.#handed.delete(id);
    return proposals;
  }

  #failWhere(decided: (index: Index, waiting: Waiting) => boolean): void {
    for (const [index, waiting] of [...this.#waiting]) {
      if (!decided(index, waiting)) continue;
      this.#waiting.delete(index);
      this.#fail(waiting.proposal, leadershipLost());
    }
  }

  #succeed(waiting: Waiting, index: Index, outcome: Outcome | undefined): void {
    assert(outcome !== undefined, `The command at ${index} was applied without an outcome`);
    this.#release(waiting.proposal);
    const begun = waiting.proposal.until - limits.commitWaitMsMax;
    this.#options.measures.committed(this.#options.clock.mono() - begun);
    waiting.proposal.resolve({ outcome, index, term: waiting.term });
  }

  #fail(proposal: Proposal, error: ChatError): void {
    this.#release(proposal);
    if (!proposal.timedOut) proposal.reject(error);
  }

  #release(proposal: Proposal): void {
    this.#count--;
    this.#bytes -= proposal.data.byteLength;
    if (!proposal.begun) return;
    this.#begun--;
    this.#begin();
  }
}

/** Whose turn a command takes: its account's; what makes accounts, or is no account's, has one. */
export function authorOf(command: Command): string {
  return "accountId" in command && command.kind !== "createAccount" ? command.accountId : "";
}

function overloaded(): ChatError {
  return new ChatError("OVERLOADED", "Too many writes wait for their commit: try again later", {
    retryAfterMs: limits.overloadRetryMs,
  });
}

function leadershipLost(): ChatError {
  return new ChatError(
    "LEADERSHIP_LOST",
    "The node no longer leads and the write may still happen: retry it with the same request id",
  );
}
