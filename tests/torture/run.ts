/**
 * One torture run from the first node to the verdict: rounds of faults, after each the demand
 * that writes go on, at the end the proof. Owns the course and its time limits; what is done and
 * what is judged is in the files beside it.
 *
 * @module
 */

import { ChatError } from "../../mod.ts";
import { AdminCluster } from "../../src/cli/admin_cluster.ts";
import { waitSynced } from "../../src/cli/admin_wait.ts";
import { DEFAULT_POLICY } from "../../src/node/config.ts";
import type { Policy } from "../../src/raft/types.ts";
import { connect } from "../../src/rpc/client.ts";
import { Random } from "../../src/sim/random.ts";
import { PROGRAM } from "../cluster/program.ts";
import { until } from "../cluster/wait.ts";
import { Budget } from "./budget.ts";
import { movedCount, violations } from "./checker.ts";
import { Injector } from "./faults.ts";
import { Lanes } from "./lanes.ts";
import { LoopWatch } from "./loop_watch.ts";
import { Load } from "./load.ts";
import { Nodes, type Place } from "./nodes.ts";
import type { TortureOptions } from "./options.ts";
import { wait } from "./pause.ts";
import { drawRounds, type Round } from "./plan.ts";
import type { TortureResult } from "./report.ts";
import { Splits, Stuck } from "./splits.ts";
import { survey } from "./survey.ts";

/** Writes must go on so soon after the last fault of a round, ms: T, G, an election, a slow machine. */
const PROGRESS_MS_MAX = 20_000;
/** Everybody must be a voter again so soon after all was healed, ms. */
const WHOLE_MS_MAX = 60_000;
/** How often everybody is healed again until all are whole, ms. */
const HEAL_AGAIN_MS = 5_000;
/** Messages that show that writes go on. */
const PROGRESS_MESSAGES = 5;
/** Time in which a write shows that the newest config is committed, ms. */
const CONFIRM_MS_MAX = 2_000;

/** Where a run writes and what can end it. */
export interface RunContext {
  readonly directory: string;
  /** Progress, for a person. */
  readonly tell: (text: string) => void;
  /** A line for the log of the run. */
  readonly note: (text: string) => void;
  /** The person wants it to end. */
  readonly signal: AbortSignal;
}

/** A run under way. */
export class Run {
  readonly #options: TortureOptions;
  readonly #context: RunContext;
  readonly #policy: Policy;
  readonly #problems: string[] = [];
  /** Aborted by the first problem, or by the person. */
  readonly #over = new AbortController();
  readonly #lanes = new Lanes();
  readonly #watch = new LoopWatch();
  #nodes: Nodes | null = null;
  #load: Load | null = null;
  #injector: Injector | null = null;
  #budget: Budget | null = null;
  #splits: Splits | null = null;
  #moved = 0;
  #rounds = 0;
  #checked = 0;
  #startedMs = performance.now();

