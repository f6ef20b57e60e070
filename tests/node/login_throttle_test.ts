/**
 * How often a password may be tried, over the services of a member: for one account, from one
 * address, by whoever knows it, and that nothing of it tells who exists.
 *
 * @module
 */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { ChatError } from "../../src/errors.ts";
import { limits } from "../../src/limits.ts";
import { LoginThrottle } from "../../src/node/login_throttle.ts";
import { HandClock } from "../support/hand_clock.ts";
import { context, ServiceBench } from "../support/service_bench.ts";

const MALLORY = "192.0.2.1";

async function withBench(test: (bench: ServiceBench) => Promise<void>): Promise<void> {
  const bench = await ServiceBench.open();
  try {
    await test(bench);
  } finally {
    await bench.close();
  }
}

/** What a login is told; its port is another one each time. */
async function login(
  { chat }: ServiceBench,
  { name, password = "wrong password", host = MALLORY }: {
    readonly name: string;
    readonly password?: string;
    readonly host?: string;
  },
): Promise<string> {
  const from = `${host}:${1_024 + Math.floor(Math.random() * 60_000)}`;
  const request = { requestId: randomUUID(), name, password };
  const told = chat.login(request, { ...context(), from });
  return await told.then(() => "in", (thrown) => {
    const { reason, message, retryAfterMs } = ChatError.from(thrown);
    return `${reason} ${retryAfterMs ?? "-"}: ${message}`;
  });
}

Deno.test("login throttle: after some wrong passwords the right one has to wait too, as told", async () => {
  await withBench(async (bench) => {
    await bench.user("ann");
    for (let number = 0; number < limits.loginFailuresMax; number++) {
      assert.match(await login(bench, { name: number % 2 ? "ann" : "ANN" }), /^UNAUTHENTICATED -/);
    }
    const right = { name: "ann", password: "password of ann" };
    const wait = limits.loginFailureMs;
    assert.equal(
      await login(bench, right),
      `RATE_LIMITED ${wait}: Too many logins have failed: try again in ${wait / 1_000} s`,
    );
    await bench.clock.leap(wait - 1);
    assert.match(await login(bench, right), /^RATE_LIMITED 1:/);
    await bench.clock.leap(1);
    assert.equal(await login(bench, right), "in");
  });
});

Deno.test("login throttle: an unknown user is told the same, word by word", async () => {
  await withBench(async (bench) => {
    await bench.user("ann");
    const told = async (name: string) => {
      const all: string[] = [];
      for (let number = 0; number < limits.loginFailuresMax + 3; number++) {
        all.push(await login(bench, { name, host: `10.0.0.${number}` }));
      }
      return all;
    };
    assert.deepEqual(await told("nobody"), await told("ann"));
  });
});

Deno.test("login throttle: many at once are no way around", async () => {
  await withBench(async (bench) => {
    await bench.user("ann");
    const all = Array.from({ length: 50 }, () => login(bench, { name: "ann" }));
    const tried = (await Promise.all(all)).filter((told) => told.startsWith("UNAUTHENTICATED"));
    assert.equal(tried.length, limits.loginFailuresMax);
  });
});

Deno.test("login throttle: one address cannot try many names", async () => {
  await withBench(async (bench) => {
    await bench.user("ann");
    for (let number = 0; number < limits.addressFailuresMax; number++) {
      assert.match(await login(bench, { name: `user${number}` }), /^UNAUTHENTICATED/);
    }
    assert.match(await login(bench, { name: "another" }), /^RATE_LIMITED/);
    assert.match(await login(bench, { name: "another", host: "192.0.2.2" }), /^UNAUTHENTICATED/);
    const right = { name: "ann", password: "password of ann" };
    assert.equal(await login(bench, { ...right, host: "192.0.2.2" }), "in");
  });
});

Deno.test("login throttle: where one has logged in, others cannot lock one out", async () => {
  await withBench(async (bench) => {
    await bench.user("ann");
    const home = { name: "ann", password: "password of ann", host: "198.51.100.7" };
    assert.equal(await login(bench, home), "in");
    for (let number = 0; number < 3 * limits.loginFailuresMax; number++) {
      await login(bench, { name: "ann" });
    }
    assert.match(await login(bench, { ...home, host: "198.51.100.8" }), /^RATE_LIMITED/);
    for (let number = 0; number < 3; number++) assert.equal(await login(bench, home), "in");
    // Whoever shares that address has no more tries than anybody.
    for (let number = 0; number < limits.loginFailuresMax; number++) {
      assert.match(await login(bench, { ...home, password: "not hers" }), /^UNAUTHENTICATED/);
    }
    assert.match(await login(bench, home), /^RATE_LIMITED/);
  });
});

Deno.test("login throttle: right passwords are never counted", async () => {
  await withBench(async (bench) => {
    await bench.user("ann");
    const right = { name: "ann", password: "password of ann" };
    for (let number = 0; number < 3 * limits.loginFailuresMax; number++) {
      assert.equal(await login(bench, { ...right, host: `10.0.0.${number}` }), "in");
    }
  });
});

Deno.test("login throttle: what failed for another reason is not counted", async () => {
  const throttle = new LoginThrottle(new HandClock());
  const overloaded = () => Promise.reject(new ChatError("OVERLOADED", "too many"));
  for (let number = 0; number < 3 * limits.addressFailuresMax; number++) {
    await assert.rejects(throttle.pass({ name: "ann", from: "h:1" }, overloaded), {
      reason: "OVERLOADED",
    });
  }
});

Deno.test("login throttle: one network is one address", async () => {
  const same = [
    ["192.0.2.1:1", "192.0.2.1:2", "[::ffff:192.0.2.1]:3"],
    ["[2001:db8:1:2::1]:1", "[2001:db8:1:2:3:4:5:6]:9", "[2001:DB8:1:2::]:5"],
  ];
  for (const addresses of same) {
    const throttle = new LoginThrottle(new HandClock());
    const fail = (from: string, number: number) =>
      throttle.pass({ name: `user${number}`, from }, () => Promise.resolve(null));
    for (let number = 0; number < limits.addressFailuresMax; number++) {
      await fail(addresses[number % addresses.length]!, number);
    }
    for (const from of addresses) {
      await assert.rejects(fail(from, 1_000), { reason: "RATE_LIMITED" });
    }
    await fail("[2001:db8:1:3::1]:1", 1_001);
  }
});

Deno.test("login throttle: its memory is bounded", async () => {
  const throttle = new LoginThrottle(new HandClock());
  const many = 2 * limits.loginsKnownMax;
  for (let number = 0; number < many; number++) {
    const from = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}:1`;
    await throttle.pass(
      { name: `user${number}`, from },
      () => Promise.resolve(number % 2 ? 1 : null),
    );
  }
  assert.ok(throttle.known <= 3 * limits.loginsKnownMax);
});
