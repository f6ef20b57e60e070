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


export interface CreateAccountRequest {
  username: string;
  password: string;
}
export namespace CreateAccountRequest {
  export function encode(message: CreateAccountRequest, writer?: Writer): Writer;
  export function decode(bytes: Uint8Array): CreateAccountRequest;
}

export interface LoginRequest {
  username: string;
  password: string;
}
export namespace LoginRequest {
  export function encode(message: LoginRequest, writer?: Writer): Writer;
  export function decode(bytes: Uint8Array): LoginRequest;
}

export interface ListUsersRequest {
}
export namespace ListUsersRequest {
  export function encode(message: ListUsersRequest, writer?: Writer): Writer;
  export function decode(bytes: Uint8Array): ListUsersRequest;
}

export interface SendRequest {
  to: string;
  message: string;
  sessionId: string;
}
export namespace SendRequest {
  export function encode(message: SendRequest, writer?: Writer): Writer;
  export function decode(bytes: Uint8Array): SendRequest;
}

export interface GetMessagesRequest {
  sessionId: string;
}
export namespace GetMessagesRequest {
  export function encode(message: GetMessagesRequest, writer?: Writer): Writer;
  export function decode(bytes: Uint8Array): GetMessagesRequest;
}

export interface GetChatRequest {
  sessionId: string;
  username: string;
}
export namespace GetChatRequest {
  export function encode(message: GetChatRequest, writer?: Writer): Writer;
  export function decode(bytes: Uint8Array): GetChatRequest;
}

export interface AcknowledgeRequest {
  sessionId: string;
  messageIds: readonly number[];
}
export namespace AcknowledgeRequest {
  export function encode(message: AcknowledgeRequest, writer?: Writer): Writer;
  export function decode(bytes: Uint8Array): AcknowledgeRequest;
}

export interface SessionRequest {
  sessionId: string;
}
export namespace SessionRequest {
  export function encode(message: SessionRequest, writer?: Writer): Writer;
  export function decode(bytes: Uint8Array): SessionRequest;
}

export interface ServerResponse {
  errorCode: number;
  errorMessage: string;
  sessionId: string;
}
export namespace ServerResponse {
  export function encode(message: ServerResponse, writer?: Writer): Writer;
  export function decode(bytes: Uint8Array): ServerResponse;
}

export interface Users {
  user: readonly User[];
}
export namespace Users {
  export function encode(message: Users, writer?: Writer): Writer;
  export function decode(bytes: Uint8Array): Users;
}

export interface User {
  username: string;
  status: string;
}
export namespace User {
  export function encode(message: User, writer?: Writer): Writer;
  export function decode(bytes: Uint8Array): User;
}

export interface Messages {
  errorCode: number;
  errorMessage: string;
  message: readonly Message[];
}
export namespace Messages {
  export function encode(message: Messages, writer?: Writer): Writer;
  export function decode(bytes: Uint8Array): Messages;
}

export interface Message {
  from_: string;
  message: string;
  messageId: number;
  timeStamp?: google.protobuf.Timestamp | null;
}
export namespace Message {
  export function encode(message: Message, writer?: Writer): Writer;
  export function decode(bytes: Uint8Array): Message;
}

export namespace google {
  export namespace protobuf {
    export interface Timestamp {
      seconds: number;
      nanos: number;
    }
    export namespace Timestamp {
      export function encode(message: Timestamp, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Timestamp;
    }
  }
}
