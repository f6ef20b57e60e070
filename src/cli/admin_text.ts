/**
 * How the answers of the admin commands look, to people and to programs. Owns the wording and
 * the order of the fields; it asks nobody.
 *
 * @module
 */

import type { DigestResponse, StatusMember, StatusResponse } from "../rpc/api.ts";
import type { ClusterStatus } from "./admin_cluster.ts";
import { printable, table } from "./text.ts";

/** The object that `admin status --json` prints: the contract's fields and no other. */
export function statusJson(status: StatusResponse): object {
  const { clusterId, quorum, lastResort, livesByLastResort, term, leader, tolerates } = status;
  const members = status.members.map((member) => ({
    id: member.id,
    role: member.role,
    voter: member.voter,
    clientAddress: member.clientAddress,
    peerAddress: member.peerAddress,
    term: member.term,
    lastIndex: member.lastIndex,
    commitIndex: member.commitIndex,
    appliedIndex: member.appliedIndex,
    reachable: member.reachable,
    incarnation: member.incarnation,
    certificateExpiresAt: member.certificateExpiresAtMs === undefined
      ? null
      : new Date(member.certificateExpiresAtMs).toISOString(),
  }));
  return { clusterId, quorum, lastResort, livesByLastResort, term, leader, tolerates, members };
}

/** Who is missing, and what to do. */
function lastResortText(missing: StatusResponse["missing"]): string {
  if (missing.length === 0) return "lives by last resort, until all who are back are voters again";
  const first = printable(missing[0]?.id ?? "");
  return `lives by last resort, until ${
    list(missing.map(named))
  } back; who is gone for good is removed by ` +
    `\`jmessage admin remove ${first}\``;
}

function list(names: readonly string[]): string {
  return names.length === 1 ? `${names[0]} is` : `${names.join(", ")} are`;
}

/** What writes wait for. */
function leaderlessText(members: readonly StatusMember[]): string {
  const silent = members.filter(({ voter, reachable }) => voter && !reachable);
  if (silent.length === 0) return "writes wait for a leader, which is being elected";
  return `writes wait for a leader, perhaps until ${list(silent.map(named))} back; if gone for ` +
    "good, see `jmessage admin recover --help`";
}

function named({ id, peerAddress }: Pick<StatusMember, "id" | "peerAddress">): string {
  return `${printable(id)} (${printable(peerAddress)})`;
}

/** The cluster in a few lines and a table. */
export function statusText(status: ClusterStatus): string {
  const policy = status.quorum === "all"
    ? `all, last resort ${status.lastResort ? "on" : "off"}`
    : "majority";
  const leader = status.leader === ""
    ? "none known"
    : `${printable(status.leader)} in term ${printable(status.term)}`;
  const faults = status.tolerates === 1 ? "1 more fault" : `${status.tolerates} more faults`;
  const lines = [
    `cluster  ${printable(status.clusterId)}`,
    `quorum   ${policy}`,
    `leader   ${leader}`,
    `survives ${faults} right now`,
  ];
  if (status.leader === "") lines.push(leaderlessText(status.members));
  if (status.livesByLastResort) lines.push(lastResortText(status.missing));
  const heading = ["ID", "ROLE", "VOTER", "CLIENTS", "PEERS", "LAST", "COMMITTED", "APPLIED"];
  const hasTls = status.members.some((member) => member.certificateExpiresAtMs !== undefined);
  const rows = status.members.map((member) => [
    member.id,
    member.role,
    member.voter ? "yes" : "no",
    member.clientAddress,
    member.peerAddress,
    ...[member.lastIndex, member.commitIndex, member.appliedIndex].map((index) =>
      index === 0 && !status.answered.includes(member.id) ? null : index
    ),
    ...(hasTls ? [dayOf(member.certificateExpiresAtMs)] : []),
    remarkOn(member, status),
  ]);
  const columns = [...heading, ...(hasTls ? ["CERTIFICATE UNTIL"] : []), ""];
  return [...lines, "", table(columns, rows)].join("\n");
}

/** A member that others hear may still say nothing to whoever asks: its row is what they told. */
function remarkOn({ id, reachable }: StatusMember, { refused, unheard }: ClusterStatus): string {
  if (refused.includes(id)) return "does not accept this token";
  const why = unheard.get(id);
  if (why) return `does not answer: ${printable(why)}`;
  if (!reachable) return "does not answer";
  return why === null ? "answers others, but not this command" : "";
}

function dayOf(ms: number | undefined): string {
  return ms === undefined ? "" : new Date(ms).toISOString().slice(0, 10);
}

/** Digests of all members, and whether they agree. */
export function digestText(result: {
  readonly identical: boolean;
  readonly appliedIndex: number;
  readonly members: readonly DigestResponse[];
}): string {
  const rows = result.members.map((member) => [member.id, member.digest]);
  const verdict = result.identical ? "identical" : "different";
  return `${verdict} at index ${result.appliedIndex}\n\n${table(["ID", "DIGEST"], rows)}`;
}
