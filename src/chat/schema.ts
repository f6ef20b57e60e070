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
 * Each row has a seal, a short hash of all its columns that the database itself makes whenever the
 * row changes: SQLite notices a torn page, not a flipped bit. Who reads a row asks {@linkcode sound}
 * with it. The seal is no column of a digest or a snapshot, where the row is made, and sealed, anew.
 *
 * @module
 */

/** Version of these statements. */
export const schemaVersion = 5;

/** A replicated table: its columns in order, and those of its primary key. */
export interface ReplicatedTable {
  readonly name: TableName;
  readonly columns: readonly string[];
  readonly primaryKey: readonly string[];
}

/** Columns of both tables of messages. */
export const messageColumns = [
  "log_index",
  "id",
  "from_id",
  "to_id",
  "body",
  "sent_at_ms",
  "term",
  "acknowledged",
] as const;

const columnsOf = {
  admin_token: ["id", "token_hash", "set_at_ms"],
  accounts: ["id", "name", "name_key", "password_hash", "created_at_ms", "deleted_at_ms"],
  deleted_messages: messageColumns,
  deletions: ["log_index", "account_id"],
  messages: messageColumns,
  requests: ["log_index", "id", "fingerprint", "accepted_at_ms", "outcome"],
  salvage: ["log_index", "request_id", "fingerprint", "reason", "command"],
  sessions: [
    "id",
    "account_id",
    "token_hash",
    "created_at_ms",
    "revoked_at_ms",
    "used_at_ms",
    "expires_at_ms",
  ],
} as const satisfies Record<string, readonly string[]>;

/** Name of a replicated table. */
export type TableName = keyof typeof columnsOf;

/** Every replicated table, in the order in which digests and snapshots take them. */
export const replicatedTables: readonly ReplicatedTable[] = [
  { name: "accounts", columns: columnsOf.accounts, primaryKey: ["id"] },
  { name: "admin_token", columns: columnsOf.admin_token, primaryKey: ["id"] },
  { name: "deleted_messages", columns: messageColumns, primaryKey: ["log_index"] },
  { name: "deletions", columns: columnsOf.deletions, primaryKey: ["log_index"] },
  { name: "messages", columns: messageColumns, primaryKey: ["log_index"] },
  { name: "requests", columns: columnsOf.requests, primaryKey: ["log_index"] },
  { name: "salvage", columns: columnsOf.salvage, primaryKey: ["log_index"] },
  { name: "sessions", columns: columnsOf.sessions, primaryKey: ["id"] },
];

/** The columns that may be null. In all others a null is damage, and gives no seal. */
const nullable: ReadonlySet<string> = new Set([
  "deleted_at_ms",
  "revoked_at_ms",
  "used_at_ms",
  "expires_at_ms",
]);

/** What a row's seal must be, in SQL. Eight bytes notice damage; they keep no adversary out. */
export function sealOf(columns: readonly string[], alias = ""): string {
  const prefix = alias === "" ? "" : `${alias}.`;
  const values = columns.map((column) => {
    return nullable.has(column) ? `ifnull(${prefix}${column}, '')` : `${prefix}${column}`;
  });
  return `substr(sha3(${values.join(" || '|' || ")}, 224), 1, 8)`;
}

/** The column that holds the seal of a row of these columns. */
export function sealColumn(columns: readonly string[]): string {
  return `seal BLOB NOT NULL GENERATED ALWAYS AS (${sealOf(columns)}) STORED`;
}

/**
 * 1 for a row that is as it was written. For any other the statement fails before it gives the row
 * away, with the code that `src/storage` knows as damage: no statement of ours can make a blob of
 * that size. (What is random is not computed ahead of the rows.)
 */
export function soundBy(columns: readonly string[], alias = ""): string {
  const seal = alias === "" ? "seal" : `${alias}.seal`;
  return `iif(${seal} = ${sealOf(columns, alias)}, 1, zeroblob(1e10 + 0 * random()))`;
}

/** {@linkcode soundBy} for a row of a replicated table. */
export function sound(table: TableName, alias = ""): string {
  return soundBy(columnsOf[table], alias);
}

/** What both tables of messages hold; `term` is `epoch.number.nodeId`, `body` UTF-8. */
const messageTableBody = `(
  log_index INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  from_id TEXT NOT NULL,
  to_id TEXT NOT NULL,
  body BLOB NOT NULL,
  sent_at_ms INTEGER NOT NULL,
  term TEXT NOT NULL,
  acknowledged INTEGER NOT NULL,
  ${sealColumn(messageColumns)}
) STRICT`;

