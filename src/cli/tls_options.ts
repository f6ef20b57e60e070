/**
 * The flags by which commands reach a cluster over TLS, and what they mean. Owns that a flag about
 * TLS turns it on; the files are read and judged by `src/tls`.
 *
 * @module
 */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { ChatError } from "../errors.ts";
import { readMaterial, type TlsMaterial, type TlsSource } from "../tls/material.ts";

/** As they were given. */
export interface TlsFlags {
  readonly tls?: boolean | undefined;
  readonly tlsCa?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}

/** Opens a connection in plain text, or over TLS with what the source holds. */
export type SecureConnect<Connection> = (address: string, tls?: TlsSource | null) => Connection;

/** Gives the flags to a command, and to those below it, that ask a cluster. */
export function addTlsOptions(command: CommandUnknownOpts): void {
  for (const child of command.commands) addTlsOptions(child);
  if (!command.options.some(({ long }) => long === "--servers")) return;
  command
    .addOption(new Option("--tls", "the nodes serve TLS, trusted by this machine's own CAs"))
    .addOption(new Option("--tls-ca <file>", "or by the CAs in this file (turns TLS on)"))
    .addOption(new Option("--tls-cert <file>", "certificate to show to the nodes"))
    .addOption(new Option("--tls-key <file>", "its private key"));
}

/** What opens connections as the flags say; throws `INVALID_ARGUMENT` for files that are not good. */
export async function secured<Connection>(
  flags: TlsFlags,
  connect: SecureConnect<Connection>,
): Promise<(address: string) => Connection> {
  const material = await materialOf(flags);
  if (material === null) return (address) => connect(address);
  return (address) => connect(address, { current: () => material });
}

async function materialOf(flags: TlsFlags): Promise<TlsMaterial | null> {
  const { tls, tlsCa: ca, tlsCert: cert, tlsKey: key } = flags;
  if (tls !== true && ca === undefined && cert === undefined && key === undefined) return null;
  if ((cert === undefined) !== (key === undefined)) {
    const text = "Cannot show a certificate without its key: give --tls-cert and --tls-key";
    throw new ChatError("INVALID_ARGUMENT", text);
  }
  return await readMaterial({ ca, cert, key }, { flag: "tls" });
}
