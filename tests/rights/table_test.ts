/**
 * Who may do what: the table of `docs/security.md`, cell by cell, over the wire with TLS on. The
 * paper is what is tested, so that it cannot say anything else than what is so.
 *
 * @module
 */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ATTEMPTS } from "./rows.ts";
import { type Kind, KINDS, withWorld } from "./world.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The cells of the paper, by rpc. */
async function tableOf(
  paper: string,
): Promise<ReadonlyMap<string, Readonly<Record<Kind, string>>>> {
  const text = await Deno.readTextFile(`${ROOT}${paper}`);
  const rows = text.split("\n").filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim().replaceAll("`", "")));
  const start = rows.findIndex(([first]) => first === "rpc");
  assert.deepEqual(rows[start], ["rpc", ...KINDS]);
  const cells = new Map<string, Readonly<Record<Kind, string>>>();
  for (const [rpc = "", ...row] of rows.slice(start + 2)) {
    if (row.length !== KINDS.length) break;
    const byKind = Object.fromEntries(KINDS.map((kind, at) => [kind, row[at] ?? ""]));
    cells.set(rpc, byKind as Record<Kind, string>);
  }
  return cells;
}

/** Every rpc of every service in `proto/`, as `Service/Method`. */
async function served(): Promise<readonly string[]> {
  const found: string[] = [];
  const folders = [
    "proto",
    "proto/jmessage/v1",
    "proto/grpc/health/v1",
    "proto/grpc/reflection/v1",
  ];
  for (const folder of folders) {
    for await (const { name, isFile } of Deno.readDir(`${ROOT}${folder}`)) {
      if (!isFile) continue;
      let service = "";
      for (const line of (await Deno.readTextFile(`${ROOT}${folder}/${name}`)).split("\n")) {
        service = /^service (\w+)/.exec(line)?.[1] ?? service;
        const method = /^\s+rpc (\w+)/.exec(line)?.[1];
        if (method !== undefined) found.push(`${service}/${method}`);
      }
    }
  }
  return found.sort();
}

Deno.test("rights: the table has every rpc that there is", async () => {
  const rpcs = await served();
  assert.ok(rpcs.length > 30, String(rpcs.length));
  assert.deepEqual([...(await tableOf("docs/security.md")).keys()].sort(), rpcs);
  assert.deepEqual(Object.keys(ATTEMPTS).sort(), rpcs);
});

Deno.test("rights: every cell is as the table says, over TLS", async () => {
  const table = await tableOf("docs/security.md");
  const found: string[] = [];
  const wanted: string[] = [];
  await withWorld(async (world) => {
    for (const [rpc, row] of table) {
      for (const kind of KINDS) {
        const callers = await world.callers(kind);
        for (const [way, caller] of callers.entries()) {
          found.push(`${rpc} ${kind} ${way}: ${await ATTEMPTS[rpc]?.(caller)}`);
          wanted.push(`${rpc} ${kind} ${way}: ${row[kind]}`);
        }
      }
    }
  });
  assert.deepEqual(found, wanted);
});