/** The tables that version 3 had, one statement each; sessions as they are now. */
const sealedStatements: readonly string[] = [
  // A deleted account keeps its row and its name, has no password, and frees the name.
  `CREATE TABLE accounts (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    deleted_at_ms INTEGER,
    ${sealColumn(columnsOf.accounts)}
  ) STRICT, WITHOUT ROWID`,
  "CREATE UNIQUE INDEX accounts_by_live_name ON accounts (name_key) WHERE deleted_at_ms IS NULL",
  "CREATE INDEX accounts_by_name ON accounts (name_key, created_at_ms)",
  // Kept after its end, for ever: a session id is never made again. `null` in the last two: of a
  // version before there were any, and not used since.
  `CREATE TABLE sessions (
    id TEXT PRIMARY KEY NOT NULL,
    account_id TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL,
    revoked_at_ms INTEGER,
    used_at_ms INTEGER,
    expires_at_ms INTEGER,
    ${sealColumn(columnsOf.sessions)}
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
  `CREATE TABLE deletions (
    log_index INTEGER PRIMARY KEY,
    account_id TEXT NOT NULL,
    ${sealColumn(columnsOf.deletions)}
  ) STRICT`,
  // Every request that was ever decided, with its outcome; the row id is its log index.
  `CREATE TABLE requests (
    log_index INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    accepted_at_ms INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    ${sealColumn(columnsOf.requests)}
  ) STRICT`,
  // What could not be merged after a partition (§9), for operators; the command is whole, with its
  // author, time and what its side had answered.
  `CREATE TABLE salvage (
    log_index INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    reason TEXT NOT NULL,
    command BLOB NOT NULL,
    ${sealColumn(columnsOf.salvage)}
  ) STRICT`,
  "CREATE INDEX salvage_by_request ON salvage (request_id)",
];

/** From version 3 to version 4. */
export const adminTokenStatements: readonly string[] = [
  // At most one row: what whoever looks after the cluster shows, as its SHA-256 in hex.
  `CREATE TABLE admin_token (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    token_hash TEXT NOT NULL,
    set_at_ms INTEGER NOT NULL,
    ${sealColumn(columnsOf.admin_token)}
  ) STRICT`,
];

/** Makes version {@linkcode schemaVersion} in an empty database, one statement each. */
export const schemaStatements: readonly string[] = [...sealedStatements, ...adminTokenStatements];

/** From version 1 to version 2, which had no seals. */
export const salvageStatements: readonly string[] = [
  `CREATE TABLE salvage (
    log_index INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    reason TEXT NOT NULL,
    command BLOB NOT NULL
  ) STRICT`,
  "CREATE INDEX salvage_by_request ON salvage (request_id)",
];

/** Columns that version 3 had. */
function sealedColumns(table: TableName): readonly string[] {
  const later = table === "sessions" ? ["used_at_ms", "expires_at_ms"] : [];
  return columnsOf[table].filter((column) => !later.includes(column));
}

/** From version 4: what a session is now, and nothing is known of when it was used. */
export const sessionEndStatements: readonly string[] = [
  "ALTER TABLE sessions RENAME TO old_sessions",
  "DROP INDEX sessions_open",
  ...sealedStatements.filter((sql) => /TABLE sessions \(|INDEX sessions_open /.test(sql)),
  `INSERT INTO sessions (${sealedColumns("sessions")})
    SELECT ${sealedColumns("sessions")} FROM old_sessions`,
  "DROP TABLE old_sessions",
];

const sealedTables = replicatedTables.filter(({ name }) => name !== "admin_token");

const indexNames = sealedStatements.flatMap((sql) => {
  return /^CREATE (?:UNIQUE )?INDEX (\w+)/.exec(sql)?.slice(1) ?? [];
});

/** From version 2: the rows are taken as they are, and sealed. */
export const sealingStatements: readonly string[] = [
  ...sealedTables.map(({ name }) => `ALTER TABLE ${name} RENAME TO old_${name}`),
  ...indexNames.map((name) => `DROP INDEX ${name}`),
  ...sealedStatements,
  ...sealedTables.flatMap(({ name }) => {
    const list = sealedColumns(name).join(", ");
    return [
      `INSERT INTO ${name} (${list}) SELECT ${list} FROM old_${name}`,
      `DROP TABLE old_${name}`,
    ];
  }),
];
