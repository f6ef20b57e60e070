/**
 * Where a subscription begins: at the newest of the client's positions that is on this member's
 * history (DESIGN §8). Owns that choice only.
 *
 * @module
 */

import { parsePosition } from "../chat/position.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { sameTerm } from "../raft/term.ts";
import type { CallContext, SubscribeRequest } from "../rpc/api.ts";
import type { ServiceParts } from "./service_parts.ts";

/**
 * The log index after which the stream begins; `null` if the client has none. A client all of
 * whose positions are on another history begins at 0: it drops what it already has by id, and a
 * gap would be worse than a repeat.
 */
export async function startOf(
  request: SubscribeRequest,
  at: { readonly parts: ServiceParts; readonly context: CallContext },
): Promise<number | null> {
  const { positions } = request;
  if (positions.length === 0) return null;
  if (positions.length > limits.positionsMax) {
    throw new ChatError(
      "INVALID_ARGUMENT",
      `Cannot take the request as positions must be at most ${limits.positionsMax}: ` +
        `there are ${positions.length}`,
      { field: "positions" },
    );
  }
  const places = positions.map((position) => parsePosition(position, "positions"));
  const { driver } = at.parts.options;
  for (const { index, term } of places) {
    if (index === 0) return 0;
    await reach(index, at);
    const here = driver.termAt(index);
    const shown = index <= driver.appliedPosition().index;
    if (shown && here !== null && sameTerm(here, term)) return index;
  }
  return 0;
}

/**
 * Waits a while for a member that is behind. A leader is never behind: what it does not have is
 * on another history, and an older position will do.
 */
async function reach(
  index: number,
  at: { readonly parts: ServiceParts; readonly context: CallContext },
): Promise<void> {
  const { driver, clock } = at.parts.options;
  if (driver.status().role === "leader") return;
  const deadlineMs = Math.min(at.context.deadlineMs, clock.wall() + limits.catchUpWaitMsMax);
  try {
    await driver.waitApplied(index, deadlineMs);
  } catch (error) {
    if (ChatError.from(error).reason !== "NOT_UP_TO_DATE") throw error;
  }
}
