/**
 * A client of gRPC's standard services as any tool brings one: made from its own description of
 * them, not from this repository's `proto/`, and from a gRPC library alone. Its calls carry no
 * metadata, and no deadline but for those of our services.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { type ChannelCredentials, Client, credentials, Metadata } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import "protobufjs/ext/descriptor.js";

/** Field numbers and types of the standard services, as their protocols give them. */
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message HealthCheckRequest { string service = 1; }
  message HealthCheckResponse {
    enum ServingStatus { UNKNOWN = 0; SERVING = 1; NOT_SERVING = 2; SERVICE_UNKNOWN = 3; }
    ServingStatus status = 1;
  }
  message Extension { string containing_type = 1; int32 extension_number = 2; }
  message ReflectionRequest {
    string host = 1;
    oneof message_request {
      string file_by_filename = 3;
      string file_containing_symbol = 4;
      Extension file_containing_extension = 5;
      string all_extension_numbers_of_type = 6;
      string list_services = 7;
    }
  }
  message ReflectionResponse {
    string valid_host = 1;
    ReflectionRequest original_request = 2;
    oneof message_response {
      Files file_descriptor_response = 4;
      Numbers all_extension_numbers_response = 5;
      Services list_services_response = 6;
      Failure error_response = 7;
    }
  }
  message Files { repeated bytes file_descriptor_proto = 1; }
  message Numbers { string base_type_name = 1; repeated int32 extension_number = 2; }
  message Services { repeated Service service = 1; }
  message Service { string name = 1; }
  message Failure { int32 error_code = 1; string error_message = 2; }
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

/** An answer of the reflection protocol; which of these it has depends on the question. */
export interface Reflected {
  readonly valid_host: string;
  readonly original_request: object;
  readonly file_descriptor_response?: { readonly file_descriptor_proto: readonly Uint8Array[] };
  readonly all_extension_numbers_response?: object;
  readonly list_services_response?: { readonly service: readonly { readonly name: string }[] };
  readonly error_response?: { readonly error_code: number; readonly error_message: string };
}

/** A stream of the reflection protocol. */
export interface ReflectionStream {
  /** The answer to one question; rejects if the stream ends with an error or without one. */
  ask(question: object | Uint8Array): Promise<Reflected>;
  end(): void;
}

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

  /** `ServerReflectionInfo` of the version. */
  reflection(version: "v1" | "v1alpha" = "v1"): ReflectionStream {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const call = this.#client.makeBidiStreamRequest(path, asItIs, asItIs);
    const waiting: PromiseWithResolvers<Reflected>[] = [];
    call.on("data", (bytes) => {
      waiting.shift()?.resolve(decode("ReflectionResponse", bytes) as unknown as Reflected);
    });
    let ended: Error | null = null;
    const over = (error: Error) => {
      ended ??= error;
      for (const one of waiting.splice(0)) one.reject(error);
    };
    call.on("error", over);
    call.on("end", () => over(new Error("the stream has ended")));
    return {
      ask: (question) => {
        if (ended !== null) return Promise.reject(ended);
        const answer = Promise.withResolvers<Reflected>();
        waiting.push(answer);
        const bytes = question instanceof Uint8Array
          ? Buffer.from(question)
          : encode("ReflectionRequest", question);
        call.write(bytes);
        return answer.promise;
      },
      end: () => void call.end(),
    };
  }

  /** The schema of a service as the server tells it, by which it can be called. */
  async schemaOf(service: string): Promise<protobuf.Root> {
    const stream = this.reflection();
    const { file_descriptor_response: found } = await stream.ask({
      file_containing_symbol: service,
    });
    stream.end();
    // A google.protobuf.FileDescriptorSet has nothing but these.
    const set = protobuf.Writer.create();
    for (const bytes of found?.file_descriptor_proto ?? []) set.uint32(10).bytes(bytes);
    const root = protobuf.Root.fromDescriptor(set.finish(), { keepCase: true });
    root.resolveAll();
    return root;
  }

  /** A unary call of a method of such a schema, by its full name. */
  async call(schema: protobuf.Root, name: string, request: object): Promise<object> {
    const cut = name.lastIndexOf(".");
    const method = schema.lookupService(name.slice(0, cut)).methods[name.slice(cut + 1)];
    const [asked, answered] = [method?.resolvedRequestType, method?.resolvedResponseType];
    if (!asked || !answered) throw new Error(`The server told of no ${name}`);
    const path = `/${name.slice(0, cut)}/${name.slice(cut + 1)}`;
    const bytes = Buffer.from(asked.encode(asked.fromObject(request)).finish());
    const deadline = Date.now() + 10_000;
    const answer = await new Promise<Buffer>((resolve, reject) => {
      const told = (error: Error | null, answer?: Buffer) =>
        error !== null || answer === undefined ? reject(error) : resolve(answer);
      this.#client.makeUnaryRequest(
        path,
        asItIs,
        asItIs,
        bytes,
        new Metadata(),
        { deadline },
        told,
      );
    });
    return answered.toObject(answered.decode(answer), { defaults: true, longs: Number });
  }

  close(): void {
    this.#client.close();
  }
}
