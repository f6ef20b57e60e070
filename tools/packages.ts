/**
 * Packages that are files rather than modules: runtimes and native libraries of every platform.
 * Owns that nothing is used whose hash is not the pinned one; the npm client does the fetching,
 * and what it has cached needs no network. No script of a package is ever run.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";

/** One package at one version, with the hash of its archive as npm writes it. */
export interface PinnedPackage {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

/** Runs a program to its end; throws what it said if it failed, and gives what it printed. */
export async function output(
  command: string,
  args: readonly string[],
  cwd: string,
): Promise<string> {
  const child = new Deno.Command(command, { args: [...args], cwd, stdin: "null" });
  const { success, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout);
  if (success) return text.trim();
  throw new Error(
    `${command} ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}${text}`,
  );
}

/** Unpacks a package into `parent` and gives its directory. */
export async function unpack(one: PinnedPackage, parent: string): Promise<string> {
  const directory = join(parent, one.name.replace("/", "+"));
  await Deno.mkdir(directory, { recursive: true });
  const words = ["pack", "--silent", "--prefer-offline", "--ignore-scripts"];
  const archive = await output("npm", [...words, `${one.name}@${one.version}`], directory);
  const bytes = await Deno.readFile(join(directory, archive));
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  if (integrity !== one.integrity) {
    throw new Error(
      `Cannot use ${one.name}@${one.version} as its hash must be ${one.integrity}: it is ${integrity}`,
    );
  }
  await output("tar", ["-xzf", archive], directory);
  await Deno.remove(join(directory, archive));
  return join(directory, "package");
}
