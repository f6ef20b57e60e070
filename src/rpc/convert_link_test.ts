/**
 * Shows that everything a link carries survives the wire, and that what no writer of ours
 * would send is refused by name or dropped. No sockets.
 *
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { ChatError } from "../errors.ts";
import type { Message } from "../raft/message.ts";
import { ZERO_TERM } from "../raft/term.ts";
import { type LinkRequest, linkRequest, linkResponse } from "./convert_link.ts";
import { v1 } from "./gen/messages.js";
import { frames, hellos, messageKinds } from "./rpc_test_values.ts";

function roundTrip(request: LinkRequest): LinkRequest {
  return linkRequest.fromBytes(linkRequest.toBytes(request));
}

/** What the reader says of frames that no writer of ours would send. */
function readFrames(wire: readonly v1.Frame[]): LinkRequest {
  return linkRequest.fromBytes(v1.LinkRequest.encode({ frames: wire }).finish());
}

function refusal(read: () => unknown): ChatError {
  try {
    read();
  } catch (error) {
    assert(error instanceof ChatError, String(error));
    return error;
  }
  assert.fail("It was read");
}

for (const [kind, messages] of Object.entries(messageKinds)) {
  Deno.test(`wire of a link: ${kind} comes out as it went in`, () => {
    fc.assert(fc.property(messages as fc.Arbitrary<Message>, (message) => {
      const request: LinkRequest = { kind: "frames", frames: [{ kind: "raft", message }] };
      assert.deepStrictEqual(roundTrip(request), request);
    }));
  });
}

Deno.test("wire of a link: encoded one by one and joined, frames are one batch in order", () => {
  fc.assert(fc.property(fc.array(frames, { maxLength: 8 }), (batch) => {
    const pieces = batch.map((frame) => linkRequest.toBytes({ kind: "frames", frames: [frame] }));
    const joined = new Uint8Array(pieces.flatMap((piece) => [...piece]));
    assert.deepStrictEqual(linkRequest.fromBytes(joined), { kind: "frames", frames: batch });
  }));
});

Deno.test("wire of a link: hellos come out as they went in, both ways", () => {
  fc.assert(fc.property(hellos, (hello) => {
    assert.deepStrictEqual(roundTrip({ kind: "hello", hello }), { kind: "hello", hello });
    assert.deepStrictEqual(linkResponse.fromBytes(linkResponse.toBytes(hello)), hello);
  }));
});

Deno.test("wire of a link: a frame of an unknown kind is dropped, those around it stay", () => {
  // Field 100 of the oneof, an empty message: a kind that only a newer node knows.
  const unknown = [0x12, 0x03, 0xa2, 0x06, 0x00];
  const known = linkRequest.toBytes({
    kind: "frames",
    frames: [{ kind: "raft", message: { kind: "leaveRequest", term: ZERO_TERM, configIndex: 1 } }],
  });
  const read = linkRequest.fromBytes(new Uint8Array([...known, ...unknown, ...known]));
  assert(read.kind === "frames");
  assert.strictEqual(read.frames.length, 2);
});

Deno.test("wire of a link: what is missing is named", () => {
  const missing = refusal(() => readFrames([{ append: { ...emptyAppend, term: null } }]));
  assert.strictEqual(missing.reason, "INVALID_ARGUMENT");
  assert.strictEqual(missing.field, "append.term");
  const noBody = refusal(() =>
    readFrames([{ append: { ...emptyAppend, entries: [{ index: 1, term, checksum: "" }] } }])
  );
  assert.strictEqual(noBody.field, "append.entries.body");
  const noHello = refusal(() => linkResponse.fromBytes(new Uint8Array()));
  assert.strictEqual(noHello.field, "hello");
});

Deno.test("wire of a link: a gap between entries and a first entry without a term are refused", () => {
  const entry = (index: number) => ({ index, term, checksum: "", noop: {} });
  const gap = refusal(() =>
    readFrames([{ append: { ...emptyAppend, entries: [entry(1), entry(3)] } }])
  );
  assert.strictEqual(gap.field, "append.entries.index");
  const bare = refusal(() =>
    readFrames([{ append: { ...emptyAppend, entries: [{ ...entry(1), term: null }] } }])
  );
  assert.strictEqual(bare.field, "append.entries.term");
});

Deno.test("wire of a link: an index beyond 2^53 is refused, not rounded", () => {
  const error = refusal(() => readFrames([{ append: { ...emptyAppend, commitIndex: 2 ** 53 } }]));
  assert.strictEqual(error.field, "append.commit_index");
});

Deno.test("wire of a link: any bytes either decode or are refused", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    try {
      linkRequest.fromBytes(bytes);
    } catch (error) {
      assert(error instanceof ChatError && error.reason === "INVALID_ARGUMENT", String(error));
    }
  }));
});

const term = { epoch: 1, number: 2, nodeId: "a" };
const emptyAppend: v1.Append = {
  term,
  prev: { index: 0, term, checksum: "" },
  entries: [],
  commitIndex: 0,
  c0Index: 0,
};
