/**
 * What is broken in the rules of the chat, `src/chat`: request ids, sessions, names, receivers, and
 * how the rules get to the tables.
 *
 * @module
 */

import type { Mutant } from "../mutant.ts";
import { lastResort, libsql } from "./campaigns.ts";

export const CHAT: readonly Mutant[] = [
  {
    name: "takes commands in a revoked session",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/authorize.ts",
      find: `  if (session.revokedAtMs !== null) return refusals.sessionRevoked;
`,
      replace: "",
    },
  },
  {
    name: "leaves the sessions of a deleted account open",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/account_commands.ts",
      find: `  revokeAll(batch, account.id, stamp);
`,
      replace: "",
    },
  },
  {
    name: "does not free the name of a deleted account",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/account_commands.ts",
      find: `  rows.names.delete(nameKey(account.name));
`,
      replace: "",
    },
  },
  {
    name: "takes messages to a deleted account",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/message_commands.ts",
      find:
        "if (receiver === undefined || receiver.deletedAtMs !== null) return refusals.noSuchUser;",
      replace: "if (receiver === undefined) return refusals.noSuchUser;",
    },
  },
  {
    name: "tells names apart by their case",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/name.ts",
      find: "letter.toLowerCase()",
      replace: "letter",
    },
  },
  {
    name: "lets the time of a command go back",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/evaluate.ts",
      find: `timeMs: Math.max(rows.lastTimeMs, command.timeMs) };
  const outcome`,
      replace: `timeMs: command.timeMs };
  const outcome`,
    },
  },
  {
    name: "does not write that a session is revoked",
    part: "chat",
    campaign: libsql,
    edit: {
      file: "src/chat/write.ts",
      find: `  await writeRevoked(writer, changes);
`,
      replace: "",
    },
  },
  {
    name: "does not write that a message is acknowledged",
    part: "chat",
    campaign: libsql,
    edit: {
      file: "src/chat/write.ts",
      find: `  await writeAcknowledged(writer, changes);
`,
      replace: "",
    },
  },
  {
    name: "does not look for requests that a batch before decided",
    part: "chat",
    campaign: libsql,
    edit: {
      file: "src/chat/prefetch.ts",
      find: `  add("requests", mentioned.requests, requestSql);
`,
      replace: "",
    },
  },
  {
    name: "moves messages of a deleted account without their batch",
    part: "chat",
    campaign: libsql,
    edit: {
      file: "src/chat/write.ts",
      find: 'LIMIT ?";',
      replace: 'LIMIT 1 + 0 * ?";',
    },
  },
  {
    name: "does not remember a refusal",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/evaluate.ts",
      find: "  if (first !== undefined) return outcome;",
      replace: "  if (first !== undefined || !outcome.ok) return outcome;",
    },
  },
  {
    name: "opens a session for a deleted account",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/session_commands.ts",
      find: "account?.deletedAtMs === null && account.passwordHash",
      replace: "account !== undefined && account.passwordHash",
    },
  },
  {
    name: "acknowledges only the first of several messages",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/message_commands.ts",
      find: "for (const message of messages) markAcknowledged(batch, message);",
      replace: "for (const message of messages.slice(0, 1)) markAcknowledged(batch, message);",
    },
  },
  {
    name: "ends the session that asks, where it names another",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/session_commands.ts",
      find: "batch.rows.sessions.get(endedSessionId);",
      replace: "batch.rows.sessions.get(endedSessionId && sessionId);",
    },
  },
  {
    name: "ends all sessions, where it names one",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/session_commands.ts",
      find: "  revoke(batch, session, stamp);\n  return 1;",
      replace: "  revokeAll(batch, accountId, stamp);\n  return 1;",
    },
  },
  {
    name: "says that it ended the session that was named, and ends none",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/session_commands.ts",
      find: "  revoke(batch, session, stamp);\n  return 1;",
      replace: "  if (endedSessionId === sessionId) revoke(batch, session, stamp);\n  return 1;",
    },
  },
  {
    name: "ends another account's session, where it is named",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/session_commands.ts",
      find: "  if (session?.accountId !== accountId) return null;",
      replace: "  if (session === undefined) return null;",
    },
  },
  {
    name: "says that a session lives longer, and forgets it",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/session_commands.ts",
      find: "  session.expiresAtMs = expiresAtMs;\n",
      replace: "",
    },
  },
  {
    name: "does not write that a session was used",
    part: "chat",
    campaign: libsql,
    edit: {
      file: "src/chat/write.ts",
      find: "  await writeRenewed(writer, changes);\n",
      replace: "",
    },
  },
  {
    name: "says that an admin token is set, and forgets it",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/admin_commands.ts",
      find: "  rows.adminTokenHash = tokenHash;\n",
      replace: "",
    },
  },
  {
    name: "does not write the admin token",
    part: "chat",
    campaign: libsql,
    edit: {
      file: "src/chat/write.ts",
      find: "  await writeAdminToken(writer, changes);\n",
      replace: "",
    },
  },
  {
    name: "sets an admin token in the place of whichever there is",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/admin_commands.ts",
      find: "  if (rows.adminTokenHash !== replaces) return refusals.adminTokenChanged;\n",
      replace: "",
    },
  },
  {
    name: "copies a state without its admin token",
    part: "chat",
    campaign: libsql,
    edit: {
      file: "src/chat/schema.ts",
      find: '  { name: "admin_token", columns: columnsOf.admin_token, primaryKey: ["id"] },\n',
      replace: "",
    },
  },
  {
    name: "ends one session where all were to end",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/session_commands.ts",
      find: "  if (command.all) {",
      replace: '  if (command.all && command.sessionId === "") {',
    },
  },
  {
    name: "leaves the newest session open where all were to end",
    part: "chat",
    campaign: lastResort,
    edit: {
      file: "src/chat/session_commands.ts",
      find: "    revoke(batch, session, stamp);\n    revoked += 1;",
      replace: "    if (revoked === 0) revoke(batch, session, stamp);\n    revoked += 1;",
    },
  },
];
