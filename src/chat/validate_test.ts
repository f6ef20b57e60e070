/**
 * What clients may say and what they may not, field by field, at both ends of every limit.
 *
 * @module
 */

import assert from "node:assert/strict";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import {
  checkAcknowledge,
  checkBody,
  checkEndedSession,
  checkName,
  checkPageSize,
  checkPassword,
  checkRequestId,
} from "./validate.ts";

const v7 = "01890a5d-ac96-774b-bcce-b302099a8057";
const v4 = "f47ac10b-58cc-4372-a567-0e02b2c3d479";
const smile = "\u{1f600}";

interface Accepted {
  readonly what: string;
  readonly check: () => unknown;
  readonly value: unknown;
}

const accepted: readonly Accepted[] = [
  { what: "a name of one character", check: () => checkName("a"), value: "a" },
  { what: "a name's case", check: () => checkName("Ann_B.c-9"), value: "Ann_B.c-9" },
  {
    what: "the longest name",
    check: () => checkName("x".repeat(limits.nameLengthMax)).length,
    value: 64,
  },
  { what: "the shortest password", check: () => checkPassword("12345678"), value: "12345678" },
  {
    what: "the longest password, in characters of two units",
    check: () => checkPassword(smile.repeat(limits.passwordLengthMax)).length,
    value: 512,
  },
  { what: "a body of one byte", check: () => checkBody("a"), value: "a" },
  { what: "a body of control characters", check: () => checkBody("\u0000\n"), value: "\u0000\n" },
  {
    what: "the longest body, in bytes",
    check: () => checkBody("ü".repeat(limits.bodyBytesMax / 2)).length,
    value: 32_768,
  },
  { what: "a UUIDv7", check: () => checkRequestId(v7), value: v7 },
  { what: "a UUID of another version", check: () => checkRequestId(v4), value: v4 },
  {
    what: "a UUID in upper case as the same",
    check: () => checkRequestId(v7.toUpperCase()),
    value: v7,
  },
  {
    what: "ids to acknowledge",
    check: () => checkAcknowledge({ ids: [v7.toUpperCase()] }),
    value: { ids: [v7] },
  },
  {
    what: "as many ids as may be",
    check: () => checkAcknowledge({ ids: new Array(limits.ackIdsMax).fill(v7), upTo: "" }),
    value: { ids: new Array(limits.ackIdsMax).fill(v7) },
  },
  {
    what: "a position to acknowledge up to",
    check: () => checkAcknowledge({ ids: [], upTo: "p" }),
    value: { upTo: "p" },
  },
  { what: "a logout of this session", check: () => checkEndedSession({ all: false }), value: null },
  { what: "a logout of all sessions", check: () => checkEndedSession({ all: true }), value: null },
  {
    what: "a session to end",
    check: () => checkEndedSession({ all: false, sessionId: v4.toUpperCase() }),
    value: v4,
  },
  { what: "no page size", check: () => checkPageSize(undefined), value: limits.pageRowsDefault },
  { what: "page size 0", check: () => checkPageSize(0), value: limits.pageRowsDefault },
  { what: "a page size", check: () => checkPageSize(7), value: 7 },
  { what: "a huge page size", check: () => checkPageSize(1e6), value: limits.pageRowsMax },
];

for (const { what, check, value } of accepted) {
  Deno.test(`validate: takes ${what}`, () => assert.deepEqual(check(), value));
}

interface Refused {
  readonly what: string;
  readonly check: () => unknown;
  readonly field: string;
  /** End of the line, after "must". */
  readonly says: string;
}

