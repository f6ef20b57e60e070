/**
 * What a node says of itself when it is asked for its metrics: the table of all gauges, each with the
 * part that knows. Owns names, help and labels; it keeps nothing, and asks each part once a page.
 *
 * @module
 */

import process from "node:process";
import { limits } from "../limits.ts";
import type { CoreStatus } from "../raft/io.ts";
import type { Listener } from "../rpc/port.ts";
import type { DiskReserve } from "./disk_reserve.ts";
import type { NodeDriver } from "./driver_api.ts";
import type { NodeHealth } from "./health.ts";
import type { DriverQueues } from "./measures.ts";
import type { Passwords } from "./passwords.ts";
import type { Presence } from "./presence.ts";
import type { Security } from "./security.ts";
import type { Sessions } from "./sessions.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { PeerTransport } from "./transport.ts";

/** Who is asked. */
export interface MetricSources {
  readonly id: string;
  /** Empty while a joiner was not taken in. */
  readonly clusterId: () => string;
  readonly driver: Pick<NodeDriver, "status" | "queues" | "onRole">;
  readonly health: Pick<NodeHealth, "ready">;
  readonly transport: Pick<PeerTransport, "links">;
  readonly subscriptions: Pick<Subscriptions, "open">;
  readonly sessions: Pick<Sessions, "known">;
  readonly presence: Pick<Presence, "onlineHere">;
  readonly passwords: Pick<Passwords, "waiting">;
  readonly reserve: Pick<DiskReserve, "space" | "low">;
  readonly security: Pick<Security, "expiresAtMs">;
  /** Those that are bound, by what they are for. */
  readonly ports: () => Readonly<Record<string, Listener | null>>;
}

/** One value, with its labels. */
export interface Value {
  readonly value: number;
  readonly by?: Readonly<Record<string, string>>;
}

/** One gauge; `read` is asked once a page. */
export interface GaugeValues {
  readonly name: string;
  readonly help: string;
  readonly labels: string[];
  readonly read: () => Iterable<Value>;
}

/** All gauges over these sources. */
export function gaugeValues(sources: MetricSources): readonly GaugeValues[] {
  return [
    ...ofCluster(sources),
    ...ofLog(sources),
    ...ofMembers(sources),
    ...ofWork(sources),
    ...ofProcess(sources),
  ];
}

/** A gauge without labels. */
function plain(name: string, help: string, read: () => number | null): GaugeValues {
  const values = () => {
    const value = read();
    return value === null ? [] : [{ value }];
  };
  return { name, help, labels: [], read: values };
}

const ROLES: readonly CoreStatus["role"][] = [
  "joiner",
  "learner",
  "follower",
  "candidate",
  "leader",
];

function ofCluster({ id, clusterId, driver, health }: MetricSources): readonly GaugeValues[] {
  const ask = () => driver.status();
  return [
    {
      name: "jmessage_node_info",
      help: "Always 1: the ids of the node and of its cluster",
      labels: ["id", "cluster"],
      read: () => [{ value: 1, by: { id, cluster: clusterId() } }],
    },
    {
      name: "jmessage_role",
      help: "1 for the role that the node has, 0 for the others",
      labels: ["role"],
      read: () => {
        const now = ask().role;
        return ROLES.map((role) => ({ value: Number(role === now), by: { role } }));
      },
    },
    plain("jmessage_ready", "1 if the node votes and serves", () => Number(health.ready())),
    plain(
      "jmessage_leader_known",
      "1 if the node leads or follows a leader",
      () => Number(ask().leader !== null),
    ),
    plain(
      "jmessage_term_epoch",
      "Epoch of the term: a last resort raises it",
      () => ask().term.epoch,
    ),
    plain(
      "jmessage_term_number",
      "Number of the term: an election raises it",
      () => ask().term.number,
    ),
    plain(
      "jmessage_faults_tolerated",
      "Further members that may fail now without a stop",
      () => ask().tolerates,
    ),
    plain(
      "jmessage_last_resort",
      "1 while the cluster goes on by last resort",
      () => Number(ask().livesByLastResort),
    ),
  ];
}

function ofLog({ driver }: MetricSources): readonly GaugeValues[] {
  const ask = () => driver.status();
  return [
    plain("jmessage_last_index", "Index of the newest entry of the log", () => ask().lastIndex),
    plain(
      "jmessage_commit_index",
      "Index up to which entries are known to be committed",
      () => ask().commitIndex,
    ),
    plain(
      "jmessage_applied_index",
      "Index up to which the state shows the log",
      () => ask().appliedIndex,
    ),
    plain(
      "jmessage_apply_lag_entries",
      "Committed entries that are not applied",
      () => driver.queues().applies,
    ),
  ];
}

