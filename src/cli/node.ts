/**
 * `jmessage node`: runs one node until it is told to stop. Owns the flags, the `--json` events,
 * that the admin token of a new cluster is shown, and what signals mean; the node itself is `src/node`'s.
 *
 * @module
 */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import process from "node:process";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { createLogger, LOG_LEVELS, type Logger, type LogLevel } from "../node/logger.ts";
import type { NodeOptions } from "../node/config.ts";
import { type RunningNode, startNode } from "../node/node.ts";
import type { Policy } from "../raft/types.ts";
import type { TlsFiles } from "../tls/material.ts";
import { newCommand } from "./command.ts";
import { assertFilesLeft } from "./files_left.ts";
import {
  DEFAULT_CLIENT_ADDRESS,
  DEFAULT_PEER_ADDRESS,
  jsonOption,
  parseAddress,
  parseAddresses,
  parseInteger,
  parseOnOff,
} from "./options.ts";
import { outliveReader, type Output, terminal } from "./output.ts";
import { printable } from "./text.ts";
import { ToldError } from "./told_error.ts";

/** The flags as they were given; policy flags are compared with the cluster's. */
interface NodeFlags {
  readonly data: string;
  readonly id?: string | undefined;
  readonly listen: string;
  readonly peerListen: string;
  readonly advertise?: string | undefined;
  readonly peerAdvertise?: string | undefined;
  readonly join?: readonly string[] | undefined;
  readonly quorum?: "all" | "majority" | undefined;
  readonly lastResort?: boolean | undefined;
  readonly heartbeatMs?: number | undefined;
  readonly failureTimeoutMs?: number | undefined;
  readonly isolationGraceMs?: number | undefined;
  readonly originalApi?: true | undefined;
  readonly reflection?: true | undefined;
  readonly http?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tlsCa?: string | undefined;
  readonly peerTlsCert?: string | undefined;
  readonly peerTlsKey?: string | undefined;
  readonly peerTlsCa?: string | undefined;
  readonly clusterSecretFile?: string | undefined;
  readonly insecure?: true | undefined;
  readonly sessionIdleDays?: number | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: "text" | "json";
  readonly json?: true | undefined;
}

const EXAMPLES = [
  "jmessage node --data data/a",
  "jmessage node --data data/b --listen 127.0.0.1:2635 --peer-listen 127.0.0.1:2636 \\",
  "  --join 127.0.0.1:2626",
].join("\n");

/** `jmessage node`. */
export function nodeCommand(output: Output = terminal): CommandUnknownOpts {
  const parseMs = parseInteger(1, limits.policyMsMax);
  return newCommand("node", "run a node of a cluster", { example: EXAMPLES })
    .option("--data <dir>", "data directory", "./jmessage-data")
    .option("--id <id>", "id of a new node (default: made once, and stored)")
    .option("--listen <address>", "for clients", parseAddress, DEFAULT_CLIENT_ADDRESS)
    .option("--peer-listen <address>", "for other nodes", parseAddress, DEFAULT_PEER_ADDRESS)
    .option("--advertise <address>", "where clients reach it, if not --listen", parseAddress)
    .option(
      "--peer-advertise <address>",
      "where nodes reach it, if not --peer-listen",
      parseAddress,
    )
    .option("--join <list>", "peer addresses of the cluster to join", parseAddresses)
    .addOption(
      new Option(
        "--quorum <policy>",
        "whose disks have a message before it is acknowledged (new cluster: all)",
      )
        .choices(["all", "majority"] as const),
    )
    .option(
      "--last-resort <on|off>",
      "whether the last node goes on alone (new cluster: on)",
      parseOnOff,
    )
    .option("--heartbeat-ms <n>", "time between pings (new cluster: 100)", parseMs)
    .option(
      "--failure-timeout-ms <n>",
      "silence that counts as a failure (new cluster: 1000)",
      parseMs,
    )
    .option(
      "--isolation-grace-ms <n>",
      "more silence before it goes on alone (new cluster: thrice that)",
      parseMs,
    )
    .option("--original-api", "also serve clients of the original (lists users without login)")
    .option("--reflection", "also tell gRPC tools what the client port serves")
    .option("--http <address>", "for probes and metrics, over HTTP", parseAddress)
    .option("--tls-cert <file>", "certificate for clients, which turns TLS on")
    .option("--tls-key <file>", "its private key")
    .option("--tls-ca <file>", "CAs of the certificates that clients may show")
    .option("--peer-tls-cert <file>", "certificate for other nodes, which turns mutual TLS on")
    .option("--peer-tls-key <file>", "its private key")
    .option("--peer-tls-ca <file>", "CAs of the other nodes' certificates")
    .option("--cluster-secret-file <file>", "secret that nodes show each other, without TLS")
    .option("--insecure", "listen beyond this machine without TLS")
    .option(
      "--session-idle-days <n>",
      `days without use after which a login ends (default: ${limits.sessionIdleDaysDefault})`,
      parseInteger(1, limits.sessionIdleDaysMax),
    )
    .addOption(
      new Option("--log-level <level>", "least level that is logged").choices(LOG_LEVELS)
        .default("info" as const),
    )
    .addOption(
      new Option("--log-format <format>", "form of the log on stderr")
        .choices(["text", "json"] as const).default("text" as const),
    )
    .addOption(jsonOption())
    .action((flags) => runNode(flags, output));
}

