/**
 * Which commands there are, and where each is loaded from. A command is a line here and a module
 * of its own; nothing is loaded before it is asked for.
 *
 * @module
 */

import type { LazyCommand } from "./command.ts";

/** In the order in which help lists them. */
export const commands: readonly LazyCommand[] = [
  {
    name: "node",
    summary: "run a node of a cluster",
    load: async () => (await import("./node.ts")).nodeCommand(),
  },
  {
    name: "chat",
    summary: "talk to others",
    load: async () => (await import("./chat.ts")).chatCommand(),
  },
  {
    name: "admin",
    summary: "look after a cluster",
    load: async () => (await import("./admin.ts")).adminCommand(),
  },
  {
    name: "demo",
    summary: "see a cluster survive the loss of its leader",
    load: async () => (await import("./demo.ts")).demoCommand(),
  },
  {
    name: "simulate",
    summary: "run random faults against simulated clusters",
    load: async () => (await import("./simulate.ts")).simulateCommand(),
  },
  {
    name: "bench",
    summary: "measure a cluster",
    load: async () => (await import("./bench.ts")).benchCommand(),
  },
  {
    name: "completions",
    summary: "print a completion script for a shell",
    load: async () => (await import("./completions.ts")).completionsCommand(commands),
  },
];
