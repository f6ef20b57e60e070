/**
 * What a node is told when it starts: its options with their defaults, and the rules that its
 * policy must keep (cli.md). Owns defaults and checks; flags, variables and files are the
 * callers'.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Policy } from "../raft/types.ts";
import type { TlsFiles } from "../tls/material.ts";
import { type Logger, silentLogger } from "./logger.ts";
import { DEFAULT_PASSWORD_COST, type PasswordCost } from "./passwords.ts";

/** What a caller may say of a node; what it leaves out has the default of cli.md. */
export interface NodeOptions {
  /** Data directory; made if there is none. Default `./jmessage-data`. */
  readonly data?: string | undefined;
  /** Id of a new node; made once and stored if not given. */
  readonly id?: string | undefined;
  /** `host:port` for clients; port 0 picks a free one. Default `127.0.0.1:2625`. */
  readonly listen?: string | undefined;
  /** `host:port` for peers; port 0 picks a free one. Default `127.0.0.1:2626`. */
  readonly peerListen?: string | undefined;
  /** Where clients reach it, if not where it listens. */
  readonly advertise?: string | undefined;
  /** Where peers reach it, if not where it listens. */
  readonly peerAdvertise?: string | undefined;
  /** Peer addresses of the cluster to join; without any, a new node founds one. */
  readonly join?: readonly string[] | undefined;
  /** Refused if the cluster has another one. */
  readonly policy?: Partial<Policy> | undefined;
  /** Also serves the original clients' interface, which lists users without login. Default no. */
  readonly originalApi?: boolean | undefined;
  /** Tells whoever asks at the client port what it serves, without login. Default no. */
  readonly reflection?: boolean | undefined;
  /** `host:port` for `/livez`, `/readyz` and `/metrics`; port 0 picks one. Default none. */
  readonly http?: string | undefined;
  readonly logger?: Logger | undefined;
  /** TLS for clients; with a CA, the certificates that clients show are checked. */
  readonly tls?: TlsFiles | undefined;
  /** Mutual TLS between nodes: all three files. */
  readonly peerTls?: TlsFiles | undefined;
  /** File of the secret that nodes show each other; it is read when the node starts. */
  readonly clusterSecretFile?: string | undefined;
  /** Listen beyond this machine without TLS. */
  readonly insecure?: boolean | undefined;
  /** Days without use after which a session ends; default `limits.sessionIdleDaysDefault`. */
  readonly sessionIdleDays?: number | undefined;
  /** What hashing a new password costs; a lower one is for tests. */
  readonly passwordCost?: PasswordCost | undefined;
}

/** The same with nothing left open. */
export interface NodeConfig {
  readonly data: string;
  readonly id: string | null;
  readonly listen: string;
  readonly peerListen: string;
  readonly advertise: string | null;
  readonly peerAdvertise: string | null;
  readonly join: readonly string[];
  /** As given: what is not given is inherited, or the default where a cluster is founded. */
  readonly policy: Partial<Policy>;
  readonly originalApi: boolean;
  readonly reflection: boolean;
  readonly http: string | null;
  readonly logger: Logger;
  readonly tls: TlsFiles | null;
  readonly peerTls: TlsFiles | null;
  readonly clusterSecretFile: string | null;
  /** How long a session lives without being used, ms. */
  readonly sessionIdleMs: number;
  readonly passwordCost: PasswordCost;
}

/** The policy of a cluster whose founder says nothing else. */
export const DEFAULT_POLICY: Policy = {
  quorum: "all",
  lastResort: true,
  heartbeatMs: 100,
  failureTimeoutMs: 1_000,
  isolationGraceMs: 3_000,
};

/** Characters of a node id: it stands in logs, positions and file names. */
const idPattern = /^[A-Za-z0-9_.-]{1,64}$/;

