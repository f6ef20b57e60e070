/**
 * `LinearizableReads`: such a read shows every message whose sending was confirmed before it
 * began, nothing that was not yet being sent when it ended, and everything that an earlier such
 * read has shown. The rows are a grow-only list, so this is all that linearizability asks. And
 * whether or not anybody reads just then: no node would answer one while it lacks an entry that was
 * acknowledged by then, or has yet to apply it; or while another leader, which may acknowledge
 * anything, has applied an entry of its own term that is not here.
 *
 * @module
 */

import { termText } from "../../raft/term.ts";
import type { NodeId, Term } from "../../raft/types.ts";
import { firstOfOwnTerm } from "../recorder.ts";
import { AcknowledgedEntries } from "./acknowledged.ts";
import type { Checker } from "./checker.ts";
import { SeenMessages } from "./seen_messages.ts";

export const linearizableReads: Checker = {
  name: "LinearizableReads",
  // In a partition each side is linearizable in itself (§8): there is no one order to check.
  holdsAcrossForks: false,
  begin() {
    const receivers = new Map<number, number>();
    const sent = new Set<string>();
    const visible = new SeenMessages();
    const entries = new AcknowledgedEntries();
    const served = new Map<NodeId, Term>();
    return {
      onEvent(event, disks, report) {
        entries.take(event);
        if (event.kind === "applied") {
          const { node } = event;
          const first = firstOfOwnTerm(node, event.entries, served.get(node));
          if (first === null) return;
          served.set(node, first.term);
          entries.add({
            node,
            requestId: "the first entry of its term",
            index: first.index,
            term: first.term,
          });
        }
        if (event.kind === "mayRead") {
          const left = entries.missingFrom(disks.of(event.node)) ??
            entries.above(event.appliedIndex);
          if (left === null) return;
          report(
            `${event.node} would answer a read without ${left.requestId}, which ${left.node} ` +
              `had decided at ${left.index} of term ${termText(left.term)}`,
          );
        }
        if (event.kind === "invoked") {
          const { operation, body } = event;
          if (body.kind === "send") {
            receivers.set(operation, body.to);
            sent.add(`request-${operation}`);
          }
          if (body.kind === "read" && body.linearizable) visible.begin(operation, body.user);
        }
        if (event.kind === "answered" && event.outcome.ok) {
          const receiver = receivers.get(event.operation);
          if (receiver !== undefined) visible.add(receiver, event.requestId);
        }
        if (event.kind !== "readAnswered") return;
        const read = visible.end(event);
        if (read === null) return;
        const { shown, missing } = read;
        const early = [...shown].find((id) => !sent.has(id));
        if (missing !== null) report(`${event.node} answers a read without ${missing}`);
        if (early !== undefined) report(`${event.node} shows ${early} before it was sent`);
      },
    };
  },
};
