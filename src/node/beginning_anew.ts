/**
 * What a node does about damage in its data directory (DESIGN §10): it never uses it. If a member
 * of its cluster answers that has a leader, it sets the damaged data aside and begins anew under an
 * id of its own, as one that joins; else it changes nothing and says what can be done. Owns that
 * decision; the moving is `src/storage`'s, and being taken in the leader's.
 *
 * The id must be new: who lost its log has forgotten what it promised (§3). It never founds a
 * cluster: whom it is to join is noted on disk before anything moves.
 *
 * @module
 */

import { machineCollector } from "../collector.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { PeerClient, ProbeAnswer } from "../rpc/peer_api.ts";
import { isOpenHere } from "../storage/open_files.ts";
import { readRemains, type Remains } from "../storage/remains.ts";
import {
  type Aside,
  asideName,
  forgetAside,
  moveAside,
  noteAside,
  readAside,
} from "../storage/set_aside.ts";
import { withLock } from "../storage/lock.ts";
import type { NodeConfig } from "./config.ts";
import { pause } from "./pause.ts";
import type { Clock } from "./ports.ts";

/** What is asked with. */
export interface AnewOptions {
  readonly connect: (peerAddress: string) => PeerClient;
  readonly clock: Clock;
}

/** How a node is to start on its directory. */
export interface Beginning {
  readonly config: NodeConfig;
  /** Cluster that it must join, and no other; `null` if its data says, or the operator. */
  readonly clusterId: string | null;
}

/** The configuration by which to start: goes on with setting aside where an earlier start ended. */
export async function beginningOf(config: NodeConfig): Promise<Beginning> {
  const aside = await readAside(config.data);
  if (aside === null) return { config, clusterId: null };
  await withLock(config.data, () => moveAside(config.data, aside));
  return afterAside(config, aside);
}

/** The node is a member: nothing is left to be gone on with. */
export function begun(config: NodeConfig): Promise<void> {
  return forgetAside(config.data);
}

/**
 * Sets what is damaged aside, of which a sentence tells, and says how to start anew. Throws `CORRUPT`, with what can be done,
 * and has moved nothing, if nobody is there to join.
 */
export async function beginAnew(
  config: NodeConfig,
  what: string,
  options: AnewOptions,
): Promise<Beginning> {
  const { logger, data } = config;
  logger.log("error", `Damaged data, which is not served: ${what}`);
  const remains = await readRemains(data);
  if (!remains.isOurs) throw notMoved(config, what, "these may be another program's files");
  const found = await findCluster(config, remains, options);
  if (typeof found === "string") throw notMoved(config, what, found);
  const nodeId = successorOf(remains.identity?.nodeId ?? config.id ?? "node", options.clock.wall());
  const into = asideName(stampOf(options.clock.wall()));
  const aside: Aside = { into, nodeId, ...found, moved: false };
  const closed = await areClosed(data, options.clock);
  await withLock(data, async () => {
    await noteAside(data, aside);
    if (!closed) throw moveLater(what);
    await moveAside(data, aside);
  });
  logger.log("error", `The damaged data was set aside in ${data}/${into}; a new node joins again`, {
    id: nodeId,
    cluster: found.clusterId,
  });
  return afterAside(config, aside);
}

function afterAside(config: NodeConfig, { nodeId, clusterId, addresses }: Aside): Beginning {
  const join = [...new Set([...config.join, ...addresses])].slice(0, limits.addressesMax);
  return { config: { ...config, id: nodeId, join }, clusterId };
}

/** Whether the library has let go of all that was closed: what it is asked for takes a moment. */
export async function areClosed(directory: string, clock: Clock): Promise<boolean> {
  const collect = machineCollector();
  const until = clock.mono() + limits.damageCloseMsMax;
  while (clock.mono() < until) {
    collect();
    await pause(clock, limits.damageCloseMs, new AbortController().signal);
    if (!await isOpenHere(directory)) return true;
  }
  return false;
}

