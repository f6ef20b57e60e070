/**
 * The outgoing link to one peer: dialled, watched, dialled again while it is down. Owns when to
 * dial and what is held while that lasts; each refused connection is reported at once, since two
 * of them mean that the peer's process is gone (DESIGN §5). Never reads what comes in: that is
 * the peer's own link.
 *
 * @module
 */

import type { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Member } from "../raft/types.ts";
import type { Frame, Hello, LinkEnd, OutgoingLink, PeerClient } from "../rpc/peer_api.ts";
import type { Clock } from "./ports.ts";

/** What a {@linkcode PeerLink} needs and whom it tells. */
export interface PeerLinkOptions {
  readonly member: Member;
  readonly hello: () => Hello;
  readonly client: PeerClient;
  readonly clock: Clock;
  /** Checks the peer's hello; an error ends the link. */
  readonly check: (hello: Hello) => ChatError | null;
  /** The link is open: what it returns is sent first. */
  readonly opened: () => readonly Frame[];
  /** A connection was refused. */
  readonly refused: () => void;
  /** The peer said no. */
  readonly rejected: (error: ChatError) => void;
  /** The one that answers is not the one it should be, as either side said, or TLS. */
  readonly mistaken: (error: ChatError) => void;
}

/** A link that keeps itself open until it is closed. */
export class PeerLink {
  readonly #options: PeerLinkOptions;
  #link: OutgoingLink | null = null;
  #open = false;
  #openedAt = 0;
  /** Why this side gave the link up, if it did. */
  #verdict: ChatError | null = null;
  /** Sent first once the link opens; only while it is being dialled. */
  #held: Frame[] = [];
  #failures = 0;
  /** Whoever wants to know who answers there. */
  readonly #asking = new Set<(answer: Hello | null) => void>();
  #cancelRedial: () => void = () => {};
  #closed = false;

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    this.#dial();
  }

  get member(): Member {
    return this.#options.member;
  }

  get client(): PeerClient {
    return this.#options.client;
  }

  /** Monotonic ms since which the link is open; `null` if it is not. */
  get openSince(): number | null {
    return this.#open ? this.#openedAt : null;
  }

  /** Bytes that the connection has not taken yet. */
  get queuedBytes(): number {
    return this.#link?.queuedBytes() ?? 0;
  }

  /** Sends, or drops what cannot be sent: the protocol repeats what matters. */
  send(frame: Frame): void {
    if (this.#open) {
      this.#link?.send(frame);
    } else if (this.#link !== null) {
      // The oldest goes: the newest says the most.
      if (this.#held.length >= limits.heldFramesMax) this.#held.shift();
      this.#held.push(frame);
    }
  }

  /** Dials at once if it waits to: the peer was just heard of. */
  hurry(): void {
    if (this.#closed || this.#link !== null) return;
    this.#cancelRedial();
    this.#dial();
  }

  /** Breaks the link off and dials again: nothing comes from the peer any more. */
  renew(): void {
    this.#link?.close();
  }

  /** Dials anew, and resolves with who answers; `null` if nobody does within `ms`. */
  whoAnswers(ms: number): Promise<Hello | null> {
    return new Promise((resolve) => {
      const told = (answer: Hello | null) => {
        cancel();
        this.#asking.delete(told);
        resolve(answer);
      };
      const cancel = this.#options.clock.after(ms, () => told(null));
      this.#asking.add(told);
      if (this.#closed) return told(null);
      this.renew();
      this.hurry();
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#tellAsking(null);
    this.#cancelRedial();
    this.#held = [];
    this.#link?.close();
    this.#options.client.close();
  }

  #dial(): void {
    this.#verdict = null;
    this.#link = this.#options.client.openLink(this.#options.hello(), {
      opened: (hello) => this.#opened(hello),
      ended: (end) => this.#ended(end),
    });
  }

  #opened(hello: Hello): void {
    if (this.#closed || this.#link === null) return;
    this.#tellAsking(hello);
    this.#verdict = this.#options.check(hello);
    if (this.#verdict !== null) {
      this.#link.close();
      return;
    }
    this.#open = true;
    this.#openedAt = this.#options.clock.mono();
    this.#failures = 0;
    const held = this.#held;
    this.#held = [];
    for (const frame of this.#options.opened()) this.#link.send(frame);
    for (const frame of held) this.#link.send(frame);
  }

  #ended(end: LinkEnd): void {
    this.#link = null;
    this.#open = false;
    this.#held = [];
    if (this.#closed) return;
    const answered = end.kind === "rejected" || end.kind === "untrusted";
    const somebodyElse = answered && end.error.reason === "WRONG_NODE";
    if (end.kind === "refused" || somebodyElse) this.#tellAsking(null);
    this.#failures += 1;
    this.#cancelRedial = this.#options.clock.after(this.#redialMs(end), () => this.#dial());
    if (this.#verdict !== null) this.#options.mistaken(this.#verdict);
    else if (somebodyElse || end.kind === "untrusted") this.#options.mistaken(end.error);
    else if (end.kind === "rejected") this.#options.rejected(end.error);
    else if (end.kind === "refused") this.#options.refused();
  }

  #tellAsking(answer: Hello | null): void {
    for (const told of [...this.#asking]) told(answer);
  }

  /** Quick while the peer may just have died or be starting; slower for one that stays away. */
  #redialMs(end: LinkEnd): number {
    const isHopeless = end.kind === "rejected" || end.kind === "untrusted";
    if (isHopeless || this.#verdict !== null) return limits.redialRejectedMs;
    const quick = this.#failures <= limits.redialsQuickMax;
    return quick ? limits.redialMs : limits.redialSlowMs;
  }
}