const nameRule = 'be 1 to 64 of ASCII letters, digits, "_", "." and "-"';
const refused: readonly Refused[] = [
  {
    what: "an empty name",
    check: () => checkName(""),
    field: "name",
    says: `${nameRule}: current value is ""`,
  },
  {
    what: "a name with a space",
    check: () => checkName("a b", "to"),
    field: "to",
    says: `${nameRule}: current value is "a b"`,
  },
  {
    what: "a name that ends in a line end",
    check: () => checkName("ann\n"),
    field: "name",
    says: `${nameRule}: current value is "ann\\n"`,
  },
  {
    what: "a name with a letter beyond ASCII",
    check: () => checkName("аnn"),
    field: "name",
    says: `${nameRule}: current value is "аnn"`,
  },
  {
    what: "a name that is too long, and shows a part of it",
    check: () => checkName("x".repeat(limits.nameLengthMax + 1_000)),
    field: "name",
    says: `${nameRule}: current value is "${"x".repeat(80)}"`,
  },
  {
    what: "an empty session to end",
    check: () => checkEndedSession({ all: false, sessionId: "" }),
    field: "session_id",
    says: 'be a UUID: current value is ""',
  },
  {
    what: "a session to end beside all of them",
    check: () => checkEndedSession({ all: true, sessionId: v4 }),
    field: "session_id",
    says: `be absent if all is true: current value is "${v4}"`,
  },
  {
    what: "a short password, in characters",
    check: () => checkPassword(smile.repeat(7)),
    field: "password",
    says: "be 8 to 256 characters: current value is 7 characters",
  },
  {
    what: "a long password",
    check: () => checkPassword("x".repeat(257)),
    field: "password",
    says: "be 8 to 256 characters: current value is 257 characters",
  },
  {
    what: "a password of a lone surrogate",
    check: () => checkPassword("12345678\ud800"),
    field: "password",
    says: "be well-formed Unicode: current value is a lone surrogate",
  },
  {
    what: "an empty body",
    check: () => checkBody(""),
    field: "body",
    says: "be 1 to 65536 bytes of UTF-8: current value is 0 bytes",
  },
  {
    what: "a long body, in bytes",
    check: () => checkBody("ü".repeat(limits.bodyBytesMax / 2) + "x"),
    field: "body",
    says: "be 1 to 65536 bytes of UTF-8: current value is 65537 bytes",
  },
  {
    what: "a body of a lone surrogate",
    check: () => checkBody("\udc00"),
    field: "body",
    says: "be well-formed Unicode: current value is a lone surrogate",
  },
  {
    what: "an empty request id",
    check: () => checkRequestId(""),
    field: "request_id",
    says: 'be a UUID: current value is ""',
  },
  {
    what: "the nil UUID",
    check: () => checkRequestId("00000000-0000-0000-0000-000000000000"),
    field: "request_id",
    says: 'be a UUID: current value is "00000000-0000-0000-0000-000000000000"',
  },
  {
    what: "the max UUID",
    check: () => checkRequestId("ffffffff-ffff-ffff-ffff-ffffffffffff"),
    field: "request_id",
    says: 'be a UUID: current value is "ffffffff-ffff-ffff-ffff-ffffffffffff"',
  },
  {
    what: "a UUID in braces",
    check: () => checkRequestId(`{${v7}}`),
    field: "request_id",
    says: `be a UUID: current value is "{${v7}}"`,
  },
  {
    what: "nothing to acknowledge",
    check: () => checkAcknowledge({}),
    field: "ids",
    says: "be 1 to 1000 if up_to is empty: current value is 0 ids",
  },
  {
    what: "too many ids to acknowledge",
    check: () => checkAcknowledge({ ids: new Array(1_001).fill(v7) }),
    field: "ids",
    says: "be 1 to 1000 if up_to is empty: current value is 1001 ids",
  },
  {
    what: "an id to acknowledge that is none",
    check: () => checkAcknowledge({ ids: [v7, "x"] }),
    field: "ids",
    says: 'be a UUID: current value is "x"',
  },
  {
    what: "ids and a position to acknowledge",
    check: () => checkAcknowledge({ ids: [v7], upTo: "p" }),
    field: "up_to",
    says: "be empty if ids are given: current value is 1 ids and a position",
  },
  {
    what: "a negative page size",
    check: () => checkPageSize(-1, "limit"),
    field: "limit",
    says: "be a whole number: current value is -1",
  },
  {
    what: "half a row",
    check: () => checkPageSize(1.5),
    field: "page_size",
    says: "be a whole number: current value is 1.5",
  },
];

for (const { what, check, field, says } of refused) {
  Deno.test(`validate: refuses ${what}`, () => {
    assert.throws(check, (error) => {
      assert.ok(error instanceof ChatError);
      assert.deepEqual([error.reason, error.field], ["INVALID_ARGUMENT", field]);
      assert.equal(error.message, `Cannot take the request as ${field} must ${says}`);
      return true;
    });
  });
}
