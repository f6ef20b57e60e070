/**
 * A gRPC client without manners: HTTP/2 as it is, so that a test can send what no library would.
 * Owns frames and streams; knows nothing of what is asked.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from "node:http2";
import { connect as connectSocket, type Socket } from "node:net";

/** What came of a call: the status as text, "none" where there was no answer. */
export interface RawAnswer {
  readonly status: string;
  /** `jmessage-reason`, if there was one. */
  readonly reason: string;
  readonly body: Buffer;
}

/** How a call is made. */
export interface RawCall {
  readonly path: string;
  /** The message, without gRPC's five bytes. */
  readonly message: Uint8Array;
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A message with gRPC's five bytes before it. */
export function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** A connection to `host:port` that does what it is told. */
export class RawClient {
  readonly session: ClientHttp2Session;
  closed = false;

  constructor(address: string) {
    this.session = connect(`http://${address}`);
    this.session.on("error", () => {});
    this.session.on("close", () => this.closed = true);
  }

  /** The headers of a call; its message is the caller's to send, or not. */
  begin({ path, token, headers }: Omit<RawCall, "message">): ClientHttp2Stream {
    const stream = this.session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      "grpc-timeout": "20S",
      te: "trailers",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    });
    stream.on("error", () => {});
    return stream;
  }

  /** A whole call. Resolves also where there is no answer. */
  call(call: RawCall): Promise<RawAnswer> {
    return answerOf(() => {
      const stream = this.begin(call);
      stream.end(framed(call.message));
      return stream;
    });
  }

  close(): void {
    this.session.destroy();
  }
}

/** What comes of the stream that `open` opens. */
export function answerOf(open: () => ClientHttp2Stream): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let headers: IncomingHttpHeaders = {};
    const end = () => {
      const status = String(headers["grpc-status"] ?? "none");
      const body = Buffer.concat(chunks).subarray(5);
      resolve({ status, reason: String(headers["jmessage-reason"] ?? ""), body });
    };
    try {
      const stream = open();
      stream.on("response", (given) => headers = { ...headers, ...given });
      stream.on("trailers", (given) => headers = { ...headers, ...given });
      stream.on("data", (chunk: Buffer) => void chunks.push(chunk));
      stream.on("close", end);
      // An answer may come before the whole request was taken: then nobody takes the rest.
      stream.on("end", () => {
        end();
        stream.destroy();
      });
    } catch {
      end();
    }
  });
}

/** A plain connection to `host:port`; resolves once it is open, or has failed. */
export function rawSocket(address: string): Promise<Socket> {
  const [host = "", port] = address.split(":");
  const socket = connectSocket({ host, port: Number(port) });
  socket.on("error", () => {});
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(socket));
    socket.once("close", () => resolve(socket));
  });
}
