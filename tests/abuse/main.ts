/**
 * `deno task abuse [--kind sends|letters|reads|logins|oversize|all]`: measures how long the messages
 * of one polite person take at a node of its own, alone and among twenty clients that ask for as
 * much as they can. Prints a table; judges nothing. It ends within two minutes.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { openChat } from "../../src/client/open.ts";
import type { ChatClient } from "../../src/client/chat_client.ts";
import { NodeCluster } from "../../src/cli/node_cluster.ts";
import { table } from "../../src/cli/text.ts";
import { PROGRAM } from "../cluster/program.ts";
import { Abusers } from "./abusing.ts";

const ABUSERS = 20;
/** Messages whose times are taken, and the pause after each, ms: somebody who types fast. */
const [MESSAGES, PAUSE_MS] = [400, 10];
/** Longest that so many may take, ms. */
const PART_MS = 40_000;
const PASSWORD = "a long enough password";

/** Sends one message after the other; gives how long each took, ms, the shortest first. */
async function times(client: ChatClient): Promise<readonly number[]> {
  const all: number[] = [];
  const until = performance.now() + PART_MS;
  for (let number = 0; number < MESSAGES && performance.now() < until; number++) {
    const begun = performance.now();
    // One that is refused in the end took as long as she waited.
    await client.send("polite", `message ${number}`).catch(() => undefined);
    all.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return all.sort((one, other) => one - other);
}

function part(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}

const { values } = parseArgs({ options: { kind: { type: "string", default: "all" } } });
const directory = await Deno.makeTempDir({ prefix: "jmessage-abuse-" });
const cluster = new NodeCluster({ program: PROGRAM, directory });
const clients: ChatClient[] = [];
const open = async (name: string) => {
  const client = openChat({ servers: cluster.addresses });
  clients.push(client);
  await client.createAccount(name, PASSWORD);
  await client.login(name, PASSWORD);
  return { client, token: client.sessionState()!.token };
};
try {
  const { ready } = await cluster.start("a");
  const { client } = await open("polite");
  const tokens: string[] = [];
  for (let place = 0; place < ABUSERS; place++) tokens.push((await open(`abuser${place}`)).token);
  // The first ones wait for what is compiled and opened only once.
  await times(client);
  const quiet = await times(client);
  const abusers = new Abusers(values.kind, ready.listen, tokens);
  await abusers.begun;
  const among = await times(client);
  const counts = await abusers.stop();
  const row = (
    name: string,
    all: readonly number[],
  ) => [name, ...[0.5, 0.9, 0.99].map((share) => part(all, share).toFixed(1)), `${all.length}`];
  const rows = [row("alone", quiet), row("among twenty", among)];
  console.log(table(["MESSAGES", "P50 MS", "P90 MS", "P99 MS", "SENT"], rows));
  const ratio = part(among, 0.99) / part(quiet, 0.99);
  console.log(
    `p99 is ${ratio.toFixed(1)} times as long; their calls by status: ${JSON.stringify(counts)}`,
  );
} finally {
  for (const client of clients) client.close();
  await cluster.close();
}
