/**
 * What nodes have kept after hostile users: read again from the disk, made again from the log, and
 * compared with what the users were told. Owns the comparison; the nodes must have ended.
 *
 * @module
 */

import assert from "node:assert/strict";
import { openDataDirectory } from "../../src/storage/data_directory.ts";
import { openMemoryState } from "../../src/storage/state_store.ts";
import type { Told } from "./user_fuzz.ts";

const PAGE_BYTES = 4 * 1024 * 1024;

/** Throws unless the state in a data directory has this digest, however it is read. */
export async function checkKept(
  path: string,
  { digest, told }: { readonly digest: string; readonly told: Told },
): Promise<void> {
  const directory = await openDataDirectory(path, { create: false });
  const { log } = directory;
  const state = await directory.openState();
  const anew = await openMemoryState();
  try {
    assert.equal((await state.digest()).digest, digest, "read again from the disk");
    // What was compacted away cannot be gone through again.
    if (log.base.index === 0) {
      const last = state.applied().index;
      for (let at = 1; at <= last;) {
        const entries = await log.read(at, last, PAGE_BYTES);
        await anew.apply(entries);
        at = entries.at(-1)!.index + 1;
      }
      assert.equal((await anew.digest()).digest, digest, "made again from the log");
    }
    const rows = await state.reader.query("SELECT id FROM requests");
    checkRequests(new Set(rows.map(({ id }) => String(id))), told);
  } finally {
    await anew.close();
    await state.close();
    await directory.close();
  }
}

/** Everything that was told to have happened did, and besides only what nobody knows of. */
function checkRequests(kept: ReadonlySet<string>, told: Told): void {
  const lost = [...told.happened].filter((id) => !kept.has(id));
  assert.deepEqual(lost, [], "requests that were told to have happened");
  const others = [...kept].filter((id) => !told.happened.has(id) && !told.unknown.has(id));
  const { originalHappened: least, originalUnknown } = told;
  assert.ok(
    others.length >= least && others.length <= least + originalUnknown,
    `${others.length} other requests, where ${least} happened and ${originalUnknown} may have`,
  );
}
