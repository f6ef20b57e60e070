/**
 * From a configuration to open data: the directory with its log and its state, checked, or begun
 * anew where they are damaged. Owns the order in which that is looked at before anything is written.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { type DataDirectory, openDataDirectory } from "../storage/data_directory.ts";
import type { LibsqlStateStore } from "../storage/state_store.ts";
import { damageIn } from "../storage/storage_error.ts";
import { beginAnew, type Beginning, beginningOf, succeeds } from "./beginning_anew.ts";
import type { NodeConfig } from "./config.ts";
import { type AskingOptions, clusterAt } from "./joining.ts";
import type { Clock } from "./ports.ts";
import type { Security } from "./security.ts";

/** Data that a node may run on. */
export interface OpenedNode {
  /** As it was given, or by which it begins anew. */
  readonly config: NodeConfig;
  readonly directory: DataDirectory;
  readonly state: LibsqlStateStore;
}

/** What it takes to open. */
export interface OpeningOptions {
  readonly clock: Clock;
  readonly security: Pick<Security, "connect" | "claim" | "idOfCertificate">;
}

/** Opens what a node runs on and begins its start. What fails leaves nothing open. */
export async function openNode(config: NodeConfig, options: OpeningOptions): Promise<OpenedNode> {
  const opened = await openWhole(await beginningOf(config), options);
  if (typeof opened !== "string") return opened;
  const { clock, security: { connect } } = options;
  return await open(await beginAnew(config, opened, { connect, clock }), options);
}

/** Or a sentence about the damage: the error itself holds what must be let go of. */
async function openWhole(
  beginning: Beginning,
  options: OpeningOptions,
): Promise<OpenedNode | string> {
  try {
    return await open(beginning, options);
  } catch (thrown) {
    const error = ChatError.from(thrown);
    if (error.reason === "CORRUPT") return damageIn(error);
    throw error;
  }
}

async function open(
  { config, clusterId }: Beginning,
  { clock, security }: OpeningOptions,
): Promise<OpenedNode> {
  const nodeId = config.id ?? security.idOfCertificate;
  const directory = await openDataDirectory(config.data, {
    create: true,
    // What the certificate says is for a new node alone; who has data is looked at below.
    accepts: config.id === null ? () => true : succeeds,
    ...(nodeId === null ? {} : { nodeId }),
  });
  let state: LibsqlStateStore | null = null;
  try {
    security.claim(directory.identity.nodeId);
    // Before the first write: a directory whose state is refused stays as it was.
    state = await directory.openState();
    if (clusterId !== null) await directory.join(clusterId);
    await checkCluster(directory, config.join, { clock, connect: security.connect });
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
  options: AskingOptions,
): Promise<void> {
  const own = directory.identity.clusterId;
  if (own === "") return;
  await directory.join(await clusterAt(addresses, own, options));
}
