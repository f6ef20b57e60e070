/**
 * The executable alone: copied away from everything that it was built beside, and run in an empty
 * directory. Owns what surrounds it there; what it must do is each test's.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { openDataDirectory } from "../../src/storage/data_directory.ts";
import { PROGRAM } from "../cluster/program.ts";
import { founding } from "../storage/data_directories.ts";

/** The file under test. */
export function executable(): string {
  assert.deepEqual(PROGRAM.args, [], "run with `deno task test:binary`");
  return PROGRAM.command;
}

/** What a run came to. */
export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The executable among nothing but empty directories. */
export class Alone {
  /** Of the copy. */
  readonly #path: string;
  readonly home: string;
  readonly temporary: string;
  readonly working: string;
  /** Data of a stopped node. */
  readonly data: string;

  private constructor(root: string) {
    this.#path = join(root, "bin", "jmessage");
    this.home = join(root, "home");
    this.temporary = join(root, "temporary");
    this.working = join(root, "working");
    this.data = join(root, "data");
  }

  static async in(root: string): Promise<Alone> {
    const alone = new Alone(root);
    const { home, temporary, working } = alone;
    for (const one of [join(root, "bin"), home, temporary, working]) await Deno.mkdir(one);
    await Deno.copyFile(executable(), alone.#path);
    const directory = await openDataDirectory(alone.data, { create: true, nodeId: "a" });
    await directory.bootstrap(founding);
    await (await directory.openState()).close();
    await directory.close();
    return alone;
  }

  /** Runs a command with no variables but those that every process has. */
  async run(...args: readonly string[]): Promise<Run> {
    const output = await new Deno.Command(this.#path, {
      args: [...args],
      cwd: this.working,
      clearEnv: true,
      env: { HOME: this.home, TMPDIR: this.temporary, PATH: Deno.env.get("PATH") ?? "" },
      stdin: "null",
    }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
  }

  /** Everything that lies where it could have left something. */
  left(): readonly string[] {
    return [this.home, this.temporary, this.working].flatMap((directory) =>
      [...Deno.readDirSync(directory)].map(({ name }) => join(directory, name))
    );
  }
}
