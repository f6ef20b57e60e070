/**
 * The original clients' service over a real socket, with fakes behind it: its table and its
 * schema agree, what a call is given, when its answer counts as gone out, and what is refused.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { limits } from "../limits.ts";
import type { OriginalApi, OriginalContext, OriginalResponse } from "./original_api.ts";
import { originalMethods } from "./original_handlers.ts";
import { eventually, fakeServices } from "./rpc_test_services.ts";
import { serveClients } from "./server.ts";

const done: OriginalResponse = { errorCode: 0, errorMessage: "", sessionId: "" };

function fakeOriginal(changes: Partial<OriginalApi> = {}): OriginalApi {
  const answer = () => Promise.resolve(done);
  const nothing = () => Promise.resolve({ errorCode: 17, errorMessage: "", messages: [] });
  return {
    createAccount: answer,
    login: answer,
    listUsers: () => Promise.resolve({ users: [] }),
    send: answer,
    getMessages: nothing,
    getChat: nothing,
    acknowledge: answer,
    deleteAccount: answer,
    logout: answer,
    ...changes,
  };
}

async function withService(
  original: OriginalApi,
  test: (client: Client) => Promise<void>,
): Promise<void> {
  const listener = await serveClients("127.0.0.1:0", { ...fakeServices(), original });
  const client = new Client(listener.address, credentials.createInsecure());
  try {
    await test(client);
  } finally {
    client.close();
    await listener.close(0);
  }
}

/** Begins a call of bytes; `code` is how it ended. */
function begin(client: Client, name: string, bytes = "", options = {}) {
  const asItIs = (buffer: Buffer) => buffer;
  const ended = Promise.withResolvers<ServiceError | null>();
  const [path, request] = [`/ClientAccount/${name}`, Buffer.from(bytes, "hex")];
  const call = client.makeUnaryRequest(
    path,
    asItIs,
    asItIs,
    request,
    new Metadata(),
    options,
    (error) => ended.resolve(error),
  );
  return { call, code: ended.promise.then((error) => error?.code ?? status.OK) };
}

Deno.test("original clients' port: every rpc of the schema is served, in no package", () => {
  const text = readFileSync(new URL("../../proto/original.proto", import.meta.url), "utf8");
  assert.doesNotMatch(text, /^package/m);
  const service = /^service (\w+)/m.exec(text)![1];
  const declared = [...text.matchAll(/^ {2}rpc (\w+)\(/gm)].map(([, rpc]) => `/${service}/${rpc}`);
  const served = Object.values(originalMethods).map(({ path }) => path);
  assert.deepStrictEqual(served.toSorted(), declared.toSorted());
});

Deno.test("original clients' port: a call without a deadline gets ours, another keeps its own", async () => {
  const deadlines: number[] = [];
  const logout: OriginalApi["logout"] = (_request, { deadlineMs }) => {
    deadlines.push(deadlineMs - Date.now());
    return Promise.resolve(done);
  };
  await withService(fakeOriginal({ logout }), async (client) => {
    assert.equal(await begin(client, "Logout").code, status.OK);
    assert.equal(await begin(client, "Logout", "", { deadline: Date.now() + 5_000 }).code, 0);
  });
  const [ours, own] = deadlines as [number, number];
  assert.ok(ours > limits.originalCallMsMax / 2 && ours <= limits.originalCallMsMax, `${ours}`);
  assert.ok(own > 2_000 && own <= 5_000, `${own}`);
});

Deno.test("original clients' port: tells whether an answer could go out", async () => {
  const contexts: OriginalContext[] = [];
  const answer = Promise.withResolvers<OriginalResponse>();
  const send: OriginalApi["send"] = (_request, context) => {
    contexts.push(context);
    return contexts.length === 1 ? Promise.resolve(done) : answer.promise;
  };
  await withService(fakeOriginal({ send }), async (client) => {
    assert.equal(await begin(client, "Send").code, status.OK);
    assert.equal(await contexts[0]!.answered(), true);
    const { call, code } = begin(client, "Send");
    await eventually(() => contexts.length === 2);
    call.cancel();
    assert.equal(await code, status.CANCELLED);
    await eventually(() => contexts[1]!.signal.aborted);
    answer.resolve(done);
    assert.equal(await contexts[1]!.answered(), false);
  });
});

Deno.test("original clients' port: refuses what is no message, and numbers no message wrongly", async () => {
  const message = { from: "ann", message: "hi", messageId: 2 ** 31, sentAtMs: 0 };
  const getMessages: OriginalApi["getMessages"] = () =>
    Promise.resolve({ errorCode: 0, errorMessage: "", messages: [message] });
  await withService(fakeOriginal({ getMessages }), async (client) => {
    assert.equal(await begin(client, "Send", "0aff").code, status.INVALID_ARGUMENT);
    assert.equal(await begin(client, "GetMessages").code, status.UNIMPLEMENTED);
  });
});
