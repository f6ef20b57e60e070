/**
 * Shows whom `admin digest` compares, whom it waits for and what it says where that fails, over
 * clusters made up in memory.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ManualClock } from "../client/client_test_clock.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { AdminApi, CallContext, StatusMember } from "../rpc/api.ts";
import { answers, member, status, trial } from "./admin_test_trial.ts";

/** Resolves after `ms` of a clock moved by hand; rejects with the reason if the signal is aborted. */
function delay(clock: ManualClock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    clock.after(ms, resolve);
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
}

function digesting(id: string, indexes: number[], digest: (index: number) => string) {
  const members = [member("a"), member("b")];
  return {
    ...answers(id, members),
    digest: () => {
      const appliedIndex = (indexes.length > 1 ? indexes.shift() : indexes[0]) ?? 0;
      return Promise.resolve({ id, appliedIndex, digest: digest(appliedIndex) });
    },
  };
}

Deno.test("admin digest: compares at one index although writes go on", async () => {
  const clock = new ManualClock();
  const nodes = {
    "a:1": digesting("a", [10, 12, 14], (index) => `d${index}`),
    "b:1": digesting("b", [11, 13, 12], (index) => `d${index}`),
  };
  const { code, json } = await trial(nodes, "admin digest --json -s a:1", clock);
  assert.equal(code, 0);
  assert.deepEqual(json, [{
    identical: true,
    appliedIndex: 12,
    members: [
      { id: "a", appliedIndex: 12, digest: "d12" },
      { id: "b", appliedIndex: 12, digest: "d12" },
    ],
    missing: [],
  }]);
});

Deno.test("admin digest: members that differ are shown, and the command fails", async () => {
  const clock = new ManualClock();
  const nodes = {
    "a:1": digesting("a", [10], () => "one"),
    "b:1": digesting("b", [10], () => "other"),
  };
  const { code, lines, errors } = await trial(nodes, "admin digest -s a:1", clock);
  assert.equal(code, 1);
  assert.match(lines.join("\n"), /^different at index 10\n[^]*a {3}one\nb {3}other$/);
  assert.match(errors[0] ?? "", /Members differ at index 10/);
});

Deno.test("admin digest: a large state is waited for, a node that is silent meanwhile is not", async () => {
  const clock = new ManualClock();
  const members = [member("a"), member("b")];
  const digest = (id: string) => ({ id, appliedIndex: 10, digest: "d" });
  let looks = 0;
  let busy = false;
  const nodes = {
    "a:1": {
      status: () =>
        busy
          ? Promise.reject(new ChatError("OVERLOADED", "too much to do"))
          : Promise.resolve(status("a", members)),
      digest: async (_request: object, { signal }: CallContext) => {
        busy = true;
        await delay(clock, 1.2 * limits.adminCallMsMax, signal);
        return digest("a");
      },
    },
    "b:1": {
      status: () =>
        looks++ === 0
          ? Promise.resolve(status("b", members))
          : Promise.reject(new ChatError("NO_ANSWER", "silent")),
      digest: (_request: object, { signal }: CallContext) =>
        new Promise<never>((_, reject) => {
          signal?.addEventListener("abort", () => reject(signal.reason));
        }),
    },
  };
  const { code, json } = await trial(nodes, "admin digest --json -s a:1", clock);
  assert.equal(code, 0);
  const alone = { identical: true, appliedIndex: 10, members: [digest("a")], missing: ["b"] };
  assert.deepEqual(json, [alone]);
  assert.ok(clock.mono() < 2 * limits.adminCallMsMax, `waited ${clock.mono()} ms`);
  busy = false;
  const late = await trial(nodes, "admin digest -s a:1 --timeout 1", clock);
  assert.equal(late.code, 1);
  assert.match(late.errors[0] ?? "", /takes longer; give a longer --timeout/);
});

/** By how much others are behind the leader, ms. */
const LAG_MS = 7;

/** How long a call is on its way, there or back, ms. */
const WAY_MS = 2;

