/**
 * The question whether a node serves, by the standard health service: what `jmessage.ready` says
 * is what a load balancer would go by. Owns this one call.
 *
 * @module
 */

import { Channel } from "../../src/rpc/channel.ts";
import { grpc } from "../../src/rpc/gen/messages.js";

const { HealthCheckRequest, HealthCheckResponse } = grpc.health.v1;
const PATH = "/grpc.health.v1.Health/Check";
const BYTES_MAX = 1_024;

/** Whether the node at a client address is ready; false if it does not say so in time. */
export async function isReady(address: string, timeoutMs: number): Promise<boolean> {
  const channel = new Channel(address, { receiveBytesMax: BYTES_MAX, sendBytesMax: BYTES_MAX });
  try {
    const { bytes } = await channel.unary({
      path: PATH,
      bytes: HealthCheckRequest.encode({ service: "jmessage.ready" }).finish(),
      deadlineMs: Date.now() + timeoutMs,
      signal: AbortSignal.timeout(timeoutMs),
    });
    const { status } = HealthCheckResponse.decode(bytes);
    return status === HealthCheckResponse.ServingStatus.SERVING;
  } catch {
    return false;
  } finally {
    channel.close();
  }
}
