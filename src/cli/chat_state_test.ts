/**
 * Tests of what chat keeps between runs: who may read it, and what damaged files do.
 *
 * @module
 */

import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ChatState, defaultStateDirectory } from "./chat_state.ts";

function withState(test: (state: ChatState) => void): void {
  const directory = mkdtempSync(join(tmpdir(), "jmessage-test-"));
  try {
    test(new ChatState(join(directory, "state")));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

Deno.test("chat state: a session is found by user and cluster, names without regard to case", () => {
  withState((state) => {
    const session = { user: "Ann", token: "secret", position: "3.0.1.a" };
    state.keepSession("c1", session);
    deepEqual(state.session("c1", "ann"), session);
    equal(state.session("c2", "ann"), null);
    equal(state.session("c1", "bob"), null);
    deepEqual(state.users("c1"), ["Ann"]);
    state.forgetSession("c1", "ANN");
    equal(state.session("c1", "ann"), null);
  });
});

Deno.test("chat state: only the owner can read a token", () => {
  withState((state) => {
    state.keepSession("c1", { user: "ann", token: "secret" });
    state.keepSession("c1", { user: "ann", token: "newer" });
    const folder = join(state.directory, "sessions", "c1");
    equal(statSync(join(folder, "ann.json")).mode & 0o777, 0o600);
    equal(statSync(folder).mode & 0o777, 0o700);
    deepEqual(readdirSync(folder), ["ann.json"]);
  });
});

Deno.test("chat state: names that are no file names stay inside the directory", () => {
  withState((state) => {
    for (const user of ["..", ".", "../../escaped", "a/b", "", "\u0000"]) {
      state.keepSession("../c", { user, token: `token of ${user}` });
      equal(state.session("../c", user)?.token, `token of ${user}`);
    }
    deepEqual(readdirSync(join(state.directory, "..")), ["state"]);
    deepEqual(readdirSync(state.directory), ["sessions"]);
  });
});

Deno.test("chat state: damaged files count as missing", () => {
  withState((state) => {
    state.keepSession("c1", { user: "ann", token: "secret" });
    for (const text of ["", "{", "null", "[]", '{"user":1}']) {
      writeFileSync(join(state.directory, "sessions", "c1", "ann.json"), text);
      equal(state.session("c1", "ann"), null, text);
    }
    deepEqual(state.users("c1"), []);
  });
});

Deno.test("chat state: a directory that cannot be is told with a way out", () => {
  withState((state) => {
    writeFileSync(state.directory, "a file");
    throws(() => state.keepSession("c1", { user: "ann", token: "secret" }), {
      reason: "DATA_DIRECTORY",
      message: /^Cannot keep .*ann\.json: .*; give another directory with --state-dir$/,
    });
  });
});

Deno.test("chat state: a cluster is known by its addresses, and each is one cluster's", () => {
  withState((state) => {
    state.keepAddresses("c1", ["a:1", "b:1"]);
    state.keepAddresses("c2", ["c:1"]);
    deepEqual(state.clustersAt(["x:1", "b:1"]), ["c1"]);
    deepEqual(state.addresses("c1"), ["a:1", "b:1"]);
    deepEqual(state.clustersAt(["z:1"]), []);
    state.keepAddresses("c2", ["c:1", "b:1"]);
    deepEqual(state.clustersAt(["b:1"]), ["c2"]);
    deepEqual(state.addresses("c1"), ["a:1"]);
  });
});

Deno.test("chat state: what was seen is kept apart from the login", () => {
  withState((state) => {
    equal(state.cursor("c1", "ann"), null);
    state.keepCursor("c1", "ann", { positions: ["3.0.1.a"], recentIds: ["x"] });
    state.forgetSession("c1", "ann");
    deepEqual(state.cursor("c1", "ann"), { positions: ["3.0.1.a"], recentIds: ["x"] });
  });
});

Deno.test("chat state: lives where XDG says", () => {
  equal(defaultStateDirectory({ XDG_STATE_HOME: "/state" }), join("/state", "jmessage"));
  ok(defaultStateDirectory({}).endsWith(join(".local", "state", "jmessage")));
});
