/**
 * That a log does not grow: what a node keeps stays within its bounds however long it writes.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createCore } from "../../src/raft/core.ts";
import type { Core } from "../../src/raft/core_api.ts";
import type { Input } from "../../src/raft/io.ts";
import type { LogPosition } from "../../src/raft/types.ts";
import { testChain, TestCluster } from "./cluster.ts";

const BOUNDS = { tailEntries: 50, memoryEntriesMax: 20, cutPointEntries: 8, appendEntriesMax: 64 };
const CHECKPOINT_ENTRIES = 30;

/** A lone leader whose disk and state follow at once. */
class LoneLeader {
  readonly #core: Core;
  readonly #inputs: Input[] = [];
  readonly #positions = new Map<number, LogPosition>();
  #now = 1_000_000;
  #checkpoint = 0;
  base = 0;
  applied = 0;

  constructor() {
    const cluster = TestCluster.of(1);
    cluster.until(() => cluster.leader() === "n1");
    const { member, incarnation, stored, applied } = cluster.node("n1");
    this.#core = createCore({
      self: member,
      incarnation: incarnation + 1,
      chain: testChain,
      bounds: BOUNDS,
      stored: { ...stored, applied },
    });
    while (this.#core.status().role !== "leader") this.feed({ kind: "tick", random: 0.5 });
  }

  get lastIndex(): number {
    return this.#core.status().lastIndex;
  }

  /** Carries out everything that comes of the input. */
  feed(first: Input): void {
    if (first.kind === "tick") this.#now += 25;
    const clocks = { mono: this.#now, fast: this.#now };
    this.#inputs.push(first);
    for (let input = this.#inputs.shift(); input !== undefined; input = this.#inputs.shift()) {
      for (const effect of this.#core.step(input, clocks)) {
        if (effect.kind === "persist") {
          for (const entry of effect.entries) this.#positions.set(entry.index, entry);
          this.#inputs.push({ kind: "persisted", number: effect.number });
        }
        if (effect.kind === "compact") this.base = effect.base.index;
        if (effect.kind === "apply") this.#apply(effect.through);
      }
    }
  }

  #apply(index: number): void {
    this.applied = index;
    const position = this.#positions.get(index);
    assert.ok(position !== undefined, `entry ${index} is on disk`);
    this.#inputs.push({ kind: "applied", position });
    if (index < this.#checkpoint + CHECKPOINT_ENTRIES) return;
    this.#checkpoint = index;
    this.#inputs.push({ kind: "checkpointed", index });
  }
}

Deno.test("log growth: however much is written, a node keeps a tail, and what a checkpoint adds", () => {
  const leader = new LoneLeader();
  const max = BOUNDS.tailEntries + CHECKPOINT_ENTRIES + BOUNDS.cutPointEntries;
  let longest = 0;
  for (let id = 1; id <= 2_000; id++) {
    leader.feed({ kind: "propose", id, commands: [new Uint8Array([id & 255])] });
    longest = Math.max(longest, leader.lastIndex - leader.base);
  }
  assert.ok(leader.lastIndex > 2_000 && leader.applied === leader.lastIndex);
  assert.ok(longest <= max, `${longest} entries are more than ${max}`);
  assert.ok(longest > BOUNDS.tailEntries, "whoever was away briefly finds what it missed");
});
