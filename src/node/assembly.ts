/**
 * The parts of a node, put together over its data directory: driver, links, services. Owns who
 * knows whom, and nothing that runs by itself; when what is started and stopped is `node.ts`'s.
 *
 * @module
 */

import { encodeCommand } from "../chat/codec.ts";
import { machineCollector } from "../collector.ts";
import type { ChatError } from "../errors.ts";
import { createCore } from "../raft/core.ts";
import type { Member } from "../raft/types.ts";
import type { AdminApi, ChatApi } from "../rpc/api.ts";
import { type OwnHello, type PeerApi, PROTOCOL_VERSION } from "../rpc/peer_api.ts";
import type { Listener } from "../rpc/port.ts";
import type { OriginalApi } from "../rpc/original_api.ts";
import { chain } from "../storage/checksum.ts";
import type { DataDirectory } from "../storage/data_directory.ts";
import { diskSpace } from "../storage/disk_space.ts";
import { AdminAccess } from "./admin_access.ts";
import { createAdminService } from "./admin_service.ts";
import { BackupServer } from "./backup_server.ts";
import { createChatService } from "./chat_service.ts";
import { DEFAULT_POLICY, type NodeConfig } from "./config.ts";
import { DiskReserve } from "./disk_reserve.ts";
import { createDriver } from "./driver.ts";
import type { NodeDriver } from "./driver_api.ts";
import { Gate } from "./gate.ts";
import { NodeHealth } from "./health.ts";
import { LoginThrottle } from "./login_throttle.ts";
import { createOriginalService } from "./original_service.ts";
import { NO_MEASURES } from "./measures.ts";
import { MembershipLog } from "./membership_log.ts";
import { Metrics } from "./metrics.ts";
import { Passwords } from "./passwords.ts";
import { createPeerService } from "./peer_service.ts";
import type { Clock, StateStore } from "./ports.ts";
import { Presence } from "./presence.ts";
import { RequestTrace } from "./request_trace.ts";
import { Rest } from "./rest.ts";
import { Renewals } from "./renewals.ts";
import type { Security } from "./security.ts";
import { ServiceParts } from "./service_parts.ts";
import { Sessions } from "./sessions.ts";
import { SnapshotServer } from "./snapshot_server.ts";
import { Subscriptions } from "./subscriptions.ts";
import { PeerTransport } from "./transport.ts";

export interface AssemblyOptions {
  readonly config: NodeConfig;
  readonly directory: DataDirectory;
  readonly state: StateStore;
  readonly clock: Clock;
  /** This node's addresses; known once its ports are bound, which is before anything is sent. */
  readonly self: () => Member;
  readonly security: Pick<Security, "connect" | "expiresAtMs">;
  /** Those that are bound, by what they are for. */
  readonly ports: () => Readonly<Record<string, Listener | null>>;
  /** SHA-256 of the local token, hex. */
  readonly localTokenHash: string | null;
  /** Resolves once the node knows its cluster. */
  readonly joined: () => Promise<void>;
  /** The node cannot go on. */
  readonly onFatal: (error: Error) => void;
}

/** Everything of a node that is served or stopped. */
export interface Assembly {
  readonly driver: NodeDriver;
  readonly transport: PeerTransport;
  readonly reserve: DiskReserve;
  readonly snapshots: SnapshotServer;
  readonly backups: BackupServer;
  readonly subscriptions: Subscriptions;
  readonly rest: Rest;
  readonly clientGate: Gate;
  readonly peerGate: Gate;
  readonly chat: ChatApi;
  readonly admin: AdminApi;
  readonly peers: PeerApi;
  readonly health: NodeHealth;
  /** `null` where nobody can ask for them. */
  readonly metrics: Metrics | null;
  /** `null` unless it was asked for. */
  readonly original: OriginalApi | null;
}

/** Rows in a chunk of a snapshot: each is a line (src/storage/row_stream.ts). */
export function rowsIn(chunk: Uint8Array): number {
  let lines = 0;
  for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1;
  return lines;
}

