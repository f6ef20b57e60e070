/**
 * `jmessage admin certs init`: a private CA and the certificates of a cluster, as files. Owns which
 * files there are, who may read them, and what is said of where they go; what is in them is
 * `src/tls`'s.
 *
 * @module
 */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { InvalidArgumentError } from "@commander-js/extra-typings";
import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { Issued } from "../tls/authority.ts";
import { newCommand } from "./command.ts";
import { jsonOption, parseInteger } from "./options.ts";
import type { Output } from "./output.ts";
import { printable } from "./text.ts";

/** A node's id, and the hosts at which clients reach it. */
interface NodeHosts {
  readonly id: string;
  readonly hosts: readonly string[];
}

/** A host for one node, or for all of them. */
interface Host {
  readonly id: string | null;
  readonly host: string;
}

interface InitFlags {
  readonly nodes: readonly string[];
  readonly hosts?: readonly Host[] | undefined;
  readonly days: number;
  readonly json?: true | undefined;
}

const DAYS = 365;
/** Of the CA: replacing it means to replace everything. */
const CA_DAYS = 3_650;
const OPERATOR = "admin";
/** Every certificate is good on the node's own machine. */
const OWN_HOSTS = ["localhost", "127.0.0.1", "::1"];

/** `jmessage admin certs`. */
export function certsCommand(options: { readonly output: Output }): CommandUnknownOpts {
  const group = newCommand("certs", "make certificates for a cluster", { example: EXAMPLE });
  group.addCommand(
    newCommand("init", "make a private CA, and certificates for nodes and an operator", {
      example: EXAMPLE,
    })
      .argument("<dir>", "where to write them; made, or empty")
      .requiredOption("--nodes <list>", "ids of the nodes, comma-separated", parseIds)
      .option(
        "--hosts <list>",
        "where clients reach them: HOST of all nodes, or ID=HOST of one (always: the own machine)",
        parseHosts,
      )
      .option(
        "--days <n>",
        "how long the certificates are good; the CA is for ten years",
        parseInteger(1, CA_DAYS),
        DAYS,
      )
      .addOption(jsonOption())
      .action((directory, flags) => init(directory, flags, options.output)),
  );
  return group;
}

const EXAMPLE = "jmessage admin certs init ./certs --nodes n1,n2,n3 " +
  "--hosts n1=10.0.0.1,n2=10.0.0.2,n3=10.0.0.3";

async function init(directory: string, flags: InitFlags, output: Output): Promise<void> {
  const nodes = flags.nodes.map((id): NodeHosts => ({ id, hosts: hostsOf(id, flags.hosts ?? []) }));
  for (const { id } of flags.hosts ?? []) {
    if (id !== null && !flags.nodes.includes(id)) {
      throw misuse(`--hosts names node ${id}, which is not among --nodes`);
    }
  }
  await prepare(directory);
  // Loaded when it is needed: nothing else of the program signs certificates.
  const { makeAuthority } = await import("../tls/authority.ts");
  const nowMs = Date.now();
  const authority = await makeAuthority("Jmessage cluster CA", { nowMs, days: CA_DAYS });
  const validity = { nowMs, days: flags.days };
  const files = new Map<string, Issued>([["ca", authority]]);
  for (const { id, hosts } of nodes) {
    files.set(id, await authority.issueNode(id, hosts, validity));
  }
  files.set(OPERATOR, await authority.issueClient(OPERATOR, validity));
  await writeAll(directory, files);
  const expiresAt = new Date(nowMs + flags.days * 86_400_000).toISOString();
  print({ directory, nodes, expiresAt }, { json: flags.json === true, output });
}

function hostsOf(id: string, given: readonly Host[]): readonly string[] {
  const own = given.filter((one) => one.id === null || one.id === id).map(({ host }) => host);
  // Where machines are named after their nodes.
  const name = isHostName(id) ? [id] : [];
  return [...new Set([...own, ...name, ...OWN_HOSTS])];
}

async function prepare(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    // One that was there is empty, and about to hold keys.
    if ((await readdir(directory)).length === 0) return await chmod(directory, 0o700);
  } catch (cause) {
    throw misuse(`${directory} cannot be made or read (${codeOf(cause)})`, cause);
  }
  throw misuse(`${directory} is not empty, and nothing is ever overwritten; name another one`);
}

