/**
 * `jmessage demo`: a cluster that loses its leader in the middle of a conversation. Owns the
 * story and what is printed of it; processes are `node_cluster.ts`'s, the conversation and its
 * proof `demo_talk.ts`'s.
 *
 * @module
 */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { ChatClient } from "../client/chat_client.ts";
import { openChat } from "../client/open.ts";
import { ChatError } from "../errors.ts";
import { connect } from "../rpc/client.ts";
import { fileError } from "../storage/file_error.ts";
import { AdminCluster } from "./admin_cluster.ts";
import { waitSynced } from "./admin_wait.ts";
import { interactiveChat } from "./chat_interactive.ts";
import { newCommand } from "./command.ts";
import { Talk } from "./demo_talk.ts";
import { compareDigests } from "./digest_comparison.ts";
import { TerminalInput } from "./input.ts";
import { type ClusterNode, NodeCluster } from "./node_cluster.ts";
import { thisProgram } from "./node_process.ts";
import { parseInteger } from "./options.ts";
import { outliveReader, type Output, terminal } from "./output.ts";
import { printable } from "./text.ts";

/** Accounts of the demo; they live as long as its temporary directory. */
const PEOPLE = ["ada", "ben"] as const;
const PASSWORD = "correct horse battery";

/** Lines said before the leader is killed, and after. */
const LINES_BEFORE = 8;
const LINES_AFTER = 12;
/** A terminal that was closed ends it too. */
const INTERRUPTS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** Longest that the cluster may take to be whole, ms. */
const SYNC_MS_MAX = 20_000;
/** Longest that logging in to the chat may take at the end, s. */
const CHAT_SECONDS_MAX = 30;

/** `jmessage demo`. */
export function demoCommand(): CommandUnknownOpts {
  return newCommand("demo", "see a cluster survive the loss of its leader", {
    example: "jmessage demo --nodes 5",
  })
    .option("--nodes <n>", "how many nodes", parseInteger(2, 9), 3)
    .action((flags) => runDemo(flags.nodes));
}

async function runDemo(nodes: number): Promise<void> {
  const directory = await temporaryDirectory();
  const cluster = new NodeCluster({ program: thisProgram(), directory });
  const interrupted = onInterrupt();
  // Its nodes must not outlive it, whoever has stopped reading.
  outliveReader();
  try {
    const demo = new Demo(cluster, terminal);
    await Promise.race([demo.run(nodes), interrupted.promise]);
    interrupted.stop();
    if (process.stdin.isTTY && process.stdout.isTTY) await goOn(cluster, directory);
  } finally {
    interrupted.stop();
    await cluster.close();
  }
}

async function temporaryDirectory(): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), "jmessage-demo-"));
  } catch (thrown) {
    const file = `a directory for the demo in ${tmpdir()}`;
    const elsewhere = "set TMPDIR to a directory that can be written to";
    throw fileError(thrown, { verb: "make", file, elsewhere });
  }
}

/** The cluster stays up for a person to play with, until the chat is left. */
async function goOn(cluster: NodeCluster, directory: string): Promise<void> {
  const [user, other] = PEOPLE;
  const servers = cluster.addresses;
  terminal.line("");
  terminal.line(`You are ${user} now. The cluster lives until you leave with /quit. Try:`);
  terminal.line(`  in another terminal, password "${PASSWORD}":`);
  terminal.line(`    jmessage chat -s ${servers.join(",")} -u ${other}`);
  terminal.line(`  kill -9 ${cluster.live.map(({ process: node }) => node.pid).join(" or ")}`);
  const environment = { ...process.env, JMESSAGE_PASSWORD: PASSWORD };
  const options = { connect, output: terminal, input: new TerminalInput(), environment };
  const stateDir = join(directory, "state");
  await interactiveChat({ servers, user, stateDir, timeout: CHAT_SECONDS_MAX }, options);
}

