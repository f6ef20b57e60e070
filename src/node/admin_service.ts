/**
 * `AdminApi` as a node serves it: how it sees the cluster, its digest, and what an operator asks
 * of the leader. A node is precise about itself only; whoever wants the whole picture asks every
 * member. Owns that nothing here is answered before `admin_access.ts` was asked.
 *
 * @module
 */

import { findAdminTokenHash, listSalvaged } from "../chat/queries.ts";
import { checkPageSize, checkRequestId, checkTokenHash } from "../chat/validate.ts";
import { ChatError } from "../errors.ts";
import type { CoreStatus, MemberStatus } from "../raft/io.ts";
import { termText } from "../raft/term.ts";
import type { Index } from "../raft/types.ts";
import type {
  AdminApi,
  BackupPart,
  CallContext,
  RotateAdminTokenRequest,
  StatusMember,
  StatusResponse,
} from "../rpc/api.ts";
import type { AdminAccess } from "./admin_access.ts";
import type { BackupServer } from "./backup_server.ts";
import { DEFAULT_POLICY } from "./config.ts";
import type { NodeDriver } from "./driver_api.ts";
import type { Gate } from "./gate.ts";
import type { Logger } from "./logger.ts";
import { fingerprint } from "./mutations.ts";
import type { Clock, Identity, StateStore } from "./ports.ts";
import type { Security } from "./security.ts";

export interface AdminServiceOptions {
  /** As it is now: the cluster is known only once a joiner was taken in. */
  readonly identity: () => Identity;
  readonly self: () => { readonly clientAddress: string; readonly peerAddress: string };
  readonly driver: NodeDriver;
  readonly state: Pick<StateStore, "digest" | "reader">;
  readonly backups: Pick<BackupServer, "serve">;
  readonly gate: Gate;
  readonly access: Pick<AdminAccess, "check">;
  readonly clock: Pick<Clock, "wall">;
  readonly security: Pick<Security, "expiresAtMs">;
  readonly logger: Logger;
}

/** The admin service of one node. */
export function createAdminService(options: AdminServiceOptions): AdminApi {
  const { gate, access, driver, state } = options;
  const pass = <T>(context: CallContext, work: () => Promise<T>) =>
    gate.pass(async () => {
      await access.check(context);
      return await work();
    });
  return {
    status: (_request, context) => pass(context, () => Promise.resolve(status(options))),
    digest: ({ atLeastIndex = 0 }, context) =>
      pass(context, async () => {
        const digest = await digestAt(options, atLeastIndex, context.deadlineMs);
        return { id: options.identity().nodeId, ...digest };
      }),
    transferLeadership: ({ to }, context) =>
      pass(context, async () => {
        await driver.transfer(to === undefined || to === "" ? null : to);
        const { leader, term } = driver.status();
        return { leader: leader ?? "", term: termText(term) };
      }),
    removeMember: ({ id }, context) =>
      pass(context, async () => {
        await driver.remove(id);
        return { members: driver.status().members.map(({ member }) => member.id) };
      }),
    rotateAdminToken: (request, context) =>
      pass(context, async () => {
        await rotateAdminToken(options, request);
        return {};
      }),
    listSalvaged: ({ pageSize, pageToken }, context) =>
      pass(context, async () => {
        const limit = checkPageSize(pageSize);
        const { records, nextPageToken } = await listSalvaged(state.reader, { limit, pageToken });
        return {
          records: records.map(({ index, ...one }) => ({ seq: index, ...one })),
          nextPageToken,
        };
      }),
    backup: (request, context) => backup(options, request, context),
  };
}

/**
 * At `atLeastIndex` exactly where that is yet to be applied: others who are asked for the same one
 * are then compared at one index, though writes go on.
 */
async function digestAt(
  { driver, state }: Pick<AdminServiceOptions, "driver" | "state">,
  atLeastIndex: Index,
  deadlineMs: number,
) {
  const applied = driver.waitApplied(atLeastIndex, deadlineMs);
  // What is there may be another history's, until the switch is over (§9).
  if (driver.appliedPosition().index >= atLeastIndex) await applied;
  const late = new AbortController();
  applied.catch((error) => late.abort(error));
  return await state.digest(atLeastIndex, late.signal);
}

