/**
 * The flags of `deno task torture`. Owns their defaults and bounds; a value out of bounds is
 * refused in one line and nothing is started.
 *
 * @module
 */

import { parseArgs } from "node:util";

/** What a torture run is told. */
export interface TortureOptions {
  readonly minutes: number;
  readonly seed: number;
  /** Members of the cluster; one more is there to join now and then. */
  readonly nodes: number;
  readonly quorum: "all" | "majority";
  readonly lastResort: boolean;
  readonly json: boolean;
}

/** Wrong usage: one line for the person. */
export class UsageError extends Error {}

const SEED_MAX = 0x7fff_ffff;
const MINUTES_MAX = 24 * 60;
const NODES = { min: 2, max: 7 } as const;

export const HELP = `Usage: deno task torture [options]

Kills, stalls, cuts off, wipes and damages the nodes of a real cluster while clients use it, within
what the policy promises to survive, and proves at the end that nothing was lost.

  --minutes <m>             how long faults go on (default: 2)
  --seed <n>                the same seed draws the same faults; "any" for another each time
                            (default: 1)
  --nodes <n>               members of the cluster, ${NODES.min} to ${NODES.max} (default: 3)
  --quorum <all|majority>   (default: all)
  --last-resort <on|off>    (default: on; with --quorum majority there is none)
  --json                    print the result as one line of JSON

Exit code 0: clean. 1: something acknowledged was lost, or another promise broken. 2: wrong usage.
3: no progress within the time that the promise allows.

Example: deno task torture --minutes 10 --seed any --nodes 5 --quorum majority`;

/** Reads the flags; `null` if the help was asked for. Throws {@linkcode UsageError}. */
export function parseOptions(args: readonly string[]): TortureOptions | null {
  const values = parsed(args);
  if (values.help) return null;
  const quorum = choice("quorum", values.quorum, ["all", "majority"] as const);
  const lastResort = choice("last-resort", values["last-resort"] ?? "on", ["on", "off"] as const);
  return {
    minutes: numberIn("minutes", values.minutes, { min: 0.1, max: MINUTES_MAX }),
    seed: values.seed === "any"
      ? Math.floor(Math.random() * SEED_MAX)
      : wholeIn("seed", values.seed, { min: 0, max: SEED_MAX }),
    nodes: wholeIn("nodes", values.nodes, NODES),
    quorum,
    lastResort: quorum === "all" && lastResort === "on",
    json: values.json,
  };
}

/** The command that draws the same faults again. */
export function commandOf(options: TortureOptions): string {
  const { minutes, seed, nodes, quorum, lastResort } = options;
  const policy = quorum === "all" ? `all --last-resort ${lastResort ? "on" : "off"}` : quorum;
  return `deno task torture --minutes ${minutes} --seed ${seed} --nodes ${nodes} --quorum ${policy}`;
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        minutes: { type: "string", default: "2" },
        seed: { type: "string", default: "1" },
        nodes: { type: "string", default: "3" },
        quorum: { type: "string", default: "all" },
        "last-resort": { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (thrown) {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    throw new UsageError(`Cannot read the options: ${text.split("\n")[0]}; see --help`);
  }
}

interface Bounds {
  readonly min: number;
  readonly max: number;
}

function numberIn(name: string, text: string, { min, max }: Bounds): number {
  const number = text.trim() === "" ? NaN : Number(text);
  if (number >= min && number <= max) return number;
  throw new UsageError(
    `--${name} must be a number from ${min} to ${max}: current value is ${text}`,
  );
}

function wholeIn(name: string, text: string, bounds: Bounds): number {
  const number = numberIn(name, text, bounds);
  if (Number.isInteger(number)) return number;
  throw new UsageError(`--${name} must be a whole number: current value is ${text}`);
}

function choice<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((one) => one === text);
  if (found !== undefined) return found;
  throw new UsageError(`--${name} must be ${choices.join(" or ")}: current value is ${text}`);
}
