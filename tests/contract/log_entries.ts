/**
 * Entries for tests of log stores: short bodies, small configs, real checksums.
 *
 * @module
 */

import { DEFAULT_POLICY } from "../../src/raft/state.ts";
import type { Config, Entry, EntryBody, LogPosition, Term } from "../../src/raft/types.ts";
import { chain } from "../../src/storage/checksum.ts";

/** A term of node "a" in the first epoch. */
export function termOf(number: number): Term {
  return { epoch: 0, number, nodeId: "a" };
}

export function commandBody(text: string): EntryBody {
  return { kind: "command", data: new TextEncoder().encode(text) };
}

/** A config with these voters, on ports in their order. */
export function configBody(voters: readonly string[]): { kind: "config"; config: Config } {
  const config = {
    policy: DEFAULT_POLICY,
    voters: voters.map((id, place) => ({
      id,
      peerAddress: `127.0.0.1:${7000 + place}`,
      clientAddress: `127.0.0.1:${8000 + place}`,
    })),
    learners: [],
    tombstones: [],
    mark: null,
    c0Index: 0,
    leavers: [],
  };
  return { kind: "config", config };
}

/** Entries of one term that follow `previous`, with their checksums. */
export function buildEntries(
  previous: Pick<LogPosition, "index" | "checksum">,
  term: Term,
  bodies: readonly EntryBody[],
): Entry[] {
  const entries: Entry[] = [];
  let { index, checksum } = previous;
  for (const body of bodies) {
    index++;
    checksum = chain(checksum, index, term, body);
    entries.push({ index, term, checksum, ...body });
  }
  return entries;
}