/** All of the files, or none. */
async function writeAll(directory: string, files: ReadonlyMap<string, Issued>): Promise<void> {
  const written: string[] = [];
  const write = async (name: string, text: string, mode: number) => {
    const path = join(directory, name);
    await writeFile(path, text, { mode, flag: "wx" });
    written.push(path);
  };
  try {
    for (const [name, { cert, key }] of files) {
      await write(`${name}.key`, key, 0o600);
      await write(`${name}.crt`, cert, 0o644);
    }
  } catch (cause) {
    for (const path of written) await rm(path, { force: true });
    const text = `Cannot write into ${directory}: ${codeOf(cause)}; name another directory`;
    throw new ChatError("INTERNAL", text, { cause });
  }
}

function print(
  { directory, nodes, expiresAt }: {
    readonly directory: string;
    readonly nodes: readonly NodeHosts[];
    readonly expiresAt: string;
  },
  { json, output }: { readonly json: boolean; readonly output: Output },
): void {
  const path = (name: string) => join(directory, name);
  if (json) {
    const pair = (name: string) => ({ cert: path(`${name}.crt`), key: path(`${name}.key`) });
    return output.json({
      directory,
      expiresAt,
      ca: pair("ca"),
      nodes: nodes.map(({ id, hosts }) => ({ id, hosts, ...pair(id) })),
      admin: pair(OPERATOR),
    });
  }
  const lines = [`Certificates are in ${directory}, good until ${expiresAt.slice(0, 10)}.`, ""];
  for (const { id, hosts } of nodes) {
    lines.push(
      `node ${id}, for ${
        hosts.join(", ")
      }: copy ca.crt, ${id}.crt and ${id}.key there, and start it with`,
      `  jmessage node --id ${id} --tls-cert ${id}.crt --tls-key ${id}.key --tls-ca ca.crt \\`,
      `    --peer-tls-cert ${id}.crt --peer-tls-key ${id}.key --peer-tls-ca ca.crt …`,
    );
  }
  lines.push(
    "",
    "everybody who chats: copy ca.crt, and add --tls-ca ca.crt",
    `operators: copy ca.crt, ${OPERATOR}.crt and ${OPERATOR}.key, and add`,
    `  --tls-ca ca.crt --tls-cert ${OPERATOR}.crt --tls-key ${OPERATOR}.key`,
    `Keep ${path("ca.key")} offline: whoever has it can be any node.`,
  );
  for (const line of lines) output.line(printable(line));
}

/** As the node wants it (src/node/config.ts); these two names are taken by files. */
function parseIds(text: string): readonly string[] {
  const ids = [...new Set(text.split(",").map((id) => id.trim()))];
  const isId = (id: string) => /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$/.test(id);
  const isTaken = (id: string) => ["ca", OPERATOR].includes(id.toLowerCase());
  if (!ids.every(isId) || ids.length > limits.addressesMax) {
    throw new InvalidArgumentError('Must be ids of ASCII letters, digits, "_", "." and "-".');
  }
  if (ids.some(isTaken)) throw new InvalidArgumentError(`Must not be ca or ${OPERATOR}.`);
  if (new Set(ids.map((id) => id.toLowerCase())).size !== ids.length) {
    throw new InvalidArgumentError("Must not differ in upper and lower case alone.");
  }
  return ids;
}

function parseHosts(text: string): readonly Host[] {
  return text.split(",").map((part) => {
    const [, id, host = ""] = /^(?:([^=]*)=)?(.*)$/.exec(part.trim()) ?? [];
    if (isIP(host) === 0 && !isHostName(host)) {
      throw new InvalidArgumentError("Must be host names or IP addresses, as HOST or ID=HOST.");
    }
    return { id: id ?? null, host };
  });
}

function isHostName(text: string): boolean {
  const label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
  return text.length <= 253 && new RegExp(`^(\\*\\.)?${label}(\\.${label})*$`).test(text);
}

function misuse(why: string, cause?: unknown): ChatError {
  return new ChatError("INVALID_ARGUMENT", `Cannot make certificates: ${why}`, { cause });
}

function codeOf(thrown: unknown): string {
  return String((thrown as NodeJS.ErrnoException).code ?? thrown);
}
