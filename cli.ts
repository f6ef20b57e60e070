/**
 * The executable: which commands there are and where each is loaded from, and the end of the
 * process. It holds no logic; `src/cli/program.ts` runs the command line.
 *
 * @module
 */

import process from "node:process";
import type { LazyCommand } from "./src/cli/command.ts";
import { flushed, terminal, watchOutput } from "./src/cli/output.ts";
import { runProgram } from "./src/cli/program.ts";

const commands: readonly LazyCommand[] = [
  {
    name: "node",
    summary: "run a node of a cluster",
    load: async () => (await import("./src/cli/node.ts")).nodeCommand(),
  },
  {
    name: "chat",
    summary: "talk to others",
    load: async () => (await import("./src/cli/chat.ts")).chatCommand(),
  },
  {
    name: "admin",
    summary: "look after a cluster",
    load: async () => (await import("./src/cli/admin.ts")).adminCommand(),
  },
  {
    name: "demo",
    summary: "see a cluster survive the loss of its leader",
    load: async () => (await import("./src/cli/demo.ts")).demoCommand(),
  },
  {
    name: "simulate",
    summary: "run random faults against simulated clusters",
    load: async () => (await import("./src/cli/simulate.ts")).simulateCommand(),
  },
  {
    name: "bench",
    summary: "measure a cluster",
    load: async () => (await import("./src/cli/bench.ts")).benchCommand(),
  },
  {
    name: "completions",
    summary: "print a completion script for a shell",
    load: async () => (await import("./src/cli/completions.ts")).completionsCommand(commands),
  },
];

watchOutput();

const code = await runProgram(process.argv.slice(2), {
  commands,
  onError: terminal.remark,
});
await flushed();
process.exit(code);