export function assemble(options: AssemblyOptions): Assembly {
  const { config, directory, state, clock, self } = options;
  const { logger } = config;
  const presence = new Presence(clock);
  const metrics = config.http === null ? null : new Metrics();
  const trace = new RequestTrace(directory.identity.nodeId, logger);
  const membership = new MembershipLog(directory.identity.nodeId, logger);
  const transport: PeerTransport = new PeerTransport({
    hello: () => helloOf(options),
    joined: options.joined,
    failureTimeoutMs: () =>
      driver.status().policy?.failureTimeoutMs ?? DEFAULT_POLICY.failureTimeoutMs,
    connect: options.security.connect,
    rowsIn,
    clock,
    logger,
    presence,
    receive: (from, incarnation, message) => driver.receive(from, incarnation, message),
    refused: (id) => driver.peerRefused(id),
    copied: (error: ChatError) => options.onFatal(error),
  });
  const driver: NodeDriver = createDriver({
    createCore: (made) => {
      membership.begin(made.stored);
      return createCore(made);
    },
    // Read when the driver starts.
    get self() {
      return self();
    },
    incarnation: directory.identity.incarnation,
    chain,
    encode: (command) => {
      trace.proposed(command);
      return encodeCommand(command);
    },
    log: directory.log,
    state,
    transport,
    clock,
    onFatal: options.onFatal,
    onNotice: (level, text) => logger.log(level, text),
    measures: membership.before(trace.before(metrics ?? NO_MEASURES)),
    refusal: () => reserve.refusal(),
  });
  directory.log.onSync((ms) => metrics?.synced(ms));
  const space = () => diskSpace(config.data);
  const reserve = new DiskReserve({ driver, clock, logger, space });
  return {
    driver,
    transport,
    reserve,
    ...serve(options, { driver, transport, presence, metrics, trace, reserve }),
  };
}

/** What is made before the services. */
interface Made {
  readonly driver: NodeDriver;
  readonly transport: PeerTransport;
  readonly presence: Presence;
  readonly metrics: Metrics | null;
  readonly trace: RequestTrace;
  readonly reserve: DiskReserve;
}

function serve(
  options: AssemblyOptions,
  { driver, transport, presence, metrics, trace, reserve }: Made,
): Omit<Assembly, "driver" | "transport" | "reserve"> {
  const { config, directory, state, clock, self } = options;
  const { logger, originalApi, passwordCost, sessionIdleMs } = config;
  const { reader } = state;
  const identity = () => directory.identity;
  const clusterId = () => directory.identity.clusterId;
  const [clientGate, peerGate] = [new Gate(), new Gate()];
  const { sessions, renewals } = sessionsOf(options, { driver, presence });
  const passwords = new Passwords(passwordCost);
  const parts = new ServiceParts({
    driver,
    reader,
    clock,
    clusterId,
    sessions,
    presence,
    passwords,
    logins: new LoginThrottle(clock),
    renewals,
    sessionIdleMs,
  });
  const subscriptions = new Subscriptions(parts);
  const { log, identity: { nodeId } } = directory;
  const snapshots = new SnapshotServer({ log, state, rowsIn, clock, logger });
  const backups = new BackupServer({ identity, driver, log, state, rowsIn, clock, logger });
  const health = new NodeHealth(driver);
  const { security, ports } = options;
  const work = { driver, health, transport, subscriptions, sessions, presence, passwords };
  metrics?.watch({ id: nodeId, clusterId, security, ports, reserve, ...work });
  return {
    snapshots,
    backups,
    subscriptions,
    rest: new Rest({ driver, clock, collect: machineCollector() }),
    clientGate,
    peerGate,
    chat: trace.over(createChatService({ parts, subscriptions, gate: clientGate })),
    admin: createAdminService({
      identity,
      self,
      driver,
      state,
      backups,
      gate: clientGate,
      access: new AdminAccess({ reader, sessions, localTokenHash: options.localTokenHash }),
      clock,
      logger,
      security: options.security,
    }),
    peers: createPeerService({
      nodeId,
      clusterId,
      driver,
      transport,
      snapshots,
      gate: peerGate,
    }),
    health,
    metrics,
    original: originalApi ? createOriginalService({ parts, gate: clientGate }) : null,
  };
}

/** What is known of sessions here, and of their use. */
function sessionsOf(
  { config, state: { reader }, clock }: AssemblyOptions,
  { driver, presence }: { readonly driver: NodeDriver; readonly presence: Presence },
): { readonly sessions: Sessions; readonly renewals: Renewals } {
  const sessions = new Sessions({
    reader,
    clock,
    onRevoked: ({ accountId, sessionId }) => presence.revoked(accountId, sessionId),
  });
  driver.onApplied((_messages, _applied, outcomes) => sessions.applied(outcomes));
  const tell = (sessionId: string) => presence.sessionUsed(sessionId);
  const renewals = new Renewals({ driver, reader, clock, idleMs: config.sessionIdleMs, tell });
  presence.onSessionUsed((sessionId) => void renewals.told(sessionId));
  return { sessions, renewals };
}

function helloOf({ directory, self }: AssemblyOptions): OwnHello {
  const { nodeId, clusterId, incarnation, previousIncarnation } = directory.identity;
  const { peerAddress, clientAddress } = self();
  return {
    nodeId,
    clusterId,
    incarnation,
    previousIncarnation,
    peerAddress,
    clientAddress,
    protocolVersion: PROTOCOL_VERSION,
  };
}
