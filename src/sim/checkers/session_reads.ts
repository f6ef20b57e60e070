/**
 * `SessionReads` (§8): a read at session consistency, on whatever member, shows the user
 * everything that its earlier reads have shown and what it has sent to itself.
 *
 * @module
 */

import type { HistoryEvent } from "../history.ts";
import type { Checker } from "./checker.ts";

interface OpenRead {
  readonly user: number;
  readonly atLeast: ReadonlySet<string>;
}

export const sessionReads: Checker = {
  name: "SessionReads",
  holdsAcrossForks: false,
  begin() {
    /** By user: what it has seen so far. */
    const seen = new Map<number, Set<string>>();
    const toItself = new Map<number, number>();
    const open = new Map<number, OpenRead>();
    const of = (user: number) => {
      const ids = seen.get(user) ?? new Set();
      seen.set(user, ids);
      return ids;
    };
    const invoked = ({ operation, body }: HistoryEvent & { kind: "invoked" }) => {
      if (body.kind === "send" && body.from === body.to) toItself.set(operation, body.to);
      if (body.kind !== "read") return;
      // A linearizable one goes where a leader is: it names no position.
      const atLeast = body.linearizable ? [] : of(body.user);
      open.set(operation, { user: body.user, atLeast: new Set(atLeast) });
    };
    return {
      onEvent(event, _disks, report) {
        if (event.kind === "invoked") invoked(event);
        if (event.kind === "answered" && event.outcome.ok) {
          const user = toItself.get(event.operation);
          if (user !== undefined) of(user).add(event.requestId);
        }
        if (event.kind !== "readAnswered") return;
        const read = open.get(event.operation);
        if (read === undefined) return;
        const shown = new Set(event.messages.map(({ id }) => id));
        const missing = [...read.atLeast].find((id) => !shown.has(id));
        if (missing !== undefined) {
          report(`${event.node} shows user ${read.user} less than before: ${missing} is missing`);
        }
        for (const id of shown) of(read.user).add(id);
      },
    };
  },
};
