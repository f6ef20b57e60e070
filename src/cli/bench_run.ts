/**
 * A measured load on a running cluster: its accounts, its messages, and the reading back that
 * shows that each acknowledged message is there once. Owns the load and the counting; flags and
 * printing are `bench.ts`'s.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { ChatClient } from "../client/chat_client.ts";
import type { Connect } from "../client/connection.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";

/** What to load the cluster with. */
export interface Load {
  readonly servers: readonly string[];
  readonly connect: Connect;
  /** Ends after so many messages, or after so many seconds. */
  readonly messages?: number | undefined;
  readonly seconds?: number | undefined;
  readonly concurrency: number;
  /** UTF-8 bytes of each message. */
  readonly size: number;
  readonly users: number;
  /** Called with what goes on, for people. */
  readonly onProgress: (text: string) => void;
}

/** What came of it; the stable JSON form of `jmessage bench`. */
export interface BenchResult {
  readonly mode: "unary";
  readonly concurrency: number;
  /** Acknowledged. */
  readonly messages: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Given up without an acknowledgement. */
  readonly errors: number;
  readonly retries: number;
  /** Acknowledged, but not there. */
  readonly lost: number;
  /** There more than once. */
  readonly duplicated: number;
}

/** An account that sends to the next one. */
interface Sender {
  readonly client: ChatClient;
  readonly name: string;
  readonly receiver: string;
  /** Acknowledged messages: body key to message id. */
  readonly acknowledged: Map<string, string>;
}

/** Runs a load to its end. Throws what makes it impossible. */
export async function runLoad(load: Load): Promise<BenchResult> {
  const senders = makeSenders(load);
  try {
    load.onProgress(`making ${senders.length} accounts`);
    await logInAll(senders);
    load.onProgress(`sending with concurrency ${load.concurrency}`);
    const sent = await sendAll(load, senders);
    load.onProgress("reading everything back");
    const { lost, duplicated } = await verifyAll(senders);
    const retries = senders.reduce((sum, { client }) => sum + client.retries, 0);
    // In the order in which the command's contract lists them.
    return {
      mode: "unary",
      concurrency: load.concurrency,
      messages: sent.messages,
      perSecond: sent.perSecond,
      p50Ms: sent.p50Ms,
      p99Ms: sent.p99Ms,
      p999Ms: sent.p999Ms,
      errors: sent.errors,
      retries,
      lost,
      duplicated,
    };
  } finally {
    for (const { client } of senders) client.close();
  }
}

function makeSenders({ users, servers, connect }: Load): readonly Sender[] {
  const run = randomBytes(4).toString("hex");
  const nameOf = (at: number) => `bench-${run}-${at % users}`;
  return Array.from({ length: users }, (_, at) => ({
    client: new ChatClient({ servers, connect }),
    name: nameOf(at),
    receiver: nameOf(at + 1),
    acknowledged: new Map(),
  }));
}

/** Few at a time: a password check is slow on purpose. */
async function logInAll(senders: readonly Sender[]): Promise<void> {
  const password = randomBytes(16).toString("hex");
  const left = [...senders];
  const worker = async () => {
    for (let sender = left.pop(); sender !== undefined; sender = left.pop()) {
      await sender.client.createAccount(sender.name, password);
      await sender.client.login(sender.name, password);
    }
  };
  await Promise.all(Array.from({ length: 2 }, worker));
}

/** A closed loop: each worker sends its next message when the last is acknowledged. */
async function sendAll(load: Load, senders: readonly Sender[]) {
  const latencies: number[] = [];
  const started = performance.now();
  const end = load.seconds === undefined ? Infinity : started + load.seconds * 1_000;
  const count = load.messages ?? limits.benchMessagesMax;
  let begun = 0;
  let errors = 0;
  const worker = async (at: number) => {
    const sender = senders[at % senders.length];
    while (sender !== undefined && begun < count && performance.now() < end) {
      const key = `${(begun++).toString(36)}:`;
      const before = performance.now();
      try {
        const { id } = await sender.client.send(sender.receiver, key.padEnd(load.size, "x"));
        latencies.push(performance.now() - before);
        sender.acknowledged.set(key, id);
      } catch (thrown) {
        if (isHopeless(ChatError.from(thrown))) throw thrown;
        errors++;
      }
    }
  };
  await Promise.all(Array.from({ length: load.concurrency }, (_, at) => worker(at)));
  const elapsed = performance.now() - started;
  return {
    ...quantiles(latencies),
    messages: latencies.length,
    errors,
    perSecond: rounded(latencies.length / elapsed * 1_000),
  };
}

/** An error that every later message would meet too. */
function isHopeless(error: ChatError): boolean {
  return ["UNAUTHENTICATED", "NO_SUCH_USER", "INVALID_ARGUMENT", "WRONG_CLUSTER"]
    .includes(error.reason);
}

function quantiles(latencies: readonly number[]) {
  const sorted = Float64Array.from(latencies).sort();
  const at = (share: number) => {
    return rounded(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  };
  return { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

async function verifyAll(senders: readonly Sender[]) {
  let lost = 0;
  let duplicated = 0;
  for (const sender of senders) {
    const found = idsByKey(await readBack(sender));
    for (const [key, id] of sender.acknowledged) {
      if (found.get(key)?.includes(id) !== true) lost++;
    }
    for (const ids of found.values()) duplicated += ids.length - 1;
  }
  return { lost, duplicated };
}

interface Found {
  readonly key: string;
  readonly id: string;
}

/** Everything that the sender sent, as a member tells it now. */
async function readBack({ client, name, receiver }: Sender): Promise<readonly Found[]> {
  const found: Found[] = [];
  let before: string | undefined;
  for (;;) {
    const page = await client.history({
      with: receiver,
      limit: limits.pageRowsMax,
      ...(before === undefined ? {} : { before }),
    });
    for (const { from, body, id } of page.messages) {
      if (from === name) found.push({ key: body.slice(0, body.indexOf(":") + 1), id });
    }
    before = page.messages[0]?.position;
    if (!page.more || before === undefined) return found;
  }
}

/** Ids by key, as often as they are there. */
function idsByKey(messages: readonly Found[]): ReadonlyMap<string, readonly string[]> {
  const ids = new Map<string, string[]>();
  for (const { key, id } of messages) {
    const known = ids.get(key);
    if (known === undefined) ids.set(key, [id]);
    else known.push(id);
  }
  return ids;
}
