/**
 * `deno task abuse [--kind sends|letters|reads|logins|oversize|all]`: measures how long the messages
 * of one polite person take at a node of its own, alone and among twenty clients that ask for as
 * much as they can. Prints a table; judges nothing. It ends within three minutes.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { table } from "../../src/cli/text.ts";
import { measureAbuse, part } from "./measure.ts";

const { values } = parseArgs({ options: { kind: { type: "string", default: "all" } } });
const { alone, among, counts } = await measureAbuse({
  kind: values.kind,
  turns: 1,
  messages: 1_000,
});
const row = (
  name: string,
  all: readonly number[],
) => [name, ...[0.5, 0.9, 0.99].map((share) => part(all, share).toFixed(1)), `${all.length}`];
const rows = [row("alone", alone), row("among twenty", among)];
console.log(table(["MESSAGES", "P50 MS", "P90 MS", "P99 MS", "SENT"], rows));
const ratio = part(among, 0.99) / part(alone, 0.99);
console.log(
  `p99 is ${ratio.toFixed(1)} times as long; their calls by status: ${JSON.stringify(counts)}`,
);
