/**
 * Messages as they arrive, from whichever member answers. Owns the resumption: after a loss of
 * its member it goes on at another one from the last position of each term, and drops what it
 * has (DESIGN §8), so that its reader sees each message once, in order, without a gap.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Message, SubscribeFrame } from "../rpc/api.ts";
import { backoffMs } from "./clock.ts";
import { Cursor, type CursorState } from "./cursor.ts";
import type { Members } from "./members.ts";
import type { Session } from "./session.ts";

/** Where a subscription starts. */
export interface SubscribeOptions {
  /** What was seen in an earlier run; empty or absent: see `fromUnacknowledged`. */
  readonly cursor?: CursorState | undefined;
  /** Without a cursor: what is not acknowledged yet first, instead of from now on. */
  readonly fromUnacknowledged?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called when the stream is up (with its member), and when it is lost (`null`). */
  readonly onMember?: ((address: string | null) => void) | undefined;
}

/** An endless sequence of messages; leave the loop, or abort the signal, to end it. */
export class Subscription implements AsyncIterable<Message> {
  readonly #members: Members;
  readonly #session: Session;
  readonly #options: SubscribeOptions;
  readonly #cursor: Cursor;
  /** Members in a row that gave no frame. */
  #failures = 0;
  #up = false;

  constructor(members: Members, session: Session, options: SubscribeOptions) {
    this.#members = members;
    this.#session = session;
    this.#options = options;
    this.#cursor = new Cursor(options.cursor);
  }

  /** What was seen so far, the message being handled included. */
  state(idsMax?: number): CursorState {
    return this.#cursor.state(idsMax);
  }

  /** Throws what no other member would answer differently, such as `UNAUTHENTICATED`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, void> {
    const members = this.#members;
    let address = members.book.any();
    while (!this.#options.signal?.aborted) {
      members.assertOpen();
      const { token } = this.#session;
      try {
        yield* this.#follow(address);
      } catch (thrown) {
        if (this.#options.signal?.aborted) return;
        const error = await this.#renewed(ChatError.from(thrown), token);
        if (this.#options.signal?.aborted) return;
        if (error === null) continue;
        if (members.isFinal(error)) throw error;
        await this.#lost(address, error);
      }
      address = members.book.next(address);
    }
  }

  /** `null` once a login that had ended is made anew, or nobody listens; else what is wrong. */
  async #renewed(error: ChatError, token: string | null): Promise<ChatError | null> {
    const { signal } = this.#options;
    const renewed = this.#session.renewed(error, token).then(
      (isRenewed) => isRenewed ? null : error,
      (failed) => ChatError.from(failed),
    );
    if (signal === undefined) return await renewed;
    const { promise: aborted, resolve } = Promise.withResolvers<null>();
    const abort = () => resolve(null);
    signal.addEventListener("abort", abort);
    try {
      return await Promise.race([renewed, aborted]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** One stream at one member, until it breaks. */
  async *#follow(address: string): AsyncGenerator<Message, void, void> {
    const { pool, clock } = this.#members;
    await pool.verify(address);
    await this.#fixStart(address);
    const controller = new AbortController();
    const abort = () => controller.abort();
    this.#options.signal?.addEventListener("abort", abort);
    const frames = pool.to(address).subscribe(this.#request(), {
      token: this.#session.token ?? undefined,
      position: this.#session.position ?? undefined,
      deadlineMs: clock.wall() + limits.subscriptionMsMax,
      signal: controller.signal,
    })[Symbol.asyncIterator]();
    try {
      for (;;) {
        const frame = await this.#next(address, frames);
        if (frame === null) return;
        if (frame.kind === "heartbeat") this.#cursor.advance(frame.position);
        else if (this.#cursor.take(frame.message)) {
          // Whoever was told of it finds it at any member from now on.
          this.#session.see(frame.message.position);
          yield frame.message;
        }
      }
    } finally {
      this.#options.signal?.removeEventListener("abort", abort);
      abort();
      void frames.return?.().catch(() => {});
      if (this.#up) this.#options.onMember?.(null);
      this.#up = false;
    }
  }

  /** The next frame; throws `NO_ANSWER` after a silence that no live member keeps. */
  async #next(
    address: string,
    frames: AsyncIterator<SubscribeFrame>,
  ): Promise<SubscribeFrame | null> {
    const result = await new Promise<IteratorResult<SubscribeFrame>>((resolve, reject) => {
      const silent = () => {
        reject(new ChatError("NO_ANSWER", `No heartbeat from ${address}`));
      };
      const cancel = this.#members.clock.after(limits.subscriptionSilenceMsMax, silent);
      frames.next().then(resolve, reject).finally(cancel);
    });
    if (result.done) return null;
    if (!this.#up) this.#options.onMember?.(address);
    this.#up = true;
    this.#failures = 0;
    return result.value;
  }

  /** "From now on" needs a now: a stream that broke before its first frame would leave a gap. */
  async #fixStart(address: string): Promise<void> {
    if (this.#options.fromUnacknowledged || this.#cursor.positions().length > 0) return;
    this.#session.see((await this.#members.pool.ask(address)).info.position);
    this.#cursor.advance(this.#session.position ?? "");
  }

  #request() {
    const positions = this.#cursor.positions();
    const fresh = positions.length === 0 && this.#options.fromUnacknowledged === true;
    return { positions, ...(fresh ? { fromUnacknowledged: true } : {}) };
  }

  async #lost(address: string, error: ChatError): Promise<void> {
    const members = this.#members;
    if (error.reason === "NO_ANSWER") members.pool.failed(address);
    this.#failures++;
    // The first move to another member is at once; a circle of failures is not.
    const options = { baseMs: limits.backoffMs, maxMs: limits.resubscribeMsMax };
    const pauseMs = this.#failures <= 1 ? 0 : backoffMs(members.clock, this.#failures, options);
    await members.pause((error.retryAfterMs ?? 0) + pauseMs, {
      untilLeader: false,
      signal: this.#options.signal,
    });
  }
}