/**
 * Resolves once the node has stopped after a signal; throws if it did not start, or stopped by
 * itself. Whoever reads its log as JSON finds nothing else there, the reason for the end included.
 */
async function runNode(flags: NodeFlags, output: Output): Promise<void> {
  const logger = createLogger({ level: flags.logLevel, format: flags.logFormat });
  try {
    await runUntilStopped(flags, logger, output);
  } catch (thrown) {
    const error = ChatError.from(thrown);
    if (flags.logFormat === "text" || error instanceof ToldError) throw error;
    logger.log("error", error.message);
    throw new ToldError(error);
  }
}

async function runUntilStopped(flags: NodeFlags, logger: Logger, output: Output): Promise<void> {
  assertFilesLeft(limits.nodeFilesMin);
  const signals = new Signals();
  // Whoever started it may want no more than the first line; the cluster wants the node.
  outliveReader();
  try {
    const asked = { signals, json: flags.json === true, output };
    let options: NodeOptions | null = optionsOf(flags, logger);
    for (let left = limits.damageRestartsMax; options !== null; left--) {
      options = await runOnce(options, { ...asked, mayRestart: left > 0 });
    }
  } finally {
    signals.close();
  }
}

/**
 * Runs a node until it stops; with what to start it again if it stopped because of damaged data: a
 * start looks at everything, and sets aside what is damaged. Nothing of the node is kept here: its
 * files must be closed by then.
 */
async function runOnce(
  options: NodeOptions,
  { signals, json, output, mayRestart }: {
    readonly signals: Signals;
    readonly json: boolean;
    readonly output: Output;
    readonly mayRestart: boolean;
  },
): Promise<NodeOptions | null> {
  const node = await startNode(options);
  signals.onFirst(() => void node.stop());
  signals.onHangUp(hangUpTask(node, options));
  void announce(node, { json, output }).then(() => tellLostToken(node, options, output));
  // Of what makes it stop by itself it has told its log.
  const stopped = node.stopped.catch((thrown) => {
    throw new ToldError(ChatError.from(thrown));
  });
  try {
    await Promise.race([stopped, signals.second]);
    return null;
  } catch (error) {
    const damaged = error instanceof ToldError && error.reason === "CORRUPT";
    if (!damaged || !mayRestart || signals.told) throw error;
    // At the same addresses.
    return {
      ...options,
      listen: node.listen,
      peerListen: node.peerListen,
      http: node.http ?? undefined,
    };
  }
}

/** What SIGHUP does: never what it does by itself, which is to end the node. */
function hangUpTask(node: RunningNode, { tls, peerTls, logger }: NodeOptions): () => void {
  if (tls !== undefined || peerTls !== undefined) return () => void node.reloadCertificates();
  return () => logger?.log("info", "SIGHUP changes nothing: this node has no certificates to read");
}

function optionsOf(flags: NodeFlags, logger: Logger): NodeOptions {
  const { data, id, listen, peerListen, advertise, peerAdvertise, join } = flags;
  const {
    originalApi,
    reflection,
    http,
    quorum,
    lastResort,
    heartbeatMs,
    failureTimeoutMs,
    isolationGraceMs,
  } = flags;
  const given = Object.entries({
    quorum,
    lastResort,
    heartbeatMs,
    failureTimeoutMs,
    isolationGraceMs,
  }).filter(([, value]) => value !== undefined);
  const policy: Partial<Policy> = Object.fromEntries(given);
  const addresses = { listen, peerListen, advertise, peerAdvertise, join };
  const { sessionIdleDays } = flags;
  const service = { originalApi, sessionIdleDays, reflection, http, logger };
  return { data, id, ...addresses, policy, ...service, ...securityOf(flags) };
}

