/**
 * The schema of a state as version 1 made it, word for word, for tests of what became of it. Never
 * changes.
 *
 * @module
 */

import type { Schema } from "../../src/storage/migrations.ts";

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

const chatStatements: readonly string[] = [
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

/** Version 1 of `chat-<generation>.db`. */
export const stateSchemaV1: Schema = {
  version: 1,
  statements: [
    `CREATE TABLE applied (
        id INTEGER PRIMARY KEY CHECK (id = 1), idx INTEGER NOT NULL, epoch INTEGER NOT NULL,
        number INTEGER NOT NULL, node_id TEXT NOT NULL, checksum TEXT NOT NULL
      ) STRICT`,
    "INSERT INTO applied VALUES (1, 0, 0, 0, '', '')",
    ...chatStatements,
  ],
  migrations: [],
};
