/**
 * The closed list of reasons is a contract with clients of every make: this is rpc.md's table.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ChatError, type Reason, REASONS } from "./errors.ts";

/** Status and whether it is definite, as `rpc.md` has them. */
const CONTRACT: readonly [status: string, definite: boolean, reasons: readonly Reason[]][] = [
  ["FAILED_PRECONDITION", true, ["NOT_LEADER"]],
  ["UNAVAILABLE", true, ["NO_LEADER", "SHUTTING_DOWN", "NOT_UP_TO_DATE"]],
  ["ABORTED", false, ["LEADERSHIP_LOST", "COMMIT_TIMEOUT"]],
  ["UNAUTHENTICATED", true, ["UNAUTHENTICATED"]],
  ["PERMISSION_DENIED", true, ["PERMISSION_DENIED"]],
  ["ALREADY_EXISTS", true, ["NAME_TAKEN", "REQUEST_ID_REUSED"]],
  ["NOT_FOUND", true, ["NO_SUCH_USER"]],
  ["INVALID_ARGUMENT", true, ["INVALID_ARGUMENT"]],
  ["RESOURCE_EXHAUSTED", true, ["OVERLOADED", "RATE_LIMITED", "SLOW_CONSUMER"]],
  ["FAILED_PRECONDITION", true, [
    "WRONG_CLUSTER",
    "WRONG_NODE",
    "COPIED_DATA_DIRECTORY",
    "REMOVED",
    "FORK",
  ]],
  ["RESOURCE_EXHAUSTED", false, ["DISK_FULL"]],
  ["INTERNAL", false, ["CORRUPT", "INTERNAL"]],
];

/** Made and kept on one side: a server sends neither. */
const LOCAL: readonly Reason[] = ["NO_ANSWER", "DATA_DIRECTORY"];

for (const [status, definite, reasons] of CONTRACT) {
  for (const reason of reasons) {
    Deno.test(`errors: ${reason} is ${status}, ${definite ? "definite" : "indefinite"}`, () => {
      const info = REASONS[reason];
      assert.deepEqual([info.status, info.definite], [status, definite]);
      // Only a command that cannot be right ends with 2 (cli.md).
      assert.equal(info.exitCode, reason === "INVALID_ARGUMENT" ? 2 : 1);
    });
  }
}

Deno.test("errors: whoever is refused for want of room is told when to try again", () => {
  for (const reason of Object.keys(REASONS) as Reason[]) {
    const { retryAfterMs } = new ChatError(reason, "");
    const waits = REASONS[reason].status === "RESOURCE_EXHAUSTED";
    assert.equal((retryAfterMs ?? 0) > 0, waits, reason);
    if (waits) assert.equal(REASONS[reason].retry, "wait", reason);
  }
  assert.equal(new ChatError("RATE_LIMITED", "", { retryAfterMs: 1 }).retryAfterMs, 1);
});

Deno.test("errors: the list is closed: no reason but the contract's and those that stay local", () => {
  const known = [...CONTRACT.flatMap(([, , reasons]) => reasons), ...LOCAL];
  assert.deepEqual(Object.keys(REASONS).sort(), known.sort());
});
