/**
 * `OneView`: at any instant at most one leader commits new writes. An old leader may still
 * acknowledge an entry late, if the leader that came after it has that entry; and a new one
 * acknowledges nothing before it has what older ones have acknowledged.
 *
 * @module
 */

import { compareTerms, termText } from "../../raft/term.ts";
import type { NodeId, Term } from "../../raft/types.ts";
import { AcknowledgedEntries } from "./acknowledged.ts";
import type { Checker } from "./checker.ts";

export const oneView: Checker = {
  name: "OneView",
  holdsAcrossForks: false,
  begin() {
    const entries = new AcknowledgedEntries();
    /** The newest term in which anybody has acknowledged, and who did. */
    let newest: { readonly node: NodeId; readonly term: Term } | null = null;
    return {
      onEvent(event, disks, report) {
        if (event.kind !== "acknowledged") return;
        const { node, term, index, requestId } = event;
        const left = entries.missingFrom(disks.of(node), term);
        entries.take(event);
        if (left !== null) {
          report(
            `${node} acknowledges ${requestId} in term ${termText(term)} without ` +
              `${left.requestId}, which ${left.node} has acknowledged at ${left.index}`,
          );
        }
        if (newest !== null && compareTerms(term, newest.term) < 0 && newest.node !== node) {
          if (!disks.of(newest.node).holds(index, term)) {
            report(
              `${node} acknowledges ${requestId} at ${index} of term ${termText(term)} after ` +
                `${newest.node}, which has not got it, in term ${termText(newest.term)}`,
            );
          }
        }
        if (newest === null || compareTerms(term, newest.term) > 0) newest = { node, term };
      },
    };
  },
};
