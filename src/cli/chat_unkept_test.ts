/**
 * Tests of chat commands where nothing can be kept, as on a full disk or in a read-only home: what can
 * be done is done, and what cannot is told in one line.
 *
 * @module
 */

import { deepEqual, equal, match } from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FakeCluster } from "../client/client_test_cluster.ts";
import { limits } from "../limits.ts";
import { PASSWORD, type Run, type RunOptions, withChat } from "./chat_test_trial.ts";

type Chat = (words: readonly string[], options?: RunOptions) => Promise<Run>;

/** With a state directory where one folder cannot be made. */
async function without(
  folder: "sessions" | "cursors",
  test: (chat: Chat, cluster: FakeCluster) => Promise<void>,
): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "jmessage-test-"));
  writeFileSync(join(directory, folder), "");
  try {
    await withChat((chat, cluster) => {
      return test((words, options) => chat(["--state-dir", directory, ...words], options), cluster);
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

Deno.test("chat commands: listen goes on where what was seen cannot be kept, and tells it at the end", async () => {
  await without("cursors", async (chat, cluster) => {
    await chat(["-u", "ann", "login"], PASSWORD);
    cluster.write("bob", "ann", "1");
    const listening = chat(["listen", "--count", "2", "--json"]);
    // The second comes after the first should have been kept.
    setTimeout(() => cluster.write("bob", "ann", "2"), 4 * limits.cursorKeepMs);
    const { code, json, error } = await listening;
    deepEqual(json.map((line) => line["body"]), ["1", "2"]);
    equal(code, 1);
    match(error, /^jmessage: Cannot keep .*; give another directory with --state-dir$/);
  });
});

Deno.test("chat commands: a login that cannot be kept serves the command that made it", async () => {
  await without("sessions", async (chat) => {
    const sent = await chat(["-u", "ann", "send", "bob", "hello", "--json"], PASSWORD);
    deepEqual([sent.code, sent.json.length, sent.error], [0, 1, ""]);
    const login = await chat(["-u", "ann", "login"], PASSWORD);
    equal(login.code, 1);
    match(login.error, /^jmessage: Cannot keep .*; give another directory with --state-dir$/);
  });
});

Deno.test("chat commands: who registers is told that the account is made, if its login cannot be kept", async () => {
  await without("sessions", async (chat) => {
    const { code, error } = await chat(["-u", "carl", "register"], PASSWORD);
    equal(code, 1);
    match(error, /^jmessage: The account is made, but: Cannot keep /);
  });
});
