/**
 * Order and equality of terms. A term is a triple (epoch, number, candidate), compared in that
 * order (§3), so two leaders never share one and a last resort outranks every earlier term.
 *
 * @module
 */

import type { NodeId, Term } from "./types.ts";

/** Lower than every term of a candidate: the term of the empty log. */
export const ZERO_TERM: Term = { epoch: 0, number: 0, nodeId: "" };

/** Negative if `left` is lower, positive if it is higher, 0 if they are the same. */
export function compareTerms(left: Term, right: Term): number {
  if (left.epoch !== right.epoch) return left.epoch - right.epoch;
  if (left.number !== right.number) return left.number - right.number;
  if (left.nodeId === right.nodeId) return 0;
  return left.nodeId < right.nodeId ? -1 : 1;
}

export function sameTerm(left: Term, right: Term): boolean {
  return compareTerms(left, right) === 0;
}

export function maxTerm(left: Term, right: Term): Term {
  return compareTerms(left, right) >= 0 ? left : right;
}

/** The next term of a candidate that has seen `seen`; a last resort raises the epoch (§7). */
export function nextTerm(seen: Term, nodeId: NodeId, lastResort: boolean): Term {
  return { epoch: seen.epoch + (lastResort ? 1 : 0), number: seen.number + 1, nodeId };
}

/** A term for people: `epoch.number@node`. */
export function termText(term: Term): string {
  return `${term.epoch}.${term.number}@${term.nodeId}`;
}
