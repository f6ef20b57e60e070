/**
 * `jmessage admin backup`: a file with everything that a cluster replicates, or that a stopped node
 * holds. Owns the flags and what is said; the taking is `backup_taking.ts`'s and
 * `backup_of_stopped.ts`'s, the file `src/storage`'s.
 *
 * @module
 */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { VerifiedBackup } from "../storage/backup_reader.ts";
import { BackupWriter } from "../storage/backup_writer.ts";
import type { AdminClock } from "./admin_clock.ts";
import { type AdminConnect, withCluster } from "./admin_cluster.ts";
import { takeFromStopped } from "./backup_of_stopped.ts";
import { takeBackup, type TakingOptions } from "./backup_taking.ts";
import { newCommand } from "./command.ts";
import { interruptible } from "./interrupt.ts";
import { jsonOption, serversOption, timeoutOption } from "./options.ts";
import type { Output } from "./output.ts";
import { progress } from "./progress.ts";
import { printable } from "./text.ts";

export interface BackupOptions {
  readonly connect: AdminConnect;
  readonly output: Output;
  readonly clock?: AdminClock | undefined;
}

interface BackupFlags {
  readonly from?: string | undefined;
  readonly overwrite?: true | undefined;
  readonly servers: readonly string[];
  readonly timeout: number;
  readonly json?: true | undefined;
}

/** `jmessage admin backup`. */
export function backupCommand(options: BackupOptions): CommandUnknownOpts {
  return newCommand("backup", "write everything the cluster holds into a file, while it runs", {
    example: "jmessage admin backup monday.backup -s 127.0.0.1:2625",
  })
    .argument("<file>", "where to write it; it holds hashes of passwords, so keep it safe")
    .option("--overwrite", "replace the file if it is there")
    .addOption(fromOption())
    .addOption(serversOption()).addOption(timeoutOption(3_600)).addOption(jsonOption())
    .action(async (file, flags, command) => {
      const { output } = options;
      const made = (take: Take) =>
        interruptible((signal) => write(take, { file, flags, output, signal }));
      const { from } = flags;
      if (from !== undefined) {
        // The environment may name a cluster for all other commands.
        if (command.getOptionValueSource("servers") === "cli") {
          command.error("option '--from <dir>' cannot be used with option '-s, --servers <list>'");
        }
        const backup = await made((taking) => takeFromStopped(from, taking));
        print(file, { backup, flags, output });
        return;
      }
      await withCluster(flags, options, async (cluster) => {
        const backup = await made((taking) => takeBackup({ cluster, ...taking }));
        print(file, { backup, flags, output });
      });
    });
}

function fromOption() {
  const text = "take what a stopped node holds in this data directory, and ask no cluster";
  return new Option("--from <dir>", text);
}

/** Writes a whole backup, from wherever it comes. */
type Take = (taking: Omit<TakingOptions, "cluster">) => Promise<void>;

async function write(
  take: Take,
  { file, flags, output, signal }: {
    readonly file: string;
    readonly flags: BackupFlags;
    readonly output: Output;
    readonly signal: AbortSignal;
  },
): Promise<VerifiedBackup> {
  const writer = await BackupWriter.prepare(file, { overwrite: flags.overwrite === true });
  try {
    let total = 0;
    const received = progress(output, (rows) => `received ${rows} of ${total} rows`);
    await take({
      writer,
      signal,
      onRows: (rows, rowsTotal) => {
        total = rowsTotal;
        received(rows);
      },
      remark: (text) => output.remark(printable(text)),
    });
    const checked = progress(output, (rows) => `checked ${rows} of ${total} rows`);
    return await writer.finish((rows) => {
      signal.throwIfAborted();
      checked(rows);
    });
  } finally {
    await writer.discard();
  }
}

function print(
  file: string,
  { backup, flags, output }: {
    readonly backup: VerifiedBackup;
    readonly flags: BackupFlags;
    readonly output: Output;
  },
): void {
  const { header, end: { accounts, messages, digest }, bytes } = backup;
  const { clusterId, nodeId, base: { index } } = header;
  if (flags.json) {
    output.json({ file, clusterId, node: nodeId, index, bytes, accounts, messages, digest });
    return;
  }
  output.line([
    `backup    ${printable(file)}, ${bytes} bytes, read again and whole`,
    `cluster   ${printable(clusterId)}, as ${printable(nodeId)} had it at index ${index}`,
    `holds     ${accounts} accounts, ${messages} messages`,
    `digest    ${printable(digest)}`,
  ].join("\n"));
}
