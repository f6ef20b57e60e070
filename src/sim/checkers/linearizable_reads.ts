/**
 * `LinearizableReads`: such a read shows every message whose sending was confirmed before it
 * began, nothing that was not yet being sent when it ended, and everything that an earlier such
 * read has shown. The rows are a grow-only list, so this is all that linearizability asks.
 *
 * @module
 */

import type { HistoryEvent } from "../history.ts";
import type { Checker } from "./checker.ts";

interface OpenRead {
  readonly user: number;
  readonly atLeast: ReadonlySet<string>;
}

export const linearizableReads: Checker = {
  name: "LinearizableReads",
  // In a partition each side is linearizable in itself (§8): there is no one order to check.
  holdsAcrossForks: false,
  begin() {
    const receivers = new Map<number, number>();
    const sent = new Set<string>();
    /** By receiver: what a read that begins now must show. */
    const visible = new Map<number, Set<string>>();
    const open = new Map<number, OpenRead>();
    const of = (user: number) => {
      const ids = visible.get(user) ?? new Set();
      visible.set(user, ids);
      return ids;
    };
    const invoked = (event: HistoryEvent & { kind: "invoked" }) => {
      const { operation, body } = event;
      if (body.kind === "send") {
        receivers.set(operation, body.to);
        sent.add(`request-${operation}`);
      }
      if (body.kind === "read" && body.linearizable) {
        open.set(operation, { user: body.user, atLeast: new Set(of(body.user)) });
      }
    };
    return {
      onEvent(event, _disks, report) {
        if (event.kind === "invoked") invoked(event);
        if (event.kind === "answered" && event.outcome.ok) {
          const receiver = receivers.get(event.operation);
          if (receiver !== undefined) of(receiver).add(event.requestId);
        }
        if (event.kind !== "readAnswered") return;
        const read = open.get(event.operation);
        if (read === undefined) return;
        const shown = new Set(event.messages.map(({ id }) => id));
        const missing = [...read.atLeast].find((id) => !shown.has(id));
        const early = [...shown].find((id) => !sent.has(id));
        if (missing !== undefined) report(`${event.node} answers a read without ${missing}`);
        if (early !== undefined) report(`${event.node} shows ${early} before it was sent`);
        for (const id of shown) of(read.user).add(id);
      },
    };
  },
};
