/**
 * `NoResurrection`: a session that was revoked stays revoked, and what was acknowledged stays
 * acknowledged. A write in a session whose end was confirmed before it began is refused.
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
    const acknowledged = new Set<string>();
    const answered = (event: HistoryEvent & { kind: "answered" }) => {
      const body = bodies.get(event.operation);
      if (!event.outcome.ok || body === undefined) return;
      if (body.kind === "logout") revoked.add(body.session);
      if (body.kind === "acknowledge") body.messageIds.forEach((id) => acknowledged.add(id));
    };
    return {
      onEvent(event) {
        if (event.kind === "invoked") bodies.set(event.operation, event.body);
        if (event.kind === "answered") answered(event);
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