/** Rejects when the demo is asked to stop, so that what it started ends with it. */
function onInterrupt(): { readonly promise: Promise<never>; stop(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  const stop = () => reject(new ChatError("SHUTTING_DOWN", "The demo was interrupted"));
  for (const signal of INTERRUPTS) process.on(signal, stop);
  return {
    promise,
    stop: () => {
      for (const signal of INTERRUPTS) process.off(signal, stop);
    },
  };
}

/** One run of the story. */
class Demo {
  readonly #cluster: NodeCluster;
  readonly #output: Output;
  readonly #started = performance.now();

  constructor(cluster: NodeCluster, output: Output) {
    this.#cluster = cluster;
    this.#output = output;
  }

  /** Resolves if everything went as promised; throws what did not. */
  async run(nodes: number): Promise<void> {
    await this.#startNodes(nodes);
    const clients = await this.#logIn();
    const talk = new Talk(clients);
    try {
      const failoverMs = await this.#talkThroughFailover(talk);
      await this.#prove(talk);
      const rejoinMs = await this.#rejoin(nodes);
      await this.#compareDigests(nodes);
      this.#print(
        "",
        `failover: ${Math.round(failoverMs)} ms from the kill to the next acknowledged message`,
        `rejoin: ${Math.round(rejoinMs)} ms from starting the killed node until it had everything`,
        `in all: ${((performance.now() - this.#started) / 1_000).toFixed(1)} s`,
      );
    } finally {
      await talk.close();
      for (const client of clients) client.close();
    }
  }

  async #startNodes(count: number): Promise<void> {
    this.#print(`Starting ${count} nodes, each a process of its own:`);
    for (let number = 1; number <= count; number++) {
      const { id, ready, process: node } = await this.#cluster.start(`node-${number}`);
      this.#print(`  ${id} at ${ready.listen}, ${ready.role}, process ${node.pid}`);
    }
    await this.#synced(count);
  }

  async #logIn(): Promise<readonly [ChatClient, ChatClient]> {
    const [ada, ben] = PEOPLE.map(() => openChat({ servers: this.#cluster.addresses }));
    if (ada === undefined || ben === undefined) throw new ChatError("INTERNAL", "Nobody is here");
    for (const [index, client] of [ada, ben].entries()) {
      const name = PEOPLE[index] ?? "";
      await client.createAccount(name, PASSWORD);
      await client.login(name, PASSWORD);
    }
    return [ada, ben];
  }

  /** Gives the time from the kill to the first acknowledgement after it, ms. */
  async #talkThroughFailover(talk: Talk): Promise<number> {
    this.#print("", "Two accounts talk:");
    await this.#say(talk, LINES_BEFORE);
    const leader = await this.#leader();
    const next = this.#say(talk, 1);
    leader.process.kill("SIGKILL");
    const killed = performance.now();
    this.#print(`  *** ${leader.id}, the leader, is killed (SIGKILL) ***`);
    await next;
    // The line on its way may have been acknowledged by the leader just before it died.
    await this.#say(talk, 1);
    const failoverMs = performance.now() - killed;
    this.#print(`  *** ${(await this.#leader()).id} leads now ***`);
    await this.#say(talk, LINES_AFTER);
    return failoverMs;
  }

  async #say(talk: Talk, lines: number): Promise<void> {
    for (let said = 0; said < lines; said++) {
      const { from, body, tookMs } = await talk.sayNext();
      this.#print(`  ${printable(`${from}: ${body}`).padEnd(48)}  ${Math.round(tookMs)} ms`);
    }
  }

  async #prove(talk: Talk): Promise<void> {
    await talk.check();
    const count = talk.said.length;
    this.#print(
      "",
      `All ${count} acknowledged messages are in the history, and arrived, once and in order.`,
    );
  }

  /** Gives the time until the killed node was back with everything, ms. */
  async #rejoin(count: number): Promise<number> {
    const live = this.#cluster.live;
    const started = performance.now();
    for (const node of this.#cluster.nodes) {
      if (live.includes(node)) continue;
      await this.#cluster.start(node.id);
      this.#print(`${node.id} is started again, and comes back by itself.`);
    }
    await this.#synced(count);
    return performance.now() - started;
  }

  async #compareDigests(count: number): Promise<void> {
    const digests = (await this.#ask(compareDigests))?.digests;
    const [first] = digests ?? [];
    const same = digests?.filter(({ digest }) => digest === first?.digest).length;
    if (first === undefined || same !== count) {
      throw new ChatError("CORRUPT", "The databases differ: this is a bug, please report it");
    }
    const short = first.digest.slice(0, 16);
    this.#print(`All ${count} databases are identical at index ${first.appliedIndex}: ${short}…`);
  }

  async #leader(): Promise<ClusterNode> {
    const { leader } = await this.#ask((admin) => admin.status());
    return this.#cluster.node(leader);
  }

  #synced(count: number): Promise<unknown> {
    return this.#ask((admin) => waitSynced(admin, { membersMin: count }));
  }

  async #ask<T>(question: (admin: AdminCluster) => Promise<T>): Promise<T> {
    const admin = new AdminCluster(this.#cluster.live.map(({ ready }) => ready.listen), {
      connect,
      deadlineMs: Date.now() + SYNC_MS_MAX,
      token: this.#cluster.adminToken,
    });
    try {
      return await question(admin);
    } finally {
      admin.close();
    }
  }

  #print(...lines: readonly string[]): void {
    for (const line of lines) this.#output.line(line);
  }
}
