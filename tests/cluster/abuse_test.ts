/**
 * One person writes while twenty clients ask for as much as they can: to most messages that makes
 * hardly a difference. How long the slowest take `deno task abuse` tells, on a machine at rest: here
 * few are sent, and the first of them meet thousands of calls that come at once.
 *
 * @module
 */

import assert from "node:assert/strict";
import { measureAbuse, part } from "../abuse/measure.ts";

const SHARE = 0.5;

/** Once is enough: the executable has the same admission, and each run takes most of a minute. */
const ignore = Deno.env.has("JMESSAGE_PROGRAM");

Deno.test({
  name: "abuse: among twenty clients that flood a node a message takes hardly longer (from source)",
  ignore,
  fn: holdsMost,
});

async function holdsMost(): Promise<void> {
  const { alone, among, counts } = await measureAbuse({ kind: "all", turns: 1, messages: 200 });
  assert.equal(among.length, alone.length, "all were sent in time");
  const [quiet, flooded] = [part(alone, SHARE), part(among, SHARE)];
  const text = `half of them within ${quiet.toFixed(1)} ms alone, ${
    flooded.toFixed(1)
  } ms among them`;
  assert.ok(flooded <= 3 * quiet, text);
  assert.ok((counts["0"] ?? 0) > 500, `they got answers, too: ${JSON.stringify(counts)}`);
  // Sizes that no call may have, and logins with wrong passwords.
  assert.ok((counts["8"] ?? 0) > 0 && (counts["RATE_LIMITED"] ?? 0) > 0, JSON.stringify(counts));
}
