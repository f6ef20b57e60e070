/**
 * `jmessage admin salvage`: what a healed partition could not merge, listed or written to a file.
 * Owns how records look and that a file is written whole or not at all.
 *
 * @module
 */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import { type FileHandle, lstat, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { jsonLine } from "../printable.ts";
import type { SalvageRecord } from "../rpc/api.ts";
import { fileError } from "../storage/file_error.ts";
import { syncDirectory } from "../storage/file_sync.ts";
import type { AdminCluster } from "./admin_cluster.ts";
import { timeText } from "./chat_text.ts";
import { newCommand } from "./command.ts";
import { jsonOption, serversOption, timeoutOption } from "./options.ts";
import type { Output } from "./output.ts";
import { printable, table } from "./text.ts";

/** What these commands need: the asking is bound to their flags by `admin.ts`. */
export interface SalvageOptions {
  readonly output: Output;
  readonly withCluster: (
    flags: { readonly servers: readonly string[]; readonly timeout: number },
    action: (cluster: AdminCluster) => Promise<void>,
  ) => Promise<void>;
}

/** Messages are private: nobody else on this machine reads them. */
const FILE_MODE = 0o600;

/** Characters of a message that a table shows. */
const BODY_SHOWN = 40;

/** `jmessage admin salvage`; alone it lists. */
export function salvageCommand(options: SalvageOptions): CommandUnknownOpts {
  const summary = "show what a healed partition could not merge";
  const group = newCommand("salvage", summary, { example: "jmessage admin salvage --json" });
  group.addCommand(listCommand(options), { isDefault: true });
  group.addCommand(exportCommand(options));
  return group;
}

function listCommand({ output, withCluster }: SalvageOptions): CommandUnknownOpts {
  return newCommand("list", "list the requests that could not be taken over", {
    example: "jmessage admin salvage list -s 127.0.0.1:2625",
  })
    .addOption(serversOption()).addOption(timeoutOption(30)).addOption(jsonOption())
    .action((flags) =>
      withCluster(flags, async (cluster) => {
        let count = 0;
        for await (const records of pagesOf(cluster)) {
          if (flags.json) records.forEach((record) => output.json(salvageJson(record)));
          else if (records.length > 0) {
            output.line(`${count > 0 ? "\n" : ""}${salvageText(records, Date.now())}`);
          }
          count += records.length;
        }
        if (count === 0 && !flags.json) output.line("nothing: every request was taken over");
      })
    );
}

function exportCommand({ output, withCluster }: SalvageOptions): CommandUnknownOpts {
  return newCommand("export", "write them to a file, one JSON object a line", {
    example: "jmessage admin salvage export salvage.jsonl",
  })
    .argument("<file>", "the file; it is written whole or not at all")
    .option("--overwrite", "replace the file if there is one")
    .addOption(serversOption()).addOption(timeoutOption(600)).addOption(jsonOption())
    .action((file, flags) =>
      withCluster(flags, async (cluster) => {
        const overwrite = flags.overwrite === true;
        const records = await writeWhole(file, { overwrite, pages: pagesOf(cluster) });
        if (flags.json) output.json({ file, records });
        else {output.line(
            `${records} ${records === 1 ? "record" : "records"} in ${printable(file)}`,
          );}
      })
    );
}

async function* pagesOf(cluster: AdminCluster): AsyncGenerator<readonly SalvageRecord[]> {
  const ask = await cluster.newest();
  let pageToken = "";
  do {
    const page = await ask((api, context) =>
      api.listSalvaged({ pageSize: limits.pageRowsMax, pageToken }, context)
    );
    yield page.records;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

/** The contract's fields and no other. */
function salvageJson(record: SalvageRecord): object {
  const { seq, requestId, kind, accountId, from, toAccountId, to, body, messageIds } = record;
  const { acceptedAtMs, reason, acknowledged } = record;
  const acceptedAt = new Date(acceptedAtMs).toISOString();
  return {
    seq,
    id: requestId,
    kind,
    accountId,
    from,
    toAccountId,
    to,
    body,
    messageIds,
    acceptedAt,
    reason,
    acknowledged,
  };
}

function salvageText(records: readonly SalvageRecord[], nowMs: number): string {
  const rows = records.map((record) => [
    timeText(record.acceptedAtMs, nowMs),
    record.from ?? (record.accountId || "(operator)"),
    record.to ?? record.toAccountId ?? "",
    whatText(record),
    record.acknowledged ? record.reason : `${record.reason} (and it was never answered)`,
  ]);
  return table(["WHEN", "WHO", "TO", "WHAT", "WHY"], rows);
}

function whatText({ kind, body, messageIds }: SalvageRecord): string {
  switch (kind) {
    case "sendMessage":
      return shortened(body ?? "");
    case "createAccount":
      return "(new account)";
    case "deleteAccount":
      return "(deletion of the account)";
    case "setAdminToken":
      return "(new admin token)";
    case "acknowledge":
      return `(acknowledgement of ${messageIds.length})`;
    default:
      return `(${kind})`;
  }
}

function shortened(body: string): string {
  // Characters, not units: half a character would show as an escape.
  const characters = [...body.slice(0, 2 * BODY_SHOWN + 2)];
  if (characters.length <= BODY_SHOWN) return body;
  return `${characters.slice(0, BODY_SHOWN - 1).join("")}…`;
}

/** Says how many records the file has. */
async function writeWhole(
  file: string,
  { overwrite, pages }: {
    readonly overwrite: boolean;
    readonly pages: AsyncIterable<readonly SalvageRecord[]>;
  },
): Promise<number> {
  // Before anything is asked: a cluster may have much to tell.
  await refuseExisting(file, overwrite);
  const temporary = join(dirname(file), `.${basename(file)}.${randomUUID()}`);
  let records = 0;
  try {
    const handle = await open(temporary, "wx", FILE_MODE);
    try {
      for await (const page of pages) {
        const lines = page.map((record) => `${jsonLine(salvageJson(record))}\n`);
        await writeAll(handle, Buffer.from(lines.join("")));
        records += page.length;
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await refuseExisting(file, overwrite);
    await rename(temporary, file);
    await syncDirectory(dirname(file));
    return records;
  } catch (thrown) {
    await rm(temporary, { force: true }).catch(() => {});
    // Never by its own text, which has the temporary name.
    throw fileError(thrown, { verb: "write", file: printable(file) });
  }
}

/** One write may take a part only. */
async function writeAll(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let from = 0; from < bytes.length;) {
    from += (await handle.write(bytes, from)).bytesWritten;
  }
}

/** What is replaced is a plain file, never a device or a directory. */
async function refuseExisting(file: string, overwrite: boolean): Promise<void> {
  const there = await lstat(file).catch(() => null);
  if (there === null || overwrite && there.isFile()) return;
  const text = there.isFile()
    ? `Cannot write ${printable(file)} as there is such a file; ` +
      "name another one, or replace it with --overwrite"
    : `Cannot write ${printable(file)} as it is no plain file; name another one`;
  throw new ChatError("INVALID_ARGUMENT", text);
}
