/**
 * Order of terms and positions as a client knows them: texts that the servers gave out. Owns
 * the comparison by which a hint or a position is newer than another; what they mean is the
 * servers' business.
 *
 * @module
 */

import type { EntryPlace, TermKey } from "../chat/command.ts";
import { parsePosition } from "../chat/position.ts";

/** `epoch.number`, then the candidate's id after a dot or an at sign. */
const TERM = /^(\d{1,15})\.(\d{1,15})[.@](.*)$/;

/** Lower than every term of a leader: what a text that is no term counts as. */
const LOWEST: TermKey = { epoch: -1, number: -1, nodeId: "" };

/** The term of a leader hint or of GetCluster; a text that is none is lower than all. */
export function termOf(text: string): TermKey {
  const match = TERM.exec(text);
  if (match === null) return LOWEST;
  return { epoch: Number(match[1]), number: Number(match[2]), nodeId: match[3] ?? "" };
}

/** Negative if `left` is older, positive if it is newer, 0 if they are the same. */
export function compareTerms(left: TermKey, right: TermKey): number {
  if (left.epoch !== right.epoch) return left.epoch - right.epoch;
  if (left.number !== right.number) return left.number - right.number;
  return left.nodeId === right.nodeId ? 0 : left.nodeId < right.nodeId ? -1 : 1;
}

/** The place of a position, or `null` if it is not one. */
export function placeOf(position: string): EntryPlace | null {
  try {
    return parsePosition(position);
  } catch {
    return null;
  }
}

/** Negative if `left` is older: of a lower term, or lower in the same term. */
export function comparePlaces(left: EntryPlace, right: EntryPlace): number {
  return compareTerms(left.term, right.term) || left.index - right.index;
}
