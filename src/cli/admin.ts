/**
 * `jmessage admin`: what operators ask of a cluster, and do to the directories of stopped nodes.
 * Owns the tree of commands, and the flags and results of those without a file of their own; the
 * asking is `admin_cluster.ts`'s.
 *
 * @module
 */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { connect } from "../rpc/client.ts";
import { backupCommand } from "./admin_backup.ts";
import { certsCommand } from "./admin_certs.ts";
import type { AdminClock } from "./admin_clock.ts";
import { type AdminConnect, type ClusterStatus, withCluster } from "./admin_cluster.ts";
import { addCredentialOptions } from "./admin_credentials.ts";
import { recoverCommand } from "./admin_recover.ts";
import { restoreCommand } from "./admin_restore.ts";
import { salvageCommand } from "./admin_salvage.ts";
import { digestText, statusJson, statusText } from "./admin_text.ts";
import { tokenCommand } from "./admin_token.ts";
import { verifyCommand } from "./admin_verify.ts";
import { waitSynced } from "./admin_wait.ts";
import { newCommand } from "./command.ts";
import { compareDigests } from "./digest_comparison.ts";
import { jsonOption, parseInteger, serversOption, timeoutOption } from "./options.ts";
import { type Output, terminal } from "./output.ts";
import { printable } from "./text.ts";
import { addTlsOptions } from "./tls_options.ts";

/** What the admin commands need from outside; tests pass their own. */
export interface AdminOptions {
  readonly connect: AdminConnect;
  readonly output: Output;
  /** The machine's, if absent. */
  readonly clock?: AdminClock | undefined;
}

const REAL: AdminOptions = { connect, output: terminal };

/** Flags that every command asking a running cluster has. */
interface ClusterFlags {
  readonly servers: readonly string[];
  readonly timeout: number;
  readonly json?: true | undefined;
}

/** `jmessage admin`. */
export function adminCommand(options = REAL): CommandUnknownOpts {
  const group = newCommand("admin", "look after a cluster", {
    example: "jmessage admin status -s 127.0.0.1:2625",
  });
  group.addCommand(statusCommand(options));
  group.addCommand(digestCommand(options));
  group.addCommand(transferCommand(options));
  group.addCommand(removeCommand(options));
  group.addCommand(backupCommand(options));
  group.addCommand(restoreCommand({ output: options.output }));
  group.addCommand(recoverCommand({ output: options.output }));
  group.addCommand(
    salvageCommand({
      output: options.output,
      withCluster: (flags, action) => withCluster(flags, options, action),
    }),
  );
  group.addCommand(verifyCommand({ output: options.output }));
  group.addCommand(waitCommand(options));
  group.addCommand(
    tokenCommand({
      output: options.output,
      withCluster: (flags, action) => withCluster(flags, options, action),
    }),
  );
  group.addCommand(certsCommand({ output: options.output }));
  addCredentialOptions(group);
  addTlsOptions(group);
  return group;
}

function statusCommand(options: AdminOptions): CommandUnknownOpts {
  return newCommand("status", "show the cluster as each member sees it", {
    example: "jmessage admin status -s 127.0.0.1:2625,127.0.0.1:2635",
  })
    .addOption(serversOption()).addOption(timeoutOption(10)).addOption(jsonOption())
    .action((flags) =>
      withCluster(flags, options, async (cluster) => {
        const status = await cluster.status();
        printStatus(status, flags, options.output);
      })
    );
}

function digestCommand(options: AdminOptions): CommandUnknownOpts {
  return newCommand("digest", "compare the members' databases at one applied index", {
    example: "jmessage admin digest --json",
  })
    .addOption(serversOption()).addOption(timeoutOption(30)).addOption(jsonOption())
    .action((flags) =>
      withCluster(flags, options, async (cluster) => {
        const compared = await compareDigests(cluster);
        const first = compared?.digests[0];
        if (compared === undefined || first === undefined) {
          throw new ChatError(
            "NOT_UP_TO_DATE",
            "Cannot compare digests as the members never gave them at one index in time; give a " +
              "longer --timeout",
          );
        }
        const { digests: members, missing } = compared;
        const identical = members.every((member) => member.digest === first.digest);
        const { appliedIndex } = first;
        if (flags.json) options.output.json({ identical, appliedIndex, members, missing });
        else options.output.line(digestText({ identical, appliedIndex, members }));
        if (missing.length > 0) {
          const names = missing.map(printable).join(", ");
          options.output.remark(`No digest came from ${names}: not compared with the others`);
        }
        if (!identical) {
          throw new ChatError(
            "CORRUPT",
            `Members differ at index ${appliedIndex}: a database was damaged; ` +
              "stop the one that differs from the others and let it join again with an empty directory",
          );
        }
      })
    );
}

function transferCommand(options: AdminOptions): CommandUnknownOpts {
  return newCommand("transfer", "hand leadership over", {
    example: "jmessage admin transfer --to b",
  })
    .option("--to <id>", "the member to lead (default: whoever is most up to date)")
    .addOption(serversOption()).addOption(timeoutOption(10)).addOption(jsonOption())
    .action((flags) =>
      withCluster(flags, options, async (cluster) => {
        const request = flags.to === undefined ? {} : { to: flags.to };
        const { leader, term } = await cluster.onLeader((api, context) =>
          api.transferLeadership(request, context)
        );
        if (flags.json) options.output.json({ leader, term });
        else options.output.line(`${printable(leader)} leads in term ${printable(term)}`);
      })
    );
}

function removeCommand(options: AdminOptions): CommandUnknownOpts {
  return newCommand("remove", "take a member out for good", {
    example: "jmessage admin remove c",
  })
    .argument("<id>", "the member's id, as status shows it")
    .addOption(serversOption()).addOption(timeoutOption(30)).addOption(jsonOption())
    .action((id, flags) =>
      withCluster(flags, options, async (cluster) => {
        const { members } = await cluster.onLeader((api, context) =>
          api.removeMember({ id }, context)
        );
        if (flags.json) options.output.json({ members });
        else options.output.line(`members now: ${members.map(printable).join(", ")}`);
      })
    );
}

function waitCommand(options: AdminOptions): CommandUnknownOpts {
  return newCommand("wait", "wait until every member has caught up", {
    example: "jmessage admin wait --synced --members 3 --timeout 60",
  })
    .requiredOption("--synced", "every member votes, answers and has applied what is committed")
    .option("--members <n>", "and there are this many", parseInteger(1, limits.addressesMax))
    .addOption(serversOption()).addOption(timeoutOption(60)).addOption(jsonOption())
    .action((flags) =>
      withCluster(flags, options, async (cluster) => {
        const status = await waitSynced(cluster, { membersMin: flags.members ?? 1 });
        printStatus(status, flags, options.output);
      })
    );
}

function printStatus(status: ClusterStatus, flags: ClusterFlags, output: Output): void {
  if (flags.json) output.json(statusJson(status));
  else output.line(statusText(status));
}
