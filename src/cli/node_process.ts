/**
 * Nodes as processes of their own: starting one, hearing its `--json` events, killing it and
 * starting it again on the same ports. Owns how this program starts itself; it knows nothing of
 * what the nodes do. Shared by `jmessage demo` and the tests with real processes.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import { basename } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";

/** An executable and what comes before a command's own arguments. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

/** First line of `jmessage node --json`: the node serves, and votes. */
export interface ReadyEvent {
  readonly event: "ready";
  readonly id: string;
  readonly role: string;
  readonly listen: string;
  readonly peerListen: string;
  /** Only with `--http`. */
  readonly http?: string;
  readonly clusterId: string;
  readonly quorum: string;
}

/** Behind it, of the node that founded the cluster: the one time that the token is shown. */
interface AdminTokenEvent {
  readonly event: "adminToken";
  readonly token: string;
}

/** Every later line: its role, its term or its leader changed. */
export interface RoleEvent {
  readonly event: "role";
  readonly role: string;
  readonly term: string;
  readonly leader: string;
}

/** How a process ended: by itself or by a signal. */
export interface NodeExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export interface NodeProcessOptions {
  readonly program: Program;
  /** Flags of `jmessage node`, without `--json`. */
  readonly flags: readonly string[];
  /** Told each line of its log as it comes: what is kept here is bounded. */
  readonly onLogLine?: ((line: string) => void) | undefined;
}

/** This very program, started again: from source by its runtime, or as a compiled binary. */
export function thisProgram(): Program {
  const script = process.argv[1] ?? "";
  switch (basename(process.execPath).replace(/\.exe$/, "")) {
    case "deno":
      return { command: process.execPath, args: ["run", "--allow-all", script] };
    case "bun":
    case "node":
      return { command: process.execPath, args: [...process.execArgv, script] };
    default:
      return { command: process.execPath, args: [] };
  }
}

/** One running `jmessage node --json`. */
export class NodeProcess {
  readonly #child: ChildProcess;
  readonly #onLogLine: (line: string) => void;
  readonly #log: string[] = [];
  /** Resolves with the node's first event; rejects if the process ends before. */
  readonly ready: Promise<ReadyEvent>;
  /** Resolves with the admin token of the cluster that it founds; never, if it founds none. */
  readonly adminToken: Promise<string>;
  /** Resolves once the process is gone. */
  readonly exited: Promise<NodeExit>;
  #exit: NodeExit | undefined;
  #role: RoleEvent | undefined;

  constructor(options: NodeProcessOptions) {
    const { command, args } = options.program;
    this.#onLogLine = options.onLogLine ?? (() => {});
    this.#child = spawn(command, [...args, "node", "--json", ...options.flags], {
      stdio: ["ignore", "pipe", "pipe"],
      env: withoutOwnVariables(process.env),
    });
    const ready = Promise.withResolvers<ReadyEvent>();
    this.ready = ready.promise;
    // Whoever only kills the process need not wait for it to be ready.
    this.ready.catch(() => {});
    const adminToken = Promise.withResolvers<string>();
    this.adminToken = adminToken.promise;
    const told = { ready: ready.resolve, adminToken: adminToken.resolve };
    this.#readLines("stdout", (line) => this.#onEvent(line, told));
    this.#readLines("stderr", (line) => this.#remember(line));
    this.exited = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        this.#remember(error.message);
        resolve({ code: null, signal: null });
      });
      this.#child.once("close", (code, signal) => resolve({ code, signal }));
    });
    this.exited.then((exit) => {
      this.#exit = exit;
      ready.reject(new ChatError("INTERNAL", `Cannot start a node: ${this.lastLine()}`));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Newest role event; `undefined` before the first. */
  get role(): RoleEvent | undefined {
    return this.#role;
  }

  /** How it ended, or `undefined` while it runs. */
  get exit(): NodeExit | undefined {
    return this.#exit;
  }

  /** What it last wrote to stderr, oldest first, bounded. */
  get log(): readonly string[] {
    return this.#log;
  }

  lastLine(): string {
    return this.#log.at(-1) ?? "it said nothing";
  }

  /** Sends a signal; nothing happens if the process is gone. */
  kill(signal: "SIGKILL" | "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGSTOP" | "SIGCONT"): void {
    if (this.#exit !== undefined || this.pid === 0) return;
    try {
      // Not `child.kill`: in Deno it does nothing after the first signal, whatever that was.
      process.kill(this.pid, signal);
    } catch {
      // It is gone, and its end is about to be told.
    }
  }

  /** Ends it whatever its state, and resolves once it is gone. */
  async end(): Promise<void> {
    this.kill("SIGKILL");
    await this.exited;
  }

  #readLines(stream: "stdout" | "stderr", onLine: (line: string) => void): void {
    const input = this.#child[stream];
    if (input !== null) createInterface({ input }).on("line", onLine);
  }

  #onEvent(line: string, told: {
    readonly ready: (event: ReadyEvent) => void;
    readonly adminToken: (token: string) => void;
  }): void {
    if (!line.startsWith("{")) return this.#remember(line);
    const event: ReadyEvent | AdminTokenEvent | RoleEvent = JSON.parse(line);
    if (event.event === "ready") told.ready(event);
    else if (event.event === "adminToken") told.adminToken(event.token);
    else if (event.event === "role") this.#role = event;
  }

  #remember(line: string): void {
    this.#log.push(line);
    this.#onLogLine(line);
    if (this.#log.length > limits.nodeLogLinesKept) this.#log.shift();
  }
}

/** A child must do what its flags say, not what this process's own variables say. */
export function withoutOwnVariables(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(variables).filter(([name]) => !name.startsWith("JMESSAGE_")),
  );
}
