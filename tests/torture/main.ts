/**
 * `deno task torture`: real nodes, real clients, and everything that the policy promises to
 * survive. Owns flags, directory, signals and exit code; the run is `run.ts`'s.
 *
 * @module
 */

import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { commandOf, HELP, parseOptions, type TortureOptions, UsageError } from "./options.ts";
import { exitCode, resultJson, resultText } from "./report.ts";
import { Run } from "./run.ts";

/** One run; resolves with its exit code, with nothing left behind unless it failed. */
async function main(options: TortureOptions): Promise<number> {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-torture-" });
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, interrupt);
  const started = performance.now();
  const note = (text: string) => {
    const at = new Date().toISOString().slice(11, 23);
    appendFileSync(join(directory, "run.log"), `${at} ${text}\n`);
  };
  const progress = progressOf();
  const tell = (text: string) => {
    note(text);
    progress.tell(text);
  };
  note(commandOf(options));
  tell(`seed ${options.seed}, ${options.nodes} nodes, ${options.minutes} minutes`);
  const run = new Run(options, { directory, tell, note, signal: interrupted.signal });
  const result = await run.torture();
  progress.end();
  const code = exitCode(result);
  const isKept = code === 1 || code === 3;
  note(`ended with ${code} after ${Math.round((performance.now() - started) / 1_000)} s`);
  const kept = isKept ? directory : null;
  await run.unmount({ keep: isKept });
  if (!isKept) await Deno.remove(directory, { recursive: true });
  console.log(options.json ? resultJson(result, kept) : resultText(result, kept));
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(signal, interrupt);
  return code;
}

/** On a terminal one line that changes, else a line each; on stderr, so that results stay alone. */
function progressOf(): { readonly tell: (text: string) => void; readonly end: () => void } {
  if (!Deno.stderr.isTerminal()) return { tell: (text) => console.error(text), end: () => {} };
  const write = (text: string) => Deno.stderr.writeSync(new TextEncoder().encode(text));
  return { tell: (text) => write(`\r\x1b[K${text}`), end: () => write("\n") };
}

try {
  const options = parseOptions(Deno.args);
  if (options === null) console.log(HELP);
  else Deno.exit(await main(options));
} catch (thrown) {
  if (!(thrown instanceof UsageError)) throw thrown;
  console.error(`torture: ${thrown.message}`);
  Deno.exit(2);
}
