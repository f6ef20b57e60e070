/**
 * `jmessage simulate`: flags, and what is printed for people and for programs.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { LogStore } from "../node/ports.ts";
import { createCore } from "../raft/core.ts";
import { RULES } from "../raft/rules.ts";
import { SOUND_PARTS } from "../sim/cluster.ts";
import type { NodeParts } from "../sim/sim_node_options.ts";
import { runProgram } from "./program.ts";
import { limits } from "../limits.ts";
import { judge } from "../sim/simulate.ts";
import { simulateCommand, type SimulateSurroundings } from "./simulate.ts";

/** Runs the command with collected output. */
function run(...args: string[]) {
  return runIn({}, ...args);
}

/** As {@linkcode run}, on clusters with these parts. */
function runWith(parts: NodeParts, ...args: string[]) {
  return runIn({ parts }, ...args);
}

/** As {@linkcode run}, with something replaced. */
async function runIn(replaced: Omit<SimulateSurroundings, "output">, ...args: string[]) {
  const lines: string[] = [];
  const objects: object[] = [];
  const output = {
    line: (text: string) => void lines.push(text),
    json: (value: object) => void objects.push(value),
    remark: (text: string) => void lines.push(text),
  };
  const load = () => Promise.resolve(simulateCommand({ output, ...replaced }));
  const commands = [{ name: "simulate", summary: "", load }];
  const errors: string[] = [];
  const onError = (line: string) => void errors.push(line);
  const code = await runProgram(["simulate", ...args], { commands, onError });
  return { lines, objects, errors, code };
}

/** A file with a schedule of two nodes, one of which is crashed and started again. */
async function withSchedule(work: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  const policy = {
    quorum: "all",
    lastResort: true,
    heartbeatMs: 100,
    failureTimeoutMs: 1000,
    isolationGraceMs: 3000,
  };
  const config = { nodes: 2, spares: 0, policy, users: 2, durationMs: 2500, state: "model" };
  const crash = { atMs: 100, kind: "crash", node: 1, powerCut: false, afterCalls: 0 };
  const scenario = {
    seed: 1,
    config: { ...config, budget: "in", ending: "everyone" },
    operations: [{ atMs: 10, kind: "send", from: 0, to: 1 }],
    faults: [{ ...crash, restartAfterMs: 1500 }],
  };
  try {
    await Deno.writeTextFile(path, JSON.stringify(scenario));
    await work(path);
  } finally {
    await Deno.remove(path);
  }
}

/** Nodes that never come back: after a restart no write of theirs ends. */
function stuckAtRestart(nodes: number): NodeParts {
  let starts = 0;
  const wrapLog = (log: LogStore): LogStore => {
    const first = ++starts <= nodes;
    return { ...log, persist: (some) => first ? log.persist(some) : new Promise(() => {}) };
  };
  return { ...SOUND_PARTS, wrapLog };
}

/** A leader that acknowledges what is on its own disk alone. */
const hasty: NodeParts = {
  ...SOUND_PARTS,
  createCore: (options) =>
    createCore(options, {
      ...RULES,
      commitSet: (config, has) => config.voters.some(({ id }) => has(id)),
    }),
};

Deno.test("simulate: the last line with --json sums the runs up", async () => {
  const { objects } = await run("--runs", "3", "--seed", "7", "--nodes", "2", "--json");
  assert.equal(objects.length, 1);
  const summary = objects[0] as Record<string, unknown>;
  assert.deepEqual(
    Object.keys(summary),
    [
      "runs",
      "violations",
      "schedulesPerSecond",
      "simulatedSeconds",
      "faults",
      "undecided",
      "coverage",
    ],
  );
  assert.equal(summary["undecided"], 0);
  assert.equal(summary["runs"], 3);
  assert.equal(summary["violations"], 0);
});

Deno.test("simulate: a schedule in a file is run again, printed as numbered steps", async () => {
  await withSchedule(async (path) => {
    const { lines, code } = await run("--replay", path);
    assert.equal(code, 0);
    assert.match(lines[0]!, /1\. at 10 ms: send \(from 0, to 1\)/);
    assert.match(lines[1]!, /^1 schedules, .* 0 violations, 0 undecided$/);
  });
});

