/**
 * Commands of simulated clients, as they are filled in with each attempt. Owns their form; what
 * becomes of them is `clients.ts`'s.
 *
 * @module
 */

import type { PlainCommand } from "../chat/command.ts";
import type { User } from "./client_races.ts";
import type { SimNode } from "./sim_node.ts";

/** A message to an account. */
export function sending(
  from: User,
  { session, toAccountId }: { readonly session: string; readonly toAccountId: string },
): (fields: CommandFields) => PlainCommand {
  return (fields) => ({
    ...fields,
    kind: "sendMessage",
    ...author(from, session),
    toAccountId,
    body: fields.requestId,
  });
}

/** What every command has. */
export interface CommandFields {
  readonly requestId: string;
  readonly fingerprint: string;
  readonly timeMs: number;
}

/** A command for one attempt; `node` is asked, and may fill in what it sees. */
export type MakeCommand = (
  fields: CommandFields,
  node: SimNode,
) => PlainCommand | Promise<PlainCommand>;

/** In whose name, and in which session. */
export function author(user: User, session: string): { accountId: string; sessionId: string } {
  return { accountId: user.accountId, sessionId: session };
}
