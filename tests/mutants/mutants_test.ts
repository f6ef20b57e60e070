/**
 * The list of planted bugs fits the sources of today, and a trial tells one that is caught from
 * one that is not. Each of them is tried by `deno task test:mutants`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { MUTANTS } from "./list.ts";
import { edited, type Mutant, PARTS, tryEdit } from "./mutant.ts";
import { parseOptions, UsageError } from "./options.ts";
import { header, lineOf, rowOf } from "./report.ts";
import { Trials } from "./trial.ts";

Deno.test("mutants: there are enough of them in each part, each by a name of its own", () => {
  assert.ok(MUTANTS.length >= 24);
  for (const part of PARTS) {
    assert.ok(MUTANTS.filter((mutant) => mutant.part === part).length >= 3, part);
  }
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
});

Deno.test("mutants: the text that each replaces is there exactly once", async () => {
  for (const { edit } of MUTANTS) if (edit !== null) await tryEdit(edit);
});

Deno.test("mutants: a text that is not there, or twice, is an error that says where", () => {
  const edit = { file: "src/a.ts", find: "x", replace: "$&y" };
  assert.equal(edited("1 x 2", edit), "1 $&y 2");
  assert.throws(() => edited("1 2", edit), /once in src\/a\.ts: it is there 0 times/);
  assert.throws(() => edited("x x", edit), /it is there 2 times/);
});

Deno.test("mutants: flags choose a part or a name; what is out of bounds is refused", () => {
  const healing = parseOptions(["--only", "healing", "--jobs", "3", "--json"], MUTANTS)!;
  assert.ok(healing.chosen.length >= 3 && healing.chosen.every(({ part }) => part === "healing"));
  assert.deepEqual([healing.jobs, healing.runs, healing.json], [3, 5_000, true]);
  assert.equal(parseOptions(["--only", "before the fsync"], MUTANTS)!.chosen.length, 1);
  assert.equal(parseOptions(["--help"], MUTANTS), null);
  for (const args of [["--only", "nothing"], ["--jobs", "0"], ["--runs", "many"], ["--what"]]) {
    assert.throws(() => parseOptions(args, MUTANTS), UsageError, args.join(" "));
  }
});

const file = "src/client/outbox.ts";
const campaign = { of: "clients", seed: 1 } as const;
const TRIED: readonly Mutant[] = [
  MUTANTS.find(({ name }) => name === "makes a new request id for each attempt")!,
  {
    name: "changes nothing",
    part: "client",
    campaign,
    edit: { file, find: "/** The queue of one sender. */", replace: "/** A queue. */" },
  },
  {
    name: "is no program",
    part: "client",
    campaign,
    edit: { file, find: "export class Outbox {", replace: "export class Outbox" },
  },
];

Deno.test("mutants: a trial tells what is caught, what is not, and what does not even run", async () => {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-mutants-" });
  try {
    const trials = new Trials(directory, { runs: 50 });
    const [caught, missed, broken] = await Promise.all(TRIED.map((mutant) => trials.run(mutant)));
    assert.equal(caught!.verdict.kind, "caught");
    assert.ok(caught!.schedules > 0 && caught!.schedules <= 50);
    assert.deepEqual([missed!.verdict.kind, missed!.schedules], ["missed", 50]);
    assert.equal(broken!.verdict.kind, "broken");
    const rows = [caught!, missed!, broken!].map(rowOf);
    assert.deepEqual(rows.map(({ caught }) => caught), [true, false, false]);
    assert.match(
      lineOf(rows[0]!, TRIED),
      /^client +makes a new request id .* Once .* \d+ +\d+\.\d$/,
    );
    assert.match(lineOf(rows[1]!, TRIED), /NOT CAUGHT: not caught/);
    assert.equal(header(TRIED).indexOf("caught by"), lineOf(rows[0]!, TRIED).indexOf("Once"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
