/**
 * What a simulated node does for simulated clients: propose, read, subscribe. The smallest
 * stand-in for the services of `src/node` above the real driver; owns no rule of its own beyond
 * those of §8 on where a read or a subscription may begin.
 *
 * @module
 */

import type { Command } from "../chat/command.ts";
import { ChatError } from "../errors.ts";
import type { NodeDriver, Proposed } from "../node/driver_api.ts";
import { compareTerms, sameTerm } from "../raft/term.ts";
import type { Index, Term } from "../raft/types.ts";
import type { SimState, StateView } from "./sim_state.ts";

/** One place on a history, as a client remembers it. */
export interface SeenPosition {
  readonly index: Index;
  readonly term: Term;
}

/** A read, of whatever it is. */
export interface ReadRequest {
  readonly linearizable: boolean;
  /** Newest position the client has seen: a session read is not older. */
  readonly seen: Index;
  readonly deadlineMs: number;
}

export function proposeCommand(driver: NodeDriver, command: Command): Promise<Proposed> {
  return driver.propose(command);
}

/** Looks at a state that is as new as the request demands. */
export async function readState<T>(
  node: { readonly driver: NodeDriver; readonly state: SimState },
  request: ReadRequest,
  look: (view: StateView) => Promise<T>,
): Promise<T> {
  if (request.linearizable) await node.driver.readIndex();
  else await node.driver.waitApplied(request.seen, request.deadlineMs);
  return await look(node.state.view);
}

/**
 * The newest of the positions that lies on this node's log (§8): what comes after it is what the
 * client has not seen. Throws `NOT_UP_TO_DATE` if this node is behind all it could know.
 */
export function resumeAt(driver: NodeDriver, positions: readonly SeenPosition[]): Index {
  for (const { index, term } of positions) {
    const here = driver.termAt(index);
    if (here === null || !sameTerm(here, term)) continue;
    if (driver.appliedPosition().index >= index) return index;
    throw new ChatError("NOT_UP_TO_DATE", "This node has not applied that yet");
  }
  const last = driver.termAt(driver.status().lastIndex);
  // All of them are another side's (§9): everything is sent again, and told by its ids.
  if (positions.every(({ term }) => last !== null && compareTerms(term, last) < 0)) return 0;
  throw new ChatError("NOT_UP_TO_DATE", "This node does not know any of these positions");
}
