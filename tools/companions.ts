/**
 * What lies beside the executables in `dist/`: the manual page, completions for shells, what
 * `packaging/` has (the systemd unit, alerts, a dashboard), and the hashes of everything there. The
 * executables need none of it.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commands } from "../src/cli/commands.ts";
import { completionsCommand } from "../src/cli/completions.ts";
import { manPage } from "./man_page.ts";

const PACKAGING = fileURLToPath(new URL("../packaging/", import.meta.url));
const SUMS = "SHA256SUMS";

/** By the names that the shells look for. */
const COMPLETIONS = [
  ["bash", "jmessage.bash"],
  ["zsh", "_jmessage"],
  ["fish", "jmessage.fish"],
] as const;

/** Writes all that lies beside the executables; the date is that of the sources. */
export async function writeCompanions(
  directory: string,
  { date }: { readonly date: string },
): Promise<void> {
  await Deno.writeTextFile(join(directory, "jmessage.1"), await manPage(commands, { date }));
  for (const name of await filesIn(PACKAGING)) {
    await Deno.copyFile(join(PACKAGING, name), join(directory, name));
  }
  await Deno.mkdir(join(directory, "completions"), { recursive: true });
  for (const [shell, name] of COMPLETIONS) {
    await Deno.writeTextFile(join(directory, "completions", name), await completions(shell));
  }
}

async function completions(shell: string): Promise<string> {
  const lines: string[] = [];
  const output = { line: (text: string) => void lines.push(text), json() {}, remark() {} };
  await completionsCommand(commands, output).parseAsync([shell], { from: "user" });
  return `${lines.join("\n")}\n`;
}

/** Writes the hashes of all files in the directory, as `sha256sum --check` reads them. */
export async function writeSums(directory: string): Promise<void> {
  const lines: string[] = [];
  for (const place of (await filesIn(directory)).filter((one) => one !== SUMS).sort()) {
    const bytes = await Deno.readFile(join(directory, place));
    lines.push(`${createHash("sha256").update(bytes).digest("hex")}  ${place}\n`);
  }
  await Deno.writeTextFile(join(directory, SUMS), lines.join(""));
}

async function filesIn(directory: string, folder = ""): Promise<readonly string[]> {
  const places: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(join(directory, folder))) {
    if (isDirectory) places.push(...await filesIn(directory, `${folder}${name}/`));
    else places.push(`${folder}${name}`);
  }
  return places;
}
