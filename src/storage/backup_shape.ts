/**
 * What the parts of a backup hold, once their checksums were right: those tell damage, but anybody
 * can make a file whose checksums are. Owns the look at every field that is used later; what the
 * values mean is not its business.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { LogPosition, Policy, Term, TermStart } from "../raft/types.ts";
import type { BackupHeader } from "../rpc/api.ts";
import type { BackupEnd } from "./backup_format.ts";

/** Looks at one field. */
type Check = (value: unknown) => boolean;

/** A check for each field: the type demands that none is forgotten. */
type Fields<T> = { readonly [K in keyof T]-?: Check };

const isText: Check = (value) => typeof value === "string";
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isSwitch: Check = (value) => typeof value === "boolean";

function has<T>(fields: Fields<T>): Check {
  const checks: readonly (readonly [string, Check])[] = Object.entries(fields);
  return (value) =>
    typeof value === "object" && value !== null &&
    checks.every(([name, check]) => check(Reflect.get(value, name)));
}

const isTerm = has<Term>({ epoch: isCount, number: isCount, nodeId: isText });

const isPosition = has<LogPosition>({ index: isCount, term: isTerm, checksum: isText });

const isPolicy = has<Policy>({
  quorum: (value) => value === "all" || value === "majority",
  lastResort: isSwitch,
  heartbeatMs: isCount,
  failureTimeoutMs: isCount,
  isolationGraceMs: isCount,
});

const isHeader = has<BackupHeader>({
  clusterId: isText,
  nodeId: isText,
  base: isPosition,
  term: isTerm,
  policy: isPolicy,
  schemaVersion: isCount,
  takenAtMs: isCount,
  rowsTotal: isCount,
});

const isTermStart = has<TermStart>({ term: isTerm, index: isCount });

const isEnd = has<BackupEnd>({
  chunks: isCount,
  digest: isText,
  rows: isCount,
  accounts: isCount,
  messages: isCount,
});

/** The header in a body; `null` if it holds none. */
export function headerIn(body: Uint8Array): BackupHeader | null {
  const value = parse(body);
  return isHeader(value) ? value as BackupHeader : null;
}

/** The term starts in a body; `null` if it holds something else. */
export function termStartsIn(body: Uint8Array): readonly TermStart[] | null {
  const value = parse(body);
  return Array.isArray(value) && value.every(isTermStart) ? value : null;
}

/** The end in a body; `null` if it holds none. */
export function endIn(body: Uint8Array): BackupEnd | null {
  const value = parse(body);
  return isEnd(value) ? value as BackupEnd : null;
}

/** `undefined` for what is no JSON. */
function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString("utf8"));
  } catch {
    return undefined;
  }
}
