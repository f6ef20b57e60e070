/**
 * `jmessage admin restore`: a new cluster from a backup. Owns the flags and what is said; what is
 * made is `src/storage`'s.
 *
 * @module
 */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { nodeConfig } from "../node/config.ts";
import { restoreBackup, type Restored } from "../storage/restore.ts";
import { newCommand } from "./command.ts";
import { interruptible } from "./interrupt.ts";
import { jsonOption } from "./options.ts";
import type { Output } from "./output.ts";
import { progress } from "./progress.ts";
import { printable, shellWord } from "./text.ts";

interface RestoreFlags {
  readonly data: string;
  readonly id?: string | undefined;
  readonly json?: true | undefined;
}

/** `jmessage admin restore`. */
export function restoreCommand({ output }: { readonly output: Output }): CommandUnknownOpts {
  return newCommand("restore", "make a new cluster of one node from a backup", {
    example: "jmessage admin restore monday.backup --data data/new",
  })
    .argument("<file>", "the backup")
    .requiredOption("--data <dir>", "data directory to make; it must not be that of a node")
    .option("--id <id>", "id of the node (default: made once, and stored)")
    .addOption(jsonOption())
    .action(async (file, flags) => {
      const restored = await interruptible((signal) => restore(file, { flags, output, signal }));
      print(restored, { flags, output });
    });
}

function restore(
  backup: string,
  { flags, output, signal }: {
    readonly flags: RestoreFlags;
    readonly output: Output;
    readonly signal: AbortSignal;
  },
): Promise<Restored> {
  const { data, id } = flags;
  // What a node would refuse later is refused now.
  const { id: nodeId } = nodeConfig({ data, id });
  const told = {
    checked: progress(output, (rows) => `checked ${rows} rows of the backup`),
    restored: progress(output, (rows) => `restored ${rows} rows`),
  };
  return restoreBackup({
    backup,
    data,
    ...(nodeId === null ? {} : { nodeId }),
    wallMs: Date.now(),
    onRows: (rows, step) => {
      signal.throwIfAborted();
      told[step](rows);
    },
  });
}

function print(
  { clusterId, nodeId, backup, already }: Restored,
  { flags, output }: { readonly flags: RestoreFlags; readonly output: Output },
): void {
  const { header: { base: { index } }, end: { accounts, messages } } = backup;
  if (flags.json) return output.json({ clusterId, id: nodeId, index, messages });
  const done = already ? "restored before, and not started since" : "restored";
  output.line([
    `${done}: ${accounts} accounts and ${messages} messages, up to index ${index} of ` +
    `cluster ${printable(backup.header.clusterId)}`,
    `new cluster ${printable(clusterId)}, node ${printable(nodeId)}; start it: ` +
    `jmessage node --data ${shellWord(flags.data)}`,
  ].join("\n"));
}
