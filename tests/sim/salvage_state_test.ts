/**
 * The model of the state that simulations run, beside libSQL, over logs with salvaged commands:
 * both come to the same, and snapshots of the model carry salvage records.
 *
 * @module
 */

import fc from "fast-check";
import assert from "node:assert/strict";
import { ModelState } from "../../src/sim/model_state.ts";
import type { SimState } from "../../src/sim/sim_state.ts";
import { openSqlState } from "../../src/sim/sql_state.ts";
import { anyCommand } from "../support/chat_arbitrary.ts";
import { loggedIn, salvaged, send } from "../support/chat_log.ts";
import { commandEntries } from "../support/state_log.ts";

async function seen({ view }: SimState) {
  return {
    outcomes: new Map([...await view.outcomes()].sort()),
    sessions: [...await view.openSessions()].sort(),
    adminToken: await view.adminTokenHash(),
    accounts: [...await view.openAccounts()].sort(),
    salvaged: [...await view.salvaged()].sort(),
    received: await Promise.all(["ann", "bob", "cid"].map((id) => view.received(id))),
  };
}

Deno.test("sim state: model and libSQL come to the same with salvaged commands", async () => {
  const lost = salvaged(send("lost", { by: "ann", to: "nobody" }), null);
  const property = fc.asyncProperty(fc.array(anyCommand, { maxLength: 30 }), async (commands) => {
    const entries = commandEntries([...loggedIn("ann", "bob"), lost, ...commands]);
    const model = new ModelState();
    const sql = await openSqlState();
    await model.apply(entries);
    await sql.apply(entries);
    const expected = await seen(model);
    assert.ok(expected.salvaged.includes("lost"));
    // Asserts itself that both came to the same outcomes.
    assert.deepEqual(await seen(sql), expected);

    const source = await model.openSnapshot();
    const copy = new ModelState();
    const sink = await copy.buildSnapshot();
    for (let chunk = await source.next(); chunk !== null; chunk = await source.next()) {
      await sink.write(chunk);
    }
    const { applied } = source;
    await sink.finish({ applied, digest: source.digest() });
    await sink.activate();
    assert.deepEqual(await seen(copy), expected);
    assert.deepEqual(await copy.digest(), await model.digest());
    await sql.dispose();
  });
  await fc.assert(property, { seed: 2625, numRuns: 60 });
});
