/**
 * Chat commands against a cluster in memory, as a program runs them. Used by tests alone.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ManualClock } from "../client/client_test_clock.ts";
import { FakeCluster } from "../client/client_test_cluster.ts";
import { chatCommand } from "./chat.ts";
import type { Input } from "./input.ts";
import { runProgram } from "./program.ts";

const NODES = ["n1:1", "n2:1", "n3:1"];
const SERVERS = ["-s", NODES.join(",")];

export interface Run {
  readonly code: number;
  readonly json: readonly Record<string, unknown>[];
  readonly text: readonly string[];
  readonly error: string;
}

export interface RunOptions {
  readonly stdin?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What a person at a terminal answers; without it there is none. */
  readonly answer?: string;
  /** The passwords that the person types, in turn. */
  readonly secrets?: readonly string[];
  /** Moved until the command ends; absent: the machine's. */
  readonly clock?: ManualClock;
  /** How long the person takes to answer, by that clock. */
  readonly answerMs?: number;
}

/** Has lines of stdin, and a person only where there is an answer. */
function inputOf({ stdin = [], answer, secrets = [], clock, answerMs = 0 }: RunOptions): Input {
  const left = [...stdin];
  const secretsLeft = [...secrets];
  const refuse = () => Promise.reject(new Error("nobody is there"));
  return {
    interactive: answer !== undefined,
    ask: answer === undefined ? refuse : () => {
      return new Promise((resolve) => {
        if (clock === undefined) resolve(answer);
        else clock.after(answerMs, () => resolve(answer));
      });
    },
    askSecret: () => {
      const secret = secretsLeft.shift();
      return secret === undefined ? refuse() : Promise.resolve(secret);
    },
    nextLine: () => Promise.resolve(left.shift() ?? null),
  };
}

export async function withChat(
  test: (
    chat: (words: readonly string[], options?: RunOptions) => Promise<Run>,
    cluster: FakeCluster,
  ) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "jmessage-test-"));
  const cluster = new FakeCluster(NODES);
  cluster.users.push({ name: "ann", online: true, lastSeenMs: null });
  cluster.users.push({ name: "bob", online: false, lastSeenMs: null });
  const chat = async (words: readonly string[], options: RunOptions = {}): Promise<Run> => {
    const json: Record<string, unknown>[] = [];
    const text: string[] = [];
    let error = "";
    const command = chatCommand({
      connect: cluster.connect,
      input: inputOf(options),
      environment: options.environment ?? {},
      clock: options.clock,
      output: {
        line: (line) => void text.push(line),
        json: (value) => void json.push(JSON.parse(JSON.stringify(value))),
        remark: () => {},
      },
    });
    const running = runProgram(["chat", ...SERVERS, "--state-dir", directory, ...words], {
      commands: [{ name: "chat", summary: "", load: () => Promise.resolve(command) }],
      onError: (line) => void (error = line),
    });
    const code = await (options.clock?.until(running) ?? running);
    return { code, json, text, error };
  };
  try {
    await test(chat, cluster);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

export const PASSWORD = { environment: { JMESSAGE_PASSWORD: "correct horse" } };
