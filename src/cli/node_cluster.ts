/**
 * A cluster of node processes on this machine: data in one directory, free ports, started,
 * killed and started again at the same addresses. Owns the processes and their end; what they
 * are used for is the demo's, or a test's.
 *
 * @module
 */

import { join } from "node:path";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { removeFreedDirectory } from "../storage/freed_file.ts";
import { NodeProcess, type Program, type ReadyEvent } from "./node_process.ts";
import { steadyPort } from "./steady_port.ts";

export interface NodeClusterOptions {
  readonly program: Program;
  /** Directory that holds each node's data; removed by {@linkcode NodeCluster.close}. */
  readonly directory: string;
  /** Policy flags for the first node; the others inherit them. */
  readonly policy?: readonly string[];
  /** More flags for every node. */
  readonly flags?: readonly string[];
  /** Of a cluster that was founded elsewhere, whose restored data the first node is started with. */
  readonly adminToken?: string | undefined;
  /** And for one node, at each of its starts. */
  readonly flagsOf?: (id: string) => readonly string[];
}

/** One node: where it lives, whether it runs or not. */
export interface ClusterNode {
  readonly id: string;
  readonly process: NodeProcess;
  /** Its first event: addresses stay the same when it is started again. */
  readonly ready: ReadyEvent;
}

/** Nodes as processes, by id. */
export class NodeCluster {
  readonly #options: NodeClusterOptions;
  readonly #nodes = new Map<string, ClusterNode>();
  /** Every process ever started, by what it was started as, so that none is left behind. */
  readonly #processes: { readonly id: string; readonly process: NodeProcess }[] = [];

  #closed = false;
  #adminToken: string | undefined;

  constructor(options: NodeClusterOptions) {
    this.#options = options;
    this.#adminToken = options.adminToken;
  }

  get nodes(): readonly ClusterNode[] {
    return [...this.#nodes.values()];
  }

  /** Nodes whose processes run. */
  get live(): readonly ClusterNode[] {
    return this.nodes.filter((node) => node.process.exit === undefined);
  }

  /** Every process ever started, also those that never served. */
  get processes(): readonly { readonly id: string; readonly process: NodeProcess }[] {
    return this.#processes;
  }

  /** Of the cluster, from the node that founded it; `undefined` before it was started. */
  get adminToken(): string | undefined {
    return this.#adminToken;
  }

  /** Client addresses of all nodes, those that run first. */
  get addresses(): readonly string[] {
    const dead = this.nodes.filter((node) => !this.live.includes(node));
    return [...this.live, ...dead].map((node) => node.ready.listen);
  }

  node(id: string): ClusterNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new ChatError("INTERNAL", `Cannot find a node called ${id}`);
    return node;
  }

  /**
   * Starts a node and waits until it serves (a joiner: votes). The first one bootstraps, later
   * ones join whoever runs; one that ran before comes back at its addresses.
   */
  async start(id: string): Promise<ClusterNode> {
    const flags = await this.#startFlags(this.#nodes.get(id)?.ready);
    if (this.#closed) throw new ChatError("SHUTTING_DOWN", `Cannot start ${id}: it is over`);
    const process = new NodeProcess({
      program: this.#options.program,
      flags: [
        ...["--id", id, "--data", this.dataDirectory(id), ...flags],
        ...(this.#options.flags ?? []),
        ...(this.#options.flagsOf?.(id) ?? []),
      ],
    });
    this.#processes.push({ id, process });
    const late = `Cannot start ${id} in time`;
    const ready = await withinDeadline(process.ready, late);
    this.#adminToken ??= await withinDeadline(process.adminToken, late);
    const node = { id, process, ready };
    this.#nodes.set(id, node);
    return node;
  }

  dataDirectory(id: string): string {
    return join(this.#options.directory, id);
  }

  /** Ends every process and removes the data. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#processes.map(({ process }) => process.end()));
    await removeFreedDirectory(this.#options.directory);
  }

  async #startFlags(before: ReadyEvent | undefined): Promise<readonly string[]> {
    if (before !== undefined) {
      return ["--listen", before.listen, "--peer-listen", before.peerListen];
    }
    const [client, peer] = [await steadyPort(), await steadyPort()];
    const free = ["--listen", `127.0.0.1:${client}`, "--peer-listen", `127.0.0.1:${peer}`];
    const members = this.live.map((node) => node.ready.peerListen);
    if (members.length > 0) return [...free, "--join", members.join(",")];
    return [...free, ...(this.#options.policy ?? [])];
  }
}

async function withinDeadline<T>(promise: Promise<T>, problem: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new ChatError("COMMIT_TIMEOUT", problem)),
    limits.nodeStartMsMax,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
