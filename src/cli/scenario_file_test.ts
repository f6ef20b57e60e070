/**
 * Schedules in files: what somebody else has put in their place is left alone.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { lstatSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Scenario } from "../sim/scenario.ts";
import { writeScenario } from "./scenario_file.ts";

const scenario = { operations: [] } as unknown as Scenario;
const text = JSON.stringify(scenario, null, 2);

/** Runs a test with a name of its own; what begins with it is removed afterwards. */
async function withName(test: (name: string, written: string[]) => Promise<void>): Promise<void> {
  const name = `jmessage-test-${randomUUID()}`;
  const written = [join(tmpdir(), `${name}.json`), join(tmpdir(), `${name}.target`)];
  try {
    await test(name, written);
  } finally {
    for (const path of written) rmSync(path, { force: true });
  }
}

Deno.test("scenario file: has its name, and is for its owner alone", () =>
  withName(async (name, written) => {
    const path = await writeScenario(name, scenario);
    assert.equal(path, written[0]);
    assert.equal(readFileSync(path, "utf8"), text);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  }));

Deno.test("scenario file: a link in its place is not followed, nor a file written over", () =>
  withName(async (name, written) => {
    const [expected = "", target = ""] = written;
    for (const links of [true, false]) {
      writeFileSync(target, "somebody's");
      if (links) symlinkSync(target, expected);
      else writeFileSync(expected, "somebody's");
      const path = await writeScenario(name, scenario);
      written.push(path);
      assert.match(path, new RegExp(`/${name}-[0-9a-f-]+\\.json$`));
      assert.deepEqual([readFileSync(path, "utf8"), statSync(path).mode & 0o777], [text, 0o600]);
      assert.equal(readFileSync(target, "utf8"), "somebody's");
      assert.equal(readFileSync(expected, "utf8"), "somebody's");
      assert.equal(lstatSync(expected).isSymbolicLink(), links);
      rmSync(expected);
    }
    symlinkSync(target + "-absent", expected);
    written.push(await writeScenario(name, scenario));
    assert.throws(() => statSync(target + "-absent"), "nothing is made where a link leads");
  }));
