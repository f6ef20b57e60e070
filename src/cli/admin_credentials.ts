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
): Promise<string | undefined> {
  if (flags.tokenFile !== undefined) return await readSecretFile(flags.tokenFile, "token-file");
  if (flags.data !== undefined) {
    const local = await readLocalToken(flags.data);
    if (local !== null) return local;
    const text = `Cannot use --data ${flags.data}: there is no ${localTokenFile(flags.data)} ` +
      "to read; no node runs there, or another user's";
    throw new ChatError("INVALID_ARGUMENT", text, { field: "data" });
  }
  const given = process.env["JMESSAGE_ADMIN_TOKEN"]?.trim();
  if (given) return given;
  if (!servers.every(isLoopback)) return undefined;
  return await readLocalToken(DEFAULT_DATA) ?? undefined;
}
