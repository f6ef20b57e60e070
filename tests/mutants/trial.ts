/**
 * The trial of one mutant: planted in a copy of the sources, run there until a property notices,
 * and the schedule that showed it run once more on the sources as they are, where it must show
 * nothing: a false alarm is not a catch. Owns the copies and the processes in them.
 *
 * @module
 */

import { join } from "node:path";
import type { Answer, Request } from "./campaign.ts";
import { type Campaign, copySources, type Mutant } from "./mutant.ts";

/** What came of a mutant. */
export type Verdict =
  | {
    readonly kind: "caught";
    /** The properties that noticed, the first first. */
    readonly properties: readonly string[];
    /** What the first of them says. */
    readonly message: string;
  }
  | { readonly kind: "missed" }
  /** The same schedule breaks something without the bug. */
  | { readonly kind: "falseAlarm"; readonly properties: readonly string[] }
  /** The run itself ended without an answer. */
  | { readonly kind: "broken"; readonly why: string };

export interface Trial {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
  /** Schedules until then. */
  readonly schedules: number;
  readonly seconds: number;
}

/** A process that takes longer hangs in one schedule: most campaigns take seconds. */
const PROCESS_MINUTES_MAX = 30;

/** Copies of the sources in one directory, which is the caller's to remove. */
export class Trials {
  readonly #directory: string;
  readonly #runs: number;
  #sound: Promise<string> | null = null;
  #count = 0;

  constructor(directory: string, options: { readonly runs: number }) {
    this.#directory = directory;
    this.#runs = options.runs;
  }

  /** Tries one mutant. Throws if it does not fit the sources. */
  async run(mutant: Mutant): Promise<Trial> {
    const began = performance.now();
    const { campaign, edit } = mutant;
    const plantedBug = edit === null ? mutant.name : null;
    const place = edit === null ? await this.#soundCopy() : await this.#copy(edit);
    const answer = await ask(place, { campaign, plantedBug, runs: this.#runs });
    if (edit !== null) await Deno.remove(place, { recursive: true });
    const verdict = "why" in answer
      ? { kind: "broken", why: answer.why } as const
      : await this.#judge(campaign, answer);
    const schedules = "why" in answer ? 0 : answer.runs;
    return { mutant, verdict, schedules, seconds: (performance.now() - began) / 1_000 };
  }

  /** What the sources as they are break in a short campaign; it should be nothing. */
  async control(campaign: Campaign, runs: number): Promise<Answer | { readonly why: string }> {
    return await ask(await this.#soundCopy(), { campaign, plantedBug: null, runs });
  }

  async #judge(campaign: Campaign, answer: Answer): Promise<Verdict> {
    const properties = propertiesOf(answer);
    if (properties.length === 0) return { kind: "missed" };
    const place = await this.#soundCopy();
    const again = await ask(place, { campaign, plantedBug: null, again: answer.schedule });
    if ("why" in again) return { kind: "broken", why: again.why };
    const without = propertiesOf(again);
    if (without.length > 0) return { kind: "falseAlarm", properties: without };
    return { kind: "caught", properties, message: answer.violations[0]?.message ?? "" };
  }

  #soundCopy(): Promise<string> {
    return this.#sound ??= this.#copy(null);
  }

  async #copy(edit: Mutant["edit"]): Promise<string> {
    const place = join(this.#directory, `${this.#count++}`);
    await copySources(place, edit);
    return place;
  }
}

/** Each once, in the order in which they noticed. */
export function propertiesOf({ violations }: Answer): readonly string[] {
  return [...new Set(violations.map(({ checker }) => checker))];
}

/** Runs what is asked for in a process of its own, in a copy. */
async function ask(place: string, request: Request): Promise<Answer | { readonly why: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--no-check",
      "tests/mutants/campaign.ts",
      JSON.stringify(request),
    ],
    cwd: place,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(PROCESS_MINUTES_MAX * 60_000),
  });
  const { stdout, stderr, code, signal } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  const line = text(stdout).split("\n").at(-1) ?? "";
  if (code === 0 && line !== "") return JSON.parse(line);
  return { why: `it ended by ${signal ?? `exit code ${code}`}: ${text(stderr).split("\n")[0]}` };
}
