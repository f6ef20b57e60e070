/**
 * Healing after a partition, as far as commands change sides (DESIGN §9): the losing node hands
 * over what its log has and the other side's lacks, and that side's leader proposes it. Owns the
 * steps at both ends; that a node gives in, and what becomes of its log then, the core decides.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Core } from "../raft/core_api.ts";
import type { Effect, Input } from "../raft/io.ts";
import type { Index, NodeId } from "../raft/types.ts";
import type { HandOverAnswer, HandOverAsk } from "../rpc/peer_api.ts";
import type { Clock, LogStore, StateStore, Transport } from "./ports.ts";
import { Retries } from "./retries.ts";

/** What {@linkcode HandOvers} need and whom they tell. */
export interface HandOversOptions {
  readonly log: LogStore;
  readonly state: StateStore;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly step: (input: Input) => void;
  readonly waitApplied: (index: Index, deadlineMs: number) => Promise<void>;
  readonly core: () => Pick<Core, "status" | "commonIndex">;
  /** Resolves once the command is committed and applied here. */
  readonly propose: (data: Uint8Array) => Promise<unknown>;
  /** A person should read it: a hand-over failed, and why. The core tries again. */
  readonly onNotice: (text: string) => void;
}

/** Both ends of hand-overs; as the loser, one at a time. */
export class HandOvers {
  readonly #options: HandOversOptions;
  readonly #stop = new AbortController();
  readonly #retries: Retries;
  /** Number of the hand-over under way, and with whom the last one was. */
  #newest = 0;
  #to: NodeId | null = null;

  constructor(options: HandOversOptions) {
    this.#options = options;
    const { clock, onNotice } = options;
    const [firstMs, mostMs] = [limits.handOverRetryMs, limits.handOverRetryMsMax];
    this.#retries = new Retries({ clock, firstMs, mostMs, onNotice, signal: this.#stop.signal });
  }

  /** What is left of an earlier hand-over counts no more once one begins, or it is given up. */
  follow(effect: Effect & { readonly kind: "handOver" | "handOverEnded" }): void {
    if (effect.kind === "handOverEnded") {
      if (effect.number === this.#newest) this.#newest = 0;
      return;
    }
    this.#newest = effect.number;
    if (effect.to !== this.#to) this.#retries.succeeded();
    this.#to = effect.to;
    void this.#run(effect);
  }

  /**
   * The winner's end: proposes what is not known here yet, and answers once it is applied. Asked
   * twice for the same it does nothing twice: commands are told by their request ids.
   */
  async take(ask: Omit<HandOverAsk, "clusterId" | "nodeId">): Promise<HandOverAnswer> {
    const { state, propose, core } = this.#options;
    const { termStarts, lastIndex, commands, requestIds } = ask;
    const commonIndex = termStarts.length === 0
      ? 0
      : core().commonIndex({ starts: termStarts, last: lastIndex });
    const settled = await state.settledAmong(commands);
    const open = commands.filter((_, at) => settled[at] !== true);
    await Promise.all(open.map((data) => propose(data)));
    const unknown = requestIds.length === 0 ? 0 : await state.countUnknown(requestIds);
    return { commonIndex, unknown };
  }

  stop(): void {
    this.#stop.abort();
  }

  /** What was decided here goes over with what came of it. */
  #catchUp(): Promise<void> {
    const { clock, core, waitApplied } = this.#options;
    return waitApplied(core().status().commitIndex, clock.wall() + limits.catchUpWaitMsMax);
  }

  async #run(effect: Effect & { readonly kind: "handOver" }): Promise<void> {
    const { number, to } = effect;
    let done = false;
    try {
      await this.#catchUp();
      await this.#handOver(effect);
      done = true;
      if (!this.#isVoid(number)) this.#retries.succeeded();
    } catch (error) {
      if (this.#isVoid(number)) return;
      // It waits, as the core begins again at once.
      await this.#retries.failed(`Cannot hand over to ${to}: ${ChatError.from(error).message}`);
    }
    if (this.#isVoid(number)) return;
    this.#options.step({ kind: "handedOver", number, done });
  }

  #isVoid(number: number): boolean {
    return this.#stop.signal.aborted || number !== this.#newest;
  }

  async #handOver(effect: Effect & { readonly kind: "handOver" }): Promise<void> {
    const { to, through } = effect;
    const commonIndex = await this.#commonIndex(effect);
    let next = Math.max(commonIndex, effect.baseIndex) + 1;
    await this.#checkKnown(effect, commonIndex + 1);
    while (next <= through && !this.#isVoid(effect.number)) {
      const last = Math.min(through, next + limits.handOverCommandsMax - 1);
      const entries = await this.#options.log.read(next, last, limits.appendBytesMax);
      if (entries[0]?.index !== next) throw new ChatError("FORK", `entry ${next} is compacted now`);
      const commands = entries.filter((entry) => entry.kind === "command");
      if (commands.length > 0) {
        const salvaged = await this.#options.state.salvagedFrom(commands);
        await this.#ask(to, { commands: salvaged });
      }
      next += entries.length;
    }
  }

  /**
   * The last index in common, asked with the newest terms first: there it mostly is. Each answer is
   * about the indexes of the terms that were asked with, and 0 if none of these is in common.
   */
  async #commonIndex(effect: Effect & { readonly kind: "handOver" }): Promise<Index> {
    const { to, through, termStarts } = effect;
    let lastIndex = through;
    for (let end = termStarts.length; end > 0; end -= limits.handOverTermsMax) {
      const page = termStarts.slice(Math.max(0, end - limits.handOverTermsMax), end);
      const { commonIndex } = await this.#ask(to, { termStarts: page, lastIndex });
      if (commonIndex > 0) return commonIndex;
      lastIndex = (page[0]?.index ?? 1) - 1;
    }
    return 0;
  }

  /**
   * What lies below the log came with a snapshot and is in the state alone: this node was taken in
   * by its side after the fork. The others of that side have it on their logs, and hand it over:
   * this node waits until it is known there.
   */
  async #checkKnown(effect: Effect & { readonly kind: "handOver" }, from: Index): Promise<void> {
    const { number, to } = effect;
    const through = Math.min(effect.baseIndex, effect.through);
    let unknown = 0;
    for (let at = from; at <= through; at += limits.handOverRequestsMax) {
      if (this.#isVoid(number)) return;
      // An index decides one request at most.
      const last = Math.min(through, at + limits.handOverRequestsMax - 1);
      const requestIds = await this.#options.state.requestsBetween(at, last);
      if (requestIds.length > 0) unknown += (await this.#ask(to, { requestIds })).unknown;
    }
    if (unknown === 0) return;
    throw new ChatError(
      "FORK",
      `it lacks ${unknown} requests that this node has without their log: start the others of ` +
        "this node's side; if they are gone for good, stop this node and run `jmessage admin " +
        "recover --data DIR --force`",
    );
  }

  #ask(
    to: NodeId,
    ask: Partial<Omit<HandOverAsk, "clusterId" | "nodeId">>,
  ): Promise<HandOverAnswer> {
    const nothing = { termStarts: [], lastIndex: 0, commands: [], requestIds: [] };
    return this.#options.transport.handOver(to, { ...nothing, ...ask });
  }
}
