/**
 * How the admin commands show who asks: a token from a file, from the environment, or from the
 * data directory of a node on this machine. Owns where it is looked for, and that it is never an
 * argument, which everybody on the machine can see; whether it is good the nodes say.
 *
 * @module
 */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import process from "node:process";
import { ChatError } from "../errors.ts";
import { isLoopback } from "../node/config.ts";
import { localTokenFile, readLocalToken } from "../node/local_token.ts";
import { readSecretFile } from "../tls/secret_file.ts";

/** Where a node keeps its data if it is not told. */
const DEFAULT_DATA = "./jmessage-data";

/** As they were given. */
export interface CredentialFlags {
  readonly tokenFile?: string | undefined;
  readonly data?: string | undefined;
}

/** What is shown to the nodes. */
export interface Credentials {
  /** `undefined`: none. */
  readonly token: string | undefined;
  /** It is that of one node, which no other one will ever accept. */
  readonly isLocal: boolean;
}

/** Gives the flags to a command, and to those below it, that ask a cluster. */
export function addCredentialOptions(command: CommandUnknownOpts): void {
  for (const child of command.commands) addCredentialOptions(child);
  if (!command.options.some(({ long }) => long === "--servers")) return;
  command
    .addOption(new Option("--token-file <file>", "file with the admin token (or set its variable)"))
    .addOption(
      new Option("--data <dir>", "or the data directory of a node that runs on this machine"),
    );
}

/**
 * The token to show: that of `--token-file`, of the node in `--data`, of `JMESSAGE_ADMIN_TOKEN`; and
 * if nobody said anything, that of the node that runs in the default directory, for servers on this
 * machine alone. `undefined`: there is none, and a certificate may do. Throws `INVALID_ARGUMENT`.
 */
export async function adminTokenOf(
  flags: CredentialFlags,
  servers: readonly string[],
): Promise<Credentials> {
  if (flags.tokenFile !== undefined) {
    return { token: await readSecretFile(flags.tokenFile, "token-file"), isLocal: false };
  }
  if (flags.data !== undefined) {
    const local = await readLocalToken(flags.data);
    if (local !== null) return { token: local, isLocal: true };
    const text = `Cannot use --data ${flags.data}: there is no ${localTokenFile(flags.data)} ` +
      "to read; no node runs there, or another user's";
    throw new ChatError("INVALID_ARGUMENT", text, { field: "data" });
  }
  const given = process.env["JMESSAGE_ADMIN_TOKEN"]?.trim();
  if (given) return { token: given, isLocal: false };
  const found = servers.every(isLoopback) ? await readLocalToken(DEFAULT_DATA) : null;
  return { token: found ?? undefined, isLocal: found !== null };
}

/** The error of a command that needs members of which some refuse another one's local token. */
export function localTokenRefused(
  who: readonly string[],
  { cause, orWhat = "" }: { readonly cause?: unknown; readonly orWhat?: string } = {},
): LocalTokenError {
  const names = `${who.join(", ")} ${who.length === 1 ? "does" : "do"}`;
  const text = `${names} not accept this token: a local one (--data) is good for its own node ` +
    `only; give --token-file FILE or JMESSAGE_ADMIN_TOKEN${orWhat}`;
  return new LocalTokenError(text, { cause });
}

/** What to do is said already. */
export class LocalTokenError extends ChatError {
  constructor(message: string, options: { readonly cause?: unknown }) {
    super("UNAUTHENTICATED", message, options);
  }
}
