/**
 * `OneView`: at any instant at most one leader commits new writes. An old leader may still
 * acknowledge an entry late, if the leader that came after it has that entry.
 *
 * @module
 */

import { compareTerms, termText } from "../../raft/term.ts";
import type { NodeId, Term } from "../../raft/types.ts";
import type { Checker } from "./checker.ts";

export const oneView: Checker = {
  name: "OneView",
  holdsAcrossForks: false,
  begin() {
    /** The newest term in which anybody has acknowledged, and who did. */
    let newest: { readonly node: NodeId; readonly term: Term } | null = null;
    return {
      onEvent(event, disks, report) {
        if (event.kind !== "acknowledged") return;
        const { node, term, index, requestId } = event;
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
