/**
 * Every file that a node, an operator's command or a chat client reads and may find changed: each
 * is read, or refused in one line that says so, with no more memory than a small one takes. Owns
 * the list, and what counts as refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { ChatState } from "../../src/cli/chat_state.ts";
import { Cursor } from "../../src/client/cursor.ts";
import { Session } from "../../src/client/session.ts";
import { ChatError, type Reason } from "../../src/errors.ts";
import { localTokenFile, readLocalToken, writeLocalToken } from "../../src/node/local_token.ts";
import { requestMetadata } from "../../src/rpc/metadata.ts";
import { verifyBackup } from "../../src/storage/backup_reader.ts";
import { Database } from "../../src/storage/database.ts";
import { readRemains } from "../../src/storage/remains.ts";
import { restoreBackup } from "../../src/storage/restore.ts";
import { ASIDE_FILE, noteAside, readAside } from "../../src/storage/set_aside.ts";
import { checkWal } from "../../src/storage/wal_check.ts";
import { readSecrets } from "../../src/tls/secret_file.ts";
import { writeBackup } from "../support/backup.ts";
import { inDirectory } from "../storage/temporary.ts";
import { damagedFile, forgedBackup, forgedRows } from "./file_arbitrary.ts";

/** One kind of file. */
interface KeptFile {
  readonly name: string;
  /** Where it is, inside a directory of its own. */
  readonly path: string;
  /** Makes one as it should be. */
  readonly write: (directory: string) => Promise<unknown>;
  readonly read: (path: string, directory: string) => Promise<unknown>;
  /** Others than damaged ones. */
  readonly forged?: (whole: Uint8Array) => fc.Arbitrary<Uint8Array>;
}

const WAL = "log.db-wal";
const CLUSTER = "c1";
const session = { user: "ann", token: "a-token", position: "3.0.1.a" };

/** A file of a chat client: whatever is in it, a command can go on, or says what is wrong. */
function stateFile(path: string): KeptFile {
  return {
    name: `chat state: ${path}`,
    path: join("state", path),
    write: (directory) => {
      const state = new ChatState(join(directory, "state"));
      state.keepSession(CLUSTER, session);
      state.keepCursor(CLUSTER, session.user, { positions: ["3.0.1.a"], recentIds: ["m1"] });
      state.keepAddresses(CLUSTER, ["127.0.0.1:1"]);
      return Promise.resolve();
    },
    read: (_path, directory) => {
      const state = new ChatState(join(directory, "state"));
      const { token, position } = new Session(state.session(CLUSTER, session.user));
      requestMetadata({ token: token ?? undefined, position: position ?? undefined });
      new Cursor(state.cursor(CLUSTER, session.user) ?? undefined).state();
      const texts = [state.users(CLUSTER), state.addresses(CLUSTER), state.clustersAt(["a:1"])];
      assert.ok(texts.flat().every((text) => typeof text === "string"));
      state.keepAddresses(CLUSTER, ["127.0.0.1:2"]);
      return Promise.resolve();
    },
  };
}

/** All of them. */
const KEPT: readonly KeptFile[] = [
  {
    name: "backup",
    path: "a.backup",
    write: (directory) => writeBackup(join(directory, "a.backup"), 3),
    read: (path) => verifyBackup(path),
    forged: forgedBackup,
  },
  {
    name: "note of data that was set aside",
    path: ASIDE_FILE,
    write: (directory) => {
      const aside = { into: "damaged-1", nodeId: "n1", clusterId: CLUSTER, moved: false };
      return noteAside(directory, { ...aside, addresses: ["127.0.0.1:1"] });
    },
    read: (_path, directory) => readAside(directory),
  },
  {
    name: "local token",
    path: localTokenFile(""),
    write: (directory) => writeLocalToken(directory, "a-local-token"),
    read: async (_path, directory) => {
      const token = await readLocalToken(directory);
      return requestMetadata({ token: token ?? undefined, position: undefined });
    },
  },
  {
    name: "write-ahead log",
    path: WAL,
    write: async (directory) => {
      const database = Database.open(join(directory, "log.db"));
      await database.configure(["journal_mode=WAL"]);
      for (let n = 0; n < 3; n++) await database.write([{ sql: `CREATE TABLE t${n} (id)` }]);
      const bytes = readFileSync(join(directory, WAL));
      await database.close();
      writeFileSync(join(directory, WAL), bytes);
    },
    read: (path) => checkWal(path),
  },
  {
    name: "remains of a log",
    path: "log.db",
    write: (directory) => {
      const list = JSON.stringify(["127.0.0.1:1", "127.0.0.1:2"]);
      writeFileSync(join(directory, "log.db"), `${list}0123456789abcdef`.repeat(3));
      return Promise.resolve();
    },
    read: (_path, directory) => readRemains(directory),
  },
  {
    name: "secret",
    path: "secret",
    write: (directory) => {
      writeFileSync(join(directory, "secret"), "0123456789abcdef\n", { mode: 0o600 });
      return Promise.resolve();
    },
    read: (path) => readSecrets(path, { flag: "token-file", linesMax: 2 }),
  },
  stateFile(join("sessions", CLUSTER, "ann.json")),
  stateFile(join("cursors", CLUSTER, "ann.json")),
  stateFile(join("clusters", `${CLUSTER}.json`)),
];

