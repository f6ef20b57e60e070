// Generated from proto/ by tools/generate_codecs.ts. Do not edit.

/** Bytes being written. */
export interface Writer {
  finish(): Uint8Array;
}

/** Encodes and decodes messages of one type. */
export interface Codec<T> {
  encode(message: T, writer?: Writer): Writer;
  /** Throws on bytes that are not of this type. */
  decode(bytes: Uint8Array): T;
}

export namespace grpc {
  export namespace reflection {
    export namespace v1 {
      export interface ServerReflectionRequest {
        host: string;
        fileByFilename?: string | null;
        fileContainingSymbol?: string | null;
        fileContainingExtension?: grpc.reflection.v1.ExtensionRequest | null;
        allExtensionNumbersOfType?: string | null;
        listServices?: string | null;
      }
      export namespace ServerReflectionRequest {
        export function encode(message: ServerReflectionRequest, writer?: Writer): Writer;
        export function decode(bytes: Uint8Array): ServerReflectionRequest;
      }
      export interface ExtensionRequest {
        containingType: string;
        extensionNumber: number;
      }
      export namespace ExtensionRequest {
        export function encode(message: ExtensionRequest, writer?: Writer): Writer;
        export function decode(bytes: Uint8Array): ExtensionRequest;
      }
      export interface ServerReflectionResponse {
        validHost: string;
        originalRequest?: grpc.reflection.v1.ServerReflectionRequest | null;
        fileDescriptorResponse?: grpc.reflection.v1.FileDescriptorResponse | null;
        allExtensionNumbersResponse?: grpc.reflection.v1.ExtensionNumberResponse | null;
        listServicesResponse?: grpc.reflection.v1.ListServiceResponse | null;
        errorResponse?: grpc.reflection.v1.ErrorResponse | null;
      }
      export namespace ServerReflectionResponse {
        export function encode(message: ServerReflectionResponse, writer?: Writer): Writer;
        export function decode(bytes: Uint8Array): ServerReflectionResponse;
      }
      export interface FileDescriptorResponse {
        fileDescriptorProto: readonly Uint8Array[];
      }
      export namespace FileDescriptorResponse {
        export function encode(message: FileDescriptorResponse, writer?: Writer): Writer;
        export function decode(bytes: Uint8Array): FileDescriptorResponse;
      }
      export interface ExtensionNumberResponse {
        baseTypeName: string;
        extensionNumber: readonly number[];
      }
      export namespace ExtensionNumberResponse {
        export function encode(message: ExtensionNumberResponse, writer?: Writer): Writer;
        export function decode(bytes: Uint8Array): ExtensionNumberResponse;
      }
      export interface ListServiceResponse {
        service: readonly grpc.reflection.v1.ServiceResponse[];
      }
      export namespace ListServiceResponse {
        export function encode(message: ListServiceResponse, writer?: Writer): Writer;
        export function decode(bytes: Uint8Array): ListServiceResponse;
      }
      export interface ServiceResponse {
        name: string;
      }
      export namespace ServiceResponse {
        export function encode(message: ServiceResponse, writer?: Writer): Writer;
        export function decode(bytes: Uint8Array): ServiceResponse;
      }
      export interface ErrorResponse {
        errorCode: number;
        errorMessage: string;
      }
      export namespace ErrorResponse {
        export function encode(message: ErrorResponse, writer?: Writer): Writer;
        export function decode(bytes: Uint8Array): ErrorResponse;
      }
    }
  }
}
