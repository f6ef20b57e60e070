/**
 * The end of a port: once, and as soon as the least patient of those who close it wants. And which
 * addresses that cannot be had are worth another try.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ChatError, REASONS } from "../errors.ts";
import { closeInTime, open, type OpenPort } from "./port.ts";

const PATIENT_MS = 10_000;

Deno.test("port: closing again hastens the first closing, and is no second one", async () => {
  const broken = Promise.withResolvers<void>();
  let [closings, breaks] = [0, 0];
  const close = closeInTime(() => {
    closings += 1;
    return broken.promise;
  }, () => {
    breaks += 1;
    broken.resolve();
  });
  const begun = performance.now();
  await Promise.all([close(PATIENT_MS), close(1)]);
  assert.ok(performance.now() - begun < PATIENT_MS / 2);
  assert.deepEqual([closings, breaks], [1, 1]);
});

Deno.test("port: what is over in time is not broken off", async () => {
  const close = closeInTime(() => Promise.resolve(), () => assert.fail("broken off"));
  await close(0);
  // Behind a timer that would have been due before.
  await new Promise((resolve) => setTimeout(resolve, 0));
});

Deno.test("port: an address that may be had later is no wrong usage", async () => {
  const cases = [
    ["EADDRINUSE", 1, /another port/],
    ["EADDRNOTAVAIL", 1, /an address of this machine/],
    ["EINVAL", 1, /an address of this machine/],
    ["EAI_AGAIN", 1, /an address of this machine/],
    ["ENOTFOUND", 2, /an address of this machine/],
    ["EACCES", 2, /another port/, "a:1024"],
    ["EACCES", 2, /below 1024 needs a privilege: .*CAP_NET_BIND_SERVICE/, "a:1023"],
  ] as const;
  for (const [code, exitCode, remedy, address = "a:1"] of cases) {
    const port: OpenPort = {
      bind: () => Promise.reject(Object.assign(new Error(`listen ${code}`), { code })),
      close: () => Promise.resolve(),
      connections: 0,
    };
    await assert.rejects(open(port, address, () => 0), (error) => {
      assert.ok(error instanceof ChatError);
      assert.match(error.message, /^Cannot listen on a:\d+: /);
      assert.match(error.message, remedy);
      assert.equal(REASONS[error.reason].exitCode, exitCode, code);
      return true;
    });
  }
});
