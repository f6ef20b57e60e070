/**
 * How long the messages of one polite person take at a node of its own, alone and among twenty
 * clients that ask for as much as they can. Owns the measurement: alone and among them in turns, so
 * that what else the machine does meets both. Judges nothing.
 *
 * @module
 */

import { openChat } from "../../src/client/open.ts";
import type { ChatClient } from "../../src/client/chat_client.ts";
import { NodeCluster } from "../../src/cli/node_cluster.ts";
import { PROGRAM } from "../cluster/program.ts";
import { Abusers } from "./abusing.ts";

/** Clients, and the accounts that they share: to make one takes two hashes. */
const [ABUSERS, ACCOUNTS] = [20, 8];
/** The pause after each message, ms: somebody who types fast. */
const PAUSE_MS = 10;
/** Longest that the messages of one turn may take, ms. */
const PART_MS = 20_000;
const PASSWORD = "a long enough password";

/** What is measured. */
export interface AbuseOptions {
  /** What the clients ask for: see `abusers.ts`. */
  readonly kind: string;
  /** Turns of each sort, and messages in one. */
  readonly turns: number;
  readonly messages: number;
}

/** Times of messages, ms, the shortest first; and what came of the others' calls, by reason. */
export interface AbuseFigures {
  readonly alone: readonly number[];
  readonly among: readonly number[];
  readonly counts: Readonly<Record<string, number>>;
}

/** The time that this share of the messages took at most, ms. */
export function part(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}

/** Starts a node and the clients, and measures. */
export async function measureAbuse(options: AbuseOptions): Promise<AbuseFigures> {
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
    for (let place = 0; place < ACCOUNTS; place++) {
      tokens.push((await open(`abuser${place}`)).token);
    }
    for (let place = ACCOUNTS; place < ABUSERS; place++) tokens.push(tokens[place % ACCOUNTS]!);
    // The first ones wait for what is compiled and opened only once.
    await times(client, options.messages);
    const [alone, among]: [number[], number[]] = [[], []];
    const counts: Record<string, number> = {};
    for (let turn = 0; turn < options.turns; turn++) {
      alone.push(...await times(client, options.messages));
      const abusers = new Abusers(options.kind, ready.listen, tokens);
      await abusers.begun;
      among.push(...await times(client, options.messages));
      for (const [reason, count] of Object.entries(await abusers.stop())) {
        counts[reason] = (counts[reason] ?? 0) + count;
      }
    }
    const sorted = (all: number[]) => all.sort((one, other) => one - other);
    return { alone: sorted(alone), among: sorted(among), counts };
  } finally {
    for (const client of clients) client.close();
    await cluster.close();
  }
}

/** Sends one message after the other; gives how long each took, ms. */
async function times(client: ChatClient, messages: number): Promise<readonly number[]> {
  const all: number[] = [];
  const until = performance.now() + PART_MS;
  for (let number = 0; number < messages && performance.now() < until; number++) {
    const begun = performance.now();
    // One that is refused in the end took as long as she waited.
    await client.send("polite", `message ${number}`).catch(() => undefined);
    all.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return all;
}
