/**
 * Checks what lies in `log.db` beside the entries and has no chain of its own: the list of configs.
 * Owns what must be true of that list; the entries themselves are `log_read.ts`'s.
 *
 * @module
 */

import { sameTerm, termText } from "../raft/term.ts";
import type { ConfigEntry, LogPosition } from "../raft/types.ts";
import type { Database } from "./database.ts";
import { addressesFrom, LOG_FILE, parseTermText } from "./log_schema.ts";
import type { LogHead } from "./log_write.ts";
import { corrupt } from "./storage_error.ts";
import { textColumns, textFrom } from "./text.ts";

/** A row of the list as far as it can be compared. */
interface ListedConfig {
  readonly index: number;
  readonly term: string;
  readonly checksum: string;
  readonly onLog: boolean;
}

/**
 * Throws `CORRUPT` unless the listed configs above the base are those on the log, the base's is
 * among the others, and no row says what no row can say.
 */
export async function checkConfigs(
  database: Database,
  { base }: LogHead,
  configs: readonly (ConfigEntry & LogPosition)[],
): Promise<void> {
  const rows = await database.query(
    `SELECT idx, on_log, ${textColumns("term", "checksum", "addresses", "seal")}
      FROM configs ORDER BY idx`,
  );
  const listed = rows.map((row): ListedConfig => {
    addressesFrom(row);
    const [index, term, checksum] = [Number(row.idx), textFrom(row.term), textFrom(row.checksum)];
    const known = term !== null && parseTermText(term) !== null && checksum !== null &&
      /^([0-9a-f]{32})?$/.test(checksum) && (row.on_log === 0 || row.on_log === 1);
    if (!known) throw badConfig(index);
    return { index, term, checksum, onLog: row.on_log === 1 };
  });
  const above = listed.filter(({ index, onLog }) => onLog && index > base.index);
  for (const [at, { index, term, checksum }] of configs.entries()) {
    const same = above[at]?.index === index && above[at].term === termText(term) &&
      above[at].checksum === checksum;
    if (!same) throw badConfig(index);
  }
  if (above.length > configs.length) throw badConfig(above[configs.length]!.index);
  const of = base.config;
  const hasBase = of === null || listed.some(({ index, term, onLog }) => {
    const stored = parseTermText(term);
    return onLog && index === of.index && stored !== null && sameTerm(stored, of.term);
  });
  if (!hasBase) throw badConfig(of.index);
}

function badConfig(index: number): Error {
  return corrupt(LOG_FILE, `the config at index ${index} is not listed as it is on the log`);
}
