/**
 * The answers of a server's stream as an async generator. Owns what ends it, whichever way the
 * library tells that.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { ClientReadableStream, ServiceError } from "@grpc/grpc-js";

/**
 * The answers of a stream, then the error that it ended with, if any. An error may overtake
 * answers that were sent before it: so gRPC has it. Whoever minds resumes.
 */
export async function* answersOf(
  call: ClientReadableStream<Buffer>,
): AsyncGenerator<Buffer, ServiceError | null, undefined> {
  let failure: ServiceError | null = null;
  let over = false;
  let wake = () => {};
  const end = () => {
    over = true;
    wake();
  };
  // The first says why. An answer that comes after it is an error as well, of the stream's.
  call.on("error", (error) => failure ??= error as ServiceError);
  call.on("readable", () => wake());
  call.on("end", end);
  // Without an end, if such an answer broke it.
  call.on("close", end);
  while (true) {
    const woken = new Promise<void>((resolve) => wake = resolve);
    const answer: Buffer | null = call.read();
    if (answer !== null) yield answer;
    else if (over) return failure;
    else await woken;
  }
}
