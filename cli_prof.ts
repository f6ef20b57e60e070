import { Session } from "node:inspector";
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

if (Deno.args[0] === "node") {
  const s = new Session(); s.connect();
  const post = (m: string, p?: any) => new Promise<any>((r, j) => s.post(m as any, p, (e: any, v: any) => e ? j(e) : r(v)));
  Deno.addSignalListener("SIGUSR2", async () => { await post("Profiler.enable"); await post("Profiler.setSamplingInterval", { interval: 300 }); await post("Profiler.start");
    setTimeout(async () => { const { profile } = await post("Profiler.stop"); Deno.writeTextFileSync("/tmp/node.cpuprofile", JSON.stringify(profile)); }, 8000); });
}
// What is written is for the one who runs it: messages, hashes of passwords, keys.
if (process.platform !== "win32") process.umask(0o077);
watchOutput();

const code = await runProgram(process.argv.slice(2), {
  commands,
  onError: terminal.remark,
});
await flushed();
process.exit(code);
