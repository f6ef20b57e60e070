/**
 * `NoResurrection`: a session that was revoked stays revoked, a deleted account deleted, and
 * what was acknowledged stays acknowledged. A write in a session whose end was confirmed before it
 * began is refused. Between a fork and the meeting this cannot hold (§9); it does once all have met,
 * but for what has a salvage record.
 *
 * @module
 */

import type { HistoryEvent, OperationBody } from "../history.ts";
import { type Checker, isForked } from "./checker.ts";

export const noResurrection: Checker = {
  name: "NoResurrection",
  holdsAcrossForks: true,
  begin(whole) {
    const forked = isForked(whole);
    const bodies = new Map<number, OperationBody>();
    /** By id, the request by which it came to be so. */
    const revoked = new Map<string, string>();
    const deleted = new Map<string, string>();
    const acknowledged = new Map<string, string>();
    /** Operations that began in a session whose end was confirmed by then. */
    const late = new Set<number>();
    const answered = (event: HistoryEvent & { kind: "answered" }) => {
      const body = bodies.get(event.operation);
      const { requestId, outcome } = event;
      if (!outcome.ok || body === undefined) return;
      if (body.kind === "logout") revoked.set(body.session, requestId);
      // Of a session that only the other side has nobody could know here.
      if (body.kind === "logoutOfAll" && !forked) {
        for (const id of body.sessions) revoked.set(id, requestId);
      }
      if (body.kind === "deleteAccount") deleted.set(body.accountId, requestId);
      if (body.kind !== "acknowledge" || outcome.kind !== "acknowledge") return;
      // Of a message that only the other side has nothing could be acknowledged here.
      if (forked && outcome.acknowledged < body.messageIds.length) return;
      for (const id of body.messageIds) acknowledged.set(id, requestId);
    };
    return {
      onEvent(event, _disks, report) {
        if (event.kind === "invoked") {
          const { operation, body } = event;
          bodies.set(operation, body);
          if (body.kind === "send" && revoked.has(body.session)) late.add(operation);
        }
        if (event.kind !== "answered") return;
        if (event.outcome.ok && !forked && late.has(event.operation)) {
          report(`${event.requestId} is done in a session that was over when it began`);
        }
        answered(event);
      },
      onEnd({ events, finals, judgeLiveness }, report) {
        // Until writes are accepted a member may have yet to learn what was committed.
        if (!events.some(({ kind }) => kind === "accepted")) return;
        if (forked && !judgeLiveness) return;
        const members = new Set(
          events.flatMap((event) => event.kind === "final" && event.member ? [event.node] : []),
        );
        for (const final of finals.filter(({ node }) => members.has(node))) {
          const isLost = (requestId: string) => final.salvaged.has(requestId);
          for (const [id, requestId] of revoked) {
            if (final.sessions.get(id) !== true || isLost(requestId)) continue;
            report(`${final.node} has ${id} open again`);
          }
          for (const [id, requestId] of deleted) {
            if (final.accounts.get(id) !== true || isLost(requestId)) continue;
            report(`${final.node} has account ${id} again`);
          }
          const there = new Set(final.received.flat().map(({ id }) => id));
          for (const [id, requestId] of acknowledged) {
            if (!there.has(id) || final.acknowledged.has(id) || isLost(requestId)) continue;
            report(`${final.node} has ${id} as not acknowledged again`);
          }
        }
      },
    };
  },
};
