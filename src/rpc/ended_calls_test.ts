/**
 * What a client port tells of calls that are over, for metrics: each once, by its reason.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { ChatError } from "../errors.ts";
import { connect } from "./client.ts";
import type { EndedCall } from "./listener.ts";
import { contextFor, eventually, fakeServices } from "./rpc_test_services.ts";
import { serveClients } from "./server.ts";
import { asBuffer } from "./wire.ts";

const LOGOUT = "/jmessage.v1.ChatService/Logout";
const SUBSCRIBE = "/jmessage.v1.ChatService/Subscribe";
const CHECK = "/grpc.health.v1.Health/Check";

Deno.test("ended calls: each is told once, with its reason if it has one", async () => {
  const ended: EndedCall[] = [];
  let fails: ChatError | null = null;
  const services = fakeServices({
    chat: {
      logout: () =>
        fails === null
          ? Promise.resolve({ info: { clusterId: "c", position: "p" } })
          : Promise.reject(fails),
      subscribe: async function* ({ positions }, { signal }) {
        yield { kind: "heartbeat", position: "p" };
        if (positions.length > 0) await once(signal, "abort");
        else if (fails !== null) throw fails;
      },
    },
  });
  const onCall = (call: EndedCall) => void ended.push(call);
  const listener = await serveClients("127.0.0.1:0", { ...services, onCall });
  const client = connect(listener.address);
  const other = new Client(listener.address, credentials.createInsecure());
  const told = async (path: string, reason: string | null) => {
    await eventually(() => ended.length > 0, { what: `${path} ${reason}` });
    assert.deepEqual(ended.map((call) => [call.path, call.reason]), [[path, reason]]);
    return ended.splice(0)[0]!;
  };
  const frames = () => client.subscribe({ positions: [] }, contextFor(5_000));
  const logout = () => client.logout({ requestId: "r", all: false }, contextFor(5_000));
  try {
    await logout();
    const { ms } = await told(LOGOUT, null);
    assert.ok(ms !== null && ms >= 0 && ms < 5_000);
    await Array.fromAsync(frames());
    assert.equal((await told(SUBSCRIBE, null)).ms, null);
    fails = new ChatError("OVERLOADED", "enough");
    await assert.rejects(logout(), { reason: "OVERLOADED" });
    await told(LOGOUT, "OVERLOADED");
    await assert.rejects(Array.fromAsync(frames()), { reason: "OVERLOADED" });
    await told(SUBSCRIBE, "OVERLOADED");
    // Its reader has enough: that is no error.
    for await (const _ of client.subscribe({ positions: ["1"] }, contextFor(5_000))) break;
    await told(SUBSCRIBE, null);
    // A service that knows no reasons of ours is told by its status.
    await new Promise((resolve) => {
      const bytes = (text: string) => asBuffer(new TextEncoder().encode(text));
      const asItIs = (answer: Uint8Array) => answer;
      other.makeUnaryRequest(CHECK, bytes, asItIs, "nonsense", new Metadata(), resolve);
    });
    await told(CHECK, "INVALID_ARGUMENT");
    assert.ok(listener.connections() >= 1);
  } finally {
    client.close();
    other.close();
    await listener.close(0);
  }
  assert.equal(listener.connections(), 0);
});
