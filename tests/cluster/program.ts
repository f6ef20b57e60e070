/**
 * The program under test: from source, or the executable that `JMESSAGE_PROGRAM` names
 * (`deno task test:binary`), so that every test with real processes holds for both.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Program } from "../../src/cli/node_process.ts";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));
const EXECUTABLE = Deno.env.get("JMESSAGE_PROGRAM");

/** Whether it is the executable: what people download. */
export const IS_EXECUTABLE = EXECUTABLE !== undefined;

/** Starts with these; a command's own words come after. */
export const PROGRAM: Program = EXECUTABLE === undefined
  ? { command: Deno.execPath(), args: ["run", "--allow-all", CLI] }
  : { command: EXECUTABLE, args: [] };
