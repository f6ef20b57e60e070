/**
 * Positions: where a message stands, as the opaque text that clients keep and give back, and
 * the text of a term that rows store. Owns both forms; never decides whether a position is on
 * a node's log.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import type { EntryPlace, TermKey } from "./command.ts";

/** A position that is longer was not made here: a node id is at most a host name long. */
const positionLengthMax = 1_024;

/** A whole number without leading zeros, so that each position has one text only. */
const wholeNumber = /^(?:0|[1-9][0-9]{0,15})$/;

/** `epoch.number.nodeId`, the node id percent-encoded so that it fits a header. */
export function formatTerm(term: TermKey): string {
  return `${term.epoch}.${term.number}.${encodeNodeId(term.nodeId)}`;
}

/** The inverse of {@linkcode formatTerm}; `null` if it did not make the text. */
export function parseTerm(text: string): TermKey | null {
  const [epochText = "", numberText = "", ...rest] = text.split(".");
  const epoch = parseWhole(epochText);
  const number = parseWhole(numberText);
  if (epoch === null || number === null || rest.length === 0) return null;
  const nodeId = decodeNodeId(rest.join("."));
  return nodeId === null ? null : { epoch, number, nodeId };
}

/** Position of an entry (§8): its index and term, as `index.term` in printable ASCII. */
export function formatPosition(place: EntryPlace): string {
  return `${place.index}.${formatTerm(place.term)}`;
}

/** Throws `INVALID_ARGUMENT` for whatever {@linkcode formatPosition} did not make. */
export function parsePosition(text: string, field = "position"): EntryPlace {
  const place = text.length <= positionLengthMax ? parsePlace(text) : null;
  if (place === null) {
    throw new ChatError(
      "INVALID_ARGUMENT",
      `Cannot take the request as ${field} must be a position that this cluster gave out: ` +
        `current value is ${JSON.stringify(text.slice(0, 80))}`,
      { field },
    );
  }
  return place;
}

function parsePlace(text: string): EntryPlace | null {
  const dot = text.indexOf(".");
  if (dot < 0) return null;
  const index = parseWhole(text.slice(0, dot));
  const term = parseTerm(text.slice(dot + 1));
  return index === null || term === null ? null : { index, term };
}

function parseWhole(text: string): number | null {
  const value = wholeNumber.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) ? value : null;
}

/** A lone surrogate, which no UTF-8 node id holds, would make the encoder throw: replaced. */
function encodeNodeId(nodeId: string): string {
  return encodeURIComponent(nodeId.toWellFormed());
}

function decodeNodeId(text: string): string | null {
  try {
    const nodeId = decodeURIComponent(text);
    return encodeNodeId(nodeId) === text ? nodeId : null;
  } catch {
    return null;
  }
}
