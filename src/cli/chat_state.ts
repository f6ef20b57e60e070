/**
 * What chat commands keep between runs: session tokens and what was last seen, per user and
 * cluster, and the addresses of each cluster. Owns the files and their modes (tokens are for
 * their owner only); passwords are never kept.
 *
 * @module
 */

import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { nameKey } from "../chat/name.ts";
import type { CursorState } from "../client/cursor.ts";
import type { SessionState } from "../client/session.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { readSmallFileSync } from "../storage/small_file.ts";

/** Variables of the process; tests pass their own. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Only the owner reads a token. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** `$XDG_STATE_HOME/jmessage`, or where that is by default. */
export function defaultStateDirectory(environment: Environment): string {
  const home = environment["XDG_STATE_HOME"] || join(homedir(), ".local", "state");
  return join(home, "jmessage");
}

/** The state directory of one person on one machine. Files are replaced whole, never edited. */
export class ChatState {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  /** The login of a user in a cluster; `null` if there is none. */
  session(clusterId: string, user: string): SessionState | null {
    const value = readJson(this.#userFile("sessions", clusterId, user));
    const { user: name, token, position } = value;
    if (typeof name !== "string" || typeof token !== "string") return null;
    return { user: name, token, ...(typeof position === "string" ? { position } : {}) };
  }

  /** Names of all users who are logged in to a cluster from here. */
  users(clusterId: string): readonly string[] {
    const folder = join(this.directory, "sessions", fileName(clusterId));
    return filesOf(folder).flatMap((file) => {
      const { user } = readJson(join(folder, file));
      return typeof user === "string" ? [user] : [];
    });
  }

  keepSession(clusterId: string, session: SessionState): void {
    this.#write(this.#userFile("sessions", clusterId, session.user), session);
  }

  /** The user is logged out, or gone. What was last seen stays, for the next login. */
  forgetSession(clusterId: string, user: string): void {
    rmSync(this.#userFile("sessions", clusterId, user), { force: true });
  }

  /** What `listen` has seen; `null` if it never ran. */
  cursor(clusterId: string, user: string): CursorState | null {
    const value = readJson(this.#userFile("cursors", clusterId, user));
    const positions = texts(value["positions"]);
    return positions.length === 0 ? null : { positions, recentIds: texts(value["recentIds"]) };
  }

  keepCursor(clusterId: string, user: string, cursor: CursorState): void {
    this.#write(this.#userFile("cursors", clusterId, user), cursor);
  }

  forgetCursor(clusterId: string, user: string): void {
    rmSync(this.#userFile("cursors", clusterId, user), { force: true });
  }

  /** Addresses of a cluster, those that were useful last first. */
  addresses(clusterId: string): readonly string[] {
    return texts(readJson(this.#clusterFile(clusterId))["addresses"]);
  }

  /** An address belongs to the cluster that was seen there last, and to no other. */
  keepAddresses(clusterId: string, addresses: readonly string[]): void {
    const kept = addresses.slice(0, limits.addressesKnownMax);
    this.#write(this.#clusterFile(clusterId), { clusterId, addresses: kept });
    for (const other of this.clustersAt(kept)) {
      if (other === clusterId) continue;
      const left = this.addresses(other).filter((address) => !kept.includes(address));
      this.#write(this.#clusterFile(other), { clusterId: other, addresses: left });
    }
  }

  /** Clusters that one of `servers` was seen to belong to. */
  clustersAt(servers: readonly string[]): readonly string[] {
    const folder = join(this.directory, "clusters");
    return filesOf(folder).flatMap((file) => {
      const { clusterId, addresses } = readJson(join(folder, file));
      const known = texts(addresses).some((address) => servers.includes(address));
      return known && typeof clusterId === "string" ? [clusterId] : [];
    });
  }

  #clusterFile(clusterId: string): string {
    return join(this.directory, "clusters", `${fileName(clusterId)}.json`);
  }

  #userFile(kind: "sessions" | "cursors", clusterId: string, user: string): string {
    return join(this.directory, kind, fileName(clusterId), `${fileName(nameKey(user))}.json`);
  }

  #write(file: string, value: object): void {
    const temporary = `${file}.${randomUUID()}`;
    try {
      mkdirSync(dirname(file), { recursive: true, mode: DIRECTORY_MODE });
      writeFileSync(temporary, `${JSON.stringify(value)}\n`, { mode: FILE_MODE });
      renameSync(temporary, file);
    } catch (cause) {
      discard(temporary);
      throw new ChatError(
        "DATA_DIRECTORY",
        `Cannot keep ${file}: ${cause instanceof Error ? cause.message : cause}; ` +
          "give another directory with --state-dir",
        { cause },
      );
    }
  }
}

/** What is in the way of writing a file is often in the way of removing it too. */
function discard(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    // Why it could not be written is told, and says enough.
  }
}

/** Names and cluster ids come from outside: one that is no plain file name is hashed. */
function fileName(text: string): string {
  if (/^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$/.test(text)) return text;
  return createHash("sha256").update(text).digest("hex");
}

function filesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((file) => file.endsWith(".json"));
  } catch {
    return [];
  }
}

/** A file that is missing or damaged counts as empty: everything in it can be had again. */
function readJson(file: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(readSmallFileSync(file) ?? "null");
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
