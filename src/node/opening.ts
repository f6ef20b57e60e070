/**
 * From a configuration to open data: the directory with its log and its state, checked, or begun
 * anew where they are damaged. Owns the order in which that is looked at before anything is written.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { connectPeer } from "../rpc/peer_client.ts";
import { type DataDirectory, openDataDirectory } from "../storage/data_directory.ts";
import type { LibsqlStateStore } from "../storage/state_store.ts";
import { damageIn } from "../storage/storage_error.ts";
import { beginAnew, type Beginning, beginningOf, succeeds } from "./beginning_anew.ts";
import type { NodeConfig } from "./config.ts";
import { clusterAt } from "./joining.ts";
import type { Clock } from "./ports.ts";

/** Data that a node may run on. */
export interface OpenedNode {
  /** As it was given, or by which it begins anew. */
  readonly config: NodeConfig;
  readonly directory: DataDirectory;
  readonly state: LibsqlStateStore;
}

/** Opens what a node runs on and begins its start. What fails leaves nothing open. */
export async function openNode(config: NodeConfig, clock: Clock): Promise<OpenedNode> {
  const opened = await openWhole(await beginningOf(config), clock);
  if (typeof opened !== "string") return opened;
  return await open(await beginAnew(config, opened, { connect: connectPeer, clock }), clock);
}

/** Or a sentence about the damage: the error itself holds what must be let go of. */
async function openWhole(beginning: Beginning, clock: Clock): Promise<OpenedNode | string> {
  try {
    return await open(beginning, clock);
  } catch (thrown) {
    const error = ChatError.from(thrown);
    if (error.reason === "CORRUPT") return damageIn(error);
    throw error;
  }
}

async function open({ config, clusterId }: Beginning, clock: Clock): Promise<OpenedNode> {
  const directory = await openDataDirectory(config.data, {
    create: true,
    accepts: succeeds,
    ...(config.id === null ? {} : { nodeId: config.id }),
  });
  let state: LibsqlStateStore | null = null;
  try {
    // Before the first write: a directory whose state is refused stays as it was.
    state = await directory.openState();
    if (clusterId !== null) await directory.join(clusterId);
    await checkCluster(directory, config.join, clock);
    await directory.begin(clock.wall());
    return { config, directory, state };
  } catch (error) {
    await state?.close();
    await directory.close();
    throw ChatError.from(error);
  }
}

/**
 * Throws `WRONG_CLUSTER` if a node with data is to join members of another cluster. It would come
 * back by itself and never ask them, and whoever started it would talk to the wrong people.
 */
async function checkCluster(
  directory: DataDirectory,
  addresses: readonly string[],
  clock: Clock,
): Promise<void> {
  const own = directory.identity.clusterId;
  if (own === "") return;
  await directory.join(await clusterAt(addresses, own, { connect: connectPeer, clock }));
}
