/**
 * Requests and answers of operators between their wire form and that of `api.ts`.
 *
 * @module
 */

import type {
  AdminApi,
  DigestResponse,
  ListSalvagedResponse,
  PageRequest,
  RotateAdminTokenRequest,
  SalvageRecord,
  StatusMember,
  StatusResponse,
} from "./api.ts";
import { pageFromWire, pageToWire } from "./convert_account.ts";
import { quorumFromWire } from "./convert_core.ts";
import { v1 } from "./gen/messages.js";
import { emptyForm, type Form, form, integer, text, timeFromWire, timeToWire } from "./wire.ts";

const { MemberRole, Quorum } = v1;

const ROLE_TO_WIRE: Readonly<Record<StatusMember["role"], v1.MemberRole>> = {
  unknown: MemberRole.MEMBER_ROLE_UNSPECIFIED,
  leader: MemberRole.MEMBER_ROLE_LEADER,
  follower: MemberRole.MEMBER_ROLE_FOLLOWER,
  candidate: MemberRole.MEMBER_ROLE_CANDIDATE,
  learner: MemberRole.MEMBER_ROLE_LEARNER,
  joiner: MemberRole.MEMBER_ROLE_JOINER,
};

const ROLE_FROM_WIRE = new Map(
  Object.entries(ROLE_TO_WIRE).map(([role, id]) => [id, role as StatusMember["role"]]),
);

function memberToWire({ certificateExpiresAtMs, ...member }: StatusMember): v1.StatusMember {
  const certificateExpiresAt = certificateExpiresAtMs === undefined
    ? null
    : timeToWire(certificateExpiresAtMs);
  return { ...member, role: ROLE_TO_WIRE[member.role], certificateExpiresAt };
}

function memberFromWire(wire: v1.StatusMember): StatusMember {
  return {
    id: text(wire.id, "members.id"),
    role: ROLE_FROM_WIRE.get(wire.role) ?? "unknown",
    voter: wire.voter,
    clientAddress: wire.clientAddress,
    peerAddress: wire.peerAddress,
    term: wire.term,
    lastIndex: integer(wire.lastIndex, "members.last_index"),
    commitIndex: integer(wire.commitIndex, "members.commit_index"),
    appliedIndex: integer(wire.appliedIndex, "members.applied_index"),
    reachable: wire.reachable,
    incarnation: integer(wire.incarnation, "members.incarnation"),
    ...(wire.certificateExpiresAt
      ? {
        certificateExpiresAtMs: timeFromWire(
          wire.certificateExpiresAt,
          "members.certificate_expires_at",
        ),
      }
      : {}),
  };
}

/** `StatusRequest`. */
export const statusRequest: Form<object> = emptyForm(v1.StatusRequest);

/** `StatusResponse`. */
export const statusResponse: Form<StatusResponse> = form(v1.StatusResponse, {
  toWire: (response) => ({
    ...response,
    quorum: response.quorum === "all" ? Quorum.QUORUM_ALL : Quorum.QUORUM_MAJORITY,
    members: response.members.map(memberToWire),
    missing: [...response.missing],
  }),
  fromWire: (wire) => ({
    clusterId: wire.clusterId,
    quorum: quorumFromWire(wire.quorum, "quorum"),
    lastResort: wire.lastResort,
    livesByLastResort: wire.livesByLastResort,
    missing: wire.missing.map(({ id, peerAddress }) => ({ id, peerAddress })),
    term: wire.term,
    leader: wire.leader,
    tolerates: wire.tolerates,
    self: wire.self,
    members: wire.members.map(memberFromWire),
  }),
});

/** `DigestRequest`. */
export const digestRequest: Form<Parameters<AdminApi["digest"]>[0]> = form(v1.DigestRequest, {
  toWire: ({ atLeastIndex }) => ({ atLeastIndex: atLeastIndex ?? null }),
  fromWire: ({ atLeastIndex }) =>
    atLeastIndex ? { atLeastIndex: integer(atLeastIndex, "at_least_index") } : {},
});

/** `DigestResponse`. */
export const digestResponse: Form<DigestResponse> = form(v1.DigestResponse, {
  toWire: (response) => response,
  fromWire: ({ id, appliedIndex, digest }) => ({
    id: text(id, "id"),
    appliedIndex: integer(appliedIndex, "applied_index"),
    digest: text(digest, "digest"),
  }),
});

type TransferRequest = Parameters<AdminApi["transferLeadership"]>[0];
type TransferResponse = Awaited<ReturnType<AdminApi["transferLeadership"]>>;

/** `TransferLeadershipRequest`. */
export const transferLeadershipRequest: Form<TransferRequest> = form(
  v1.TransferLeadershipRequest,
  {
    toWire: ({ to }) => ({ to: to ?? null }),
    fromWire: ({ to }) => (to ? { to } : {}),
  },
);

/** `TransferLeadershipResponse`. */
export const transferLeadershipResponse: Form<TransferResponse> = form(
  v1.TransferLeadershipResponse,
  {
    toWire: (response) => response,
    fromWire: ({ leader, term }) => ({ leader, term }),
  },
);

/** `RemoveMemberRequest`. */
export const removeMemberRequest: Form<{ readonly id: string }> = form(v1.RemoveMemberRequest, {
  toWire: (request) => request,
  fromWire: ({ id }) => ({ id: text(id, "id") }),
});

/** `RemoveMemberResponse`. */
export const removeMemberResponse: Form<{ readonly members: readonly string[] }> = form(
  v1.RemoveMemberResponse,
  {
    toWire: (response) => response,
    fromWire: ({ members }) => ({ members: [...members] }),
  },
);

/** `RotateAdminTokenRequest`. */
export const rotateAdminTokenRequest: Form<RotateAdminTokenRequest> = form(
  v1.RotateAdminTokenRequest,
  {
    toWire: (request) => request,
    fromWire: ({ requestId, tokenHash }) => ({ requestId, tokenHash }),
  },
);

/** `RotateAdminTokenResponse`. */
export const rotateAdminTokenResponse: Form<object> = emptyForm(v1.RotateAdminTokenResponse);

/** `ListSalvagedRequest`. */
export const listSalvagedRequest: Form<PageRequest> = form(v1.ListSalvagedRequest, {
  toWire: pageToWire,
  fromWire: pageFromWire,
});

function recordToWire({ acceptedAtMs, ...record }: SalvageRecord): v1.SalvageRecord {
  return { ...record, acceptedAt: timeToWire(acceptedAtMs) };
}

function recordFromWire(wire: v1.SalvageRecord): SalvageRecord {
  return {
    seq: integer(wire.seq, "records.seq"),
    requestId: text(wire.requestId, "records.request_id"),
    kind: text(wire.kind, "records.kind"),
    accountId: wire.accountId,
    from: wire.from ?? null,
    toAccountId: wire.toAccountId ?? null,
    to: wire.to ?? null,
    body: wire.body ?? null,
    messageIds: [...wire.messageIds],
    acceptedAtMs: timeFromWire(wire.acceptedAt, "records.accepted_at"),
    reason: wire.reason,
    acknowledged: wire.acknowledged,
  };
}

/** `ListSalvagedResponse`. */
export const listSalvagedResponse: Form<ListSalvagedResponse> = form(v1.ListSalvagedResponse, {
  toWire: ({ records, nextPageToken }) => ({ nextPageToken, records: records.map(recordToWire) }),
  fromWire: ({ records, nextPageToken }) => ({
    nextPageToken,
    records: records.map(recordFromWire),
  }),
});
