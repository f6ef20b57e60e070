/**
 * Fetching a snapshot from a member, over as many streams as it takes: a broken one is taken up
 * again where it broke, for the same snapshot from the same member (DESIGN §6.3). Owns the
 * resumption; the chunks are checked by `src/rpc`, built and judged by others.
 *
 * @module
 */

import { assert } from "../assert.ts";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { NodeId } from "../raft/types.ts";
import type { FetchedSnapshot, PeerClient } from "../rpc/peer_api.ts";
import type { Logger } from "./logger.ts";
import { pause } from "./pause.ts";
import type { Clock, SnapshotFetch } from "./ports.ts";
import { TransferProgress } from "./transfer_progress.ts";

/** What a fetch needs. */
export interface FetchOptions {
  readonly client: Pick<PeerClient, "fetchSnapshot">;
  readonly from: NodeId;
  /** Who asks. */
  readonly nodeId: NodeId;
  readonly clusterId: string;
  /** Rows in a chunk, for progress. */
  readonly rowsIn: (chunk: Uint8Array) => number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Resolves with what comes before the chunks. Throws `ChatError`. */
export async function fetchResuming(options: FetchOptions): Promise<SnapshotFetch> {
  const first = await ask(options, { index: 0, firstChunk: 0 });
  let digest: string | null = null;
  const finished = (of: FetchedSnapshot) => digest = of.digest();
  return {
    base: first.base,
    termStarts: first.termStarts,
    chunks: chunksOf(options, first, finished),
    digest() {
      assert(digest !== null, "The digest of a snapshot is known at its end");
      return digest;
    },
  };
}

function ask(
  options: FetchOptions,
  place: { readonly index: number; readonly firstChunk: number },
): Promise<FetchedSnapshot> {
  const { clusterId, nodeId, client, signal } = options;
  return client.fetchSnapshot({ clusterId, nodeId, ...place }, signal);
}

/** All chunks in order, whatever happens to the streams they come on; else throws. */
async function* chunksOf(
  options: FetchOptions,
  first: FetchedSnapshot,
  finished: (snapshot: FetchedSnapshot) => void,
): AsyncGenerator<Uint8Array> {
  const { from, logger, clock, rowsIn } = options;
  const { rowsTotal, base: { index } } = first;
  const progress = new TransferProgress({
    verb: "receiving",
    peer: from,
    index,
    rowsTotal,
    logger,
    clock,
  });
  let stream: FetchedSnapshot | null = first;
  let taken = 0;
  for (let resumes = 0;;) {
    try {
      stream ??= await ask(options, { index, firstChunk: taken });
      for await (const chunk of stream.chunks) {
        taken += 1;
        progress.chunk(rowsIn(chunk), chunk.byteLength);
        yield chunk;
        resumes = 0;
      }
      finished(stream);
      progress.done();
      return;
    } catch (thrown) {
      const error = ChatError.from(thrown);
      progress.broken(error.message);
      resumes += 1;
      if (!resumable(error) || options.signal.aborted || resumes > limits.snapshotResumesMax) {
        throw error;
      }
      stream = null;
      await pause(clock, limits.snapshotResumeMs, options.signal);
    }
  }
}

/** Whether the same snapshot may still be had: a connection that broke, not a refusal. */
function resumable(error: ChatError): boolean {
  return error.reason === "NO_ANSWER" || error.reason === "INTERNAL" ||
    error.reason === "OVERLOADED";
}
