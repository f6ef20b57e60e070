/**
 * Packages that are files rather than modules: runtimes and native libraries of every platform.
 * Owns that nothing is used whose hash is not the pinned one; the npm client does the fetching,
 * and what it has cached needs no network. No script of a package is ever run.
 *
 * @module
 */

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
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = new Deno.Command(command, { args: [...args], cwd, env, stdin: "null" });
  const { success, stdout, stderr } = await child.output();
  const text = new TextDecoder().decode(stdout);
  if (success) return text.trim();
  throw new Error(
    `${command} ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}${text}`,
  );
}

/**
 * Unpacks a package into `parent` and gives its directory. What npm has cached under this hash is
 * used from wherever it came, so that a build needs neither a network nor the same registry again.
 */
export async function unpack(
  one: PinnedPackage,
  parent: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { name, version, integrity } = one;
  // A build asks for what it needs, and not whether there is a newer npm.
  const env = { npm_config_update_notifier: "false", ...environment };
  const directory = join(parent, name.replace("/", "+"));
  await Deno.mkdir(directory, { recursive: true });
  const registry = await output("npm", ["config", "get", "registry"], directory, env);
  const file = `${name.slice(name.indexOf("/") + 1)}-${version}.tgz`;
  const resolved = new URL(`${name}/-/${file}`, `${registry.replace(/\/$/, "")}/`).href;
  const dependencies = { [name]: version };
  // With a lock npm takes by hash, and refuses what has another one.
  const packages = {
    "": { dependencies },
    [`node_modules/${name}`]: { version, resolved, integrity },
  };
  const write = (place: string, value: object) =>
    Deno.writeTextFile(join(directory, place), JSON.stringify(value));
  await write("package.json", { dependencies });
  await write("package-lock.json", { lockfileVersion: 3, packages });
  // Forced, as most are for other platforms.
  const words = ["ci", "--force", "--ignore-scripts", "--no-bin-links", "--no-audit", "--no-fund"];
  await output("npm", words, directory, env);
  return join(directory, "node_modules", name);
}
