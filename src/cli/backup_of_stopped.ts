/**
 * Taking a backup of a stopped node: of everything in its directory, where no cluster is left that
 * could be asked, or where the node belongs to none any more. Owns what is said of it; the reading
 * is `src/storage`'s, and the parts are made as a running node makes them.
 *
 * @module
 */

import { rowsIn } from "../node/assembly.ts";
import { BackupServer } from "../node/backup_server.ts";
import { machineClock } from "../node/clock.ts";
import { silentLogger } from "../node/logger.ts";
import { describeLog } from "../storage/recover.ts";
import { withStopped } from "../storage/stopped_node.ts";
import type { TakingOptions } from "./backup_taking.ts";

/**
 * Writes a whole backup of a stopped node, unchecked yet; no byte of its directory is changed. Throws
 * as `openDataDirectory` does, and `CORRUPT` for a damaged state.
 */
export async function takeFromStopped(
  directory: string,
  { writer, onRows, remark, signal }: Omit<TakingOptions, "cluster">,
): Promise<void> {
  await withStopped(directory, () => signal.throwIfAborted(), async (node) => {
    const { nodeId, clusterId, policy, term, commitIndex, lastIndex, log, openSnapshot } = node;
    remark(`This is node ${nodeId} of cluster ${clusterId}, which is stopped.`);
    for (const sentence of describeLog({ commitIndex, lastIndex })) remark(sentence);
    remark(
      `Messages that others acknowledged without this node, after index ${lastIndex}, are ` +
        "not in it.",
    );
    const server = new BackupServer({
      identity: () => ({ nodeId, clusterId }),
      driver: { status: () => ({ policy, term }), waitApplied: () => Promise.resolve() },
      log,
      state: { openSnapshot },
      rowsIn,
      clock: machineClock(),
      logger: silentLogger,
    });
    await writer.begin();
    let rowsTotal = 0;
    for await (const part of server.serve({ atLeastIndex: 0 }, { deadlineMs: Infinity, signal })) {
      if (part.kind === "header") rowsTotal = part.rowsTotal;
      await writer.write(part);
      onRows(writer.rows, rowsTotal);
    }
    signal.throwIfAborted();
  });
}