function ofMembers({ driver, transport }: MetricSources): readonly GaugeValues[] {
  const ask = () => driver.status();
  return [
    {
      name: "jmessage_members",
      help: "Members of the configuration, this node among them",
      labels: ["kind"],
      read: () => {
        const voters = ask().members.filter(({ voter }) => voter).length;
        const learners = ask().members.length - voters;
        return [{ value: voters, by: { kind: "voter" } }, {
          value: learners,
          by: { kind: "learner" },
        }];
      },
    },
    {
      name: "jmessage_member_reachable",
      help: "1 if the member was heard of within the failure timeout",
      labels: ["member"],
      read: () =>
        ask().members.map(({ member, reachable }) => ({
          value: Number(reachable),
          by: { member: member.id },
        })),
    },
    {
      name: "jmessage_member_lag_entries",
      help: "Entries of the leader's log that the member does not have; on the leader only",
      labels: ["member"],
      read: () => {
        const { role, lastIndex, members } = ask();
        if (role !== "leader") return [];
        return members.map(({ member, matchIndex }) => ({
          value: Math.max(lastIndex - (matchIndex ?? 0), 0),
          by: { member: member.id },
        }));
      },
    },
    {
      name: "jmessage_link_open",
      help: "1 if this node's link to the member is open",
      labels: ["member"],
      read: () =>
        transport.links().map(({ id, open }) => ({ value: Number(open), by: { member: id } })),
    },
    {
      name: "jmessage_link_queue_bytes",
      help: "Bytes that wait to go out to the member",
      labels: ["member"],
      read: () => transport.links().map(({ id, bytes }) => ({ value: bytes, by: { member: id } })),
    },
  ];
}

/** What has a bound: above it callers are told OVERLOADED, or the oldest is dropped. */
const QUEUE_LIMITS: Readonly<Partial<Record<keyof DriverQueues | "passwords" | "calls", number>>> =
  {
    proposals: limits.proposalsPendingMax,
    proposalBytes: limits.proposalBytesPendingMax,
    heldMessages: limits.heldMessagesMax,
    indexWaits: limits.waitsPendingMax,
    readWaits: limits.waitsPendingMax,
    requests: limits.requestsPendingMax,
    passwords: limits.passwordHashesWaitingMax,
    calls: limits.callsInFlightMax,
  };

/** As a label: `held_messages`. */
function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function ofWork(sources: MetricSources): readonly GaugeValues[] {
  const { driver, passwords, subscriptions, sessions, presence, ports } = sources;
  const byQueue = (lengths: Readonly<Record<string, number>>) =>
    Object.entries(lengths).map(([name, value]) => ({ value, by: { queue: snakeCase(name) } }));
  return [
    {
      name: "jmessage_queue_length",
      help: "What waits in a queue: things, or bytes where its name says so",
      labels: ["queue"],
      read: () => {
        const calls = ports()["client"]?.calls() ?? 0;
        return byQueue({ ...driver.queues(), passwords: passwords.waiting, calls });
      },
    },
    {
      name: "jmessage_queue_limit",
      help: "How much may wait in a queue",
      labels: ["queue"],
      read: () => byQueue(QUEUE_LIMITS),
    },
    plain("jmessage_subscriptions", "Open subscriptions", () => subscriptions.open),
    plain("jmessage_sessions", "Open sessions that were used at this node", () => sessions.known),
    plain(
      "jmessage_accounts_online",
      "Accounts that are online by what happens at this node",
      () => presence.onlineHere,
    ),
    {
      name: "jmessage_connections",
      help: "Open connections",
      labels: ["port"],
      read: () =>
        Object.entries(ports()).flatMap(([port, listener]) =>
          listener === null ? [] : [{ value: listener.connections(), by: { port } }]
        ),
    },
  ];
}

function ofProcess({ security, reserve }: MetricSources): readonly GaugeValues[] {
  const startedAtS = Date.now() / 1000 - process.uptime();
  return [
    plain(
      "jmessage_certificate_expiry_timestamp_seconds",
      "When the first of the node's certificates expires, s since the epoch; absent without TLS",
      () => security.expiresAtMs === null ? null : security.expiresAtMs / 1000,
    ),
    plain(
      "jmessage_disk_free_bytes",
      "Free space on the disk of the data, as it was last seen",
      () => reserve.space?.freeBytes ?? null,
    ),
    plain(
      "jmessage_disk_total_bytes",
      "Size of that disk",
      () => reserve.space?.totalBytes ?? null,
    ),
    plain(
      "jmessage_disk_low",
      "1 while the node takes no writes for want of space",
      () => Number(reserve.low),
    ),
    plain(
      "process_resident_memory_bytes",
      "Resident memory of the process",
      () => process.memoryUsage().rss,
    ),
    plain(
      "process_start_time_seconds",
      "When the process started, s since the epoch",
      () => startedAtS,
    ),
  ];
}
