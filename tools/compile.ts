/**
 * `deno task compile`: the whole program as one file in `dist/`, for this machine or, with
 * `--target`, for others. Owns the order of the steps: a copy of the sources with the locked
 * modules beside it, the runtimes and libraries, then `bundle.ts` once for each target.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };
import type { BundleOptions } from "./bundle.ts";
import { output, type PinnedPackage, unpack } from "./packages.ts";
import { hostTarget, type Target, targets } from "./targets.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");

/** The version of an npm package that `deno.json` pins. */
function pinned(name: keyof typeof config.imports): string {
  return config.imports[name].slice(config.imports[name].lastIndexOf("@") + 1);
}

async function libraryOf({ libsql: name }: Target): Promise<PinnedPackage> {
  const version = pinned("libsql");
  const lock: { readonly npm: Readonly<Record<string, { readonly integrity?: string }>> } = JSON
    .parse(await Deno.readTextFile(join(ROOT, "deno.lock")));
  const integrity = lock.npm[`${name}@${version}`]?.integrity;
  if (integrity === undefined) throw new Error(`Cannot find ${name}@${version} in deno.lock`);
  return { name, version, integrity };
}

/** What the program is built from, in a directory of its own: the sources and locked modules. */
async function prepareSources(directory: string): Promise<void> {
  for (const name of ["cli.ts", "src", "deno.json", "deno.lock"]) {
    await output("cp", ["-R", join(ROOT, name), directory], ROOT);
  }
  const words = ["install", "--quiet", "--frozen", "--node-modules-dir=auto"];
  await output(Deno.execPath(), words, directory);
}

/** The commit that is checked out, marked if the sources are not quite that. */
async function commitOf(): Promise<string> {
  return await output("git", ["describe", "--always", "--dirty", "--abbrev=12"], ROOT)
    .catch(() => "unknown");
}

async function compile(wanted: readonly Target[], host: Target): Promise<void> {
  await Deno.mkdir(DIST, { recursive: true });
  const directory = await Deno.makeTempDir({ prefix: "jmessage-compile-" });
  try {
    await prepareSources(directory);
    const bun = join(await unpack(host.runtime, directory), host.program);
    const commit = await commitOf();
    for (const target of wanted) {
      const runtime = target === host
        ? bun
        : join(await unpack(target.runtime, directory), target.program);
      const library = join(await unpack(await libraryOf(target), directory), "index.node");
      const suffix = target.program.endsWith(".exe") ? ".exe" : "";
      const name = target === host ? "jmessage" : `jmessage-${target.name}`;
      const options: BundleOptions = {
        entry: join(directory, "cli.ts"),
        outfile: join(DIST, name + suffix),
        target: target.bun,
        runtime,
        library,
        build: { JMESSAGE_COMMIT: commit },
      };
      const script = fileURLToPath(new URL("bundle.ts", import.meta.url));
      await output(bun, [script, JSON.stringify(options)], directory);
      const { size } = await Deno.stat(options.outfile);
      console.log(`dist/${name}${suffix}: ${target.name}, ${(size / 1e6).toFixed(1)} MB`);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function wantedTargets(names: readonly string[], host: Target): readonly Target[] {
  if (names.length === 0) return [host];
  if (names.includes("all")) return targets;
  return names.map((name) => {
    const target = targets.find((one) => one.name === name);
    if (target !== undefined) return target;
    const known = targets.map((one) => one.name).join(", ");
    throw new Error(`Target must be one of ${known}, all: current value is ${name}`);
  });
}

const { values } = parseArgs({
  args: Deno.args,
  options: { target: { type: "string", multiple: true, default: [] } },
});
const host = hostTarget();
if (host === undefined) throw new Error("Cannot compile on a machine of a kind without a runtime");
await compile(wantedTargets(values.target, host), host);
