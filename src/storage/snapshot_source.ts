/**
 * Reading a snapshot: the row stream of one moment, cut into chunks, with its digest (DESIGN §6,
 * §10). From a file the moment is a read transaction on a connection of its own, so applies go
 * on; from memory, which has one connection only, it is a copy.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { assert } from "../assert.ts";
import type { Reader } from "../chat/port.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { SnapshotSource } from "../node/ports.ts";
import type { LogPosition } from "../raft/types.ts";
import { Database } from "./database.ts";
import { countRows, readStreamTables, RowStream } from "./row_stream.ts";
import { appliedFrom, selectApplied } from "./state_schema.ts";

/** What one moment's reader gives before its rows. */
interface Moment {
  readonly applied: LogPosition;
  readonly rows: RowStream;
}

/** The first read here fixes the moment of a read transaction. */
async function readMoment(reader: Reader, name: string): Promise<Moment> {
  const [row] = await reader.query(selectApplied);
  const rows = new RowStream(reader, { tables: await readStreamTables(reader), name });
  return { applied: appliedFrom(row, name), rows };
}

/** How a source is opened. */
export interface SourceOptions {
  /** Whether `rowsTotal` is wanted, which takes a look at every row; it is 0 else. */
  readonly counted: boolean;
  readonly onClosed: (source: ChunkedSource) => void;
}

/** A source over whatever gives pages of the row stream. */
export class ChunkedSource implements SnapshotSource {
  readonly applied: LogPosition;
  readonly rowsTotal: number;
  readonly #nextPage: () => Promise<string | null>;
  readonly #close: () => Promise<void>;
  readonly #hash = createHash("sha256");
  #pages: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #digest: string | null = null;
  #closedBecause: string | null = null;

  constructor(options: {
    readonly applied: LogPosition;
    readonly rowsTotal: number;
    readonly nextPage: () => Promise<string | null>;
    readonly close: () => Promise<void>;
  }) {
    this.applied = options.applied;
    this.rowsTotal = options.rowsTotal;
    this.#nextPage = options.nextPage;
    this.#close = options.close;
  }

  async next(): Promise<Uint8Array | null> {
    while (!this.#ended && this.#bytes < limits.snapshotChunkBytes) {
      const page = await this.#readPage();
      if (page === null) this.#ended = true;
      else if (page.length > 0) this.#add(Buffer.from(page));
    }
    if (this.#bytes > 0) return this.#takeChunk();
    this.#digest ??= this.#hash.digest("hex");
    return null;
  }

  digest(): string {
    assert(this.#digest !== null, "A snapshot's digest is known at its end");
    return this.#digest;
  }

  /** Ends the reading from our side; the next `next` tells why. */
  async expire(reason: string): Promise<void> {
    this.#closedBecause ??= reason;
    await this.#close();
  }

  async close(): Promise<void> {
    await this.expire("it was closed");
  }

  async #readPage(): Promise<string | null> {
    this.#checkOpen();
    try {
      return await this.#nextPage();
    } catch (error) {
      // It may have been closed while this page waited for its turn.
      this.#checkOpen();
      throw error;
    }
  }

  #checkOpen(): void {
    if (this.#closedBecause === null) return;
    const text = `Cannot read the snapshot on: ${this.#closedBecause}; ask for a new one`;
    throw new ChatError("NOT_UP_TO_DATE", text);
  }

  #add(page: Uint8Array): void {
    this.#hash.update(page);
    this.#pages.push(page);
    this.#bytes += page.length;
  }

  #takeChunk(): Uint8Array {
    const all = Buffer.concat(this.#pages);
    const chunk = all.subarray(0, limits.snapshotChunkBytes);
    const rest = all.subarray(chunk.length);
    this.#pages = rest.length > 0 ? [rest] : [];
    this.#bytes = rest.length;
    return chunk;
  }
}

/** Opens a snapshot of a state file on a connection of its own. */
export async function openFileSource(
  path: string,
  { counted, onClosed }: SourceOptions,
): Promise<ChunkedSource> {
  const database = Database.open(path);
  try {
    await database.configure(["query_only=1"]);
    const held = await database.hold("read");
    const close = async () => {
      held.release();
      await database.close();
      onClosed(source);
    };
    const source: ChunkedSource = await streamFrom(held, database, { counted, close });
    return source;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Reads a database that nobody changes meanwhile, and leaves it open. */
export function openStillSource(
  database: Database,
  { counted }: Pick<SourceOptions, "counted">,
): Promise<ChunkedSource> {
  return streamFrom(database, database, { counted, close: () => Promise.resolve() });
}

async function streamFrom(
  reader: Reader,
  database: Database,
  { counted, close }: { readonly counted: boolean; readonly close: () => Promise<void> },
): Promise<ChunkedSource> {
  const { applied, rows } = await readMoment(reader, database.name);
  const rowsTotal = counted ? await countRows(reader, () => database.pause()) : 0;
  const nextPage = async () => {
    await database.pause();
    return await rows.nextPage();
  };
  return new ChunkedSource({ applied, rowsTotal, nextPage, close });
}

/** Copies a snapshot out of a database in memory. */
export async function openMemorySource(
  database: Database,
  { counted, onClosed }: SourceOptions,
): Promise<ChunkedSource> {
  const pages: string[] = [];
  const moment = await database.transaction(async (reader) => {
    const { applied, rows } = await readMoment(reader, database.name);
    for (let page = await rows.nextPage(); page !== null; page = await rows.nextPage()) {
      pages.push(page);
    }
    const rowsTotal = counted ? await countRows(reader, () => database.pause()) : 0;
    return { applied, rowsTotal };
  });
  const source: ChunkedSource = new ChunkedSource({
    ...moment,
    nextPage: () => Promise.resolve(pages.shift() ?? null),
    close: () => Promise.resolve(onClosed(source)),
  });
  return source;
}
