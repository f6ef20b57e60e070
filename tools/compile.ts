/**
 * `deno task compile`: the whole program as one file in `dist/`, for this machine or, with
 * `--target`, for others. Owns the order of the steps: a copy of the sources with the locked
 * modules beside it, the runtimes and libraries, then `bundle.ts` once for each target, a look at
 * what came of it, and what lies beside it.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };
import type { BundleOptions } from "./bundle.ts";
import { writeCompanions, writeSums } from "./companions.ts";
import { executableProblems } from "./executable_format.ts";
import { signatureState, withoutSignature } from "./mach_o_signature.ts";
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
  for (const name of ["cli.ts", "src", "tools", "deno.json", "deno.lock"]) {
    await output("cp", ["-R", join(ROOT, name), directory], ROOT);
  }
  const words = ["install", "--quiet", "--frozen", "--node-modules-dir=auto"];
  await output(Deno.execPath(), words, directory);
}

/** The commit that is checked out, marked if the sources are not quite that, and its day. */
async function commitOf(): Promise<{ readonly commit: string; readonly date: string }> {
  const ask = (...words: string[]) => output("git", words, ROOT).catch(() => "");
  return {
    commit: await ask("describe", "--always", "--dirty", "--abbrev=12") || "unknown",
    date: await ask("log", "-1", "--format=%cs"),
  };
}

async function compile(wanted: readonly Target[], host: Target): Promise<void> {
  await Deno.mkdir(DIST, { recursive: true });
  const directory = await Deno.makeTempDir({ prefix: "jmessage-compile-" });
  const { commit, date } = await commitOf();
  try {
    await prepareSources(directory);
    const bun = join(await unpack(host.runtime, directory), host.program);
    for (const target of wanted) {
      // What one target needs is gone before the next: all together are more than a gigabyte.
      const own = join(directory, target.name);
      const runtime = target === host
        ? bun
        : join(await unpack(target.runtime, own), target.program);
      const options: BundleOptions = {
        entry: join(directory, "cli.ts"),
        outfile: join(own, fileName(target, host)),
        target: target.bun,
        runtime,
        library: join(await unpack(await libraryOf(target), own), "index.node"),
        build: { JMESSAGE_COMMIT: commit },
      };
      await output(bun, ["tools/bundle.ts", JSON.stringify(options)], directory);
      const bytes = await finish(options, target);
      const name = basename(options.outfile);
      console.log(`dist/${name}: ${target.name}, ${(bytes / 1e6).toFixed(1)} MB`);
      await Deno.remove(own, { recursive: true });
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
  await writeCompanions(DIST, { date });
  await writeSums(DIST);
}

/** In `dist/`: only those for other machines say which. */
function fileName(target: Target, host: Target): string {
  const suffix = target.program.endsWith(".exe") ? ".exe" : "";
  return `${target === host ? "jmessage" : `jmessage-${target.name}`}${suffix}`;
}

/** Puts what was built into `dist/`, once it is known to be what it should; gives its size. */
async function finish({ outfile, library }: BundleOptions, target: Target): Promise<number> {
  let bytes: Uint8Array = await Deno.readFile(outfile);
  const inside = { platform: target.name, library: await Deno.readFile(library) };
  const problems = [...executableProblems(bytes, inside)];
  if (target.name.startsWith("macos")) {
    if (signatureState(bytes) === "stale") bytes = withoutSignature(bytes);
    const must = target.name === "macos-arm64" ? "fits" : "absent";
    const is = signatureState(bytes);
    if (is !== must) problems.push(`its signature is ${is}`);
  }
  const name = basename(outfile);
  if (problems.length > 0) throw new Error(`Cannot use ${name} as ${problems.join("; ")}`);
  const path = join(DIST, name);
  // A new file: the one there may be running.
  await Deno.writeFile(`${path}.new`, bytes, { mode: 0o755 });
  await Deno.rename(`${path}.new`, path);
  return bytes.length;
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
