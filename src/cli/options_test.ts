/**
 * Shows which values of flags are taken and which are told to be wrong.
 *
 * @module
 */

import assert from "node:assert/strict";
import { parseAddress, parseAddresses, parseInteger, parseOnOff } from "./options.ts";

Deno.test("addresses: host and port, a bracketed IPv6 host, a list without repetition", () => {
  for (const good of ["127.0.0.1:2625", "chat.example:0", "[::1]:65535"]) {
    assert.equal(parseAddress(` ${good} `), good);
  }
  assert.deepEqual(parseAddresses("a:1, b:2,a:1"), ["a:1", "b:2"]);
});

Deno.test("addresses: anything else is refused with an example", () => {
  for (const bad of ["", "localhost", "a:65536", "a:-1", "::1:80", "a b:1", "http://a:1", ":1"]) {
    assert.throws(() => parseAddress(bad), /Must be HOST:PORT, as in/, bad);
  }
  assert.throws(() => parseAddresses("a:1,,b:2"), /HOST:PORT/);
});

Deno.test("numbers: only whole ones within their bounds", () => {
  const parse = parseInteger(1, 10);
  assert.equal(parse("10"), 10);
  for (const bad of ["0", "11", "1.5", "-1", "1e1", "", "x"]) {
    assert.throws(() => parse(bad), /whole number from 1 to 10/, bad);
  }
});

Deno.test("on or off: nothing else", () => {
  assert.equal(parseOnOff("on"), true);
  assert.equal(parseOnOff("off"), false);
  assert.throws(() => parseOnOff("yes"), /on or off/);
});
