/**
 * Logs of chat commands with real checksums, for tests of stores: entries that can be persisted
 * and applied.
 *
 * @module
 */

import { encodeCommand } from "../../src/chat/codec.ts";
import type { Command } from "../../src/chat/command.ts";
import { EMPTY_BASE } from "../../src/raft/log.ts";
import type { Entry, LogPosition } from "../../src/raft/types.ts";
import { buildEntries, termOf } from "../contract/log_entries.ts";
import { loggedIn, send } from "./chat_log.ts";

/** Entries with these commands after `previous`. */
export function commandEntries(
  commands: readonly Command[],
  previous: Pick<LogPosition, "index" | "checksum"> = EMPTY_BASE,
): Entry[] {
  const bodies = commands.map((command) => {
    return { kind: "command", data: encodeCommand(command) } as const;
  });
  return buildEntries(previous, termOf(1), bodies);
}

/** Ann and Bob, logged in, and `count` messages between them: 4 + count entries. */
export function conversation(count: number, body = "hello"): Entry[] {
  const messages = Array.from({ length: count }, (_, number) => {
    const [by, to] = number % 2 === 0 ? ["ann", "bob"] : ["bob", "ann"];
    return send(`m${number}`, { by: by!, to: to!, body: `${body} ${number}` });
  });
  return commandEntries([...loggedIn("ann", "bob"), ...messages]);
}
