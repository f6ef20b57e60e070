/**
 * The runtime's garbage collector, for the few places that know of garbage which the runtime does
 * not see: native memory behind small objects. Owns how it is reached; when to is its callers'.
 *
 * @module
 */

import v8 from "node:v8";
import vm from "node:vm";

/** Collects all garbage, which takes some ten ms; nothing where the collector cannot be had. */
export function machineCollector(): () => void {
  const { Bun: bun } = globalThis as { readonly Bun?: { gc(synchronous: boolean): void } };
  if (bun !== undefined) return () => bun.gc(true);
  try {
    v8.setFlagsFromString("--expose-gc");
    const collect: unknown = vm.runInNewContext("gc");
    return typeof collect === "function" ? () => void collect() : () => {};
  } catch {
    return () => {};
  }
}