/** Fills in defaults; throws `INVALID_ARGUMENT` naming the option at fault. */
export function nodeConfig(options: NodeOptions): NodeConfig {
  const { id, join = [], policy = {} } = options;
  if (id !== undefined && !idPattern.test(id)) {
    refuse("id", 'must be 1 to 64 of ASCII letters, digits, "_", "." and "-"', id);
  }
  if (join.length > limits.addressesMax) {
    refuse("join", `must be at most ${limits.addressesMax} addresses`, String(join.length));
  }
  for (const address of join) checkAddress("join", address);
  const listen = checkAddress("listen", options.listen ?? "127.0.0.1:2625");
  const peerListen = checkAddress("peer-listen", options.peerListen ?? "127.0.0.1:2626");
  checkJoin(join, [peerListen, options.peerAdvertise]);
  const http = options.http === undefined ? null : checkAddress("http", options.http);
  checkApart({ listen, "peer-listen": peerListen, ...(http === null ? {} : { http }) });
  const tls = checkTls("tls", options.tls, ["cert", "key"]);
  const peerTls = checkTls("peer-tls", options.peerTls, ["cert", "key", "ca"]);
  if (options.insecure !== true) {
    if (tls === null) {
      checkLoopback("listen", listen, "--tls-cert and --tls-key");
      if (http !== null) checkLoopback("http", http, "--tls-cert and --tls-key");
    }
    if (peerTls === null && options.clusterSecretFile === undefined) {
      const files = "--peer-tls-cert, --peer-tls-key and --peer-tls-ca, or --cluster-secret-file";
      checkLoopback("peer-listen", peerListen, files);
    }
  }
  return {
    data: options.data ?? "./jmessage-data",
    id: id ?? null,
    listen,
    peerListen,
    advertise: checkAdvertised("advertise", options.advertise, listen),
    peerAdvertise: checkAdvertised("peer-advertise", options.peerAdvertise, peerListen),
    join,
    policy: given(policy),
    originalApi: options.originalApi ?? false,
    reflection: options.reflection ?? false,
    http,
    logger: options.logger ?? silentLogger,
    tls,
    peerTls,
    clusterSecretFile: options.clusterSecretFile ?? null,
    sessionIdleMs: checkDays(options.sessionIdleDays ?? limits.sessionIdleDaysDefault) * DAY_MS,
    passwordCost: options.passwordCost ?? DEFAULT_PASSWORD_COST,
  };
}

/** The policy of a new cluster; throws `INVALID_ARGUMENT` for one that cannot work. */
export function foundingPolicy(wanted: Partial<Policy>): Policy {
  const policy = { ...DEFAULT_POLICY, ...wanted };
  // The grace follows the timeout unless it is given (DESIGN §5).
  const isolationGraceMs = wanted.isolationGraceMs ?? 3 * policy.failureTimeoutMs;
  const whole = [policy.heartbeatMs, policy.failureTimeoutMs, isolationGraceMs];
  if (!whole.every((ms) => Number.isSafeInteger(ms) && ms > 0)) {
    refuse("heartbeat-ms, failure-timeout-ms, isolation-grace-ms", "must be > 0", `${whole}`);
  }
  if (policy.failureTimeoutMs < 4 * policy.heartbeatMs) {
    const must = "must be at least 4 heartbeats, or lost pings look like failures";
    refuse("failure-timeout-ms", must, `${policy.failureTimeoutMs} of ${policy.heartbeatMs}`);
  }
  if (isolationGraceMs < policy.failureTimeoutMs) {
    const must = "must be at least the failure timeout";
    refuse("isolation-grace-ms", must, String(isolationGraceMs));
  }
  return { ...policy, isolationGraceMs };
}

/** Throws `INVALID_ARGUMENT` if something was asked for that the cluster does not have. */
export function checkPolicy(wanted: Partial<Policy>, policy: Policy): void {
  for (const name of Object.keys(wanted) as (keyof Policy)[]) {
    if (wanted[name] === policy[name]) continue;
    const cluster = flagValue(policy[name]);
    const must = `must be left out or be the cluster's, ${cluster}: it is set by its founder`;
    refuse(flagNames[name], must, flagValue(wanted[name]));
  }
}

