/**
 * `deno task test:mutants`: shows that each planted bug is caught, by which property and after how
 * many schedules. Owns the order of the trials, what is printed and the exit code; a trial is
 * `trial.ts`'s, the list is `list.ts`'s.
 *
 * @module
 */

import type { Mutant } from "./mutant.ts";
import { MUTANTS } from "./list.ts";
import { HELP, type MutantsOptions, parseOptions, UsageError } from "./options.ts";
import { header, lineOf, type Row, rowOf, summaryOf } from "./report.ts";
import { propertiesOf, Trials } from "./trial.ts";

/** Schedules of each campaign without a bug. */
const CONTROL_RUNS = 100;

/** Tries all that were chosen; resolves with the exit code. */
async function main({ chosen, runs, jobs, json }: MutantsOptions): Promise<number> {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-mutants-" });
  try {
    const trials = new Trials(directory, { runs });
    const alarms = await control(trials, chosen);
    for (const alarm of alarms) console.error(alarm);
    if (!json) console.log(header(chosen));
    const rows: Row[] = [];
    await inTurn(chosen, jobs, async (mutant) => {
      const row = rowOf(await trials.run(mutant));
      rows.push(row);
      console.log(json ? JSON.stringify({ event: "mutant", ...row }) : lineOf(row, chosen));
    });
    const summary = summaryOf(rows);
    const counts = { ...summary, falseAlarms: alarms.length };
    if (json) console.log(JSON.stringify({ event: "summary", ...counts }));
    else console.log(`\n${summary.caught} of ${rows.length} caught`);
    return summary.caught === rows.length && alarms.length === 0 ? 0 : 1;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What is wrong without any bug, one line for each campaign. */
async function control(trials: Trials, chosen: readonly Mutant[]): Promise<readonly string[]> {
  const campaigns = new Map(chosen.map(({ campaign }) => [JSON.stringify(campaign), campaign]));
  const alarms: string[] = [];
  for (const [text, campaign] of campaigns) {
    const answer = await trials.control(campaign, CONTROL_RUNS);
    if ("why" in answer) alarms.push(`Without a bug, ${text}: ${answer.why}`);
    else if (answer.violations.length > 0) {
      alarms.push(`Without a bug, ${text} breaks ${propertiesOf(answer).join(", ")}`);
    }
  }
  return alarms;
}

/** So many at a time, in their order. */
async function inTurn<T>(
  items: readonly T[],
  jobs: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await work(next);
  };
  await Promise.all(Array.from({ length: jobs }, worker));
}

try {
  const options = parseOptions(Deno.args, MUTANTS);
  if (options === null) console.log(HELP);
  else Deno.exit(await main(options));
} catch (thrown) {
  if (!(thrown instanceof UsageError)) throw thrown;
  console.error(`test:mutants: ${thrown.message}`);
  Deno.exit(2);
}
