/**
 * Flags are understood, and what is out of bounds is refused in one line.
 *
 * @module
 */

import assert from "node:assert/strict";
import { commandOf, parseOptions, UsageError } from "./options.ts";

Deno.test("torture options: defaults", () => {
  assert.deepEqual(parseOptions([]), {
    minutes: 2,
    seed: 1,
    nodes: 3,
    quorum: "all",
    lastResort: true,
    json: false,
  });
});

Deno.test("torture options: the command of a run draws the same run", () => {
  for (
    const flags of [
      ["--minutes", "0.5", "--seed", "7", "--nodes", "5", "--last-resort", "off"],
      ["--quorum", "majority", "--seed", "any"],
      [],
    ]
  ) {
    const options = parseOptions(flags);
    assert.ok(options !== null);
    const words = commandOf(options).split(" ").slice(3);
    assert.deepEqual(parseOptions(words), options);
  }
});

Deno.test("torture options: under majority there is no last resort", () => {
  assert.equal(parseOptions(["--quorum", "majority"])?.lastResort, false);
});

for (
  const [flags, line] of [
    [
      ["--minutes", "soon"],
      /^--minutes must be a number from 0\.1 to 1440: current value is soon$/,
    ],
    [["--nodes", "1"], /^--nodes must be a number from 2 to 7: current value is 1$/],
    [["--seed", "1.5"], /^--seed must be a whole number: current value is 1\.5$/],
    [["--quorum", "none"], /^--quorum must be all or majority: current value is none$/],
    [["--last-resort", "maybe"], /^--last-resort must be on or off: current value is maybe$/],
    [["--fast"], /^Cannot read the options: .*--fast.*; see --help$/],
    [["5"], /^Cannot read the options: .*; see --help$/],
  ] as const
) {
  Deno.test(`torture options: ${flags.join(" ")} is refused`, () => {
    assert.throws(() => parseOptions(flags), (thrown) => {
      assert.ok(thrown instanceof UsageError);
      assert.match(thrown.message, line);
      return true;
    });
  });
}
