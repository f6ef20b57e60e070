/**
 * What is broken in the core, `src/raft`, beside the rules that `planted_bugs.ts` replaces: what is
 * committed, told, applied, read and forgotten.
 *
 * @module
 */

import type { Mutant } from "../mutant.ts";
import { lastResort, majority, quorumOnly } from "./campaigns.ts";

export const CORE: readonly Mutant[] = [
  {
    name: "applies what is committed before it is on this disk",
    part: "core",
    campaign: majority,
    edit: {
      file: "src/raft/commit.ts",
      find: "Math.min(state.commitIndex, state.persistedIndex)",
      replace: "state.commitIndex",
    },
  },
  {
    name: "answers an append before it is on disk",
    part: "core",
    campaign: majority,
    edit: {
      file: "src/raft/follow.ts",
      find: `    snapshotIndex: state.snapshotIndex,
  }, state.newestPending);`,
      replace: `    snapshotIndex: state.snapshotIndex,
  }, 0);`,
    },
  },
  {
    name: "lets a new leader read before it has applied what was acknowledged",
    part: "core",
    campaign: lastResort,
    edit: {
      file: "src/raft/reads.ts",
      find:
        "if (leadership.readsGivenUp || state.applied.index < leadership.servesAfter) return false;",
      replace: "if (leadership.readsGivenUp) return false;",
    },
  },
  {
    name: "confirms what it did not compare",
    part: "core",
    campaign: majority,
    edit: {
      file: "src/raft/follow.ts",
      find: "replyTo(state, peer, append.term, { ok: true, matchIndex: taken.end.index });",
      replace: "replyTo(state, peer, append.term, { ok: true, matchIndex: state.log.lastIndex });",
    },
  },
  {
    name: "commits on a follower what was not compared",
    part: "core",
    campaign: majority,
    edit: {
      file: "src/raft/follow.ts",
      find: "Math.min(append.commitIndex, taken.end.index)",
      replace: "Math.min(append.commitIndex, state.log.lastIndex)",
    },
  },
  {
    name: "commits an entry of an older term by counting",
    part: "core",
    campaign: majority,
    edit: {
      file: "src/raft/commit.ts",
      find: "if (index < c1.index || index < leadership.noopIndex) return;",
      replace: "if (index < c1.index) return;",
    },
  },
  {
    name: "trusts a lease for longer than it was granted",
    part: "core",
    campaign: majority,
    edit: {
      file: "src/raft/reads.ts",
      find: "const LEASE_TRUSTED = 0.9;",
      replace: "const LEASE_TRUSTED = 1.5;",
    },
  },
  {
    name: "counts for reads the lease of one that has promised another's term",
    part: "core",
    campaign: majority,
    edit: {
      file: "src/raft/lease.ts",
      find: "if (follows) peer.readLeaseAt = round.sentAt;",
      replace: "peer.readLeaseAt = round.sentAt;",
    },
  },
  {
    name: "does not write down a commit that passes a config",
    part: "core",
    campaign: quorumOnly,
    edit: {
      file: "src/raft/commit.ts",
      find: `    state.commitPending = index;
    state.persist({ commitIndex: index });`,
      replace: "    state.commitIndex = index;",
    },
  },
  {
    name: "votes right after a start",
    part: "core",
    campaign: majority,
    edit: {
      file: "src/raft/vote.ts",
      find: 'if (!request.pre && isStarting(state) && !request.everyPreVote) return "refused";',
      replace: "void isStarting;",
    },
  },
  {
    name: "installs a snapshot without where its terms begin",
    part: "core",
    campaign: lastResort,
    edit: {
      file: "src/raft/follow.ts",
      find: "  state.log.install(base, termStarts);",
      replace: "  state.log.install(base, []);",
    },
  },
  {
    name: "writes a snapshot down without where its terms begin",
    part: "core",
    campaign: majority,
    edit: {
      file: "src/raft/follow.ts",
      find: "state.persistInstall(base, termStarts, kept);",
      replace: "state.persistInstall(base, [], kept);",
    },
  },
];
