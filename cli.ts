/**
 * The executable: joins the commands to the command line, and ends the process. It holds no
 * logic; `src/cli/program.ts` runs the command line, `src/cli/commands.ts` has the commands.
 *
 * @module
 */

import process from "node:process";
import { commands } from "./src/cli/commands.ts";
import { flushed, terminal, watchOutput } from "./src/cli/output.ts";
import { runProgram } from "./src/cli/program.ts";

if (process.platform !== "win32") {
  // What is written is for the one who runs it: messages, hashes of passwords, keys.
  process.umask(0o077);
  // With somebody to take it, a file beyond `ulimit -f` is a failed write, which is told in a line.
  process.on("SIGXFSZ", () => {});
}
watchOutput();

const code = await runProgram(process.argv.slice(2), {
  commands,
  onError: terminal.remark,
});
await flushed();
process.exit(code);
