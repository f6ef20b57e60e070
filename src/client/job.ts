/**
 * One call of a user, with all its attempts. Owns what is remembered from attempt to attempt:
 * the deadline, the backoff, whether anything may have happened, and the error that the user
 * sees in the end. It makes no attempt itself.
 *
 * @module
 */

import { ChatError, REASONS } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Silence } from "./address_book.ts";
import { backoffMs, type ClientClock } from "./clock.ts";
import { Deadline } from "./deadline.ts";

/** What every call may set. */
export interface CallOptions {
  /** The whole call, all attempts together, ms. */
  readonly timeoutMs?: number | undefined;
  /** Instead of `timeoutMs`: time that it shares with the calls before and after it. */
  readonly deadline?: Deadline | undefined;
  /** Gives the call up; what was sent may still happen. */
  readonly signal?: AbortSignal | undefined;
}

/** A call and what became of its attempts so far. */
export class Job {
  /** As in "Cannot send the message". */
  readonly what: string;
  readonly signal: AbortSignal | undefined;
  readonly deadline: Deadline;
  readonly #clock: ClientClock;
  #attempts = 0;
  /** Hints followed in a row without a pause. */
  #hops = 0;
  /** True once the request may have happened. */
  #indefinite = false;
  /** How the newest attempt ended, and the one before it. */
  #newest: ChatError | null = null;
  #before: ChatError | null = null;

  constructor(clock: ClientClock, what: string, options: CallOptions) {
    this.#clock = clock;
    this.what = what;
    this.signal = options.signal;
    this.deadline = options.deadline ??
      new Deadline(clock, options.timeoutMs ?? limits.callMsDefault);
  }

  /** True once the request may have happened, although nobody said so. */
  get isInDoubt(): boolean {
    return this.#indefinite;
  }

  /** Time left for an attempt, at most `max` ms. */
  leftMs(max: number): number {
    return Math.min(max, this.deadline.leftMs());
  }

  /** What is asked without time for an answer may be done all the same. */
  assertTimeLeft(): void {
    if (this.isOver(0)) throw this.exhausted(new ChatError("NO_LEADER", "no time was left"), []);
  }

  /** Takes note of a failed attempt; `sent` is false if the request never left. */
  failed(error: ChatError, sent: boolean): void {
    this.#attempts++;
    this.#before = this.#newest;
    this.#newest = error;
    if (sent && !error.definite) this.#indefinite = true;
  }

  /** True if the next hint may be followed at once; too many in a row are a circle. */
  mayHop(): boolean {
    this.#hops++;
    return this.#hops <= limits.hopsMax;
  }

  /** How long to pause before the next attempt, ms. */
  pauseMs(): number {
    this.#hops = 0;
    const options = { baseMs: limits.backoffMs, maxMs: limits.backoffMsMax };
    return backoffMs(this.#clock, this.#attempts, options);
  }

  /** True if the call cannot go on after a pause. */
  isOver(pauseMs: number): boolean {
    return this.signal?.aborted === true || pauseMs >= this.deadline.leftMs();
  }

  /** The error of a call that a server refused for good. */
  refused(error: ChatError): ChatError {
    return this.#indefinite ? inDoubt(error) : error;
  }

  /** The error of a call whose time is up; `silences` are of those that were tried. */
  exhausted(newest: ChatError, silences: readonly Silence[]): ChatError {
    // An attempt that the end of the time cut off says nothing: why it was made does. One that broke
    // before that says that whoever gave the reason is gone.
    const atEnd = this.signal?.aborted === true || this.leftMs(Infinity) <= limits.flightCheckMs;
    const isCut = atEnd && newest.reason === "NO_ANSWER" && this.#before !== null &&
      REASONS[this.#before.reason].retry === "wait";
    const last = isCut ? this.#before ?? newest : newest;
    const within = this.signal?.aborted
      ? "before it was given up"
      : `within ${Math.round(this.deadline.timeoutMs / 100) / 10} s`;
    const why = last.reason === "NO_ANSWER" ? silenceText(silences) : last.message;
    const text = `Cannot ${this.what} ${within}: ${why}`;
    if (this.#indefinite) return again(last, `${text} (it may have been done)`, true);
    // Nothing was ever sent that could have happened: that is definite, whatever came last.
    const reason = REASONS[last.reason].definite ? last.reason : "NO_LEADER";
    return new ChatError(reason, `${text}; check the servers, then try again`, { cause: last });
  }
}

/** The error of a request that may have been done by an attempt before the one that was refused. */
export function inDoubt(error: ChatError): ChatError {
  if (!error.definite) return error;
  return again(error, `${error.message} (but an earlier attempt may have been done)`, true);
}

/** Who did not answer, and what was in the way: said once if it is the same at all of them. */
function silenceText(silences: readonly Silence[]): string {
  const shown = silences.slice(0, 3);
  const more = silences.length > 3 ? ` or ${silences.length - 3} more` : "";
  const why = shown[0]?.why ?? null;
  if (shown.every((one) => one.why === why)) {
    const addresses = shown.map(({ address }) => address).join(", ");
    return `no answer from ${addresses}${more}${why === null ? "" : `: ${why}`}`;
  }
  const each = shown.map(({ address, why }) => why === null ? address : `${address} (${why})`);
  return `no answer from ${each.join(", ")}${more}`;
}

function again(error: ChatError, message: string, afterIndefinite: boolean): ChatError {
  return new ChatError(error.reason, message, {
    cause: error,
    afterIndefinite,
    ...(error.field === undefined ? {} : { field: error.field }),
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  });
}
