/**
 * The process of `abusers.ts`: started with what time the others leave, ended in order. Owns the
 * process only.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("./abusers.ts", import.meta.url));

/** Clients that flood one node, one for each token. */
export class Abusers {
  readonly #child;
  readonly #lines: string[] = [];
  readonly #ended: Promise<unknown>;
  readonly #begun = Promise.withResolvers<void>();

  constructor(kind: string, address: string, tokens: readonly string[]) {
    const deno = [Deno.execPath(), "run", "-A", "--no-check", PROGRAM];
    this.#child = spawn("nice", ["-n", "19", ...deno, kind, address, ...tokens], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    createInterface({ input: this.#child.stdout! }).on("line", (line) => {
      this.#lines.push(line);
      this.#begun.resolve();
    });
    this.#ended = new Promise((resolve) => this.#child.once("close", resolve));
    void this.#ended.then(() => this.#begun.resolve());
  }

  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  /** What came of their calls, by reason. */
  async stop(): Promise<Readonly<Record<string, number>>> {
    this.#child.stdin!.end();
    await this.#ended;
    return JSON.parse(this.#lines.at(-1) ?? "{}");
  }
}
