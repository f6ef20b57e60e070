// Generated from proto/ by tools/generate_codecs.ts. Do not edit.

/** One file of proto/. */
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
