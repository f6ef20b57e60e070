/**
 * The directory of a stopped node, for tests of the commands that look at one.
 *
 * @module
 */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_POLICY } from "../raft/state.ts";
import { openDataDirectory } from "../storage/data_directory.ts";

/** Runs `test` with the directory of a node that founded cluster `k`; removes it afterwards. */
export async function withStoppedNode(test: (path: string) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), "jmessage-stopped-"));
  try {
    const directory = await openDataDirectory(path, { create: true, nodeId: "a" });
    const founder = { id: "a", peerAddress: "127.0.0.1:2", clientAddress: "127.0.0.1:1" };
    await directory.bootstrap({ clusterId: "k", founder, policy: DEFAULT_POLICY });
    await (await directory.openState()).close();
    await directory.close();
    await test(path);
  } finally {
    await rm(path, { recursive: true });
  }
}
