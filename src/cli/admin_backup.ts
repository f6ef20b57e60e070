/**
 * `jmessage admin backup`: a file with everything that a cluster replicates. Owns the flags and
 * what is said; the taking is `backup_taking.ts`'s, the file `src/storage`'s.
 *
 * @module
 */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { VerifiedBackup } from "../storage/backup_reader.ts";
import { BackupWriter } from "../storage/backup_writer.ts";
import { type AdminCluster, type AdminConnect, withCluster } from "./admin_cluster.ts";
import { takeBackup } from "./backup_taking.ts";
import { newCommand } from "./command.ts";
import { interruptible } from "./interrupt.ts";
import { jsonOption, serversOption, timeoutOption } from "./options.ts";
import type { Output } from "./output.ts";
import { progress } from "./progress.ts";
import { printable } from "./text.ts";

export interface BackupOptions {
  readonly connect: AdminConnect;
  readonly output: Output;
}

interface BackupFlags {
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
    .addOption(serversOption()).addOption(timeoutOption(3_600)).addOption(jsonOption())
    .action((file, flags) =>
      withCluster(flags, options.connect, async (cluster) => {
        const backup = await interruptible((signal) =>
          write(cluster, { file, flags, output: options.output, signal })
        );
        print(file, { backup, flags, output: options.output });
      })
    );
}

async function write(
  cluster: AdminCluster,
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
    await takeBackup({
      cluster,
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
