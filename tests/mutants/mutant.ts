/**
 * What a planted bug is: a piece of production code replaced by a wrong one, or a rule or port
 * that `tests/property/planted_bugs.ts` replaces. Owns how a text is changed and how a changed
 * copy of the sources is made; the list itself is in `list.ts`, and production code has no switch
 * for any of it.
 *
 * @module
 */

import { cp } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ScenarioChoices } from "../../src/sim/scenario_arbitrary.ts";

/** The parts of the product that have mutants of their own. */
export const PARTS = ["core", "driver", "storage", "chat", "client", "healing"] as const;

export type Part = typeof PARTS[number];

/** Random schedules of faults, which run the mutated code: the same each time by their seed. */
export type Campaign =
  /** Of whole clusters, by `src/sim`. */
  | { readonly of: "clusters"; readonly choices: ClusterChoices; readonly seed: number }
  /** Of the client library, against a cluster in memory that keeps its promises. */
  | { readonly of: "clients"; readonly seed: number };

export type ClusterChoices = Omit<ScenarioChoices, "stepsMax">;

/** One place in a file. */
export interface Edit {
  /** Path from the root of the repository. */
  readonly file: string;
  /** A text that is there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** One planted bug. */
export interface Mutant {
  /** What it does wrong, as in "acknowledges before the fsync". */
  readonly name: string;
  readonly part: Part;
  /** `null`: the planted bug of that name in `tests/property/planted_bugs.ts`. */
  readonly edit: Edit | null;
  readonly campaign: Campaign;
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What a campaign runs from. */
const COPIED = ["src", "tests/mutants", "tests/property", "deno.json", "deno.lock"];

/** The text with the edit made. Throws if it does not fit this text: then the list is out of date. */
export function edited(text: string, { file, find, replace }: Edit): string {
  const places = text.split(find).length - 1;
  if (places === 1) return text.replace(find, () => replace);
  throw new Error(
    `Cannot plant a bug as its text must be once in ${file}: it is there ${places} times:
${find}`,
  );
}

/** Makes the edit in memory alone. Throws as {@linkcode edited}. */
export async function tryEdit(edit: Edit): Promise<string> {
  return edited(await Deno.readTextFile(join(ROOT, edit.file)), edit);
}

/** A copy of the sources at `directory`, which is made, with the edit if there is one. */
export async function copySources(directory: string, edit: Edit | null): Promise<void> {
  for (const place of COPIED) {
    await cp(join(ROOT, place), join(directory, place), { recursive: true });
  }
  if (edit !== null) await Deno.writeTextFile(join(directory, edit.file), await tryEdit(edit));
}
