/**
 * Shows which spellings of this machine's addresses are refused for being one address.
 *
 * @module
 */

import assert from "node:assert/strict";
import { nodeConfig, type NodeOptions } from "./config.ts";
import { checkOwnAddresses } from "./own_addresses.ts";

const V4 = ["127.0.0.1"];
const BOTH = ["127.0.0.1", "::1"];
const V6_FIRST = ["::1", "127.0.0.1"];

/** Checks where `localhost` has the given addresses. */
function check(options: NodeOptions, localhost: readonly string[]): Promise<void> {
  const resolve = (host: string) => Promise.resolve(host === "localhost" ? localhost : [host]);
  return checkOwnAddresses(nodeConfig(options), resolve);
}

async function refused(options: NodeOptions, field: string, localhost = V4): Promise<void> {
  await assert.rejects(check(options, localhost), { reason: "INVALID_ARGUMENT", field });
}

Deno.test("own addresses: two ports at what is one address here are refused", async () => {
  const spelled = { listen: "localhost:7", peerListen: "127.0.0.1:7" };
  await refused(spelled, "peer-listen");
  // A name is bound at the first of its addresses.
  await refused(spelled, "peer-listen", BOTH);
  await check(spelled, V6_FIRST);
  await refused(
    { ...spelled, listen: "[::1]:7", peerListen: "localhost:7" },
    "peer-listen",
    V6_FIRST,
  );
  await refused({ http: "localhost:07", peerListen: "127.0.0.1:7" }, "http");
  await check({ ...spelled, listen: "localhost:8" }, V4);
  await check({ listen: "localhost:0", peerListen: "127.0.0.1:0" }, V4);
  await check(spelled, []);
});

Deno.test("own addresses: only who surely reaches itself alone is refused to join", async () => {
  const own = { peerListen: "127.0.0.1:7" };
  await refused({ ...own, join: ["localhost:7"] }, "join");
  await refused({ peerListen: "localhost:7", join: ["127.0.0.1:7"] }, "join");
  const moved = { ...own, peerAdvertise: "10.0.0.1:9" };
  await refused({ ...moved, join: ["10.0.0.1:9", "localhost:7"] }, "join");
  // Another node may be at the other address, behind the other port, or by the name tomorrow.
  await check({ ...own, join: ["localhost:7"] }, BOTH);
  await check({ ...own, join: ["localhost:7", "127.0.0.1:8"] }, V4);
  await check({ ...own, join: ["[::1]:7"] }, V4);
  await check({ ...own, join: ["chat.example:7"] }, V4);
  await check({ ...own, join: ["localhost:7"] }, []);
  await check(own, V4);
});
