/**
 * Files for schedules that are to be run again, in the temporary directory. Owns that each is a new
 * one: the names can be foreseen, and where others use the same machine one of them may have put
 * something there, a link to a file of this user's say.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Scenario } from "../sim/scenario.ts";

/** Nobody else needs to read it, nor may put another schedule into it. */
const FILE_MODE = 0o600;

/** Writes a schedule to a new file of this name, or of one that begins so; gives its path. */
export async function writeScenario(name: string, scenario: Scenario): Promise<string> {
  const text = JSON.stringify(scenario, null, 2);
  const path = join(tmpdir(), `${name}.json`);
  if (await writeNew(path, text)) return path;
  // Whatever is there stays. This one nobody can foresee.
  const other = join(tmpdir(), `${name}-${randomUUID()}.json`);
  await writeFile(other, text, { flag: "wx", mode: FILE_MODE });
  return other;
}

/** Whether there was nothing of this name: it is not followed, either. */
async function writeNew(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: "wx", mode: FILE_MODE });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}
