/**
 * A running node, fed with what no client would send: calls whose messages, headers or framing are
 * wrong, frames of HTTP/2 that are none, and plain garbage. Owns the kinds of input and how long a
 * node may take to end each; what must hold meanwhile is `watched_node.ts`'s.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import fc from "fast-check";
import { answerOf, framed, RawClient, rawSocket } from "../support/raw_client.ts";
import { METHODS } from "./decoders.ts";
import { wireBytes } from "./wire_arbitrary.ts";

/** One input. */
type Case =
  | {
    readonly kind: "call";
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Uint8Array;
    /** What becomes of the stream after its body. */
    readonly ending: "end" | "reset" | "half";
  }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/** Longest that a node may take to answer or end one of them, ms. */
const CASE_MS_MAX = 10_000;

const HEALTH = "/grpc.health.v1.Health/Check";

const path = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(HEALTH, ...METHODS.map((one) => one.path)) },
  { weight: 1, arbitrary: fc.constantFrom("/", "/jmessage.v1.ChatService", "//", "*") },
);

const headers = fc.dictionary(
  fc.constantFrom(
    "grpc-timeout",
    "content-type",
    "grpc-encoding",
    "authorization",
    "x-jmessage-position",
    "te",
    "data-bin",
  ),
  fc.oneof(
    fc.constantFrom("", "1n", "99999999H", "0S", "-1S", "application/json", "gzip", "Bearer x"),
    fc.constantFrom("Bearer " + "x".repeat(8_000), "0.1.n1/7", "99999999999999999999.1.n1/1"),
    fc.string({ maxLength: 30 }).map((text) => text.replaceAll(/[^ -~]/g, "?").trim()),
  ),
  { maxKeys: 3 },
);

const body = fc.oneof(
  { weight: 6, arbitrary: wireBytes.map((bytes) => framed(bytes)) },
  // Said to be compressed.
  {
    weight: 1,
    arbitrary: wireBytes.map((bytes) =>
      Buffer.concat([Buffer.from([1]), framed(bytes).subarray(1)])
    ),
  },
  // Longer or shorter than it says.
  {
    weight: 2,
    arbitrary: fc.tuple(wireBytes, fc.nat({ max: 0xffff_ffff })).map(([bytes, length]) => {
      const message = framed(bytes);
      message.writeUInt32BE(length, 1);
      return message;
    }),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constant(framed(Buffer.alloc(300 * 1024))) },
);

const frame = fc.tuple(
  fc.integer({ min: 0, max: 12 }),
  fc.nat({ max: 255 }),
  fc.oneof(fc.nat({ max: 9 }), fc.nat({ max: 0x7fff_ffff })),
  fc.uint8Array({ maxLength: 64 }),
  fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: -8, max: 70_000 })),
).map(([type, flags, stream, payload, lie]) => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(Math.max(0, payload.length + lie), 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
});

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", "latin1");

const bytes = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.array(frame, { minLength: 1, maxLength: 20 })
      .map((frames) => Buffer.concat([PREFACE, ...frames])),
  },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 300 }) },
);

const anyCase: fc.Arbitrary<Case> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("call" as const),
      path,
      headers,
      body,
      ending: fc.constantFrom("end", "end", "end", "end", "reset", "half"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("bytes" as const), bytes }) },
);

/** Feeds so many inputs to the client or peer port at `address`, several side by side. */
export async function fuzzPort(
  address: string,
  { cases, seed, between }: {
    readonly cases: number;
    readonly seed: number;
    /** Called now and then. */
    readonly between: () => Promise<void>;
  },
): Promise<void> {
  const [atOnce, round] = [16, 500];
  let client = new RawClient(address);
  for (let done = 0; done < cases; done += round) {
    const some = fc.sample(anyCase, { numRuns: Math.min(round, cases - done), seed: seed + done });
    const left = some.entries();
    const run = async () => {
      for (const [at, one] of left) {
        if (client.closed) client = new RawClient(address);
        const what = () => `case ${at} of seed ${seed + done}: ${describe(one)}`;
        await withinTime(one.kind === "bytes" ? say(address, one.bytes) : call(client, one), what);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, run));
    await between();
  }
  client.close();
}

async function call(client: RawClient, one: Case & { readonly kind: "call" }): Promise<void> {
  await answerOf(() => {
    const stream = client.begin(one);
    if (one.ending === "end") stream.end(one.body);
    else stream.write(one.body, () => stream.close(one.ending === "reset" ? 8 : 0));
    return stream;
  });
}

/** Says it, and that this was all; resolves when the node has ended the connection. */
async function say(address: string, what: Uint8Array): Promise<void> {
  const socket = await rawSocket(address);
  const gone = new Promise((resolve) => socket.once("close", resolve));
  socket.resume();
  socket.end(what);
  await gone;
}

/** Resolves as `promise` does; fails with what it was for if that takes too long. */
export async function withinTime<T>(
  promise: Promise<T>,
  what: () => string,
  ms = CASE_MS_MAX,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`No end within ${ms} ms of ${what()}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function describe(one: Case): string {
  if (one.kind === "bytes") return Buffer.from(one.bytes).toString("hex");
  const { path, headers, body, ending } = one;
  const hex = Buffer.from(body).toString("hex").slice(0, 1_000);
  return JSON.stringify({ path, headers, body: hex, ending });
}
