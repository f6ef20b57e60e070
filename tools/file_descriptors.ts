/**
 * The files of `proto/` as descriptors, for clients that ask a server what it serves. Made from the
 * reflected schema, file by file: the library's own conversion makes one file of each package, with
 * names that are relative and oneofs in an order that strict readers refuse.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import protobuf from "protobufjs";
import descriptor from "protobufjs/ext/descriptor.js";

/** A file as it is served. */
export interface DescribedFile {
  /** As other files import it. */
  readonly name: string;
  readonly imports: readonly string[];
  /** Full names of its messages, enums, services and methods. */
  readonly symbols: readonly string[];
  /** A serialized `google.protobuf.FileDescriptorProto`. */
  readonly bytes: Uint8Array;
}

/** Declared at the top of a file. */
type Declared = protobuf.Type | protobuf.Enum | protobuf.Service;

/** What a file says of itself, besides what it declares. */
interface Source {
  readonly name: string;
  readonly package: string;
  readonly imports: readonly string[];
  /** Names that are declared at its top. */
  readonly names: ReadonlySet<string>;
}

/** Describes a file of the schema; `text` is `null` for one that comes with protobufjs. */
export function describeFile(
  root: protobuf.Root,
  name: string,
  text: string | null,
): DescribedFile {
  const source = text === null ? bundledSource(name) : parsedSource(name, text);
  const space = source.package === "" ? root : root.lookup(source.package);
  if (!(space instanceof protobuf.Namespace)) throw new Error(`Cannot find ${source.package}`);
  const all = space.nestedArray.filter((one) => source.names.has(one.name)) as Declared[];
  const file = {
    name,
    package: source.package,
    dependency: source.imports,
    messageType: all.filter((one) => one instanceof protobuf.Type).map(describeType),
    enumType: all.filter((one) => one instanceof protobuf.Enum).map((one) => one.toDescriptor()),
    service: all.filter((one) => one instanceof protobuf.Service).map(describeService),
    syntax: "proto3",
  };
  const Proto = descriptor.FileDescriptorProto as unknown as protobuf.Type;
  const problem = Proto.verify(file);
  if (problem !== null) throw new Error(`Cannot describe ${name} as ${problem}`);
  const bytes = Proto.encode(Proto.fromObject(file)).finish();
  return { name, imports: source.imports, symbols: all.flatMap(symbolsOf), bytes };
}

function parsedSource(name: string, text: string): Source {
  const parsed = protobuf.parse(text, { keepCase: true });
  const space = parsed.package === undefined ? parsed.root : parsed.root.lookup(parsed.package);
  if (!(space instanceof protobuf.Namespace)) throw new Error(`Cannot find what ${name} declares`);
  return {
    name,
    package: parsed.package ?? "",
    imports: parsed.imports ?? [],
    names: new Set(space.nestedArray.map((one) => one.name)),
  };
}

function bundledSource(name: string): Source {
  const json = protobuf.common.get(name);
  const space = json && protobuf.Root.fromJSON(json).lookup("google.protobuf");
  if (!(space instanceof protobuf.Namespace)) throw new Error(`Cannot find ${name}`);
  const names = new Set(space.nestedArray.map((one) => one.name));
  return { name, package: "google.protobuf", imports: [], names };
}

/** Full names, as descriptors have them: with a dot in front. */
function describeType(type: protobuf.Type): object {
  // Those that `optional` stands for come after those that were written.
  const isWritten = (one: protobuf.OneOf) =>
    !(one.fieldsArray.length === 1 && one.fieldsArray[0]?.options?.["proto3_optional"]);
  const oneofs = [
    ...type.oneofsArray.filter(isWritten),
    ...type.oneofsArray.filter((one) => !isWritten(one)),
  ];
  return {
    name: type.name,
    field: type.fieldsArray.map((field) => {
      if (field.map) throw new Error(`Cannot describe ${field.fullName} as it is a map`);
      const resolved = field.resolve().resolvedType;
      return {
        ...(field.toDescriptor("proto3") as object),
        ...resolved === null ? {} : { typeName: resolved.fullName },
        ...field.partOf === null ? {} : { oneofIndex: oneofs.indexOf(field.partOf) },
      };
    }),
    oneofDecl: oneofs.map(({ name }) => ({ name })),
    nestedType: type.nestedArray.filter((one) => one instanceof protobuf.Type).map(describeType),
    enumType: type.nestedArray.filter((one) => one instanceof protobuf.Enum)
      .map((one) => one.toDescriptor()),
  };
}

function describeService(service: protobuf.Service): object {
  return {
    name: service.name,
    method: service.methodsArray.map((method) => {
      method.resolve();
      const { name, requestStream, responseStream, resolvedRequestType, resolvedResponseType } =
        method;
      return {
        name,
        inputType: resolvedRequestType?.fullName,
        outputType: resolvedResponseType?.fullName,
        ...requestStream ? { clientStreaming: true } : {},
        ...responseStream ? { serverStreaming: true } : {},
      };
    }),
  };
}

function symbolsOf(one: protobuf.ReflectionObject): readonly string[] {
  const own = one.fullName.slice(1);
  if (one instanceof protobuf.Service) {
    return [own, ...one.methodsArray.map(({ name }) => `${own}.${name}`)];
  }
  return one instanceof protobuf.Type ? [own, ...one.nestedArray.flatMap(symbolsOf)] : [own];
}

/** The text of a module with these files. */
export function descriptorModule(files: readonly DescribedFile[]): string {
  const parts = files.map(({ name, imports, symbols, bytes }) =>
    JSON.stringify({ name, imports, symbols, base64: Buffer.from(bytes).toString("base64") })
  );
  return `export const files = [\n${parts.join(",\n")},\n];\n`;
}

/** Its types. */
export const DESCRIPTOR_TYPES = `/** One file of proto/. */
export interface DescribedFile {
  /** As other files import it. */
  readonly name: string;
  readonly imports: readonly string[];
  /** Full names of its messages, enums, services and methods. */
  readonly symbols: readonly string[];
  /** A serialized google.protobuf.FileDescriptorProto. */
  readonly base64: string;
}

export const files: readonly DescribedFile[];
`;
