/**
 * Calls between simulated nodes beside their links: joining, probing, fetching a snapshot. Owns
 * their way there and back; a call that the network swallows fails at its deadline.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import type {
  FetchedSnapshot,
  PeerApi,
  PeerClient,
  SnapshotHeader,
  SnapshotPart,
} from "../rpc/peer_api.ts";
import type { Place } from "./sim_connection.ts";
import { DIAL_TIMEOUT_MS, noAnswer } from "./sim_network.ts";

/** The unary calls and the snapshot fetch of a {@linkcode PeerClient}. */
export function rpcClient(place: Place): Omit<PeerClient, "openLink"> {
  return {
    join: (ask, context) => call(place, (api) => api.join(ask, context)),
    probe: (context) => call(place, (api) => api.probe(context)),
    handOver: (ask, context) => call(place, (api) => api.handOver(ask, context)),
    fetchSnapshot: (ask, signal) => fetchSnapshot(place, (api) => api.fetchSnapshot(ask, signal)),
    close: () => {},
  };
}

/** There and back: what it gives, or `NO_ANSWER` once that has taken too long. */
function call<T>(place: Place, work: (api: PeerApi) => Promise<T>): Promise<T> {
  const { network, from, to, process } = place;
  const onTheWay = network.condition(from.address, to.address);
  const onTheWayBack = network.condition(to.address, from.address);
  return new Promise((resolve, reject) => {
    const settle = (task: () => void) =>
      process.run("network", () => {
        network.world.wake();
        task();
      });
    network.world.after(DIAL_TIMEOUT_MS, () => settle(() => reject(noAnswer(to.address))));
    const back = (task: () => void) => {
      const blocked = onTheWayBack.blocked || !to.powered;
      if (blocked) return;
      network.world.after(network.delay(onTheWayBack), () => settle(task));
    };
    network.world.after(network.delay(onTheWay), () => {
      const blocked = onTheWay.blocked || !to.powered;
      if (blocked || !from.powered) return;
      const { api, process: listening } = to;
      if (api === null || listening === null) return back(() => reject(noAnswer(to.address)));
      listening.run("network", () => {
        work(api).then(
          (value) => listening.alive && back(() => resolve(value)),
          (error) => listening.alive && back(() => reject(ChatError.from(error))),
        );
      });
    });
  });
}

/** A stream: each part is a call of its own, so that everything can go wrong between two. */
async function fetchSnapshot(
  place: Place,
  open: (api: PeerApi) => AsyncIterable<SnapshotPart>,
): Promise<FetchedSnapshot> {
  const serving = place.to.process;
  let parts: AsyncIterator<SnapshotPart> | null = null;
  const next = () =>
    call(place, (api) => {
      // Another process at that address knows nothing of this stream.
      if (place.to.process !== serving) return Promise.reject(noAnswer(place.to.address));
      parts ??= open(api)[Symbol.asyncIterator]();
      return parts.next();
    });
  const first = await next();
  if (first.done === true || first.value.kind !== "header") throw noAnswer(place.to.address);
  return streamed(first.value, next);
}

function streamed(
  header: SnapshotHeader,
  next: () => Promise<IteratorResult<SnapshotPart>>,
): FetchedSnapshot {
  const { base, termStarts, rowsTotal } = header;
  let digest = "";
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let part = await next(); part.done !== true; part = await next()) {
      if (part.value.kind === "chunk") yield part.value.data;
      if (part.value.kind === "end") digest = part.value.digest;
    }
  }
  return { base, termStarts, rowsTotal, chunks: chunks(), digest: () => digest };
}
