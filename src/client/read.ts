/**
 * Requests that change nothing: any member answers them, as of the newest position this client
 * has seen (DESIGN §8). Owns the choice of the member: one that answers is kept, one that is
 * silent is overtaken by a second request elsewhere.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Answered } from "../rpc/api.ts";
import type { Job } from "./job.ts";
import type { Members } from "./members.ts";
import type { Request } from "./mutate.ts";
import type { Session } from "./session.ts";

type Outcome<T> =
  | { readonly ok: true; readonly answer: Answered<T>; readonly address: string }
  | { readonly ok: false; readonly error: ChatError; readonly address: string };

/** Reads from the members of one cluster. */
export class MemberReader {
  readonly #members: Members;
  readonly #session: Session;
  /** The member that answered last; clients spread because each picks its own. */
  #home: string | null = null;

  constructor(members: Members, session: Session) {
    this.#members = members;
    this.#session = session;
  }

  /** Makes the request until a member answers. Throws `ChatError` only. */
  async read<T>(call: { job: Job; request: Request<T> }): Promise<Answered<T>> {
    const members = this.#members;
    members.assertOpen();
    const { job } = call;
    job.assertTimeLeft();
    let target = this.#pick();
    for (;;) {
      const outcome = await this.#race(target, call);
      if (outcome.ok) {
        this.#home = outcome.address;
        return outcome.answer;
      }
      const { error } = outcome;
      job.failed(error, false);
      if (members.isFinal(error)) throw error;
      const pauseMs = (error.retryAfterMs ?? 0) + (job.mayHop() ? 0 : job.pauseMs());
      if (job.isOver(pauseMs)) throw job.exhausted(error, members.book.silences());
      if (pauseMs > 0) await members.pause(pauseMs, { untilLeader: false, signal: job.signal });
      members.assertOpen();
      target = await this.#instead(outcome.address, error);
    }
  }

  #pick(): string {
    const { book } = this.#members;
    if (this.#home === null || book.isSkipped(this.#home)) this.#home = book.any();
    return this.#home;
  }

  /** A member that lags is best replaced by the leader, one that is silent by any other. */
  async #instead(address: string, error: ChatError): Promise<string> {
    const { tracker, book } = this.#members;
    if (error.reason !== "NOT_UP_TO_DATE") return book.next(address);
    // Who leads is looked for where somebody writes: a client that only reads has to ask itself.
    if (tracker.current() === null) tracker.check();
    else if (tracker.current() === address) await this.#seeAsLeader(address);
    const leader = tracker.current();
    return leader === null || leader === address ? book.next(address) : leader;
  }

  /**
   * A leader of a later term than the position's has all that was ever accepted: what it lacks is on
   * a history that lost, and its own position is what to ask for from now on. By its own word: who
   * led when it was last heard may only lag, and what it names then is older and changes nothing.
   */
  async #seeAsLeader(address: string): Promise<void> {
    const answer = await this.#members.pool.ask(address).catch(() => null);
    if (answer?.leader === address) this.#session.see(answer.info.position);
  }

  /** Asks one member, and a second one if the first is slow; the first good answer wins. */
  #race<T>(first: string, call: { job: Job; request: Request<T> }): Promise<Outcome<T>> {
    const { clock, book } = this.#members;
    return new Promise((resolve) => {
      const controller = new AbortController();
      let open = 0;
      const done = (outcome: Outcome<T>) => {
        cancelHedge();
        resolve(outcome);
        controller.abort();
      };
      const begin = (address: string) => {
        open++;
        this.#ask(address, controller.signal, call).then((outcome) => {
          open--;
          if (outcome.ok || this.#members.isFinal(outcome.error) || open === 0) done(outcome);
        });
      };
      const cancelHedge = clock.after(limits.readHedgeMs, () => begin(book.next(first)));
      if (call.job.signal?.aborted) controller.abort();
      call.job.signal?.addEventListener("abort", () => controller.abort(), {
        signal: controller.signal,
      });
      begin(first);
    });
  }

  /** Which cluster it is of, as far as the call's time reaches: asking takes its own. */
  async #verify(address: string, signal: AbortSignal, job: Job): Promise<void> {
    const members = this.#members;
    const verified = members.pool.verify(address).then(() => true);
    const ms = job.leftMs(limits.askMsMax);
    if (await members.within(ms, verified, { untilLeader: false, signal }) === null) {
      throw new ChatError("NO_ANSWER", `No answer from ${address} in time`);
    }
  }

  async #ask<T>(
    address: string,
    signal: AbortSignal,
    call: { job: Job; request: Request<T> },
  ): Promise<Outcome<T>> {
    const { pool, reads, clock } = this.#members;
    try {
      if (!pool.isVerified(address)) await this.#verify(address, signal, call.job);
      const limitMs = call.job.leftMs(limits.readAttemptMsMax);
      const context = {
        token: this.#session.token ?? undefined,
        position: this.#session.position ?? undefined,
        deadlineMs: clock.wall() + limitMs,
      };
      const connection = pool.to(address);
      const answer = await reads.run(
        address,
        { limitMs, signal },
        (signal) => call.request(connection, { ...context, signal }),
      );
      pool.checkCluster(address, answer.info.clusterId);
      this.#session.see(answer.info.position);
      return { ok: true, answer, address };
    } catch (thrown) {
      const error = ChatError.from(thrown);
      if (error.reason === "NO_ANSWER" && !signal.aborted) pool.failed(address);
      return { ok: false, error, address };
    }
  }
}
