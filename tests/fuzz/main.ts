/**
 * `deno task fuzz`: as many inputs as one likes, to every decoder and to a running node. Owns the
 * flags and the exit code.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { fuzzDecoders } from "./decoders.ts";
import { fuzzFiles, fuzzRestore } from "./kept_files.ts";
import { fuzzNode, fuzzUsersOfTwo } from "./watched_node.ts";

const HELP = `Usage: deno task fuzz [options]

Gives every decoder, both ports of a running node, and two nodes by a user who is logged in, what no
client would send, and every reader of files what no program of ours wrote. A tenth of the cases go
to the ports, a fiftieth each are such a user's and files. What breaks one is printed, with its seed.

  --cases <n>   (default: 1000000)
  --seed <n>    the same seed gives the same cases (default: another each time)

Exit code 0: nothing broke. 1: something did.`;

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "1000000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
    help: { type: "boolean", default: false },
  },
});

if (values.help) {
  console.log(HELP);
} else {
  const [cases, seed] = [Number(values.cases), Number(values.seed)];
  const [ofNode, ofUser, ofFiles] = [10, 50, 50].map((part) => Math.ceil(cases / part)) as [
    number,
    number,
    number,
  ];
  const atOnce = 50_000;
  console.log(`${cases} cases, seed ${seed}`);
  await fuzzNode({ cases: ofNode, seed });
  console.log(`${ofNode} of them at a running node`);
  await fuzzUsersOfTwo({ cases: ofUser, seed });
  console.log(`${ofUser} by a user of two nodes`);
  await fuzzFiles({ cases: ofFiles, seed });
  await fuzzRestore({ cases: Math.ceil(ofFiles / 50), seed });
  console.log(`${ofFiles} as files`);
  for (let done = ofNode + ofUser + ofFiles; done < cases; done += atOnce) {
    fuzzDecoders({ cases: Math.min(atOnce, cases - done), seed: seed + done });
    console.log(`${Math.min(done + atOnce, cases)} of ${cases}`);
  }
}
