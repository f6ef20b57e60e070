/**
 * The standard health service, `grpc.health.v1.Health`: `""` says that the process lives,
 * `jmessage.ready` that it serves reads, `jmessage.leader` that it takes writes. What is true is
 * the node's to know.
 *
 * @module
 */

import { status } from "@grpc/grpc-js";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { grpc } from "./gen/messages.js";
import { streamHandler, type UnaryHandler } from "./handlers.ts";
import { addEndlessStream, addUnary, type CountingServer } from "./listener.ts";
import type { Method } from "./services.ts";
import { asBuffer, decode, form } from "./wire.ts";

const { HealthCheckRequest, HealthCheckResponse } = grpc.health.v1;
const { NOT_SERVING, SERVICE_UNKNOWN, SERVING } = HealthCheckResponse.ServingStatus;

/** What a node knows of its own health. */
export interface HealthSource {
  /** Serves reads. */
  ready(): boolean;
  /** Takes writes. */
  leader(): boolean;
  /** Calls the listener after each change; the result removes it. */
  onChange(listener: () => void): () => void;
}

const checkMethod: Method<string, number> = {
  path: "/grpc.health.v1.Health/Check",
  request: form(HealthCheckRequest, {
    toWire: (service) => ({ service }),
    fromWire: ({ service }) => service,
  }),
  response: form(HealthCheckResponse, {
    toWire: (status) => ({ status }),
    fromWire: ({ status }) => status,
  }),
};

const watchMethod = { ...checkMethod, path: "/grpc.health.v1.Health/Watch" };

/** Adds the health service to a server that is not bound yet. */
export function addHealth(server: CountingServer, source: HealthSource): void {
  addUnary(server, checkMethod.path, checkHandler(source), { isProbe: true });
  const watches = { open: 0 };
  const handler = streamHandler(
    watchMethod,
    (service, { signal }) => watch(service, { source, signal, watches }),
    { deadline: "optional" },
  );
  addEndlessStream(server, watchMethod.path, handler);
}

/** `undefined` for a service of another name. */
function servingStatus(service: string, source: HealthSource): number | undefined {
  if (service === "") return SERVING;
  if (service === "jmessage.ready") return source.ready() ? SERVING : NOT_SERVING;
  if (service === "jmessage.leader") return source.leader() ? SERVING : NOT_SERVING;
  return undefined;
}

/** Answers by the codes of the health protocol, which knows no reasons of ours. */
function checkHandler(source: HealthSource): UnaryHandler {
  return (call, callback) => {
    let service: string;
    try {
      service = decode(HealthCheckRequest, call.request).service;
    } catch {
      callback({ code: status.INVALID_ARGUMENT, details: "Cannot decode the request" });
      return;
    }
    const current = servingStatus(service, source);
    if (current === undefined) {
      callback({ code: status.NOT_FOUND, details: `No service is called ${service} here` });
      return;
    }
    callback(null, asBuffer(checkMethod.response.toBytes(current)));
  };
}

/** The status now and after each change that lasts until the reader is ready for it. */
async function* watch(
  service: string,
  { source, signal, watches }: {
    readonly source: HealthSource;
    readonly signal: AbortSignal;
    readonly watches: { open: number };
  },
): AsyncIterable<number> {
  if (watches.open >= limits.healthWatchesMax) {
    throw new ChatError("OVERLOADED", "Too many health watches are open: use Check instead");
  }
  let wake = () => {};
  const stopListening = source.onChange(() => wake());
  signal.addEventListener("abort", () => wake(), { once: true });
  watches.open += 1;
  try {
    let told: number | undefined;
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => wake = resolve);
      const current = servingStatus(service, source) ?? SERVICE_UNKNOWN;
      if (current !== told) {
        told = current;
        yield current;
        // It may have changed while the reader was busy.
        continue;
      }
      await woken;
    }
  } finally {
    watches.open -= 1;
    stopListening();
  }
}
