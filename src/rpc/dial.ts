/**
 * Whether anybody listens at an address: gRPC says no more than "unavailable", while the
 * replication must know a refusal (nobody listens, the process is gone) from silence.
 *
 * @module
 */

import { connect, type Socket } from "node:net";

/** `refused`: nobody listens there. `failed`: anything else, or no answer in time. */
export type Dialled =
  | { readonly kind: "accepted" }
  | { readonly kind: "refused" }
  | { readonly kind: "failed"; readonly detail: string };

/** Connects to `host:port` and hangs up. */
export function dial(address: string, options: { readonly timeoutMs: number }): {
  readonly result: Promise<Dialled>;
  /** Gives up; the result is `failed`. */
  readonly cancel: () => void;
} {
  const { host, port } = splitAddress(address);
  let cancel = () => {};
  const result = new Promise<Dialled>((resolve) => {
    const socket = connect({ host, port });
    const end = (dialled: Dialled) => {
      socket.destroy();
      resolve(dialled);
    };
    socket.setTimeout(options.timeoutMs, () => end({ kind: "failed", detail: "no answer" }));
    socket.once("connect", () => {
      end({ kind: isConnectedToItself(socket) ? "refused" : "accepted" });
    });
    socket.on("error", (error) => {
      end(isRefusal(error) ? { kind: "refused" } : { kind: "failed", detail: error.message });
    });
    cancel = () => end({ kind: "failed", detail: "given up" });
  });
  return { result, cancel };
}

/**
 * Whether both ends are one: to a port of its own machine where nobody listens, the kernel may
 * connect a socket from that same port, and TCP takes that for two sides that dial each other.
 */
export function isConnectedToItself(
  socket: Pick<Socket, "localAddress" | "localPort" | "remoteAddress" | "remotePort">,
): boolean {
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  // One that broke already has no addresses any more.
  return localPort !== undefined && localPort === remotePort && localAddress === remoteAddress;
}

/** Where a name stands for several addresses, all of them must have refused. */
function isRefusal(error: Error): boolean {
  if (error instanceof AggregateError) return error.errors.every(isRefusal);
  return (error as { readonly code?: unknown }).code === "ECONNREFUSED";
}

/** Host and port of `host:port`; IPv6 addresses stand in brackets. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return { host, port: Number(address.slice(colon + 1)) };
}
