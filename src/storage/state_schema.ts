/**
 * The tables of a state database: the chat's, and one row beside them that says up to where the
 * log is applied. Owns that row; the chat owns the rest.
 *
 * @module
 */

import type { SqlRow } from "../chat/port.ts";
import {
  adminTokenStatements,
  salvageStatements,
  schemaStatements,
  schemaVersion,
  sealColumn,
  sealingStatements,
  sessionEndStatements,
  soundBy,
} from "../chat/schema.ts";
import { ZERO_TERM } from "../raft/term.ts";
import type { LogPosition } from "../raft/types.ts";
import type { Statement } from "./database.ts";
import type { Schema } from "./migrations.ts";
import { corrupt } from "./storage_error.ts";
import { textColumns, textFrom } from "./text.ts";

const appliedColumns = ["id", "idx", "epoch", "number", "node_id", "checksum"] as const;

const makeApplied = `CREATE TABLE applied (
  id INTEGER PRIMARY KEY CHECK (id = 1), idx INTEGER NOT NULL, epoch INTEGER NOT NULL,
  number INTEGER NOT NULL, node_id TEXT NOT NULL, checksum TEXT NOT NULL,
  ${sealColumn(appliedColumns)}
) STRICT`;

/** Schema of `chat-<generation>.db`. */
export const stateSchema: Schema = {
  version: schemaVersion,
  statements: [makeApplied, "INSERT INTO applied VALUES (1, 0, 0, 0, '', '')", ...schemaStatements],
  migrations: [
    { version: 2, statements: salvageStatements },
    {
      version: 3,
      statements: [
        "ALTER TABLE applied RENAME TO old_applied",
        makeApplied,
        `INSERT INTO applied (${appliedColumns}) SELECT ${appliedColumns} FROM old_applied`,
        "DROP TABLE old_applied",
        ...sealingStatements,
      ],
    },
    { version: 4, statements: adminTokenStatements },
    { version: 5, statements: sessionEndStatements },
  ],
};

/** Nothing is applied yet. */
export const nothingApplied: LogPosition = { index: 0, term: ZERO_TERM, checksum: "" };

/** Reads {@linkcode appliedFrom}'s row. */
export const selectApplied = `SELECT CAST(idx AS INTEGER) AS idx,
  CAST(epoch AS INTEGER) AS epoch, CAST(number AS INTEGER) AS number, ${
  textColumns("node_id", "checksum")
}, ${soundBy(appliedColumns)} FROM applied`;

export function appliedFrom(row: SqlRow | undefined, file: string): LogPosition {
  const [nodeId, checksum] = [textFrom(row?.node_id), textFrom(row?.checksum)];
  if (row === undefined || nodeId === null || checksum === null) {
    throw corrupt(file, "it does not say what is applied in it");
  }
  return {
    index: Number(row.idx),
    term: {
      epoch: Number(row.epoch),
      number: Number(row.number),
      nodeId,
    },
    checksum,
  };
}

export function setApplied({ index, term, checksum }: LogPosition): Required<Statement> {
  return {
    sql: "UPDATE applied SET idx = ?, epoch = ?, number = ?, node_id = ?, checksum = ?",
    args: [index, term.epoch, term.number, term.nodeId, checksum],
  };
}
