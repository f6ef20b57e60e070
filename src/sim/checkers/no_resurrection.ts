/**
 * `NoResurrection`: a session that was revoked stays revoked, a deleted account deleted, and
 * what was acknowledged stays acknowledged. A write in a session whose end was confirmed before it began is refused.
 *
 * @module
 */

import type { HistoryEvent, OperationBody } from "../history.ts";
import type { Checker } from "./checker.ts";

export const noResurrection: Checker = {
  name: "NoResurrection",
  holdsAcrossForks: false,
  begin() {
    const bodies = new Map<number, OperationBody>();
    const revoked = new Set<string>();
    const deleted = new Set<string>();
    const acknowledged = new Set<string>();
    /** Operations that began in a session whose end was confirmed by then. */
    const late = new Set<number>();
    const answered = (event: HistoryEvent & { kind: "answered" }) => {
      const body = bodies.get(event.operation);
      if (!event.outcome.ok || body === undefined) return;
      if (body.kind === "logout") revoked.add(body.session);
      if (body.kind === "deleteAccount") deleted.add(body.accountId);
      if (body.kind === "acknowledge") body.messageIds.forEach((id) => acknowledged.add(id));
    };
    return {
      onEvent(event, _disks, report) {
        if (event.kind === "invoked") {
          const { operation, body } = event;
          bodies.set(operation, body);
          if (body.kind === "send" && revoked.has(body.session)) late.add(operation);
        }
        if (event.kind !== "answered") return;
        if (event.outcome.ok && late.has(event.operation)) {
          report(`${event.requestId} is done in a session that was over when it began`);
        }
        answered(event);
      },
      onEnd({ events, finals }, report) {
        // Until writes are accepted a member may have yet to learn what was committed.
        if (!events.some(({ kind }) => kind === "accepted")) return;
        const members = new Set(
          events.flatMap((event) => event.kind === "final" && event.member ? [event.node] : []),
        );
        for (const final of finals.filter(({ node }) => members.has(node))) {
          for (const id of revoked) {
            if (final.sessions.get(id) === true) report(`${final.node} has ${id} open again`);
          }
          for (const id of deleted) {
            if (final.accounts.get(id) === true) report(`${final.node} has account ${id} again`);
          }
          const there = new Set(final.received.flat().map(({ id }) => id));
          for (const id of acknowledged) {
            if (there.has(id) && !final.acknowledged.has(id)) {
              report(`${final.node} has ${id} as not acknowledged again`);
            }
          }
        }
      },
    };
  },
};