/** A member whose state grows by an entry a ms, and which gives its digest where it is asked to. */
function growing(
  id: string,
  clock: ManualClock,
  members: readonly StatusMember[],
  changes: Partial<AdminApi> = {},
) {
  const beganMs = clock.wall() + (id === "a" ? 0 : LAG_MS);
  const applied = () => clock.wall() - beganMs;
  return {
    status: async (_request: object, { deadlineMs }: CallContext) => {
      if (clock.wall() >= deadlineMs) throw new ChatError("NO_ANSWER", "late");
      await delay(clock, WAY_MS);
      const appliedIndex = applied();
      await delay(clock, WAY_MS);
      return status(id, members.map((one) => ({ ...one, appliedIndex })));
    },
    digest: async ({ atLeastIndex = 0 }: { readonly atLeastIndex?: number }) => {
      await delay(clock, WAY_MS);
      const isAhead = applied() < atLeastIndex;
      await delay(clock, Math.max(0, atLeastIndex - applied()));
      return { id, appliedIndex: isAhead ? atLeastIndex : applied(), digest: "d" };
    },
    ...changes,
  };
}

const hanging = (_request: object, { signal }: CallContext) =>
  new Promise<never>((_, reject) => {
    signal?.addEventListener("abort", () => reject(new ChatError("NO_ANSWER", "silent")));
  });

Deno.test("admin digest: a member that hangs does not make what is known of the others old", async () => {
  const clock = new ManualClock();
  const members = [member("a"), member("b"), member("c")];
  const nodes = {
    "a:1": growing("a", clock, members),
    "b:1": growing("b", clock, members),
    "c:1": { status: hanging, digest: hanging },
  };
  const { code, json } = await trial(nodes, "admin digest --json -s a:1 --timeout 8", clock);
  assert.equal(code, 0);
  const [{ members: compared }] = json as [{ members: { id: string }[] }];
  assert.deepEqual(compared.map(({ id }) => id), ["a", "b"]);
});

Deno.test("admin digest: where the time is up between two looks, that is what it says", async () => {
  const clock = new ManualClock();
  const members = [member("a"), member("b")];
  let index = 10;
  const digest = (id: string) => () => Promise.resolve({ id, appliedIndex: index++, digest: "d" });
  const nodes = {
    "a:1": growing("a", clock, members, { digest: digest("a") }),
    "b:1": growing("b", clock, members, { digest: digest("b") }),
  };
  const { code, errors } = await trial(nodes, "admin digest -s a:1 --timeout 1", clock);
  assert.equal(code, 1);
  assert.match(errors[0] ?? "", /never gave them at one index in time/);
});

Deno.test("admin digest: a voter that comes late is compared, and left out only at the timeout", async () => {
  const clock = new ManualClock();
  const members = [member("a"), member("b")];
  const digest = (id: string) => ({ id, appliedIndex: 10, digest: "d" });
  let asked = 0;
  const lagging = (times: number) => () =>
    asked++ < times
      ? Promise.reject(new ChatError("NOT_UP_TO_DATE", "This node has not caught up in time"))
      : Promise.resolve(digest("b"));
  const nodes = (times: number) => ({
    "a:1": { ...answers("a", members), digest: () => Promise.resolve(digest("a")) },
    "b:1": { ...answers("b", members), digest: lagging(times) },
  });
  const late = await trial(nodes(2), "admin digest --json -s a:1", clock);
  const both = [digest("a"), digest("b")];
  const whole = { identical: true, appliedIndex: 10, members: both, missing: [] };
  assert.deepEqual(late.json, [whole]);
  const never = await trial(nodes(Infinity), "admin digest --json -s a:1 --timeout 1", clock);
  assert.deepEqual(never.json, [{ ...whole, members: [digest("a")], missing: ["b"] }]);
});

Deno.test("admin digest: a voter that does not take the token is not left out in silence", async () => {
  const clock = new ManualClock();
  const refuse = () => Promise.reject(new ChatError("UNAUTHENTICATED", "another token"));
  let asked = 0;
  const digest = (id: string) => Promise.resolve({ id, appliedIndex: 9, digest: "d" });
  const cluster = (voter: boolean, times: number) => ({
    "a:1": {
      ...answers("a", [member("a"), member("b", { voter })]),
      digest: () => digest("a"),
    },
    "b:1": { status: refuse, digest: () => asked++ < times ? refuse() : digest("b") },
  });
  const refused = await trial(
    cluster(true, Infinity),
    "admin digest --json -s a:1 --timeout 2",
    clock,
  );
  assert.deepEqual([refused.code, refused.json], [1, []]);
  assert.match(refused.errors[0] ?? "", /admin token, or with another one/);
  asked = 0;
  const late = await trial(cluster(true, 2), "admin digest --json -s a:1", clock);
  assert.equal(late.code, 0);
  asked = 0;
  const learner = await trial(cluster(false, Infinity), "admin digest --json -s a:1", clock);
  assert.equal(learner.code, 0);
});