/** The stream with its errors as `ChatError`s; the gate does not wait for it to end. */
async function* backup(
  { gate, access, backups }: AdminServiceOptions,
  request: { readonly atLeastIndex: number },
  context: CallContext,
): AsyncGenerator<BackupPart> {
  try {
    await gate.wait();
    await access.check(context);
    yield* backups.serve(request, context);
  } catch (error) {
    throw ChatError.from(error);
  }
}

/** Throws `PERMISSION_DENIED` if somebody else changes it at the same time. */
async function rotateAdminToken(
  { driver, state, clock, logger }: Pick<
    AdminServiceOptions,
    "driver" | "state" | "clock" | "logger"
  >,
  request: RotateAdminTokenRequest,
): Promise<void> {
  const requestId = checkRequestId(request.requestId);
  const tokenHash = checkTokenHash(request.tokenHash);
  await driver.readIndex();
  const { outcome } = await driver.propose({
    kind: "setAdminToken",
    requestId,
    fingerprint: fingerprint({ kind: "setAdminToken", fields: [tokenHash] }),
    timeMs: clock.wall(),
    tokenHash,
    replaces: await findAdminTokenHash(state.reader),
  });
  if (!outcome.ok) throw new ChatError(outcome.reason, outcome.message);
  logger.log("info", "The admin token was changed: the one before it is taken no more");
}

function status(options: AdminServiceOptions): StatusResponse {
  const core = options.driver.status();
  const { nodeId, clusterId } = options.identity();
  const { quorum, lastResort } = core.policy ?? DEFAULT_POLICY;
  const known = core.members.some(({ member }) => member.id === nodeId);
  const others = core.members.map((one) =>
    one.member.id === nodeId ? ownRow(options, { core, voter: one.voter }) : row(core, one)
  );
  return {
    clusterId,
    quorum,
    lastResort,
    livesByLastResort: core.livesByLastResort,
    missing: core.missing.map(({ id, peerAddress }) => ({ id, peerAddress })),
    term: termText(core.term),
    leader: core.leader ?? "",
    tolerates: core.tolerates,
    self: nodeId,
    members: known ? others : [...others, ownRow(options, { core, voter: false })],
  };
}

/** What this node knows of itself. */
function ownRow(
  options: AdminServiceOptions,
  own: { readonly core: CoreStatus; readonly voter: boolean },
): StatusMember {
  const { role, term, lastIndex, commitIndex, appliedIndex } = own.core;
  const { nodeId, incarnation } = options.identity();
  const { clientAddress, peerAddress } = options.self();
  const { expiresAtMs } = options.security;
  return {
    id: nodeId,
    role,
    voter: own.voter,
    clientAddress,
    peerAddress,
    term: termText(term),
    lastIndex,
    commitIndex,
    appliedIndex,
    reachable: true,
    incarnation,
    ...(expiresAtMs === null ? {} : { certificateExpiresAtMs: expiresAtMs }),
  };
}

/** What this node has heard of another; what it cannot know is 0. */
function row(core: CoreStatus, { member, voter, ...seen }: MemberStatus): StatusMember {
  return {
    id: member.id,
    role: roleOf(core, { member, voter, ...seen }),
    voter,
    clientAddress: member.clientAddress,
    peerAddress: member.peerAddress,
    term: termText(core.term),
    lastIndex: seen.matchIndex ?? 0,
    commitIndex: 0,
    appliedIndex: 0,
    reachable: seen.reachable,
    incarnation: seen.incarnation ?? 0,
  };
}

function roleOf(
  core: CoreStatus,
  { member, voter, reachable }: MemberStatus,
): StatusMember["role"] {
  if (!reachable) return "unknown";
  if (member.id === core.leader) return "leader";
  return voter ? "follower" : "learner";
}