/** What a reader may throw: what is in the file is wrong, told as such. */
const REFUSALS: ReadonlySet<Reason> = new Set<Reason>([
  "CORRUPT",
  "DATA_DIRECTORY",
  "INVALID_ARGUMENT",
]);

async function isRefusedOrRead(reading: Promise<unknown>): Promise<void> {
  try {
    await reading;
  } catch (error) {
    if (!(error instanceof ChatError) || !REFUSALS.has(error.reason)) throw error;
    assert.ok(!error.message.includes("\n"), `more than a line: ${error.message}`);
  }
}

/** Gives each reader so many files in turn; throws with the seed and the smallest that breaks one. */
export async function fuzzFiles(
  { cases, seed }: { readonly cases: number; readonly seed: number },
) {
  for (const kept of KEPT) {
    await inDirectory(async (directory) => {
      await kept.write(directory);
      const path = join(directory, kept.path);
      const whole = readFileSync(path);
      await kept.read(path, directory);
      const bytes = kept.forged === undefined
        ? damagedFile(whole)
        : fc.oneof(damagedFile(whole), kept.forged(whole));
      await fc.assert(
        fc.asyncProperty(bytes, async (changed) => {
          writeFileSync(path, changed);
          await isRefusedOrRead(kept.read(path, directory)).catch((error) => {
            const hex = Buffer.from(changed).toString("hex").slice(0, 4_000);
            throw new Error(`${kept.name} threw ${error} for ${hex}`, { cause: error });
          });
        }),
        { numRuns: Math.ceil(cases / KEPT.length), seed },
      );
    });
  }
}

/** Restores backups whose rows are not ours: each is refused, and leaves nothing. */
export async function fuzzRestore(
  { cases, seed }: { readonly cases: number; readonly seed: number },
) {
  await inDirectory(async (directory) => {
    const backup = join(directory, "a.backup");
    const data = join(directory, "data");
    await writeBackup(backup, 3);
    await fc.assert(
      fc.asyncProperty(forgedRows(readFileSync(backup)), async (changed) => {
        const forged = join(directory, "forged.backup");
        writeFileSync(forged, changed);
        await isRefusedOrRead(restoreBackup({ backup: forged, data, wallMs: 1 }));
        rmSync(data, { recursive: true, force: true });
      }),
      { numRuns: cases, seed },
    );
  });
}

/** More than a reader may hold of a file that has become too large. */
const OVERSIZED_BYTES = 96 * 1024 * 1024;
const HELD_MIB_MAX = 48;

/** Files that have grown far beyond what they may be, with holes: none is held in memory. */
export async function readOversized(): Promise<void> {
  for (const kept of KEPT) {
    await inDirectory(async (directory) => {
      await kept.write(directory);
      const path = join(directory, kept.path);
      mkdirSync(dirname(path), { recursive: true });
      truncateSync(path, OVERSIZED_BYTES);
      const held = await peakMebibytes(() => isRefusedOrRead(kept.read(path, directory)));
      assert.ok(held < HELD_MIB_MAX, `${kept.name}: ${held} MiB are held`);
    });
  }
}

/** By how much the process grew at most meanwhile, MiB; 0 where the system does not tell. */
async function peakMebibytes(run: () => Promise<void>): Promise<number> {
  const read = (name: string) => {
    const status = readFileSync("/proc/self/status", "utf8");
    return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
  };
  const isLinux = Deno.build.os === "linux";
  // The highest so far becomes what it is now.
  if (isLinux) writeFileSync("/proc/self/clear_refs", "5");
  const before = isLinux ? read("VmRSS") : 0;
  await run();
  return isLinux ? read("VmHWM") - before : 0;
}