const flagNames: Readonly<Record<keyof Policy, string>> = {
  quorum: "quorum",
  lastResort: "last-resort",
  heartbeatMs: "heartbeat-ms",
  failureTimeoutMs: "failure-timeout-ms",
  isolationGraceMs: "isolation-grace-ms",
};

/** As it stands on a command line. */
function flagValue(value: Policy[keyof Policy] | undefined): string {
  return typeof value === "boolean" ? (value ? "on" : "off") : String(value);
}

function given(policy: Partial<Policy>): Partial<Policy> {
  const entries = Object.entries(policy).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries);
}

const DAY_MS = 86_400_000;

function checkDays(days: number): number {
  const { sessionIdleDaysMax: most } = limits;
  if (Number.isSafeInteger(days) && days >= 1 && days <= most) return days;
  return refuse("session-idle-days", `must be 1 to ${most}`, String(days));
}

function checkAddress(field: string, address: string): string {
  if (!/^.+:\d{1,5}$/.test(address)) refuse(field, "must be host:port", address);
  return address;
}

/** The system would say of the second only that somebody has the address: this node itself. */
function checkApart(addresses: Readonly<Record<string, string>>): void {
  const flags = new Map<string, string>();
  for (const [flag, address] of Object.entries(addresses)) {
    // Any free port is another one each time.
    if (Number(address.slice(address.lastIndexOf(":") + 1)) === 0) continue;
    const other = flags.get(address.toLowerCase());
    if (other !== undefined) refuse(flag, `must be another address than --${other}`, address);
    flags.set(address.toLowerCase(), flag);
  }
}

/** Whoever has only itself to ask would wait for ever. */
function checkJoin(join: readonly string[], own: readonly (string | undefined)[]): void {
  if (join.length === 0 || join.some((address) => !own.includes(address))) return;
  refuseJoin(join);
}

/** Throws for a node that has only itself to ask. */
export function refuseJoin(join: readonly string[]): never {
  const must = "must name another node than this one (a first node has none)";
  return refuse("join", must, join.join(","));
}

/** `null` if no file is given; some without the others are a mistake. */
function checkTls(
  flag: string,
  files: TlsFiles | undefined,
  needed: readonly (keyof TlsFiles)[],
): TlsFiles | null {
  const given = (["cert", "key", "ca"] as const).filter((kind) => files?.[kind] !== undefined);
  if (files === undefined || given.length === 0) return null;
  const missing = needed.filter((kind) => !given.includes(kind));
  if (missing.length === 0) return files;
  const names = (kinds: readonly string[]) => kinds.map((kind) => `--${flag}-${kind}`).join(", ");
  return refuse(`${flag}-${missing[0]}`, `must be given with ${names(given)}`, "none");
}

/** Hosts that no other machine can reach. */
const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\]):\d+$/;

/** Whether `host:port` is on this machine for certain. */
export function isLoopback(address: string): boolean {
  return loopback.test(address);
}

/** Whoever can reach the port can read and change everything, or at one for HTTP see how it is. */
function checkLoopback(field: string, address: string, files: string): void {
  if (isLoopback(address)) return;
  refuse(field, `must be on this machine alone (give ${files}, or --insecure)`, address);
}

/** Hosts that stand for every interface: elsewhere they lead to whoever dials them. */
const everyInterface = /^(0\.0\.0\.0|\[?[0:]*:[0:]*\]?|\*):\d+$/;

/**
 * Others dial it: a port that is still to be picked leads nowhere, and neither does an address
 * that means every interface.
 */
function checkAdvertised(
  field: string,
  given: string | undefined,
  listen: string,
): string | null {
  if (given !== undefined && /:0+$/.test(checkAddress(field, given))) {
    refuse(field, "must have a port", given);
  }
  const address = given ?? listen;
  if (everyInterface.test(address)) {
    refuse(field, "must be where the others reach this node, not every interface", address);
  }
  return given ?? null;
}

/** Throws `INVALID_ARGUMENT` for an option. */
export function refuse(field: string, must: string, current: string): never {
  const text = `Cannot start the node as ${field} ${must}: current value is ${current}`;
  throw new ChatError("INVALID_ARGUMENT", text, { field });
}
