/**
 * Tests of a login that has ended and is made anew.
 *
 * @module
 */

import { deepEqual, equal, rejects } from "node:assert/strict";
import { ChatError } from "../errors.ts";
import { Session } from "./session.ts";

const ended = new ChatError("UNAUTHENTICATED", "Not logged in: log in again");

/** A session with a kept login, and a way to renew it that answers in turn. */
function setUp(...answers: (ChatError | string)[]) {
  const session = new Session({ user: "ann", token: "old" });
  const count = { renewals: 0 };
  session.renewBy(() => {
    count.renewals++;
    const answer = answers.shift() ?? "none";
    if (answer instanceof ChatError) return Promise.reject(answer);
    session.logIn("ann", answer);
    return Promise.resolve();
  });
  return { session, count };
}

Deno.test("session: what fails together waits for one new login", async () => {
  const { session, count } = setUp("new");
  const both = [session.renewed(ended, "old"), session.renewed(ended, "old")];
  deepEqual(await Promise.all(both), [true, true]);
  deepEqual([session.token, count.renewals], ["new", 1]);
  equal(await session.renewed(ended, "old"), true, "one that was on its way");
  equal(await session.renewed(ended, "new"), false, "only once");
  equal(await session.renewed(new ChatError("NO_LEADER", "There is no leader"), "old"), false);
  equal(count.renewals, 1);
});

Deno.test("session: a renewal that nobody answered is tried again, one that was refused is not", async () => {
  const nobody = new ChatError("NO_LEADER", "There is no leader");
  const refused = new ChatError("UNAUTHENTICATED", "Wrong name or password");
  const { session, count } = setUp(nobody, refused);
  await rejects(session.renewed(ended, "old"), nobody);
  await rejects(session.renewed(ended, "old"), refused);
  await rejects(session.renewed(ended, "old"), refused);
  equal(count.renewals, 2);
});

Deno.test("session: one for which another had too little time is tried again in one's own", async () => {
  const late = new ChatError("NO_LEADER", "Cannot log in within 1 s");
  const { session, count } = setUp(late, "new");
  const hurried = session.renewed(ended, "old");
  const others = [session.renewed(ended, "old"), session.renewed(ended, "old")];
  await rejects(hurried, late);
  deepEqual(await Promise.all(others), [true, true]);
  equal(count.renewals, 2);
});

Deno.test("session: one that did not bring a login is none", async () => {
  const { session } = setUp("old");
  equal(await session.renewed(ended, "old"), false);
  session.renewBy(() => Promise.resolve(session.logIn("ann", "newer")));
  equal(await session.renewed(ended, "old"), true, "another way to renew is tried");
});
