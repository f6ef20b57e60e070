/**
 * The platforms that the executable is built for: each one's runtime, with its pinned hash, and
 * the name of its libSQL library, whose hash is in `deno.lock`. Nothing but this table.
 *
 * @module
 */

import type { PinnedPackage } from "./packages.ts";

/** One platform. */
export interface Target {
  /** As `--target` names it. */
  readonly name: string;
  /** As Bun names it. */
  readonly bun: string;
  readonly runtime: PinnedPackage;
  /** Of the runtime, within its package. */
  readonly program: string;
  readonly libsql: string;
}

const BUN_VERSION = "1.4.5";

const TABLE = [
  [
    "linux-x64",
    "linux-x64",
    "linux-x64-gnu",
    "IWX9BELoGHAUtMonkeSaNaZwXzRk+oDw6Mk+HBFXd3KHYIBNBsIGRupMZPcgNoDbJpLu6gAJjIoIVPZtt1aJ1g==",
  ],
  [
    "linux-arm64",
    "linux-aarch64",
    "linux-arm64-gnu",
    "4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==",
  ],
  [
    "linux-x64-musl",
    "linux-x64-musl",
    "linux-x64-musl",
    "10QoW/YfTgnURaGEaHpJCiXjLI2e5iTtfVDaA5JKcyUzaa1cq6cVUY9/Uq5XkYzvtRjHLRe9Oj/lTDIQcxy8HQ==",
  ],
  [
    "linux-arm64-musl",
    "linux-aarch64-musl",
    "linux-arm64-musl",
    "XCNc+WvvMAdNNb+OWTogpy+N9wm62fkVeEVLb6how0RZhW5LPi6c7BlkeVCuWps7XjEl2saFpHFa20/1E+PAHg==",
  ],
  [
    "macos-arm64",
    "darwin-aarch64",
    "darwin-arm64",
    "4MIFXHmctH2EhAxLXm2/qxNtv17dFtLJylvaOCsrgq6KSqHTs6eW5YSrJjRbJxYUJaR901fsN8JfZOa+CsWpWQ==",
  ],
  [
    "macos-x64",
    "darwin-x64",
    "darwin-x64",
    "qkLPMGHZM9NI6CeHTWwVezzmlo6cC4Ta7yUAjYIWXS366qQcOlcp75t2uZyiuVRBMPS0h9qE0tCcvCHGaFqjJg==",
  ],
  [
    "windows-x64",
    "windows-x64",
    "win32-x64-msvc",
    "FNvply651vcE/GHgNWz6mZvhmkwBuu8Hw54oNzA+CQog+HW+542rXQmZqNHRkFxazD9L3xi+iTtvO3engAgJfw==",
  ],
] as const;

export const targets: readonly Target[] = TABLE.map(([name, bun, libsql, hash]) => ({
  name,
  bun: `bun-${bun}`,
  runtime: { name: `@oven/bun-${bun}`, version: BUN_VERSION, integrity: `sha512-${hash}` },
  program: name.startsWith("windows") ? "bin/bun.exe" : "bin/bun",
  libsql: `@libsql/${libsql}`,
}));

/** Of the machine that this runs on; `undefined` for one that nothing is built for. */
export function hostTarget(): Target | undefined {
  const system = { darwin: "macos", linux: "linux", windows: "windows" }[Deno.build.os as string];
  const cpu = { x86_64: "x64", aarch64: "arm64" }[Deno.build.arch as string];
  return targets.find(({ name }) => name === `${system}-${cpu}`);
}
