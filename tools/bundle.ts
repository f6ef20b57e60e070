/**
 * The part of `deno task compile` that runs in Bun: bundles `cli.ts` and joins it to a runtime.
 * Owns what is different in the bundle: libSQL's own choice of a native library at run time gives
 * way to the one library of the target, loaded as `native_library.ts` says. It fetches nothing and picks no target: `compile.ts` does.
 *
 * @module
 */

import process from "node:process";
import { fileURLToPath } from "node:url";

/** What `compile.ts` hands over, as JSON in the first argument. */
export interface BundleOptions {
  readonly entry: string;
  readonly outfile: string;
  /** As Bun calls it: `bun-linux-x64`. */
  readonly target: string;
  /** Bun's runtime for the target. */
  readonly runtime: string;
  /** libSQL's native library for the target. */
  readonly library: string;
  readonly build: Readonly<Record<string, string>>;
}

interface Loader {
  onLoad(
    what: { readonly filter: RegExp },
    load: (file: { readonly path: string }) => Promise<{ contents: string; loader: "js" }>,
  ): void;
}

declare const Bun: {
  readonly version: string;
  file(path: string): { text(): Promise<string> };
  build(options: unknown): Promise<{ readonly success: boolean; readonly logs: unknown[] }>;
};

const CHOICE = "return require(`@libsql/${target}`);";

/** Puts one library in the place of the choice that `libsql` makes when it is loaded. */
function oneLibrary(library: string) {
  return {
    name: "one native library",
    setup(loader: Loader) {
      loader.onLoad({ filter: /[\\/]libsql[\\/]index\.js$/ }, async ({ path }) => {
        const text = await Bun.file(path).text();
        const parts = text.split(/function requireNative\(\) \{[^]*?\n\}\n/);
        if (parts.length !== 2 || !text.includes(CHOICE)) {
          throw new Error(`Cannot find in ${path} where libsql chooses its native library`);
        }
        const loader = fileURLToPath(new URL("native_library.ts", import.meta.url));
        const fixed = `function requireNative() {
          const { loadLibrary } = require(${JSON.stringify(loader)});
          return loadLibrary(require("node:fs").readFileSync(require(${JSON.stringify(library)})));
        }\n`;
        // What only the choice needed.
        const [head = "", rest = ""] = parts;
        const kept = head.replace(/^const .*require\("(@neon-rs\/load|detect-libc)"\);\n/gm, "");
        return { contents: kept + fixed + rest, loader: "js" };
      });
    },
  };
}

async function bundle(options: BundleOptions): Promise<void> {
  const define = Object.entries(options.build).map(([name, value]) =>
    [`globalThis.${name}`, JSON.stringify(value)] as const
  );
  const { success, logs } = await Bun.build({
    entrypoints: [options.entry],
    // A command loads its own part of the program alone: a fourth of the time for `--version`.
    format: "esm",
    splitting: true,
    minify: { whitespace: true, syntax: true },
    // Where a package lay while it was built means nothing where the executable runs, and anybody
    // could put something there. Without it the same sources give the same executable, too.
    define: { ...Object.fromEntries(define), __dirname: JSON.stringify("/") },
    plugins: [oneLibrary(options.library)],
    // As bytes: `native_library.ts` loads it.
    loader: { ".node": "file" },
    compile: {
      target: options.target,
      execPath: options.runtime,
      outfile: options.outfile,
      // What lies beside the executable must not be able to change it.
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  for (const log of logs) console.error(log);
  if (!success) process.exit(1);
}

await bundle(JSON.parse(process.argv[2] ?? ""));
