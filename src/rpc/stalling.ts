/**
 * Server streams that must not stall: one from which nothing comes for a while is broken off, so
 * that whoever reads it can ask another member.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import { limits } from "../limits.ts";
import type { Channel, Outgoing } from "./channel.ts";
import { noAnswer } from "./status.ts";

/** Answers as they come; `NO_ANSWER` when nothing comes for `limits.snapshotStallMsMax`. */
export async function* unlessStalled(
  channel: Channel,
  outgoing: Outgoing,
): AsyncGenerator<Buffer, void, undefined> {
  const stall = new AbortController();
  const signal = AbortSignal.any([outgoing.signal, stall.signal]);
  const stream = channel.stream({ ...outgoing, signal });
  try {
    while (true) {
      const timer = setTimeout(() => stall.abort(), limits.snapshotStallMsMax);
      const next = await stream.next().finally(() => clearTimeout(timer));
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    if (stall.signal.aborted) throw noAnswer(channel.address, "the snapshot has stalled", error);
    throw error;
  } finally {
    await stream.return();
  }
}
