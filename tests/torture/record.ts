/**
 * What the clients of a torture run know: everything they asked for and what they were told.
 * Owns the shapes, plain data, so that the checker needs no cluster to be tested.
 *
 * @module
 */

/** A message that a client sent, noted before it was sent. */
export interface SentMessage {
  /** The request id, which is the message's. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly body: string;
  /** Before its first attempt, ms on this process's clock. */
  readonly sentMs: number;
  /** `open`: it has no answer yet. `indefinite`: given up, and it may have happened. */
  outcome: "open" | "acknowledged" | "indefinite" | "refused";
  /** Log index, by its first acknowledgement. */
  seq: number;
  /** What later acknowledgements said instead. */
  readonly otherSeqs: number[];
  /** When it was acknowledged first, ms. */
  answeredMs: number;
}

/**
 * A time in which two sides may both have gone on, ms on this process's clock; what was on its way
 * meanwhile is everywhere once, in an order that nobody promised.
 */
export interface Parting {
  readonly sinceMs: number;
  /** Infinity: it lasts. */
  untilMs: number;
}

/** Whether a message was on its way while two sides were parted. */
export function isParted(message: SentMessage, partings: readonly Parting[]): boolean {
  const answeredMs = message.outcome === "acknowledged" ? message.answeredMs : Infinity;
  return partings.some(({ sinceMs, untilMs }) =>
    message.sentMs <= untilMs && answeredMs >= sinceMs
  );
}

/** A message as a subscriber was handed it. */
export interface Received {
  readonly id: string;
  readonly seq: number;
}

/** Everything that came over one subscription since before the first message. */
export interface Stream {
  readonly receiver: string;
  readonly received: readonly Received[];
}

/** Whether an account is there; `unknown` if the last request about it had no answer. */
export interface AccountFact {
  readonly name: string;
  state: "there" | "gone" | "unknown";
}

/** Whether a session holds. */
export interface SessionFact {
  readonly user: string;
  readonly token: string;
  state: "open" | "ended" | "unknown";
}
