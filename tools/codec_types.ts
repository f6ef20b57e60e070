/**
 * Writes the TypeScript declarations of the generated codecs from the reflected schema. One
 * interface a message serves both ways: scalars and lists are always there (decoding gives the
 * default), while messages, `optional` fields and members of a oneof may be absent.
 *
 * @module
 */

import protobuf from "protobufjs";

const SCALARS: Readonly<Record<string, string>> = {
  string: "string",
  bytes: "Uint8Array",
  bool: "boolean",
  uint32: "number",
  int32: "number",
  uint64: "number",
  int64: "number",
};

const HEADER = `/** Bytes being written. */
export interface Writer {
  finish(): Uint8Array;
}

/** Encodes and decodes messages of one type. */
export interface Codec<T> {
  encode(message: T, writer?: Writer): Writer;
  /** Throws on bytes that are not of this type. */
  decode(bytes: Uint8Array): T;
}
`;

/** The text of the declaration file for everything in the schema. */
export function codecTypes(root: protobuf.Root): string {
  const parts = root.nestedArray.map((nested) => declare(nested, ""));
  return HEADER + "\n" + parts.join("\n");
}

function declare(object: protobuf.ReflectionObject, indent: string): string {
  if (object instanceof protobuf.Enum) return declareEnum(object, indent);
  if (object instanceof protobuf.Service) return "";
  if (object instanceof protobuf.Type) return declareType(object, indent);
  assertNamespace(object);
  return declareNamespace(object, indent);
}

function assertNamespace(
  object: protobuf.ReflectionObject,
): asserts object is protobuf.Namespace {
  if (!(object instanceof protobuf.Namespace)) {
    throw new Error(`Cannot declare ${object.fullName}: neither message, enum nor package`);
  }
}

function declareNamespace(namespace: protobuf.Namespace, indent: string): string {
  return `${indent}export namespace ${namespace.name} {\n` +
    declareNested(namespace, indent) + `${indent}}\n`;
}

function declareNested(namespace: protobuf.Namespace, indent: string): string {
  return namespace.nestedArray.map((nested) => declare(nested, indent + "  ")).join("");
}

/** An interface and, under the same name, its {@linkcode Codec} and nested types. */
function declareType(type: protobuf.Type, indent: string): string {
  const fields = type.fieldsArray.map((field) => `${indent}  ${declareField(field)}\n`).join("");
  const name = type.name;
  return `${indent}export interface ${name} {\n${fields}${indent}}\n` +
    `${indent}export namespace ${name} {\n` +
    `${indent}  export function encode(message: ${name}, writer?: Writer): Writer;\n` +
    `${indent}  export function decode(bytes: Uint8Array): ${name};\n` +
    declareNested(type, indent) + `${indent}}\n`;
}

function declareField(field: protobuf.Field): string {
  const base = field.resolvedType ? field.resolvedType.fullName.slice(1) : scalar(field);
  if (field.repeated) return `${field.name}: readonly ${base}[];`;
  const present = !(field.resolvedType instanceof protobuf.Type) && field.partOf === null;
  return present ? `${field.name}: ${base};` : `${field.name}?: ${base} | null;`;
}

function scalar(field: protobuf.Field): string {
  const type = SCALARS[field.type];
  if (type === undefined || field.map) {
    throw new Error(`Cannot declare ${field.fullName}: no rule for type ${field.type}`);
  }
  return type;
}

function declareEnum(type: protobuf.Enum, indent: string): string {
  const values = Object.entries(type.values)
    .map(([name, id]) => `${indent}  readonly ${name}: ${id};\n`).join("");
  return `${indent}export type ${type.name} = number;\n` +
    `${indent}export const ${type.name}: {\n${values}${indent}};\n`;
}
