/**
 * What can still be read of a damaged data directory about who it was and whom it knew. Owns finding
 * that in the bytes of the log, whatever in it is damaged: SQLite would give up at the first page
 * that it cannot read. Changes nothing.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { limits } from "../limits.ts";
import { seal } from "./checksum.ts";
import { LOG_FILE, type StoredIdentity } from "./log_schema.ts";

/** Bytes looked at together, and how many of them again with the next: more than a record has. */
const windowBytes = 1024 * 1024;
const overlapBytes = 64 * 1024;

/** A single value of `log.db` with its seal behind it, as its row lies in the file. */
const identityPattern =
  /identity(\{"clusterId":"[^"]*","incarnation":\d+,"nodeId":"[^"]*"\})([0-9a-f]{16})/g;

/** The peer addresses of a config, with a seal behind them. */
const addressesPattern = /\["[^"\\\]]{3,300}"(?:,"[^"\\\]]{3,300}")*\](?=[0-9a-f]{16})/g;

/** Who it was and whom it knew; both may be nobody. */
export interface Remains {
  /** Of the newest start that can be read. */
  readonly identity: StoredIdentity | null;
  /** Peer addresses of any config, not checked: whoever is there must know the cluster. */
  readonly addresses: readonly string[];
  /** Whether these are a node's files at all, and not another program's under the same names. */
  readonly isOurs: boolean;
}

/** Looks through the log's files. What cannot be read is passed over. */
export async function readRemains(directory: string): Promise<Remains> {
  const finder = new Finder();
  for (const name of [LOG_FILE, `${LOG_FILE}-wal`]) {
    try {
      for await (const text of windowsOf(join(directory, name))) finder.look(text);
    } catch {
      // It is missing, or the disk fails there: what was found before is all there is.
    }
  }
  const found = finder.found();
  return { ...found, isOurs: found.identity !== null || await hasOurMark(directory) };
}

/** A database of ours says so in its header, at this place. */
const markAt = 68;
const mark = "JMSG";

async function hasOurMark(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names.filter((one) => /^(log|chat-\d+)\.db$/.test(one))) {
    const head = await firstBytes(join(directory, name)).catch(() => Buffer.alloc(0));
    if (head.toString("latin1", markAt, markAt + mark.length) === mark) return true;
  }
  return false;
}

async function firstBytes(path: string): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const head = Buffer.alloc(markAt + mark.length);
    await file.read(head, 0, head.length, 0);
    return head;
  } finally {
    await file.close();
  }
}

class Finder {
  #identity: StoredIdentity | null = null;
  readonly #addresses = new Set<string>();

  look(text: string): void {
    for (const [, value = "", stored] of text.matchAll(identityPattern)) {
      if (seal("identity", value) !== stored) continue;
      const identity: StoredIdentity = JSON.parse(value);
      // Older records may lie in what SQLite has not used again. A cluster is for ever.
      const known = this.#identity;
      const isNewer = known === null ||
        (identity.clusterId === known.clusterId
          ? identity.incarnation > known.incarnation
          : known.clusterId === "");
      if (isNewer) this.#identity = identity;
    }
    for (const [list] of text.matchAll(addressesPattern)) {
      for (const address of textsIn(list)) {
        // The newest is the last.
        this.#addresses.delete(address);
        if (/^[^\s]+:\d{1,5}$/.test(address)) this.#addresses.add(address);
      }
    }
  }

  found(): Omit<Remains, "isOurs"> {
    const addresses = [...this.#addresses].slice(-limits.addressesMax);
    return { identity: this.#identity, addresses };
  }
}

/** The texts of a list in JSON: none where what looks like one is not, as in damaged pages. */
function textsIn(list: string): readonly string[] {
  try {
    return JSON.parse(list);
  } catch {
    return [];
  }
}

/** Overlapping parts of a file, a character for a byte. */
async function* windowsOf(path: string): AsyncGenerator<string> {
  const file = await open(path, "r");
  try {
    const buffer = Buffer.alloc(windowBytes);
    for (let at = 0;; at += windowBytes - overlapBytes) {
      const { bytesRead } = await file.read(buffer, 0, windowBytes, at);
      yield buffer.toString("latin1", 0, bytesRead);
      if (bytesRead < windowBytes) return;
    }
  } finally {
    await file.close();
  }
}
