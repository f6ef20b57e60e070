/**
 * Subscriptions: each account's messages in log order, first what was missed, then as they are
 * applied on this member (rpc.md, DESIGN §8). Owns who is subscribed, whom an apply wakes, and
 * when a stream ends; where it begins is `subscription_start.ts`.
 *
 * A stream holds no messages: it has a cursor, and is read from the state up to what is applied,
 * page by page, as fast as its reader takes them. So nothing is left out or shown twice however
 * applies and reads interleave, and a slow reader costs no memory.
 *
 * @module
 */

import { formatPosition } from "../chat/position.ts";
import { inbox, type MessageRow, messagesTo, type Session } from "../chat/queries.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { sameTerm } from "../raft/term.ts";
import type { LogPosition } from "../raft/types.ts";
import type { CallContext, SubscribeFrame, SubscribeRequest } from "../rpc/api.ts";
import type { AppliedMessage } from "./ports.ts";
import { type ServiceParts, toMessage } from "./service_parts.ts";
import { unauthenticated } from "./sessions.ts";
import { startOf } from "./subscription_start.ts";

/** One open stream. */
interface Stream {
  readonly accountId: string;
  /** Everything up to this index has been given, or is none of the account's. */
  cursor: number;
  /** There may be messages between the cursor and what is applied. */
  stale: boolean;
  /** Messages applied since the newest page was read: its reader is slow if they are many. */
  behind: number;
  /** Monotonic ms of the newest frame. */
  frameAt: number;
  ended: ChatError | null;
  /** The caller has gone. */
  gone: boolean;
  /** Resolves the wait of the stream, if it waits. */
  wake: () => void;
}

/** All subscriptions of one node. */
export class Subscriptions {
  readonly #parts: ServiceParts;
  readonly #streams = new Map<string, Set<Stream>>();
  #open = 0;
  /** What the streams may show: the state may be ahead of it by an apply not told yet. */
  #applied: LogPosition;
  #closed = false;
  /** Monotonic ms since which this member knows no leader; `null` while it knows one. */
  #aloneSince: number | null;
  #cancelBeat: () => void = () => {};
  readonly #stopListening: readonly (() => void)[];

  constructor(parts: ServiceParts) {
    this.#parts = parts;
    const { driver, clock } = parts.options;
    this.#applied = driver.appliedPosition();
    this.#aloneSince = clock.mono();
    const onApplied = driver.onApplied((messages, applied, outcomes) => {
      const before = this.#applied;
      this.#applied = applied;
      if (outcomes !== null) return this.#deliver(messages);
      const here = driver.termAt(before.index);
      const goesOn = here !== null && sameTerm(here, before.term);
      // On another history, cursors mean nothing: each resumes from the newest position in common.
      this.#each((stream) => goesOn ? stale(stream) : end(stream, moved()));
    });
    const onRole = driver.onRole(({ leader }) => {
      this.#aloneSince = leader === null ? this.#aloneSince ?? clock.mono() : null;
    });
    this.#stopListening = [onApplied, onRole];
    this.#beat();
  }

  /** How many are open. */
  get open(): number {
    return this.#open;
  }

