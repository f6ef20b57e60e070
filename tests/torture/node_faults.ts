/**
 * What is done to one node's process and files, and how it is undone: signals, wiped and damaged
 * directories, full disks, joins and removals. Owns what a node may do after each; whether it may
 * be done the budget says.
 *
 * @module
 */

import { closeSync, openSync, readdirSync, readSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { AdminCluster } from "../../src/cli/admin_cluster.ts";
import { connect } from "../../src/rpc/client.ts";
import type { NodeExit } from "../../src/cli/node_process.ts";
import { verifyDirectory } from "../../src/storage/verify.ts";
import { until } from "../cluster/wait.ts";
import type { Budget } from "./budget.ts";
import type { Nodes, Place } from "./nodes.ts";
import { wait } from "./pause.ts";

/** A node that was told to stop has 5 s; a stall of it and a busy machine come on top, ms. */
const STOP_MS_MAX = 25_000;
/** Time in which a damaged node refuses to start, or comes back, ms. */
const DAMAGE_SHOWS_MS = 15_000;
const REMOVE_MS_MAX = 8_000;
/** Time in which a removed node learns of it, ms; it need not end. */
const REMOVED_MS = 4_000;

export interface NodeFaultsOptions {
  readonly nodes: Nodes;
  readonly budget: Budget;
  readonly onProblem: (text: string) => void;
  readonly note: (text: string) => void;
  readonly signal: AbortSignal;
  /** Runs what comes later beside everything else. */
  readonly later: (task: () => Promise<void>) => void;
}

/** Faults of single nodes. */
export class NodeFaults {
  readonly #options: NodeFaultsOptions;

  constructor(options: NodeFaultsOptions) {
    this.#options = options;
  }

  async kill(place: Place, ms: number | null): Promise<boolean> {
    if (!place.running || !await this.#options.budget.allows(place)) return false;
    this.#begin(place, ms, "kill");
    await place.kill();
    this.#startLater([place], ms);
    return true;
  }

  /** Everybody at once; they come back at different moments. */
  async killAll(ms: number): Promise<boolean> {
    const { nodes, budget } = this.#options;
    if (!await budget.allWell()) return false;
    const { running } = nodes;
    for (const place of running) this.#begin(place, ms, "kill all");
    await Promise.all(running.map((place) => place.kill()));
    for (const [index, place] of running.entries()) {
      this.#startLater([place], ms * (index + 1) / running.length);
    }
    return true;
  }

  /** SIGTERM; it must end by itself, with exit code 0. */
  async stop(place: Place, ms: number | null): Promise<boolean> {
    // A second signal would end it at once.
    if (!place.running || place.endExpected || !await this.#options.budget.allows(place)) {
      return false;
    }
    this.#begin(place, ms, "stop");
    const { process } = place;
    place.endExpected = true;
    process?.kill("SIGTERM");
    this.#options.later(async () => {
      await Promise.race([process?.exited, wait(STOP_MS_MAX, this.#options.signal)]);
      if (this.#options.signal.aborted) return;
      const exit = process?.exit;
      if (exit === undefined) this.#options.onProblem(`${place.id} did not end after SIGTERM`);
      const isFine = exit === undefined || place.mayEnd !== null ||
        isStop(exit, { isMute: process?.log.length === 0 });
      if (!isFine) {
        const text = `code ${exit.code}, signal ${exit.signal}: ${process?.lastLine()}`;
        this.#options.onProblem(`${place.id} ended after SIGTERM with ${text}`);
      }
      this.#startLater([place], ms);
    });
    return true;
  }

  async stall(place: Place, ms: number): Promise<boolean> {
    if (!place.running || !await this.#options.budget.takesPause(place, ms)) return false;
    this.#options.note(`stall ${place.name} for ${ms} ms`);
    const { process } = place;
    place.log(`--- SIGSTOP for ${ms} ms`);
    process?.kill("SIGSTOP");
    this.#options.later(async () => {
      await wait(ms, this.#options.signal);
      process?.kill("SIGCONT");
      place.log("--- SIGCONT");
    });
    return true;
  }

  async wipe(place: Place, ms: number | null): Promise<boolean> {
    if (!place.running || !await this.#options.budget.allowsLoss(place)) return false;
    this.#begin(place, ms, "wipe");
    await place.kill();
    place.wipe();
    this.#startLater([place], ms);
    return true;
  }

  /** A flipped bit: the node refuses to start in one line, or is none the worse for it. */
  async corrupt(place: Place, dice: number): Promise<boolean> {
    if (!place.running || !await this.#options.budget.allowsLoss(place)) return false;
    this.#begin(place, DAMAGE_SHOWS_MS, "corrupt");
    await place.kill();
    const where = flipBit(place.data, dice);
    place.log(`--- flipped a bit: ${where}`);
    this.#options.note(`flipped a bit of ${place.name}: ${where}`);
    place.mayEnd = "damaged";
    await this.#options.nodes.start(place);
    this.#options.later(() => this.#afterDamage(place));
    return true;
  }

  /** No room on the disk for a while; only one place has a disk of its own. */
  async fullDisk(ms: number): Promise<boolean> {
    const { nodes, budget } = this.#options;
    const place = nodes.places.find(({ disk }) => disk !== null);
    if (place === undefined || !place.running || !await budget.allows(place)) return false;
    this.#begin(place, ms, "full disk");
    // Until it has room again: to fill it may take longer than it is to be full.
    budget.note(place, Infinity);
    place.mayEnd = "full disk";
    place.log("--- the disk is full");
    await place.disk?.fill();
    this.#options.later(async () => {
      await wait(ms, this.#options.signal);
      place.disk?.empty();
      place.log("--- the disk has room again");
      budget.recovers(place);
      await nodes.start(place);
    });
    return true;
  }

  /** Whoever is not there joins: the spare one, or one that was removed. */
  async join(): Promise<boolean> {
    const { nodes, note } = this.#options;
    const place = nodes.places.find((one) => !one.running && !one.hasData);
    if (place === undefined) return false;
    note(`join ${place.name}`);
    this.#options.budget.note(place, 0);
    await nodes.start(place);
    return true;
  }

  /** `admin remove`; the node that was here does not come back, another one may. */
  async remove(place: Place): Promise<boolean> {
    const { nodes, budget, note, later } = this.#options;
    if (!place.running || nodes.running.length < 3 || !await budget.allowsLoss(place)) return false;
    this.#begin(place, null, "remove");
    place.mayEnd = "removed";
    const servers = nodes.running.filter((one) => one !== place).map(({ listen }) => listen);
    const { id, process } = place;
    later(async () => {
      const admin = new AdminCluster(servers, {
        connect,
        deadlineMs: Date.now() + REMOVE_MS_MAX,
        token: nodes.adminToken,
      });
      const removal = admin.onLeader((api, context) => api.removeMember({ id }, context));
      const outcome = await removal.then(() => null, (thrown) => String(thrown));
      admin.close();
      note(`remove ${id}: ${outcome ?? "done"}`);
      if (outcome !== null || place.id !== id) return;
      await Promise.race([process?.exited, wait(REMOVED_MS, this.#options.signal)]);
      await this.#renew(place);
    });
    return true;
  }

  /** Every regular place runs a node that may be a member; what is refused for good is renewed. */
  async healAll(): Promise<void> {
    const { nodes } = this.#options;
    for (const place of nodes.places) {
      place.process?.kill("SIGCONT");
      const { mayEnd, process, running } = place;
      // What was to be removed may have been killed before, and be a member still.
      const hasEnded = !running && process?.exit?.code === 1;
      const isOver = mayEnd === "removed"
        ? hasEnded || await this.#isOutside(place)
        : mayEnd === "damaged" && !running;
      if (isOver) await this.#renew(place);
    }
    for (const place of nodes.places.slice(0, nodes.count)) await nodes.start(place);
    const spare = nodes.places.at(-1);
    // Where nobody is dropped, one that was wiped is a member until another one is at its address.
    if (spare?.mayBeMember === true) await nodes.start(spare);
  }

  /** The node here is gone for good; the place is empty, for a new one. */
  async #renew(place: Place): Promise<void> {
    await place.kill();
    if (place.mayEnd === "removed") place.mayBeMember = false;
    place.wipe();
    this.#options.budget.forget(place);
  }

  #begin(place: Place, ms: number | null, what: string): void {
    this.#options.budget.note(place, ms ?? 0);
    const until = ms === null ? "" : ` for ${Math.round(ms)} ms`;
    this.#options.note(`${what} ${place.name}${until}`);
  }

  /** `null`: they stay down until everybody is healed. */
  #startLater(places: readonly Place[], ms: number | null): void {
    if (ms === null) return;
    this.#options.later(async () => {
      await wait(ms, this.#options.signal);
      if (this.#options.signal.aborted) return;
      for (const place of places) await this.#options.nodes.start(place);
    });
  }

  async #afterDamage(place: Place): Promise<void> {
    const { process } = place;
    const shows = async () =>
      this.#options.signal.aborted || place.process !== process || process?.exit !== undefined ||
      await place.ready();
    await until(shows, { what: "what a flipped bit does", ms: DAMAGE_SHOWS_MS }).catch(() => {});
    if (this.#options.signal.aborted || place.process !== process || process === null) return;
    const told = { isTold: place.endExpected, isMute: process.log.length === 0 };
    if (process.exit === undefined || isEndedByOther(process.exit, told)) return;
    const last = process.log.slice(-3);
    const { code } = process.exit;
    this.#options.note(`${place.name}, damaged, ended with ${code}: ${process.lastLine()}`);
    if (code !== 1 || last.some((line) => /^\s+at |panicked|Uncaught/.test(line))) {
      this.#options.onProblem(`${place.id}, damaged, ended with ${code} and: ${last.join(" | ")}`);
    }
    await this.#renew(place);
    await this.#options.nodes.start(place);
  }

  /** Whether some node runs on a directory in which a bit was flipped. */
  get hasDamaged(): boolean {
    return this.#options.nodes.running.some(({ mayEnd }) => mayEnd === "damaged");
  }

  /** Those that came back with a flipped bit: their directories have to be whole. */
  async checkDamaged(): Promise<void> {
    for (const place of this.#options.nodes.running) {
      if (place.mayEnd === "damaged") await this.#checkDamage(place);
    }
  }

  async #checkDamage(place: Place): Promise<void> {
    this.#options.budget.note(place, 0);
    await place.kill();
    const { ok, problems } = await verifyDirectory(place.data);
    if (!ok) {
      const text = `${place.id} served what admin verify calls damaged: ${problems.join("; ")}`;
      this.#options.onProblem(text);
    }
    place.mayEnd = null;
    await this.#options.nodes.start(place);
  }

  /** Whether the cluster goes on without the node here. */
  async #isOutside(place: Place): Promise<boolean> {
    const others = this.#options.nodes.running.filter((one) => one !== place);
    const statuses = await Promise.all(others.map((one) => one.status()));
    const leader = statuses.find((status) => status !== null && status.leader === status.self);
    return leader !== undefined && leader !== null &&
      !leader.members.some(({ id }) => place.isHere(id));
  }
}

/**
 * Whether a node that was told to stop has ended as it should, or somebody killed it meanwhile. One
 * that has not said a word was not yet there to be told: the signal ends it as it ends any program.
 */
export function isStop(
  { code, signal }: NodeExit,
  { isMute }: { readonly isMute: boolean },
): boolean {
  return code === 0 || signal === "SIGKILL" || (signal === "SIGTERM" && isMute);
}

/**
 * Whether another fault has ended a node in which a bit was flipped, and looks after it: it was killed,
 * or told to stop, which it does in order whatever it found.
 */
export function isEndedByOther(
  exit: NodeExit,
  { isTold, isMute }: { readonly isTold: boolean; readonly isMute: boolean },
): boolean {
  return exit.signal === "SIGKILL" || (isTold && isStop(exit, { isMute }));
}

/** Files whose every byte a start checks, or that hold nothing which is not checked with them. */
const DAMAGED = /^(log|chat-\d+)\.db(-wal)?$/;

/** Those files of a data directory in which a flipped bit must be found, or do no harm. */
export function filesToDamage(names: readonly string[]): readonly string[] {
  return names.filter((name) => DAMAGED.test(name)).toSorted();
}

/** Flips one bit of one of the databases in a directory, and says which. */
function flipBit(directory: string, dice: number): string {
  const files = filesToDamage(readdirSync(directory))
    .filter((name) => statSync(join(directory, name)).size > 0);
  const name = files[Math.floor(dice * files.length)] ?? "log.db";
  const path = join(directory, name);
  const place = Math.floor((dice * 7_919 % 1) * statSync(path).size);
  const bit = 1 << Math.floor(dice * 104_729 % 8);
  const file = openSync(path, "r+");
  try {
    const byte = new Uint8Array(1);
    readSync(file, byte, 0, 1, place);
    writeSync(file, byte.map((value) => value ^ bit), 0, 1, place);
  } finally {
    closeSync(file);
  }
  return `${name}, byte ${place}, bit ${bit}`;
}
