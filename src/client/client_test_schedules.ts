/**
 * Random schedules of faults against a client, and what must hold whatever happens to the nodes.
 * Owns the schedules, their run on the clock of a test, and the judgement; the cluster in memory
 * keeps its promises, so that a violation is the client's doing. Used by tests alone.
 *
 * @module
 */

import fc from "fast-check";
import { ChatClient } from "./chat_client.ts";
import { ManualClock } from "./client_test_clock.ts";
import { FakeCluster } from "./client_test_cluster.ts";

const NODES = ["n1:1", "n2:1", "n3:1"];

/** Who leads from the last step on. */
const LAST_LEADER = "n2:1";

/** Steps of a schedule, at most. */
const STEPS_MAX = 25;

/** A call that must not end for want of an answer, ms. */
const PATIENCE_MS = 600_000;

/** After the last step a subscriber has so long to get everything, ms. */
const DELIVERY_MS = 20_000;

export interface ClientFault {
  readonly kind: "kill" | "hang" | "revive" | "elect" | "merge" | "lose" | "hold" | "lag";
  readonly node: number;
}

export type ClientStep =
  | ClientFault
  /** Messages of ann to bob: by themselves, or in order. */
  | { readonly kind: "send" | "post" }
  /** Ann and bob read what they wrote to each other. */
  | { readonly kind: "read" }
  | { readonly kind: "wait"; readonly ms: number };

export interface ClientSchedule {
  readonly steps: readonly ClientStep[];
  /** Whether all nodes are well in the end, or only the leader for certain. */
  readonly ending: "everyone" | "survivors";
  readonly seed: number;
}

/** What must not be, or did not come. */
export interface ClientViolation {
  readonly checker: "Once" | "SenderOrder" | "Delivery" | "SessionReads" | "Liveness";
  readonly message: string;
}

/** Any schedule. */
export function clientSchedules(): fc.Arbitrary<ClientSchedule> {
  const node = fc.nat(NODES.length - 1);
  const fault: fc.Arbitrary<ClientFault> = fc.record({
    kind: fc.constantFrom("kill", "hang", "revive", "elect", "merge", "lose", "hold", "lag"),
    node,
  });
  const call: fc.Arbitrary<ClientStep> = fc.record({
    kind: fc.constantFrom("send", "send", "post", "post", "read"),
  });
  const wait: fc.Arbitrary<ClientStep> = fc.record({
    kind: fc.constant("wait"),
    // Now and then for longer than any call may last.
    ms: fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 1, max: 2_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 10_000, max: 90_000 }) },
    ),
  });
  const alone = [fault, call, wait].map((one) => (
    { weight: 13, arbitrary: one.map((step) => [step]) }
  ));
  const told = fc.oneof(...alone, { weight: 1, arbitrary: lateAnswer(node) });
  const steps = fc.array(told, { maxLength: STEPS_MAX, size: "max" })
    .map((some) => some.flat().slice(0, STEPS_MAX));
  const ending = fc.constantFrom<ClientSchedule["ending"]>("everyone", "survivors");
  return fc.record({ steps, ending, seed: fc.nat() });
}

/** A member that lags answers a read, and the answer comes when its reader has seen more. */
function lateAnswer(node: fc.Arbitrary<number>): fc.Arbitrary<ClientStep[]> {
  // Together not so long that the read is overtaken by one elsewhere.
  const ms = fc.integer({ min: 1, max: 90 });
  return fc.record({ node, ms }).map(({ node, ms }): ClientStep[] => [
    { kind: "lag", node },
    { kind: "hold", node },
    { kind: "read" },
    { kind: "wait", ms },
    { kind: "send" },
    { kind: "wait", ms },
    { kind: "revive", node },
    { kind: "wait", ms },
    { kind: "read" },
  ]);
}

/** What came of a schedule. */
export interface ClientRun {
  /** Bodies in the order of the log. */
  readonly log: readonly string[];
  /** Bodies as the subscriber got them. */
  readonly seen: readonly string[];
  /** Messages that were sent or posted. */
  readonly count: number;
  /** For each read what its reader had been told, or shown, before it and was not shown. */
  readonly missed: readonly string[];
  /** What calls ended with that should have gone on until they are answered. */
  readonly failed: readonly string[];
  /** Requests that reached a node. */
  readonly calls: readonly string[];
}

function apply(cluster: FakeCluster, fault: ClientFault): void {
  const address = NODES[fault.node] ?? "";
  switch (fault.kind) {
    case "kill":
      return cluster.kill(address);
    case "hang":
      cluster.node(address).hung = true;
      return;
    case "revive":
      return cluster.revive(address);
    case "elect":
      // Whoever leads has everything.
      cluster.node(address).appliedMax = Infinity;
      cluster.elect(address);
      return cluster.wakeReaders();
    case "merge":
      cluster.node(address).appliedMax = Infinity;
      return cluster.merge(address);
    case "lose":
      cluster.node(address).answersToLose++;
      return;
    case "hold":
      cluster.node(address).answersToHold++;
      return;
    case "lag":
      if (cluster.leader !== address) cluster.node(address).appliedMax = cluster.log.length;
  }
}