  /** Ends by throwing, or quietly when the caller has gone. */
  async *subscribe(
    request: SubscribeRequest,
    context: CallContext,
  ): AsyncGenerator<SubscribeFrame> {
    if (this.#closed) throw closing();
    if (this.#open >= limits.subscriptionsMax) {
      throw new ChatError("OVERLOADED", "This node has enough subscriptions: try another", {
        retryAfterMs: limits.subscriptionRetryMs,
      });
    }
    if (this.#alone) throw alone();
    const session = await this.#parts.reader(context);
    const stream = this.#add(session.accountId);
    if (this.#closed) end(stream, closing());
    const leave = this.#watch(stream, { session, context });
    try {
      const start = await startOf(request, { parts: this.#parts, context });
      stream.cursor = start ?? this.#applied.index;
      if (start === null && request.fromUnacknowledged) yield* this.#unacknowledged(stream);
      yield* this.#run(stream);
    } finally {
      leave();
      this.#remove(stream);
    }
  }

  /** Ends every stream with `SHUTTING_DOWN`. */
  close(): void {
    this.#closed = true;
    for (const stop of this.#stopListening) stop();
    this.#cancelBeat();
    this.#each((stream) => end(stream, closing()));
  }

  /** Online from now on, until the result is called; ends with the session or the caller. */
  #watch(
    stream: Stream,
    by: { readonly session: Session; readonly context: CallContext },
  ): () => void {
    const { session, context: { signal } } = by;
    const { sessions, presence } = this.#parts.options;
    const unwatch = sessions.watch(session.sessionId, () => {
      end(stream, unauthenticated({ ...session, revoked: true }));
    });
    const offline = presence.opened(session.accountId);
    const gone = () => {
      stream.gone = true;
      stream.wake();
    };
    signal.addEventListener("abort", gone, { once: true });
    if (signal.aborted) gone();
    return () => {
      signal.removeEventListener("abort", gone);
      unwatch();
      offline();
    };
  }

  /** From the cursor on, for ever. */
  async *#run(stream: Stream): AsyncGenerator<SubscribeFrame> {
    // The first one says at once that the stream is open and where it can be resumed.
    let heartbeatDue = true;
    while (!stream.gone) {
      if (stream.ended !== null) throw stream.ended;
      if (stream.stale) {
        yield* this.#missed(stream);
      } else if (heartbeatDue || this.#silentMs(stream) >= limits.subscriptionHeartbeatMs) {
        heartbeatDue = false;
        yield this.#heartbeat(stream);
      } else {
        await new Promise<void>((resolve) => stream.wake = resolve);
      }
    }
  }

  /** What lies between the cursor and what is applied now. */
  async *#missed(stream: Stream): AsyncGenerator<SubscribeFrame> {
    const { reader } = this.#parts.options;
    for (let more = true; more && !stream.gone;) {
      stream.stale = false;
      stream.behind = 0;
      const throughIndex = this.#applied.index;
      const range = { afterIndex: stream.cursor, throughIndex, limit: limits.pageRowsDefault };
      const page = await messagesTo(reader, stream.accountId, range);
      yield* this.#give(stream, page.messages);
      if (!page.more) stream.cursor = Math.max(stream.cursor, throughIndex);
      more = page.more;
    }
  }

  /** Everything not yet acknowledged, up to the cursor, which stays where it is. */
  async *#unacknowledged(stream: Stream): AsyncGenerator<SubscribeFrame> {
    const { reader } = this.#parts.options;
    const through = stream.cursor;
    for (let pageToken = ""; !stream.gone;) {
      const page = { limit: limits.pageRowsDefault, pageToken };
      const found = await inbox(reader, stream.accountId, page);
      yield* this.#give(stream, found.messages.filter((message) => message.index <= through));
      pageToken = found.nextPageToken;
      if (pageToken === "" || (found.messages.at(-1)?.index ?? through) >= through) break;
    }
    stream.cursor = through;
  }

  *#give(stream: Stream, messages: readonly MessageRow[]): Generator<SubscribeFrame> {
    for (const row of messages) {
      if (stream.ended !== null) throw stream.ended;
      stream.cursor = row.index;
      yield { kind: "message", message: toMessage(row) };
      stream.frameAt = this.#parts.options.clock.mono();
    }
  }

  /** Only for a stream that has everything: then what is applied is safe to resume from. */
  #heartbeat(stream: Stream): SubscribeFrame {
    stream.cursor = Math.max(stream.cursor, this.#applied.index);
    stream.frameAt = this.#parts.options.clock.mono();
    return { kind: "heartbeat", position: formatPosition(this.#applied) };
  }

  /** One look-up for each message, a wake-up for whoever is subscribed to its account. */
  #deliver(messages: readonly AppliedMessage[]): void {
    for (const { toAccountId } of messages) {
      for (const stream of this.#streams.get(toAccountId) ?? []) {
        stream.behind += 1;
        if (stream.behind > limits.subscriberBufferMax) end(stream, slow());
        else stale(stream);
      }
    }
  }

  /** Cut off from the cluster, or removed from it: what happens there does not come here. */
  get #alone(): boolean {
    const { clock } = this.#parts.options;
    return this.#aloneSince !== null &&
      clock.mono() - this.#aloneSince >= limits.subscriptionAloneMsMax;
  }

  /** Wakes the streams that have been silent for long; ends all when another member may know more. */
  #beat(): void {
    const isAlone = this.#alone;
    this.#each((stream) => {
      if (isAlone) end(stream, alone());
      if (this.#silentMs(stream) >= limits.subscriptionHeartbeatMs) stream.wake();
    });
    const { clock } = this.#parts.options;
    this.#cancelBeat = clock.after(limits.subscriptionHeartbeatMs / 4, () => this.#beat());
  }

  #silentMs(stream: Stream): number {
    return this.#parts.options.clock.mono() - stream.frameAt;
  }

  #add(accountId: string): Stream {
    const stream: Stream = {
      accountId,
      cursor: 0,
      stale: true,
      behind: 0,
      frameAt: this.#parts.options.clock.mono(),
      ended: null,
      gone: false,
      wake: () => {},
    };
    const streams = this.#streams.get(accountId) ?? new Set();
    this.#streams.set(accountId, streams.add(stream));
    this.#open += 1;
    return stream;
  }

  #remove(stream: Stream): void {
    const streams = this.#streams.get(stream.accountId);
    if (streams?.delete(stream)) this.#open -= 1;
    if (streams?.size === 0) this.#streams.delete(stream.accountId);
  }

  #each(visit: (stream: Stream) => void): void {
    for (const streams of this.#streams.values()) for (const stream of streams) visit(stream);
  }
}

function stale(stream: Stream): void {
  stream.stale = true;
  stream.wake();
}

function end(stream: Stream, error: ChatError): void {
  stream.ended ??= error;
  stream.wake();
}

function closing(): ChatError {
  return new ChatError("SHUTTING_DOWN", "The node is stopping: subscribe at another");
}

function moved(): ChatError {
  return new ChatError("NO_LEADER", "This member follows another side now: subscribe again", {
    retryAfterMs: limits.subscriptionRetryMs,
  });
}

function alone(): ChatError {
  return new ChatError("NO_LEADER", "This member knows no leader: subscribe at another", {
    retryAfterMs: limits.subscriptionRetryMs,
  });
}

function slow(): ChatError {
  return new ChatError(
    "SLOW_CONSUMER",
    `More than ${limits.subscriberBufferMax} messages wait for this subscriber: ` +
      "resume from the last position, and read faster",
    { retryAfterMs: limits.subscriptionRetryMs },
  );
}
