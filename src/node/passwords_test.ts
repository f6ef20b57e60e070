/**
 * Password hashes: right, wrong, unknown, and too many at once.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { DEFAULT_PASSWORD_COST, hashesAtOnce, Passwords } from "./passwords.ts";

const CHEAP = { N: 16, r: 8, p: 1 };

Deno.test("passwords: the right one is told from a wrong one, and a stranger has none", async () => {
  const passwords = new Passwords(CHEAP);
  const hash = await passwords.hash("correct horse");
  assert.ok(await passwords.check("correct horse", hash));
  assert.ok(!await passwords.check("correct horsf", hash));
  assert.ok(!await passwords.check("correct horse", null));
});

Deno.test("passwords: hashes of one password differ and carry their cost", async () => {
  const passwords = new Passwords(CHEAP);
  const [first, second] = [await passwords.hash("same same"), await passwords.hash("same same")];
  assert.notEqual(first, second);
  assert.match(first, /^scrypt\$16\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
  // A node with another cost still checks it.
  assert.ok(await new Passwords({ N: 32, r: 8, p: 1 }).check("same same", first));
});

Deno.test("passwords: the default cost is OWASP's, and works", async () => {
  assert.deepEqual(DEFAULT_PASSWORD_COST, { N: 131_072, r: 8, p: 1 });
  assert.match(await new Passwords().hash("a real one"), /^scrypt\$131072\$8\$1\$/);
});

Deno.test("passwords: one text has one hash, however its accents are encoded", async () => {
  const passwords = new Passwords(CHEAP);
  assert.ok(await passwords.check("caf\u00e9 au lait", await passwords.hash("cafe\u0301 au lait")));
});

Deno.test("passwords: a hash of a form that nobody here knows is refused, and is no damage", async () => {
  const passwords = new Passwords(CHEAP);
  const hash = await passwords.hash("correct horse");
  const strange = [
    "",
    "argon2id$v=19$m=65536",
    hash.slice(0, -1),
    hash.replace("$16$", "$x$"),
    `${hash}$`,
  ];
  for (const one of strange) {
    await assert.rejects(passwords.check("correct horse", one), {
      reason: "INTERNAL",
      message: /^Cannot check this password: .* version/,
    });
  }
  assert.ok(await passwords.check("correct horse", hash), "and nothing is held up by it");
});

Deno.test("passwords: more than may wait are OVERLOADED; all the others are served", async () => {
  const passwords = new Passwords(CHEAP);
  const room = hashesAtOnce() + limits.passwordHashesWaitingMax;
  const all = Array.from({ length: room + 3 }, () => passwords.check("whatever", null));
  const settled = await Promise.allSettled(all);
  const failed = settled.filter((one) => one.status === "rejected");
  assert.equal(failed.length, 3);
  for (const one of failed) {
    assert.ok(one.reason instanceof ChatError && one.reason.reason === "OVERLOADED");
  }
  assert.equal(await passwords.check("whatever", null), false);
});