Deno.test("simulate: the coverage is a table of what each kind of fault hit", async () => {
  await withSchedule(async (path) => {
    const { lines } = await run("--replay", path, "--coverage");
    assert.match(lines.at(-1)!, /^fault +steady +election +join/m);
    assert.match(lines.at(-1)!, /^crash +1\/1 +- +-/m);
    const { objects } = await run("--replay", path, "--json");
    const { coverage } = objects.at(-1) as { coverage: object };
    assert.deepEqual(coverage, { crash: { steady: { cluster: 1, node: 1 } } });
  });
});

Deno.test("simulate: what is unsafe ends with 1, what only does not come back with 3", async () => {
  await withSchedule(async (path) => {
    const late = await runWith(stuckAtRestart(2), "--replay", path, "--json");
    assert.equal(late.code, 3);
    assert.match(late.errors[0]!, /^jmessage: A schedule breaks Liveness: see the steps above/);
    const kinds = late.objects.slice(0, -1).map((one) => (one as { kind: string }).kind);
    assert.deepEqual(kinds, ["liveness"]);
    const unsafe = await runWith(hasty, "--replay", path, "--json");
    assert.equal(unsafe.code, 1);
  });
});

Deno.test("simulate: a schedule that could not be judged is kept, and is no violation", async () => {
  const undecided = ["Linearizability: No order found for 5 operations"];
  const doubtful = {
    judge: async (...judged: Parameters<typeof judge>) => ({
      ...await judge(...judged),
      undecided,
    }),
  };
  const flags = ["--runs", "2", "--seed", "7", "--nodes", "2"];
  const { lines, code } = await runIn(doubtful, ...flags);
  assert.equal(code, 0);
  assert.equal(lines.filter((line) => line === `Undecided: ${undecided}`).length, 2);
  const paths = lines.flatMap((line) =>
    /--replay (\S+undecided-7-\d(?:-[0-9a-f-]+)?\.json)$/.exec(line)?.[1] ?? []
  );
  const told = await runIn(doubtful, ...flags, "--json");
  const events = told.objects.slice(0, -1) as { event: string; path: string }[];
  assert.deepEqual(events.map(({ event }) => event), ["undecided", "undecided"]);
  paths.push(...events.map(({ path }) => path));
  assert.equal(new Set(paths).size, 4, "each has a file of its own");
  assert.equal((told.objects.at(-1) as { undecided: number }).undecided, 2);
  for (const path of paths) {
    const again = await run("--replay", path);
    assert.match(again.lines.at(-2)!, /^1 schedules, .* 0 violations, 0 undecided$/);
    await Deno.remove(path);
  }
});

Deno.test("simulate: of many that could not be judged the first ones are kept", async () => {
  const doubtful = {
    judge: () =>
      Promise.resolve({
        violations: [],
        undecided: ["too much"],
        simulatedMs: 0,
        faults: new Map(),
        coverage: {},
      }),
  };
  const runs = limits.simulateUndecidedKept + 5;
  const { objects } = await runIn(doubtful, "--runs", `${runs}`, "--seed", "8", "--json");
  const paths = (objects as { path?: string }[]).flatMap(({ path }) => path ?? []);
  for (const path of paths) await Deno.remove(path);
  assert.equal(paths.length, limits.simulateUndecidedKept);
  assert.equal((objects.at(-1) as { undecided: number }).undecided, runs);
});

Deno.test("simulate: a wrong range of nodes is told in one line", async () => {
  const { errors, code } = await run("--nodes", "5-2");
  assert.match(errors[0]!, /Must be as 3 or 2-5/);
  assert.equal(code, 2);
});

Deno.test("simulate: a file that is no scenario is told in one line", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "{}");
    const { errors } = await run("--replay", path);
    assert.match(errors[0]!, /Cannot read a scenario from/);
  } finally {
    await Deno.remove(path);
  }
});
