/**
 * What is broken in healing after a partition (DESIGN §9): what a losing node hands over, and what the
 * winner's side makes of it.
 *
 * @module
 */

import type { Mutant } from "../mutant.ts";
import { meetings } from "./campaigns.ts";

export const HEALING: readonly Mutant[] = [
  {
    name: "answers reads on a side that others may have left",
    part: "healing",
    campaign: meetings,
    edit: {
      file: "src/raft/reads.ts",
      find: "age(voter.id) - trusted <= state.grace",
      replace: "true",
    },
  },
  {
    name: "hands over one entry too few at the beginning",
    part: "healing",
    campaign: meetings,
    edit: {
      file: "src/node/driver_hand_over.ts",
      find: "let next = Math.max(commonIndex, effect.baseIndex) + 1;",
      replace: "let next = Math.max(commonIndex, effect.baseIndex) + 2;",
    },
  },
  {
    name: "answers the loser before what it handed over is committed",
    part: "healing",
    campaign: meetings,
    edit: {
      file: "src/node/driver_hand_over.ts",
      find: "await Promise.all(open.map((data) => propose(data)));",
      replace: "open.forEach((data) => void propose(data).catch(() => undefined));",
    },
  },
  {
    name: "takes a failed hand-over for done",
    part: "healing",
    campaign: meetings,
    edit: {
      file: "src/node/driver_hand_over.ts",
      find: "let done = false;",
      replace: "let done = true;",
    },
  },
  {
    name: "takes a request that the winner knows for settled",
    part: "healing",
    campaign: meetings,
    edit: {
      file: "src/chat/salvage.ts",
      find: "    return changesNothing(changes);",
      replace: "    return changesNothing(changes) || rows.requests.has(command.requestId);",
    },
  },
  {
    name: "forgets what the losing side answered",
    part: "healing",
    campaign: meetings,
    edit: {
      file: "src/chat/salvage.ts",
      find: "  const { outcome, timeMs } = answerOf(command, known);",
      replace: `  const { timeMs } = answerOf(command, known);
  const outcome = null;`,
    },
  },
  {
    name: "salvages under a new request id",
    part: "healing",
    campaign: meetings,
    edit: {
      file: "src/chat/salvage.ts",
      find: 'return { kind: "salvaged", requestId,',
      replace: `return { kind: "salvaged", requestId: \`\${requestId} salvaged\`,`,
    },
  },
  {
    name: "does what the losing side had refused",
    part: "healing",
    campaign: meetings,
    edit: {
      file: "src/chat/salvaged_commands.ts",
      find: "if (told?.ok === false) {",
      replace: "if (told?.ok === false && first !== undefined) {",
    },
  },
  {
    name: "does again what both sides had done",
    part: "healing",
    campaign: meetings,
    edit: {
      file: "src/chat/salvaged_commands.ts",
      find: `    record(batch, orphan, lostAgain(batch, orphan, first));
    return first.outcome;`,
      replace: `    record(batch, orphan, apply(batch, orphan).lost);
    return first.outcome;`,
    },
  },
  {
    name: "loses the time at which a message was sent",
    part: "healing",
    campaign: meetings,
    edit: {
      file: "src/chat/salvaged_commands.ts",
      find: "deliver(batch, sent, { place, timeMs: salvaged.timeMs });",
      replace: "deliver(batch, sent, stamp);",
    },
  },
  {
    name: "loses the sender of a message",
    part: "healing",
    campaign: meetings,
    edit: {
      file: "src/chat/salvaged_commands.ts",
      find: "const sent = { ...command, toAccountId: receiver.id };",
      replace: "const sent = { ...command, accountId: receiver.id, toAccountId: receiver.id };",
    },
  },
  {
    name: "keeps no record of what it could not apply",
    part: "healing",
    campaign: meetings,
    edit: {
      file: "src/chat/salvaged_commands.ts",
      find: `  record(batch, orphan, lost);
`,
      replace: `  void lost;
`,
    },
  },
];
