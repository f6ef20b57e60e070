/**
 * `jmessage admin certs`: a private CA and the certificates of a cluster, as files. Owns which
 * files there are, who may read them, and what is said of where they go; what is in them is
 * `src/tls`'s.
 *
 * @module
 */

import { type CommandUnknownOpts, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { X509Certificate } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { fileProblem } from "../storage/file_error.ts";
import type { Authority, Issued, Validity } from "../tls/authority.ts";
import { hostNamesOf } from "../tls/names.ts";
import { newCommand } from "./command.ts";
import { jsonOption, parseInteger } from "./options.ts";
import type { Output } from "./output.ts";
import { printable } from "./text.ts";

/** A node's id, and the hosts at which clients reach it. */
interface NodeHosts {
  readonly id: string;
  readonly hosts: readonly string[];
}

/** Hosts of each node that has a certificate already, by its id. */
type HeldHosts = ReadonlyMap<string, readonly string[]>;

/** A host for one node, or for all of them. */
interface Host {
  readonly id: string | null;
  readonly host: string;
}

interface Flags {
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

const EXAMPLE = "jmessage admin certs init ./certs --nodes n1,n2,n3 " +
  "--hosts n1=10.0.0.1,n2=10.0.0.2,n3=10.0.0.3";

/** `jmessage admin certs`. */
export function certsCommand({ output }: { readonly output: Output }): CommandUnknownOpts {
  const group = newCommand("certs", "make certificates for a cluster", { example: EXAMPLE });
  group.addCommand(
    newCommand("init", "make a private CA, and certificates for nodes and an operator", {
      example: EXAMPLE,
    })
      .argument("<dir>", "where to write them; made, or empty")
      .addOption(nodesOption()).addOption(hostsOption()).addOption(daysOption())
      .addOption(jsonOption())
      .action((directory, flags) => init(directory, flags, output)),
  );
  group.addCommand(
    newCommand("issue", "make certificates for more nodes, or newer ones, by a CA made before", {
      example: "jmessage admin certs issue ./certs --nodes n4 --hosts 10.0.0.4\n" +
        "jmessage admin certs issue ./certs --nodes n1,n2,n3 --out ./certs-2027",
    })
      .argument("<dir>", "where ca.crt and ca.key are")
      .addOption(nodesOption())
      .addOption(hostsOption("; without it, those of the node's certificate in <dir>"))
      .addOption(daysOption())
      .option("--out <dir>", "where to write them; made, or empty (default: where the CA is)")
      .addOption(jsonOption())
      .action((directory, flags) => issue(directory, flags, output)),
  );
  return group;
}

function nodesOption() {
  return new Option("--nodes <list>", "ids of the nodes, comma-separated")
    .argParser(parseIds).makeOptionMandatory();
}

function hostsOption(more = "") {
  const text = "where clients reach them: HOST of all nodes, or ID=HOST of one (always: the own " +
    `machine${more})`;
  return new Option("--hosts <list>", text).argParser(parseHosts);
}

function daysOption() {
  return new Option("--days <n>", "how long the certificates are good (a CA: ten years)")
    .argParser(parseInteger(1, CA_DAYS)).default(DAYS);
}

async function init(directory: string, flags: Flags, output: Output): Promise<void> {
  const nodes = nodesOf(flags);
  await prepare(directory);
  // Loaded when it is needed: nothing else of the program signs certificates.
  const { makeAuthority } = await import("../tls/authority.ts");
  const validity = { nowMs: Date.now(), days: flags.days };
  const authority = await makeAuthority("Jmessage cluster CA", { ...validity, days: CA_DAYS });
  const operator = await authority.issueOperator(OPERATOR, validity);
  const files = [["ca", authority], ...await issueAll(authority, nodes, validity)] as const;
  await writeAll(directory, new Map([...files, [OPERATOR, operator]]));
  print({ directory, nodes, validity, isNew: true }, { json: flags.json === true, output });
}

async function issue(
  from: string,
  flags: Flags & { readonly out?: string | undefined },
  output: Output,
): Promise<void> {
  const nodes = nodesOf(flags, await readHosts(from, flags.nodes));
  const authority = await readAuthority(from);
  const directory = flags.out ?? from;
  if (flags.out !== undefined) await prepare(directory);
  const validity = { nowMs: Date.now(), days: flags.days };
  await writeAll(directory, new Map(await issueAll(authority, nodes, validity)));
  print({ directory, nodes, validity, isNew: false }, { json: flags.json === true, output });
}

async function readAuthority(directory: string): Promise<Authority> {
  const read = async (name: string) => {
    const path = join(directory, name);
    return await readFile(path, "utf8").catch((cause) => {
      throw misuse(`${path} cannot be read (${codeOf(cause)})`, cause);
    });
  };
  const made = { cert: await read("ca.crt"), key: await read("ca.key") };
  const { openAuthority } = await import("../tls/authority.ts");
  try {
    return await openAuthority(made);
  } catch (cause) {
    throw misuse(`ca.crt and ca.key in ${directory} are not as certs init makes them`, cause);
  }
}

/** Of the certificates that there are: a newer one is to be good wherever the old one was. */
async function readHosts(directory: string, ids: readonly string[]): Promise<HeldHosts> {
  const held = new Map<string, readonly string[]>();
  for (const id of ids) {
    const path = join(directory, `${id}.crt`);
    try {
      held.set(id, hostNamesOf(new X509Certificate(await readFile(path)).raw));
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") continue;
      throw misuse(`the hosts in ${path} cannot be read; mend it, or move it away`, cause);
    }
  }
  return held;
}

async function issueAll(
  authority: Authority,
  nodes: readonly NodeHosts[],
  validity: Validity,
): Promise<readonly (readonly [string, Issued])[]> {
  return await Promise.all(
    nodes.map(async ({ id, hosts }) =>
      [id, await authority.issueNode(id, hosts, validity)] as const
    ),
  );
}

function nodesOf(
  { nodes, hosts = [] }: Flags,
  held: HeldHosts = new Map(),
): readonly NodeHosts[] {
  for (const { id } of hosts) {
    if (id !== null && !nodes.includes(id)) {
      throw misuse(`--hosts names node ${id}, which is not among --nodes`);
    }
  }
  return nodes.map((id) => ({ id, hosts: hostsOf(id, hosts, held.get(id)) }));
}

function hostsOf(
  id: string,
  given: readonly Host[],
  held: readonly string[] = [],
): readonly string[] {
  const own = given.filter((one) => one.id === null || one.id === id).map(({ host }) => host);
  // Where machines are named after their nodes.
  const name = isHostName(id) ? [id] : [];
  return [...new Set([...(own.length > 0 ? own : held), ...name, ...OWN_HOSTS])];
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
    if (codeOf(cause) === "EEXIST") {
      const why = `a file of that name is there in ${directory}, and nothing is ever overwritten`;
      throw misuse(`${why}; name another directory with --out`, cause);
    }
    const { reason, detail } = fileProblem(cause, "name another directory");
    throw new ChatError(reason, `Cannot write into ${directory}: ${detail}`, { cause });
  }
}

/** What was made. */
interface Made {
  readonly directory: string;
  readonly nodes: readonly NodeHosts[];
  readonly validity: Validity;
  /** With a CA and an operator's certificate. */
  readonly isNew: boolean;
}

function print(
  made: Made,
  { json, output }: { readonly json: boolean; readonly output: Output },
): void {
  const { directory, nodes, isNew, validity: { nowMs, days } } = made;
  const expiresAt = new Date(nowMs + days * 86_400_000).toISOString();
  if (!json) {
    output.line(
      `Certificates are in ${printable(directory)}, good until ${expiresAt.slice(0, 10)}.`,
    );
    for (const line of instructions(made)) output.line(printable(line));
    return;
  }
  const path = (name: string) => join(directory, name);
  const pair = (name: string) => ({ cert: path(`${name}.crt`), key: path(`${name}.key`) });
  output.json({
    directory,
    expiresAt,
    nodes: nodes.map(({ id, hosts }) => ({ id, hosts, ...pair(id) })),
    ...(isNew ? { ca: pair("ca"), admin: pair(OPERATOR) } : {}),
  });
}

/** What to copy where. */
function instructions({ directory, nodes, isNew }: Made): readonly string[] {
  const forNodes = nodes.flatMap(({ id, hosts }) => [
    `node ${id}, for ${
      hosts.join(", ")
    }: copy ca.crt, ${id}.crt and ${id}.key there, and start it with`,
    `  jmessage node --id ${id} --tls-cert ${id}.crt --tls-key ${id}.key --tls-ca ca.crt \\`,
    `    --peer-tls-cert ${id}.crt --peer-tls-key ${id}.key --peer-tls-ca ca.crt …`,
  ]);
  if (!isNew) return forNodes;
  return [
    ...forNodes,
    "everybody who chats: copy ca.crt, and add --tls-ca ca.crt",
    `operators: copy ca.crt, ${OPERATOR}.crt and ${OPERATOR}.key, and add`,
    `  --tls-ca ca.crt --tls-cert ${OPERATOR}.crt --tls-key ${OPERATOR}.key`,
    `Keep ${join(directory, "ca.key")} offline: whoever has it can be any node.`,
  ];
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
