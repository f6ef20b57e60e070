/**
 * `jmessage bench`: measures a running cluster. Owns its flags and how the result looks; the
 * load and the proof are `bench_run.ts`'s.
 *
 * @module
 */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { Connection } from "../client/connection.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { connect } from "../rpc/client.ts";
import { type BenchResult, runLoad } from "./bench_run.ts";
import { newCommand } from "./command.ts";
import { jsonOption, parseInteger, serversOption } from "./options.ts";
import { type Output, terminal } from "./output.ts";
import { table } from "./text.ts";
import { addTlsOptions, type SecureConnect, secured, type TlsFlags } from "./tls_options.ts";

const MESSAGES = 1_000;
const SECONDS_MAX = 3_600;

/** What the command needs from outside; tests pass their own. */
export interface BenchOptions {
  readonly connect: SecureConnect<Connection>;
  readonly output: Output;
}

/** `jmessage bench`. */
export function benchCommand(
  { connect: connectTo, output }: BenchOptions = { connect, output: terminal },
): CommandUnknownOpts {
  const command = newCommand("bench", "measure a cluster, and check that it lost nothing", {
    example: "jmessage bench -s 127.0.0.1:2625 --messages 10000 --concurrency 64",
  })
    .addOption(serversOption())
    .addOption(
      new Option("--messages <n>", `end after so many (default: ${MESSAGES})`)
        .argParser(parseInteger(1, limits.benchMessagesMax)),
    )
    .addOption(
      new Option("--seconds <s>", "end after so long instead")
        .argParser(parseInteger(1, SECONDS_MAX)).conflicts("messages"),
    )
    .option(
      "--concurrency <n>",
      "requests on their way at once",
      parseInteger(1, limits.benchConcurrencyMax),
      1,
    )
    .option(
      "--size <bytes>",
      "size of each message",
      parseInteger(limits.benchBodyBytesMin, limits.bodyBytesMax),
      100,
    )
    .option("--users <n>", "accounts that send", parseInteger(2, limits.benchUsersMax), 4)
    .addOption(
      new Option("--mode <mode>", "how messages are sent")
        .choices(["unary", "stream"]).default("unary"),
    )
    .addOption(jsonOption())
    .action(async ({ mode, json, messages, seconds, ...load }) => {
      if (mode === "stream") throw noStreams();
      const flags: typeof load & TlsFlags = load;
      const result = await runLoad({
        ...load,
        connect: await secured(flags, connectTo),
        seconds,
        messages: messages ?? (seconds === undefined ? MESSAGES : undefined),
        onProgress: (text) => output.remark(text),
      });
      if (json) output.json(result);
      else output.line(resultText(result));
      if (result.lost + result.duplicated > 0) throw broken(result);
    });
  addTlsOptions(command);
  return command;
}

function resultText(result: BenchResult): string {
  return table(
    [
      "messages",
      "per second",
      "p50 ms",
      "p99 ms",
      "p99.9 ms",
      "errors",
      "retries",
      "lost",
      "twice",
    ],
    [[
      result.messages,
      result.perSecond,
      result.p50Ms,
      result.p99Ms,
      result.p999Ms,
      result.errors,
      result.retries,
      result.lost,
      result.duplicated,
    ]],
  );
}

function noStreams(): ChatError {
  return new ChatError(
    "INVALID_ARGUMENT",
    "Cannot run --mode stream as messages are sent by unary calls only: use --mode unary",
  );
}

function broken({ lost, duplicated }: BenchResult): ChatError {
  return new ChatError(
    "CORRUPT",
    `The cluster lost ${lost} acknowledged messages and has ${duplicated} twice: ` +
      "keep the data directories and report it",
  );
}