/** In the end there is a leader, and all that was held up goes on. */
function heal(cluster: FakeCluster, ending: ClientSchedule["ending"]): void {
  for (const address of NODES) {
    if (ending === "everyone" || address === LAST_LEADER) cluster.revive(address);
    cluster.node(address).appliedMax = Infinity;
  }
  cluster.elect(LAST_LEADER);
  cluster.wakeReaders();
}

/** Runs a schedule to its end. */
export async function runClientSchedule(
  { steps, ending, seed }: ClientSchedule,
): Promise<ClientRun> {
  const clock = new ManualClock({ seed });
  const cluster = new FakeCluster(NODES);
  const options = { servers: NODES, connect: cluster.connect, clock };
  const client = new ChatClient({ ...options, session: { user: "ann", token: "token-ann" } });
  const reader = new ChatClient({ ...options, session: { user: "bob", token: "token-bob" } });
  const controller = new AbortController();
  const seen: string[] = [];
  const reading = (async () => {
    const subscription = reader.subscribe({ fromUnacknowledged: true, signal: controller.signal });
    for await (const message of subscription) seen.push(message.body);
  })();
  const pending: Promise<unknown>[] = [];
  const acknowledged = new Set<string>();
  const missed: string[] = [];
  const failed: string[] = [];
  const goesOn = (call: Promise<void>) => {
    pending.push(call.catch((error) => void failed.push(String(error))));
  };
  let count = 0;
  const write = (kind: "send" | "post") => {
    const body = `${kind} ${count++}`;
    const answer = kind === "send"
      ? client.send("bob", body, { timeoutMs: PATIENCE_MS })
      : client.post("bob", body);
    goesOn(answer.then(() => void acknowledged.add(body)));
  };
  const read = async (one: ChatClient, other: string, known: Iterable<string>) => {
    const before = [...known];
    const { messages } = await one.history({ with: other }, { timeoutMs: PATIENCE_MS });
    const shown = new Set(messages.map(({ body }) => body));
    missed.push(...before.filter((body) => !shown.has(body)));
  };
  for (const step of steps) {
    if ("node" in step) apply(cluster, step);
    else if (step.kind === "wait") await clock.advance(step.ms);
    else if (step.kind === "read") {
      goesOn(read(client, "bob", acknowledged));
      goesOn(read(reader, "ann", seen));
    } else write(step.kind);
  }
  heal(cluster, ending);
  await clock.until(Promise.all(pending));
  await clock.advance(DELIVERY_MS);
  controller.abort();
  await clock.until(reading);
  client.close();
  reader.close();
  await clock.settle();
  const log = cluster.log.map((message) => message.body);
  return { log, seen, count, missed, failed, calls: cluster.calls };
}

/** What a run broke. */
export function violationsOf(
  { log, seen, count, missed, failed }: ClientRun,
): readonly ClientViolation[] {
  const violations: ClientViolation[] = [];
  const found = (checker: ClientViolation["checker"], message: string) =>
    violations.push({ checker, message });
  const written = new Set(log).size;
  if (log.length !== written || written !== count) {
    found("Once", `${count} messages were sent, the log has ${log.join(", ")}`);
  }
  const posts = log.filter((body) => body.startsWith("post"));
  const inOrder = posts.toSorted((a, b) => Number(a.slice(5)) - Number(b.slice(5)));
  if (posts.join() !== inOrder.join()) found("SenderOrder", `It was posted as ${posts.join(", ")}`);
  if (seen.join() !== log.join()) {
    found("Delivery", `The log has ${log.join(", ")}, the subscriber got ${seen.join(", ")}`);
  }
  if (failed.length > 0) found("Liveness", `A call was given up: ${failed.join(", ")}`);
  if (missed.length > 0) found("SessionReads", `A read did not show ${missed.join(", ")}`);
  return violations;
}

/** Runs one schedule and judges it. One that does not come to its end is a violation too. */
export async function judgeClient(
  schedule: ClientSchedule,
): Promise<{ readonly violations: readonly ClientViolation[] }> {
  try {
    return { violations: violationsOf(await runClientSchedule(schedule)) };
  } catch (error) {
    const message = error instanceof Error ? error.stack ?? error.message : String(error);
    return { violations: [{ checker: "Liveness", message }] };
  }
}

/** What came of a campaign. */
export interface ClientCampaign {
  readonly runs: number;
  /** The first schedule that broke something, as it was found. */
  readonly failure: {
    readonly scenario: ClientSchedule;
    readonly violations: readonly ClientViolation[];
    readonly run: number;
  } | null;
}

/** Runs schedules until one fails or all have passed. */
export async function simulateClients(
  { runs, seed }: { readonly runs: number; readonly seed: number },
): Promise<ClientCampaign> {
  let [done, failure]: [number, ClientCampaign["failure"]] = [0, null];
  const property = fc.asyncProperty(clientSchedules(), async (scenario) => {
    const { violations } = await judgeClient(scenario);
    done++;
    if (violations.length > 0) failure = { scenario, violations, run: done };
    return violations.length === 0;
  });
  await fc.check(property, { seed, numRuns: runs, endOnFailure: true });
  return { runs: done, failure };
}
