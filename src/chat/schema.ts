/**
 * The tables of the replicated state. Owns their statements, their version and the list of
 * tables with primary keys by which digests and snapshots read them; `src/storage` runs the
 * statements and keeps its own tables beside them.
 *
 * Why so: `requests` is the directory of everything that ever happened. Its row id is the log
 * index, so its newest row holds the time of the last accepted command, and a message, whose id
 * is the request id of its sending, needs no index of its own by id. Bodies are blobs because
 * the library cuts text off at a U+0000 when it reads it. Deleted accounts stay as rows without
 * a password, since messages that they sent still name them.
 *
 * @module
 */

/** Version of the tables that all these statements make. */
export const schemaVersion = 2;

/** A replicated table: its columns in order, and those of its primary key. */
export interface ReplicatedTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly primaryKey: readonly string[];
}

const messageColumns = [
  "log_index",
  "id",
  "from_id",
  "to_id",
  "body",
  "sent_at_ms",
  "term",
  "acknowledged",
] as const;

/** Every replicated table, in the order in which digests and snapshots take them. */
export const replicatedTables: readonly ReplicatedTable[] = [
  {
    name: "accounts",
    columns: ["id", "name", "name_key", "password_hash", "created_at_ms", "deleted_at_ms"],
    primaryKey: ["id"],
  },
  { name: "deleted_messages", columns: messageColumns, primaryKey: ["log_index"] },
  { name: "deletions", columns: ["log_index", "account_id"], primaryKey: ["log_index"] },
  { name: "messages", columns: messageColumns, primaryKey: ["log_index"] },
  {
    name: "requests",
    columns: ["log_index", "id", "fingerprint", "accepted_at_ms", "outcome"],
    primaryKey: ["log_index"],
  },
  {
    name: "salvage",
    columns: ["log_index", "request_id", "fingerprint", "reason", "command"],
    primaryKey: ["log_index"],
  },
  {
    name: "sessions",
    columns: ["id", "account_id", "token_hash", "created_at_ms", "revoked_at_ms"],
    primaryKey: ["id"],
  },
];

/** What both tables of messages hold; `term` is `epoch.number.nodeId`, `body` UTF-8. */
const messageTableBody = `(
  log_index INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  from_id TEXT NOT NULL,
  to_id TEXT NOT NULL,
  body BLOB NOT NULL,
  sent_at_ms INTEGER NOT NULL,
  term TEXT NOT NULL,
  acknowledged INTEGER NOT NULL
) STRICT`;

/** Makes version 1 in an empty database, one statement each. */
export const schemaStatements: readonly string[] = [
  // A deleted account keeps its row and its name, has no password, and frees the name.
  `CREATE TABLE accounts (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    deleted_at_ms INTEGER
  ) STRICT, WITHOUT ROWID`,
  "CREATE UNIQUE INDEX accounts_by_live_name ON accounts (name_key) WHERE deleted_at_ms IS NULL",
  "CREATE INDEX accounts_by_name ON accounts (name_key, created_at_ms)",
  // Kept after revocation, for ever: a session id is never made again.
  `CREATE TABLE sessions (
    id TEXT PRIMARY KEY NOT NULL,
    account_id TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL,
    revoked_at_ms INTEGER
  ) STRICT, WITHOUT ROWID`,
  "CREATE INDEX sessions_open ON sessions (account_id) WHERE revoked_at_ms IS NULL",
  `CREATE TABLE messages ${messageTableBody}`,
  // Each index ends in the row id, so it is in log order within its columns.
  "CREATE INDEX messages_by_receiver ON messages (to_id)",
  "CREATE INDEX messages_by_pair ON messages (from_id, to_id)",
  "CREATE INDEX messages_unacknowledged ON messages (to_id) WHERE acknowledged = 0",
  // What deleted accounts had received.
  `CREATE TABLE deleted_messages ${messageTableBody}`,
  // Accounts whose received messages are still to be moved, some with each command.
  "CREATE TABLE deletions (log_index INTEGER PRIMARY KEY, account_id TEXT NOT NULL) STRICT",
  // Every request that was ever decided, with its outcome; the row id is its log index.
  `CREATE TABLE requests (
    log_index INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    accepted_at_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL
  ) STRICT`,
];

/** Leads from version 1 to version 2. */
export const salvageStatements: readonly string[] = [
  // What could not be merged after a partition (§9), for operators; the command is whole, with its
  // author, time and what its side had answered.
  `CREATE TABLE salvage (
    log_index INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    reason TEXT NOT NULL,
    command BLOB NOT NULL
  ) STRICT`,
  "CREATE INDEX salvage_by_request ON salvage (request_id)",
];
