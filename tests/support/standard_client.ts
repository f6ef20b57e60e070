/**
 * A client of gRPC's standard services as any tool brings one: made from its own description of
 * them, not from this repository's `proto/`, and from a gRPC library alone. Its calls carry no
 * deadline and no metadata.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { type ChannelCredentials, Client, credentials } from "@grpc/grpc-js";
import protobuf from "protobufjs";

/** Field numbers and types of the standard services, as their protocols give them. */
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message HealthCheckRequest { string service = 1; }
  message HealthCheckResponse {
    enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
    ServingStatus status = 1;
  }
`,
  { keepCase: true },
);

/** How a service is, by the names of the health protocol. */
export type ServingStatus = "UNKNOWN" | "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";

function encode(type: string, value: object): Buffer {
  return Buffer.from(root.lookupType(type).encode(value).finish());
}

function decode(type: string, bytes: Uint8Array): Record<string, unknown> {
  const found = root.lookupType(type);
  return found.toObject(found.decode(bytes), { defaults: true, enums: String, oneofs: true });
}

const asItIs = (bytes: Buffer) => bytes;

/** What one watch was told, oldest first. */
export interface Watched {
  readonly seen: readonly ServingStatus[];
  readonly ended: Promise<void>;
}

/** Talks to one address; with the file of a CA over TLS. */
export class StandardClient {
  readonly #client: Client;

  private constructor(address: string, by: ChannelCredentials) {
    // By a name, as the library takes none of TLS that is an address.
    this.#client = new Client(address, by, { "grpc.ssl_target_name_override": "localhost" });
  }

  static async open(address: string, ca?: string): Promise<StandardClient> {
    const by = ca === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(await readFile(ca));
    return new StandardClient(address, by);
  }

  /** `grpc.health.v1.Health/Check`; rejects with a gRPC status. */
  check(service: string): Promise<ServingStatus> {
    const path = "/grpc.health.v1.Health/Check";
    const request = encode("HealthCheckRequest", { service });
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(path, asItIs, asItIs, request, (error, answer) => {
        if (error !== null || answer === undefined) return reject(error);
        resolve(decode("HealthCheckResponse", answer).status as ServingStatus);
      });
    });
  }

  /** `grpc.health.v1.Health/Watch`, until the server ends it or the client is closed. */
  watch(service: string): Watched {
    const path = "/grpc.health.v1.Health/Watch";
    const request = encode("HealthCheckRequest", { service });
    const call = this.#client.makeServerStreamRequest(path, asItIs, asItIs, request);
    const seen: ServingStatus[] = [];
    call.on("data", (bytes) => {
      seen.push(decode("HealthCheckResponse", bytes).status as ServingStatus);
    });
    const ended = new Promise<void>((resolve) => {
      call.on("error", () => resolve());
      call.on("end", () => resolve());
    });
    return { seen, ended };
  }

  close(): void {
    this.#client.close();
  }
}
