/**
 * What this program is: its version, the commit it was built from, what runs it, and the
 * libraries in it. For bug reports; nothing depends on it.
 *
 * @module
 */

import process from "node:process";
import config from "../../deno.json" with { type: "json" };

declare global {
  /** Put in by `deno task compile`; absent from source. */
  var JMESSAGE_COMMIT: string | undefined;
}

/** Version of this program. */
export const version: string = config.version;

/** Packages whose behaviour is part of this program's. */
const LIBRARIES = ["libsql", "@grpc/grpc-js", "protobufjs", "commander"] as const;

/** The versions of everything, the program's own on the first line. */
export function versionText(): string {
  const libraries = LIBRARIES.map((name) => {
    const specifier = config.imports[name];
    return `${name} ${specifier.slice(specifier.lastIndexOf("@") + 1)}`;
  });
  return [
    `jmessage ${version}`,
    `commit   ${globalThis.JMESSAGE_COMMIT ?? "source"}`,
    `runtime  ${runtime()}, ${process.platform} ${process.arch}`,
    `with     ${libraries.join(", ")}`,
  ].join("\n");
}

/** Bun and Deno also say which Node they are like, so that comes last. */
function runtime(): string {
  const { bun, deno, node } = process.versions;
  if (bun !== undefined) return `Bun ${bun}`;
  return deno !== undefined ? `Deno ${deno}` : `Node.js ${node}`;
}
