/**
 * A byte of a node's databases is damaged, anywhere: the node tells exactly what it told before, as
 * the byte meant nothing, or refuses the directory with a line that names a file. It never tells
 * anything else, and never ends without a line.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { machineCollector } from "../../src/collector.ts";
import { Random } from "../../src/sim/random.ts";
import { makeDirectories, structuralPlaces, toldBy } from "./flips.ts";
import { inDirectory } from "./temporary.ts";

/** Flips tried in each file, half of them where SQLite keeps its structure. Thousands passed. */
const FLIPS = 60;
const SEED = 60_101;

/** Flips before closed connections are collected: each keeps its files open until then. */
const FLIPS_PER_COLLECTION = 25;

const refusal = /^CORRUPT Cannot use (log|chat-1)\.db(-wal)?: [^\n]+$/;

const files = [["stopped", "log.db"], ["stopped", "chat-1.db"], [
  "killed",
  "chat-1.db-wal",
]] as const;

for (const [how, file] of files) {
  Deno.test(`damage: a flipped byte in ${file} of a ${how} node is refused or means nothing`, async () => {
    await inDirectory(async (parent) => {
      const path = (await makeDirectories(parent))[how];
      const scratch = join(parent, "scratch");
      const collect = machineCollector();
      const toldOf = async (bytes: Uint8Array) => {
        rmSync(scratch, { recursive: true, force: true });
        cpSync(path, scratch, { recursive: true });
        writeFileSync(join(scratch, file), bytes);
        return await toldBy(scratch);
      };
      const bytes = readFileSync(join(path, file));
      const whole = await toldOf(bytes);
      assert.ok(whole.startsWith("["), whole);
      const random = new Random(SEED);
      const structural = file.endsWith("-wal") ? null : structuralPlaces(join(path, file));
      let refused = 0;
      for (let flip = 0; flip < FLIPS; flip++) {
        const at = structural !== null && flip % 2 === 0
          ? random.pick(structural)
          : random.below(bytes.length);
        const mask = 1 + random.below(255);
        const damaged = new Uint8Array(bytes);
        damaged[at]! ^= mask;
        const told = await toldOf(damaged);
        if (told !== whole) {
          assert.match(told, refusal, `byte ${at} ^ ${mask}: ${told.slice(0, 300)}`);
          refused++;
        }
        if (flip % FLIPS_PER_COLLECTION === 0) collect();
      }
      // What SQLite forgets of the state's write-ahead log is applied again.
      if (structural !== null) assert.ok(refused > FLIPS / 4, `${refused} were refused`);
    });
  });
}

/** Where the header of a database says of which version it is, and of which program. */
const versionBytes = [60, 61, 62, 63, 68, 69, 70, 71];

for (const file of ["log.db", "chat-1.db"]) {
  Deno.test(`damage: any bit of the version of ${file} is refused, and no step to it is taken twice`, async () => {
    await inDirectory(async (parent) => {
      const path = (await makeDirectories(parent)).stopped;
      const bytes = readFileSync(join(path, file));
      for (const at of versionBytes) {
        for (let bit = 0; bit < 8; bit++) {
          const damaged = new Uint8Array(bytes);
          damaged[at]! ^= 1 << bit;
          writeFileSync(join(path, file), damaged);
          assert.match(await toldBy(path), refusal, `bit ${bit} of byte ${at}`);
          assert.deepEqual(readFileSync(join(path, file)), Buffer.from(damaged), "nothing changes");
        }
      }
    });
  });
}
