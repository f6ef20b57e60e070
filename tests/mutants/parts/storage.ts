/**
 * What is broken in storage, `src/storage`, as far as schedules run it: the state database with its
 * snapshots, digests and positions, and the chain of checksums. The log's file is a simulated one
 * there, held to the same contract as the real store (`tests/contract`).
 *
 * @module
 */

import type { Mutant } from "../mutant.ts";
import { libsql } from "./campaigns.ts";

export const STORAGE: readonly Mutant[] = [
  {
    name: "puts only the first rows of a table into a snapshot",
    part: "storage",
    campaign: libsql,
    edit: {
      file: "src/storage/row_stream.ts",
      find: "if (lines.length < pageRows) {",
      replace: "if (lines.length <= pageRows) {",
    },
  },
  {
    name: "begins each page of a snapshot one row too late",
    part: "storage",
    campaign: libsql,
    edit: {
      file: "src/storage/row_stream.ts",
      find: "const after = keyOf(table, lines.at(-1)!);",
      replace:
        'const after = keyOf(table, lines.at(-1)!).map((value) => typeof value === "number" ? value + 1 : value);',
    },
  },
  {
    name: "leaves the sessions out of a snapshot",
    part: "storage",
    campaign: libsql,
    edit: {
      file: "src/storage/row_stream.ts",
      find: "return replicatedTables.map((table) => ({",
      replace:
        'return replicatedTables.filter(({ name }) => name !== "sessions").map((table) => ({',
    },
  },
  {
    name: "takes a snapshot without comparing digests",
    part: "storage",
    campaign: libsql,
    edit: {
      file: "src/storage/snapshot_sink.ts",
      find: "if (built.digest === digest) return;",
      replace: 'if (built.digest !== "") return;',
    },
  },
  {
    name: "does not say in a snapshot up to where it is applied",
    part: "storage",
    campaign: libsql,
    edit: {
      file: "src/storage/snapshot_sink.ts",
      find: `  await database.write([setApplied(applied)]);
`,
      replace: "",
    },
  },
  {
    name: "reads entries without looking at their checksums",
    part: "storage",
    campaign: libsql,
    edit: {
      file: "src/storage/checksum.ts",
      find:
        "if (link(last.checksum, entry.index, entry.term, entry) !== entry.checksum) return entry.index;",
      replace: "",
    },
  },
  {
    name: "skips a command that comes right after a config",
    part: "storage",
    campaign: libsql,
    edit: {
      file: "src/storage/state_database.ts",
      find: 'if (entry.kind !== "command") continue;',
      replace: `if (entry.kind !== "command") continue;
    if (entries.find(({ index }) => index === entry.index - 1)?.kind === "config") continue;`,
    },
  },
];