function securityOf(
  flags: NodeFlags,
): Pick<NodeOptions, "tls" | "peerTls" | "clusterSecretFile" | "insecure"> {
  const given = (files: TlsFiles) =>
    Object.values(files).some((file) => file !== undefined) ? files : undefined;
  return {
    tls: given({ cert: flags.tlsCert, key: flags.tlsKey, ca: flags.tlsCa }),
    peerTls: given({ cert: flags.peerTlsCert, key: flags.peerTlsKey, ca: flags.peerTlsCa }),
    clusterSecretFile: flags.clusterSecretFile,
    insecure: flags.insecure,
  };
}

/** Says that the node serves, and from then on what it is. Never throws: the node's end does. */
async function announce(
  node: RunningNode,
  { json, output }: { readonly json: boolean; readonly output: Output },
): Promise<void> {
  const isReady = await node.ready.then(() => true, () => false);
  if (!isReady) return;
  const { id, listen, peerListen } = node;
  const http = node.http ?? undefined;
  let told = node.role();
  const quorum = node.policy()?.quorum;
  if (json) {
    const clusterId = node.clusterId();
    output.json({
      event: "ready",
      id,
      role: told.role,
      listen,
      peerListen,
      http,
      clusterId,
      quorum,
    });
  } else {
    const more = http === undefined ? "" : `, and probes at ${http}`;
    output.line(`${printable(id)} serves clients at ${listen} and nodes at ${peerListen}${more}`);
  }
  const token = node.adminToken();
  if (token !== null && json) output.json({ event: "adminToken", token });
  else if (token !== null) {
    output.line(`admin token of the new cluster, shown this once (keep it): ${token}`);
  }
  node.onRole(({ role, term, leader }) => {
    if (!json || (role === told.role && term === told.term && leader === told.leader)) return;
    told = { role, term, leader };
    output.json({ event: "role", role, term, leader });
  });
}

/**
 * A token that its reader never got is known to nobody, and the cluster is there all the same: the
 * node goes on, as a service manager would only start it again, without a token to show.
 */
async function tellLostToken(
  node: RunningNode,
  { data = "", logger }: NodeOptions,
  output: Output,
): Promise<void> {
  if (node.adminToken() === null || await (output.allTaken?.() ?? true)) return;
  const text = "The admin token of the new cluster could not be shown, as stdout takes nothing: " +
    `jmessage admin token rotate --data ${printable(data)} -s ${node.listen} makes another`;
  logger?.log("error", text);
}

/**
 * SIGTERM and SIGINT: the first one asks the node to stop, a second one ends it at once. SIGHUP asks
 * for what the node says, and never ends it.
 */
class Signals {
  readonly #second = Promise.withResolvers<never>();
  readonly #onSignal = () => this.#take();
  readonly #onHangUp = () => this.#hangUp();
  #count = 0;
  #stop: () => void = () => {};
  /** Until there is a node to be told, SIGHUP waits. */
  #hangUpTask: (() => void) | null = null;
  #hungUp = false;

  constructor() {
    this.#second.promise.catch(() => {});
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, this.#onSignal);
    process.on("SIGHUP", this.#onHangUp);
  }

  /** Rejects at the second signal. */
  get second(): Promise<never> {
    return this.#second.promise;
  }

  /** Whether there was one. */
  get told(): boolean {
    return this.#count > 0;
  }

  /** Calls back at the first signal, also if it came already; whoever asked before is forgotten. */
  onFirst(stop: () => void): void {
    this.#stop = stop;
    if (this.told) stop();
  }

  /** Calls back at each SIGHUP, also if one came already; whoever asked before is forgotten. */
  onHangUp(task: () => void): void {
    this.#hangUpTask = task;
    if (this.#hungUp) this.#hangUp();
  }

  close(): void {
    process.off("SIGHUP", this.#onHangUp);
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.off(signal, this.#onSignal);
  }

  #hangUp(): void {
    this.#hungUp = this.#hangUpTask === null;
    this.#hangUpTask?.();
  }

  #take(): void {
    this.#count += 1;
    if (this.#count === 1) return this.#stop();
    const text = "The node did not finish as it was told twice to stop";
    this.#second.reject(new ChatError("SHUTTING_DOWN", text));
  }
}
