/**
 * What a host does for a core that gives in to another side of a fork, on the nodes of a
 * {@linkcode TestCluster}: hands its commands over, and takes a snapshot. Here both happen at
 * once, as far as the network lets them; the real ones are `src/node`'s.
 *
 * @module
 */

import type { Effect, Input } from "../../src/raft/io.ts";
import { lastCommonIndex } from "../../src/raft/log.ts";
import type { Base, Entry, NodeId, TermStart } from "../../src/raft/types.ts";
import type { TestCluster, TestNode } from "./cluster.ts";

/** How long a hand-over may take before the host gives it up, in ms. */
const HAND_OVER_MS = 1_000;

/** What a command begins with that was handed over: it is carried out unless it is known. */
const SALVAGED = "salvaged ";

/** What a command says, wherever it was proposed first. */
function textOf(data: Uint8Array): string {
  return new TextDecoder().decode(data).replace(SALVAGED, "");
}

/** Carries a command out, as the chat does: one that was handed over, only once. */
export function carryOut(node: TestNode, data: Uint8Array): void {
  const text = textOf(data);
  const handedOver = new TextDecoder().decode(data) !== text;
  if (!handedOver || !node.appliedCommands.includes(text)) node.appliedCommands.push(text);
}

/** A hand-over under way. */
export interface HandOver {
  readonly number: number;
  readonly to: NodeId;
  /** Commands that the other side did not have as it began. */
  readonly texts: readonly string[];
  readonly until: number;
  /** A leader takes proposals once its term has committed something. */
  proposed: boolean;
}

/** A snapshot that was built, and waits for the switch. */
export interface BuiltSnapshot {
  readonly base: Base;
  readonly commands: readonly string[];
}

/** Finds what the other leader's log lacks of this node's. */
export function beginHandOver(
  cluster: TestCluster,
  node: TestNode,
  { number, to, through }: Effect & { readonly kind: "handOver" },
): HandOver {
  const target = cluster.node(to);
  const common = lastCommonIndex(
    {
      starts: node.stored.termStarts,
      last: node.stored.entries.at(-1)?.index ?? node.stored.base.index,
    },
    { starts: target.stored.termStarts, last: target.stored.entries.at(-1)?.index ?? 0 },
  );
  const texts = node.stored.entries
    .filter((entry) => entry.index > common && entry.index <= through)
    .flatMap((entry) => entry.kind === "command" ? [textOf(entry.data)] : [])
    .filter((text) => !target.appliedCommands.includes(text));
  return { number, to, texts, until: cluster.now + HAND_OVER_MS, proposed: false };
}

/** Proposes it there; the answer to the hand-over, once there is one. */
export function lookAfter(
  cluster: TestCluster,
  from: NodeId,
  handOver: HandOver,
): Input | null {
  const { number, to, texts, until } = handOver;
  const reaches = !cluster.cut.has(`${from}>${to}`) && !cluster.cut.has(`${to}>${from}`);
  if (reaches && !handOver.proposed && cluster.leads(to)) {
    handOver.proposed = true;
    for (const text of texts) cluster.proposeAt(to, SALVAGED + text);
  }
  const done = reaches && texts.every((text) => cluster.applied(text, to));
  if (!done && cluster.now < until && cluster.node(to).core !== null) return null;
  return { kind: "handedOver", number, done };
}

/**
 * A snapshot of what another node has applied now; refused if the test wants it so, and by the
 * host before the switch to the last one is over.
 */
export function fetchSnapshot(cluster: TestCluster, node: TestNode, from: NodeId): void {
  const feed = (at: number, input: Input) => node.inbox.push({ at, input });
  if (cluster.snapshotsRefused > 0 || node.snapshot !== null) {
    cluster.snapshotsRefused = Math.max(cluster.snapshotsRefused - 1, 0);
    return void feed(cluster.now, { kind: "snapshotFetching", index: null });
  }
  const { built, termStarts } = buildSnapshot(cluster.node(from));
  const { base } = built;
  feed(cluster.now, { kind: "snapshotFetching", index: base.index });
  if (cluster.snapshotsHang) return;
  node.snapshot = built;
  feed(cluster.now + 1, { kind: "snapshotBuilt", base, termStarts });
}

function buildSnapshot(
  target: TestNode,
): { readonly built: BuiltSnapshot; readonly termStarts: readonly TermStart[] } {
  const { index, term, checksum } = target.applied;
  const configs = [
    ...(target.stored.base.config === null ? [] : [target.stored.base.config]),
    ...target.stored.configs,
  ];
  const config = configs.findLast((entry) => entry.index <= index) ?? null;
  return {
    built: { base: { index, term, checksum, config }, commands: [...target.appliedCommands] },
    termStarts: target.stored.termStarts.filter((start) => start.index <= index),
  };
}

/** Term starts of a log after one more write. */
export function startsAfter(
  kept: readonly TermStart[],
  entries: readonly Entry[],
): readonly TermStart[] {
  const starts = [...kept];
  for (const { index, term } of entries) {
    const before = starts.at(-1);
    if (before !== undefined && JSON.stringify(before.term) === JSON.stringify(term)) continue;
    starts.push({ term, index });
  }
  return starts;
}