  constructor(options: TortureOptions, context: RunContext) {
    this.#options = options;
    this.#context = context;
    const { quorum, lastResort } = options;
    // Under `majority` the last resort means nothing; the founder's default is left as it is.
    this.#policy = { ...DEFAULT_POLICY, quorum, lastResort };
    context.signal.addEventListener("abort", () => this.#over.abort());
  }

  /** Runs to the verdict; everything that was started is ended before this resolves. */
  async torture(): Promise<TortureResult> {
    let stuck: string | null = null;
    try {
      await this.#prepare();
      await this.#torment();
      if (!this.#over.signal.aborted) await this.#prove();
    } catch (thrown) {
      if (thrown instanceof Stuck) stuck = thrown.message;
      else this.#problem(`The torture itself failed: ${stackOf(thrown)}`);
    } finally {
      this.#over.abort();
      this.#load?.close();
      await this.#injector?.settled();
      await this.#nodes?.end();
      this.#watch.stop();
    }
    return this.#result(stuck);
  }

  /** Takes away what is left of the run besides its directory. */
  async unmount(options: { readonly keep: boolean }): Promise<void> {
    await this.#nodes?.unmount(options);
  }

  async #prepare(): Promise<void> {
    const { nodes: count, quorum, lastResort } = this.#options;
    const lastResortFlag = quorum === "all" ? ["--last-resort", lastResort ? "on" : "off"] : [];
    const nodes = await Nodes.open({
      program: PROGRAM,
      directory: this.#context.directory,
      count,
      policy: ["--quorum", quorum, ...lastResortFlag],
      lanes: this.#lanes,
      onUnexpectedEnd: (text) => this.#problem(text),
    });
    this.#nodes = nodes;
    const hasDisk = await nodes.mountDisk();
    if (!hasDisk) this.#context.tell("full disks are left out: only root can mount a small one");
    for (const place of nodes.places.slice(0, count)) {
      await nodes.start(place);
      await this.#whole(nodes.running.length);
    }
    const onProblem = (text: string) => this.#problem(text);
    const random = new Random(this.#options.seed).fork("load");
    const load = await Load.start({ servers: nodes.listens, random, onProblem });
    this.#load = load;
    const confirm = () =>
      until(load.writers.more(1), { what: "a write", ms: CONFIRM_MS_MAX })
        .then(() => true, () => false);
    const budget = new Budget({ nodes, policy: this.#policy, confirm });
    const { note } = this.#context;
    const { signal } = this.#over;
    const options = { nodes, lanes: this.#lanes, budget, note, signal };
    const splits = new Splits({ ...options, load, watch: this.#watch });
    const split = (dice: number) => splits.split(dice);
    this.#injector = new Injector({ ...options, onProblem, split });
    this.#splits = splits;
    this.#budget = budget;
    await this.#progress("before any fault");
  }

  async #torment(): Promise<void> {
    this.#startedMs = performance.now();
    const endMs = this.#startedMs + this.#options.minutes * 60_000;
    for (const round of drawRounds(this.#options.seed, this.#options.nodes)) {
      if (performance.now() >= endMs || this.#over.signal.aborted) return;
      this.#rounds += 1;
      await this.#round(round, endMs);
    }
  }

  async #round(round: Round, endMs: number): Promise<void> {
    const injector = this.#injector;
    if (injector === null) return;
    this.#context.note(`round ${this.#rounds}`);
    for (const fault of round.faults) {
      if (performance.now() < endMs) await injector.inject(fault);
    }
    await injector.settled();
    if (this.#over.signal.aborted) return;
    this.#context.note(`round ${this.#rounds}: only dead nodes are left`);
    // Across a partition the budget does not know what the dead leave behind (§1).
    if (!(this.#budget?.takePartitioned() ?? false)) await this.#progress("with the survivors");
    await injector.healAll();
    this.#context.note(`round ${this.#rounds}: all healed`);
    await this.#progress("after all came back");
    if (round.wholeAfter || injector.hasDamaged) await this.#allWhole(injector);
    await this.#splits?.met();
    this.#tellProgress();
  }

  async #allWhole(injector: Injector): Promise<void> {
    await this.#healedWhole(injector);
    if (!injector.hasDamaged) return;
    await injector.checkDamaged();
    await this.#healedWhole(injector);
  }

  /** Everybody is back; one that learns late that it has no future is renewed. */
  async #healedWhole(injector: Injector): Promise<void> {
    const done = new AbortController();
    const heal = async () => {
      for (let count = 0; !done.signal.aborted && !this.#over.signal.aborted; count++) {
        if (count > 0) await injector.healAll();
        await wait(HEAL_AGAIN_MS, AbortSignal.any([done.signal, this.#over.signal]));
      }
    };
    const healing = heal();
    try {
      await this.#whole(this.#options.nodes);
    } finally {
      done.abort();
      await healing;
    }
  }

  /** After all is healed: everybody is whole, all is quiet, and everything is compared. */
  async #prove(): Promise<void> {
    const [nodes, load, injector] = [this.#nodes, this.#load, this.#injector];
    if (nodes === null || load === null || injector === null) return;
    this.#context.tell("healing, and comparing everything");
    await injector.settled();
    await injector.healAll();
    await this.#allWhole(injector);
    await load.stop();
    await this.#whole(this.#options.nodes);
    const { writers, accounts, subscribers } = load;
    const places: readonly Place[] = nodes.running;
    const views = await survey(places, {
      writers: writers.tokens,
      receivers: load.receivers,
      sessions: accounts.sessions.map(({ token }) => token),
    });
    await load.delivered([...views.values()][0]?.messages ?? []);
    const { partings, stalls, sent } = this.#splits ?? { partings: [], stalls: [], sent: [] };
    const evidence = {
      sent: [...writers.sent, ...sent],
      partings: [...partings, ...stalls],
      streams: subscribers.streams,
      accounts: accounts.accounts,
      sessions: accounts.sessions,
      views,
    };
    for (const text of violations(evidence)) this.#problem(text);
    this.#moved = movedCount(evidence);
    if (partings.length > 0 && this.#moved === 0) {
      this.#problem("The torture itself failed: two sides met, and nothing came over");
    }
    this.#checked = views.size;
  }

  /** Throws {@linkcode Stuck} with how things stand if writes do not go on. */
  async #progress(when: string): Promise<void> {
    const load = this.#load;
    if (load === null || this.#over.signal.aborted) return;
    const isMore = load.writers.more(PROGRESS_MESSAGES);
    const { signal } = this.#over;
    if (await this.#watch.within(PROGRESS_MS_MAX, () => signal.aborted || isMore())) return;
    throw new Stuck(`no writes within ${PROGRESS_MS_MAX} ms ${when}; ${await this.#situation()}`);
  }

  /** All of so many members vote and have caught up, and every node that runs is ready. */
  async #whole(members: number): Promise<void> {
    const nodes = this.#nodes;
    if (nodes === null) return;
    const isWhole = async () => {
      if (this.#over.signal.aborted) return true;
      // Asked anew each time: a place may get another node meanwhile.
      const servers = nodes.running.map(({ listen }) => listen);
      const admin = new AdminCluster(servers, {
        connect,
        deadlineMs: Date.now() + 3_000,
        token: nodes.adminToken,
      });
      try {
        const { members: found } = await waitSynced(admin, { membersMin: members });
        const ready = await Promise.all(nodes.running.map((place) => place.ready()));
        return found.length === nodes.running.length && ready.every(Boolean);
      } catch (thrown) {
        if (thrown instanceof ChatError) return false;
        throw thrown;
      } finally {
        admin.close();
      }
    };
    if (await this.#watch.within(WHOLE_MS_MAX, isWhole)) return;
    const text = `not everybody is a voter again within ${WHOLE_MS_MAX} ms of healing`;
    throw new Stuck(`${text}; ${await this.#situation()}`);
  }

  /** Each node as it sees the cluster, in one line. */
  async #situation(): Promise<string> {
    const places = this.#nodes?.places ?? [];
    const told = await Promise.all(places.map(async (place) => {
      const { id, running } = place;
      if (!running) return `${id} down`;
      const [ready, status] = await Promise.all([place.ready(), place.status()]);
      if (status === null) return `${id} does not answer`;
      const members = status.members
        .map((member) => `${member.id}${member.voter ? "" : " learner"}`).join(" ");
      const own = status.members.find((member) => member.id === status.self);
      return `${id} ${ready ? "ready" : "not ready"}, ${own?.role} in term ${status.term}, ` +
        `leader ${status.leader || "none"}, log ${own?.lastIndex}, committed ` +
        `${own?.commitIndex}, members ${members}`;
    }));
    return `${told.join("; ")}; longest stall of this process ${this.#watch.longestMs} ms`;
  }

  #problem(text: string): void {
    if (this.#over.signal.aborted && this.#checked === 0 && this.#problems.length === 0) return;
    this.#context.note(`problem: ${text}`);
    this.#problems.push(text);
    this.#over.abort();
  }

  #tellProgress(): void {
    const { acknowledged, pauseMsMax } = this.#load?.writers ?? { acknowledged: 0, pauseMsMax: 0 };
    const seconds = Math.round((performance.now() - this.#startedMs) / 1_000);
    const done = [...this.#injector?.counts.values() ?? []]
      .reduce((sum, count) => sum + count.done, 0);
    this.#context.tell(
      `${seconds} s, round ${this.#rounds}: ${done} faults, ${acknowledged} messages ` +
        `acknowledged, longest pause ${Math.round(pauseMsMax)} ms`,
    );
  }

  #result(stuck: string | null): TortureResult {
    const sent = [...this.#load?.writers.sent ?? [], ...this.#splits?.sent ?? []];
    const count = (outcome: string) => sent.filter((one) => one.outcome === outcome).length;
    return {
      options: this.#options,
      rounds: this.#rounds,
      seconds: (performance.now() - this.#startedMs) / 1_000,
      faults: this.#injector?.counts ?? new Map(),
      acknowledged: count("acknowledged"),
      indefinite: count("indefinite") + count("open"),
      refused: count("refused"),
      cameOver: this.#moved,
      delivered: (this.#load?.subscribers.streams ?? [])
        .reduce((sum, { received }) => sum + received.length, 0),
      accounts: this.#load?.accounts.accounts.length ?? 0,
      pauseMsMax: this.#load?.writers.pauseMsMax ?? 0,
      loopStallMsMax: this.#watch.longestMs,
      nodesCompared: this.#checked,
      problems: this.#problems,
      stuck,
      interrupted: this.#context.signal.aborted,
    };
  }
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown);
}
