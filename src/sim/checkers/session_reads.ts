/**
 * `SessionReads` (§8): a read at session consistency, on whatever member, shows the user
 * everything that its earlier reads have shown and what it has sent to itself.
 *
 * @module
 */

import type { Checker } from "./checker.ts";
import { SeenMessages } from "./seen_messages.ts";

export const sessionReads: Checker = {
  name: "SessionReads",
  holdsAcrossForks: false,
  begin() {
    const seen = new SeenMessages();
    const toItself = new Map<number, number>();
    return {
      onEvent(event, _disks, report) {
        if (event.kind === "invoked") {
          const { operation, body } = event;
          if (body.kind === "send" && body.from === body.to) toItself.set(operation, body.to);
          // A linearizable one goes where a leader is: it names no position.
          if (body.kind === "read") seen.begin(operation, body.user, !body.linearizable);
        }
        if (event.kind === "answered" && event.outcome.ok) {
          const user = toItself.get(event.operation);
          if (user !== undefined) seen.add(user, event.requestId);
        }
        if (event.kind !== "readAnswered") return;
        const read = seen.end(event);
        if (read === null || read.missing === null) return;
        const { user, missing } = read;
        report(`${event.node} shows user ${user} less than before: ${missing} is missing`);
      },
    };
  },
};
