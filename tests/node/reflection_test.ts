/**
 * The reflection service as tools use it, by a client that is not ours: what it tells is what is
 * served, and equals `proto/`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import { limits } from "../../src/limits.ts";
import { contextFor, fakeServices } from "../../src/rpc/rpc_test_services.ts";
import { connect } from "../../src/rpc/client.ts";
import { type ClientServices, serveClients } from "../../src/rpc/server.ts";
import { StandardClient } from "../support/standard_client.ts";

const PROTO = new URL("../../proto/", import.meta.url);

/** By the file that has it. */
const SERVICES = {
  "jmessage.v1.ChatService": "jmessage/v1/chat.proto",
  "jmessage.v1.AdminService": "jmessage/v1/admin.proto",
  "grpc.health.v1.Health": "grpc/health/v1/health.proto",
  "grpc.reflection.v1.ServerReflection": "grpc/reflection/v1/reflection.proto",
  "grpc.reflection.v1alpha.ServerReflection": "grpc/reflection/v1alpha/reflection.proto",
};

async function withClient(
  changes: Partial<ClientServices>,
  test: (client: StandardClient, address: string) => Promise<void>,
): Promise<void> {
  const services = { ...fakeServices(), reflection: true, ...changes };
  const listener = await serveClients("127.0.0.1:0", services);
  const client = await StandardClient.open(listener.address);
  try {
    await test(client, listener.address);
  } finally {
    client.close();
    await listener.close(0);
  }
}

/** Every message, enum and service of a schema, by full name, as text that shows all that counts. */
function shapes(object: protobuf.NamespaceBase): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const one of object.nestedArray) {
    if (one instanceof protobuf.Enum) found.set(one.fullName, JSON.stringify(one.values));
    if (one instanceof protobuf.Service) {
      const methods = one.methodsArray.map((method) => {
        method.resolve();
        const { name, requestStream = false, responseStream = false } = method;
        const types = [method.resolvedRequestType, method.resolvedResponseType];
        return [name, ...types.map((type) => type?.fullName), !!requestStream, !!responseStream];
      });
      found.set(one.fullName, JSON.stringify(methods));
    }
    if (one instanceof protobuf.Type) {
      const fields = one.fieldsArray.map((field) => {
        const type = field.resolve().resolvedType?.fullName ?? field.type;
        const { name, id, repeated, partOf, options } = field;
        const optional = options?.["proto3_optional"] === true;
        return [name, id, type, repeated, partOf?.name, optional];
      });
      found.set(one.fullName, JSON.stringify(fields));
    }
    if (one instanceof protobuf.Namespace) {
      for (const [name, shape] of shapes(one)) found.set(name, shape);
    }
  }
  return found;
}

/** What a strict reader refuses in descriptors. */
function problems(object: protobuf.NamespaceBase): readonly string[] {
  const found: string[] = [];
  for (const one of object.nestedArray) {
    if (one instanceof protobuf.Type) {
      for (const { fullName, type, resolvedType } of one.fieldsArray) {
        if (resolvedType !== null && !type.startsWith(".")) {
          found.push(`${fullName}: relative type`);
        }
      }
      // Oneofs that stand for `optional` come after all others.
      const names = one.oneofsArray.map(({ name }) => name);
      const synthetic = names.findIndex((name) => name.startsWith("_"));
      const late = synthetic >= 0 && names.slice(synthetic).some((name) => !name.startsWith("_"));
      if (late) found.push(`${one.fullName}: ${names}`);
    }
    if (one instanceof protobuf.Namespace) found.push(...problems(one));
  }
  return found;
}

function fromFile(name: string): ReadonlyMap<string, string> {
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => {
    const path = fileURLToPath(new URL(target, PROTO));
    return existsSync(path) ? path : target;
  };
  return shapes(root.loadSync(name, { keepCase: true }).resolveAll());
}

Deno.test("reflection: the services are those of the port, in both versions of the protocol", async () => {
  await withClient({}, async (client) => {
    for (const version of ["v1", "v1alpha"] as const) {
      const stream = client.reflection(version);
      const answer = await stream.ask({ host: "h", list_services: "" });
      const names = answer.list_services_response?.service.map(({ name }) => name);
      assert.deepEqual(names?.toSorted(), Object.keys(SERVICES).sort());
      assert.equal(answer.valid_host, "h");
      assert.deepEqual(answer.original_request, {
        host: "h",
        list_services: "",
        message_request: "list_services",
      });
      stream.end();
    }
  });
  await withClient({ reflection: false }, async (client) => {
    await assert.rejects(client.reflection().ask({ list_services: "" }), { code: 12 });
  });
});

