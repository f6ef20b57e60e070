/**
 * The exit code and the last line say how a run ended; the JSON is one line with everything.
 *
 * @module
 */

import assert from "node:assert/strict";
import { exitCode, resultJson, resultText, type TortureResult } from "./report.ts";

function result(other: Partial<TortureResult> = {}): TortureResult {
  return {
    options: {
      minutes: 1,
      seed: 7,
      nodes: 3,
      quorum: "all",
      lastResort: true,
      json: false,
    },
    rounds: 4,
    seconds: 61.2,
    faults: new Map([["kill", { done: 3, leftOut: 1 }]]),
    acknowledged: 100,
    indefinite: 2,
    refused: 1,
    cameOver: 0,
    delivered: 101,
    accounts: 5,
    pauseMsMax: 1234.5,
    loopStallMsMax: 20,
    nodesCompared: 3,
    problems: [],
    stuck: null,
    interrupted: false,
    ...other,
  };
}

for (
  const [what, other, code, lastLine] of [
    ["clean", {}, 0, /^clean: /],
    ["a violation", { problems: ["n1 has m1 0 times"] }, 1, /^1 violations$/],
    ["a violation that left it stuck", { problems: ["lost"], stuck: "no writes" }, 1, /violations/],
    ["no progress", { stuck: "no writes" }, 3, /^no progress$/],
    ["interrupted", { interrupted: true }, 130, /^interrupted/],
  ] as const
) {
  Deno.test(`torture report: ${what}`, () => {
    const one = result(other);
    assert.equal(exitCode(one), code);
    assert.match(resultText(one, null).split("\n").at(-1) ?? "", lastLine);
  });
}

Deno.test("torture report: a failure names what broke, where it is kept and how to see it again", () => {
  const text = resultText(result({ problems: ["n1 has m1 0 times"] }), "some/directory");
  assert.match(text, /^broken: n1 has m1 0 times$/m);
  assert.match(text, /^logs and data: some\/directory$/m);
  assert.match(text, /^again: deno task torture --minutes 1 --seed 7 --nodes 3 --quorum all/m);
});

Deno.test("torture report: JSON is one line", () => {
  const text = resultJson(result(), null);
  assert.equal(text.includes("\n"), false);
  const { seed, quorum, acknowledged, faults, problems, kept } = JSON.parse(text);
  assert.deepEqual(
    { seed, quorum, acknowledged, faults, problems, kept },
    {
      seed: 7,
      quorum: "all",
      acknowledged: 100,
      faults: { kill: { done: 3, leftOut: 1 } },
      problems: [],
      kept: null,
    },
  );
});
