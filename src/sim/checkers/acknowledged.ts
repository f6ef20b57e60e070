/**
 * The acknowledged entries of a run so far, as several checkers need them. Judges nothing.
 *
 * @module
 */

import { compareTerms } from "../../raft/term.ts";
import type { Index, NodeId, Term } from "../../raft/types.ts";
import type { HistoryEvent } from "../history.ts";
import type { DiskLog } from "./checker.ts";

/** An entry that a client was, or may have been, told of. */
export interface AcknowledgedEntry {
  readonly node: NodeId;
  readonly requestId: string;
  readonly index: Index;
  readonly term: Term;
}

/** All acknowledged entries, each once. */
export class AcknowledgedEntries {
  readonly #entries = new Map<string, AcknowledgedEntry>();

  /** True if the event acknowledges an entry that none did before. */
  take(event: HistoryEvent): boolean {
    return event.kind === "acknowledged" && this.add(event);
  }

  /** One of which a client may have been told; false if it is known. */
  add(entry: AcknowledgedEntry): boolean {
    const key = `${entry.index}/${entry.term.epoch}.${entry.term.number}.${entry.term.nodeId}`;
    if (this.#entries.has(key)) return false;
    this.#entries.set(key, entry);
    return true;
  }

  /** The first that a log does not have, of all or of those of terms before one. */
  missingFrom(log: DiskLog, before?: Term): AcknowledgedEntry | null {
    for (const entry of this.#entries.values()) {
      if (before !== undefined && compareTerms(entry.term, before) >= 0) continue;
      if (!log.holds(entry.index, entry.term)) return entry;
    }
    return null;
  }

  /** The first above this index. */
  above(index: Index): AcknowledgedEntry | null {
    for (const entry of this.#entries.values()) if (entry.index > index) return entry;
    return null;
  }
}