Deno.test("reflection: what is told of a service is what its file in proto/ says", async () => {
  await withClient({}, async (client) => {
    for (const [service, file] of Object.entries(SERVICES)) {
      const schema = await client.schemaOf(service);
      assert.deepEqual(problems(schema), []);
      const told = shapes(schema);
      assert.ok(told.has(`.${service}`), service);
      assert.deepEqual([...told].sort(), [...fromFile(file)].sort(), service);
    }
  });
});

Deno.test("reflection: files, methods and types are found by name; a file comes before its imports", async () => {
  await withClient({}, async (client) => {
    const stream = client.reflection();
    const first = async (question: object) => {
      const files = (await stream.ask(question)).file_descriptor_response?.file_descriptor_proto;
      return files?.map((bytes) => fileName(bytes));
    };
    const health = "grpc/health/v1/health.proto";
    assert.deepEqual(await first({ file_by_filename: health }), [health]);
    const enumeration = "grpc.health.v1.HealthCheckResponse.ServingStatus";
    assert.deepEqual(await first({ file_containing_symbol: enumeration }), [health]);
    const method = "jmessage.v1.AdminService.Status";
    assert.deepEqual(await first({ file_containing_symbol: method }), [
      "jmessage/v1/admin.proto",
      "google/protobuf/timestamp.proto",
      "jmessage/v1/core.proto",
    ]);
    const numbers = { all_extension_numbers_of_type: "jmessage.v1.Policy" };
    const { all_extension_numbers_response } = await stream.ask(numbers);
    assert.deepEqual(all_extension_numbers_response, {
      base_type_name: "jmessage.v1.Policy",
      extension_number: [],
    });
    stream.end();
  });
});

Deno.test("reflection: what is not there is told so, and the stream goes on", async () => {
  await withClient({}, async (client) => {
    const stream = client.reflection();
    const extension = { containing_type: "jmessage.v1.Policy", extension_number: 1 };
    const cases: readonly (readonly [object, number, RegExp])[] = [
      [{ file_by_filename: "jmessage/v1/cluster.proto" }, 5, /no file is called jmessage/],
      [{ file_containing_symbol: "jmessage.v1.ClusterService" }, 5, /nothing is called/],
      [{ file_containing_symbol: "x".repeat(10_000) }, 5, /nothing is called x{400,512}$/],
      [{ file_containing_extension: extension }, 5, /nothing here has extensions/],
      [{ all_extension_numbers_of_type: "nothing" }, 5, /nothing is called/],
      [{}, 3, /asks for nothing/],
    ];
    for (const [question, code, text] of cases) {
      const { error_response } = await stream.ask(question);
      assert.equal(error_response?.error_code, code);
      assert.match(error_response?.error_message ?? "", text);
    }
    assert.ok((await stream.ask({ list_services: "" })).list_services_response);
    await assert.rejects(stream.ask(new Uint8Array([0xff, 0xff])), { code: 3 });
  });
});

Deno.test("reflection: streams are bounded, and the port's other calls do not feel them", async () => {
  await withClient({}, async (client, address) => {
    const streams = Array.from({ length: limits.reflectionStreamsMax }, () => client.reflection());
    await Promise.all(streams.map((stream) => stream.ask({ list_services: "" })));
    await assert.rejects(client.reflection().ask({ list_services: "" }), { code: 8 });
    const ours = connect(address);
    await ours.logout({ requestId: "r", all: false }, contextFor(5_000));
    ours.close();
    streams.pop()!.end();
    const again = async (left: number): Promise<void> => {
      const answered = client.reflection().ask({ list_services: "" }).then(() => true, () => false);
      if (await answered) return;
      assert.ok(left > 0, "one that ended makes room");
      return again(left - 1);
    };
    await again(20);
  });
});

/** The first field of a descriptor, which is its name. */
function fileName(bytes: Uint8Array): string {
  const reader = protobuf.Reader.create(bytes);
  assert.equal(reader.uint32(), 10);
  return reader.string();
}