/** A cluster that has a leader, with the addresses to join it at; or why there is none. */
async function findCluster(
  config: NodeConfig,
  { identity, addresses }: Remains,
  options: AnewOptions,
): Promise<Pick<Aside, "clusterId" | "addresses"> | string> {
  const own = identity?.clusterId ?? "";
  // Without a cluster id only whom the operator names can be believed.
  const asked = [...new Set([...config.join, ...(own === "" ? [] : addresses)])]
    .filter((address) => isElsewhere(config, address));
  if (asked.length === 0) {
    return identity === null
      ? "whom it knew cannot be read, and there is no --join"
      : "it knew no other member";
  }
  const { clock } = options;
  const until = clock.mono() + limits.damageAskMsMax;
  config.logger.log("warn", "Looking for a member that has a leader", { asked: asked.join(",") });
  const noSignal = new AbortController().signal;
  for (let known = new Set<string>();; await pause(clock, limits.joinRetryMs, noSignal)) {
    const answers = await Promise.all(asked.map((address) => probe(address, options)));
    const led = answers.filter((answer) => {
      const leads = answer !== null && answer.leader !== null &&
        answer.leader.id !== identity?.nodeId;
      return leads && (own === "" ? answer.clusterId !== "" : answer.clusterId === own);
    });
    known = new Set(led.map((answer) => answer!.clusterId));
    const [clusterId] = known;
    if (known.size > 1) return "the members that --join names are of different clusters";
    if (clusterId !== undefined) {
      const leaders = led.map((answer) => answer!.leader!.peerAddress);
      return { clusterId, addresses: [...new Set([...leaders, ...asked])] };
    }
    if (clock.mono() >= until) return `no member with a leader answered (${asked.join(", ")})`;
  }
}

/** Itself it need not ask, and behind port 0, as the config of a restored node has it, is nobody. */
function isElsewhere({ peerListen, peerAdvertise }: NodeConfig, address: string): boolean {
  return address !== peerListen && address !== peerAdvertise && !/:0+$/.test(address);
}

async function probe(
  address: string,
  { connect, clock }: AnewOptions,
): Promise<ProbeAnswer | null> {
  const client = connect(address);
  const deadlineMs = clock.wall() + limits.joinAskMsMax;
  try {
    return await client.probe({ deadlineMs, signal: new AbortController().signal });
  } catch {
    return null;
  } finally {
    client.close();
  }
}

function notMoved(config: NodeConfig, what: string, why: string): ChatError {
  const text = `${what}; nothing was moved, as ${why}: start the node again when other members ` +
    "are up, or restore its directory from a backup; " +
    `jmessage admin verify --data ${config.data} says what is damaged`;
  return new ChatError("CORRUPT", text);
}

/** The library still has a file open, which it will take away by its name when it closes it. */
function moveLater(what: string): ChatError {
  const text = `${what}; start the node again: it sets the damaged data aside and joins anew`;
  return new ChatError("CORRUPT", text);
}

/** Characters of an id that stay, so that with its time it is one (config.ts). */
const idStemMax = 49;
const stampPattern = /-\d{14}$/;

/** Id of the node that begins where another ended. */
export function successorOf(nodeId: string, wallMs: number): string {
  return `${stemOf(nodeId)}-${stampOf(wallMs)}`;
}

/** Whether a stored id is what became of the one that the operator gave. */
export function succeeds(stored: string, given: string): boolean {
  return stampPattern.test(stored) && stemOf(stored) === stemOf(given);
}

function stemOf(nodeId: string): string {
  return nodeId.replace(stampPattern, "").slice(0, idStemMax);
}

/** A moment as 14 digits, UTC, to the second. */
function stampOf(wallMs: number): string {
  return new Date(wallMs).toISOString().replaceAll(/\D/g, "").slice(0, 14);
}
