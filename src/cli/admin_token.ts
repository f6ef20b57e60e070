/**
 * `jmessage admin token`: the secret by which the cluster knows its operators. Owns how a new one
 * is made here, so that it never travels, and that whoever rotates it is left with one that is
 * good, whatever answer was lost.
 *
 * @module
 */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { ChatError } from "../errors.ts";
import { systemClock } from "../client/clock.ts";
import { newRequestId } from "../client/request_id.ts";
import { newAdminToken } from "../node/admin_access.ts";
import { tokenHash } from "../node/sessions.ts";
import type { AdminCluster } from "./admin_cluster.ts";
import { TokenFile } from "./admin_token_file.ts";
import { newCommand } from "./command.ts";
import { jsonOption, serversOption, timeoutOption } from "./options.ts";
import type { Output } from "./output.ts";
import { printable } from "./text.ts";

interface TokenFlags {
  readonly servers: readonly string[];
  readonly timeout: number;
  readonly out?: string | undefined;
  readonly json?: true | undefined;
}

/** What these commands need: the asking is bound to their flags by `admin.ts`. */
export interface TokenOptions {
  readonly output: Output;
  readonly withCluster: (
    flags: TokenFlags,
    action: (cluster: AdminCluster) => Promise<void>,
  ) => Promise<void>;
}

/** `jmessage admin token`. */
export function tokenCommand(options: TokenOptions): CommandUnknownOpts {
  const group = newCommand("token", "the secret that admin commands show", {
    example: "jmessage admin token rotate --out admin.token",
  });
  const example = "jmessage admin token rotate --token-file admin.token --out admin.token\n" +
    "jmessage admin token rotate --data data/a -s 127.0.0.1:2625";
  group.addCommand(
    newCommand("rotate", "make a new admin token; the old one is good no more", { example })
      .option("--out <file>", "write it into a file for its owner alone, instead of printing it")
      .addOption(serversOption()).addOption(timeoutOption(30)).addOption(jsonOption())
      .action((flags) => options.withCluster(flags, (cluster) => rotate(cluster, flags, options))),
  );
  return group;
}

async function rotate(
  cluster: AdminCluster,
  { out, json }: TokenFlags,
  { output }: TokenOptions,
): Promise<void> {
  const token = newAdminToken();
  // Before anything is asked: a path that is wrong or a full disk must not cost the only copy.
  const file = out === undefined ? null : await TokenFile.prepare(out, token);
  if (file === null) await show(token, { cluster, json, output });
  try {
    await setToken(cluster, token);
  } catch (thrown) {
    const error = ChatError.from(thrown);
    if (!error.definite) throw unknownOutcome(error, { file, token });
    await file?.discard();
    if (file === null) output.remark("the token that was shown is not good: the old one holds");
    throw error;
  }
  await file?.finish();
  if (out === undefined) {
    if (!json) output.line("(it is shown this once; the old one is good no more)");
  } else if (json) output.json({ file: out });
  else output.line(`the new admin token is in ${printable(out)}; the old one is good no more`);
}

/**
 * Prints the token while the old one still holds: printed later, it would be in force and nowhere
 * where stdout is a full disk. First somebody must be there who takes orders from whoever asks, so
 * that hardly one is shown in vain.
 */
async function show(
  token: string,
  { cluster, json, output }: {
    readonly cluster: AdminCluster;
    readonly json: true | undefined;
    readonly output: Output;
  },
): Promise<void> {
  await cluster.onLeader((api, context) => api.status({}, context));
  if (json) output.json({ token });
  else output.line(`admin token: ${token}`);
  await output.taken?.();
}

/** Whoever asked must be left with both tokens, as either may be the one that holds. */
function unknownOutcome(
  cause: ChatError,
  { file, token }: { readonly file: TokenFile | null; readonly token: string },
): ChatError {
  const then = file === null
    ? `the new one is ${token}; try it as JMESSAGE_ADMIN_TOKEN once the cluster answers: if it ` +
      "is not accepted, the old one holds"
    : `the new one is in ${file.kept}; try it with --token-file ${file.kept} once the cluster ` +
      `answers: if it is accepted, move it to ${file.path}, else delete it, as the old one holds`;
  const text = `Cannot tell whether the token was changed (${cause.message}): ${then}`;
  return new ChatError(cause.reason, text, { cause, afterIndefinite: true });
}

/**
 * Asks until it is certain; throws an indefinite error if it never was. After an answer that was
 * lost, the token in force may be either one: the same request is made with both.
 */
async function setToken(cluster: AdminCluster, token: string): Promise<void> {
  const request = {
    requestId: newRequestId(systemClock()),
    tokenHash: tokenHash(token),
  };
  const ask = (asked: AdminCluster) =>
    asked.onLeader((api, context) => api.rotateAdminToken(request, context));
  let lost: ChatError | null = null;
  while (true) {
    const credentials = lost === null ? [cluster] : [cluster, cluster.withToken(token)];
    for (const one of credentials) {
      try {
        await ask(one);
        return;
      } catch (thrown) {
        const error = ChatError.from(thrown);
        // Once an answer is lost, no later refusal says what became of the first request.
        if (error.definite && lost === null) throw error;
        if (!error.definite) lost = error;
      }
    }
    if (lost !== null && cluster.clock.now() >= cluster.deadlineMs) throw lost;
    await cluster.pause();
  }
}
