/**
 * The services of a node's client port, reached over gRPC, behind the interface that the node
 * itself implements. One connection to one address: going elsewhere is the failover client's.
 *
 * @module
 */

import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import type { TlsSource } from "../tls/material.ts";
import type {
  AdminApi,
  BackupPart,
  CallContext,
  ChatApi,
  SubscribeFrame,
  SubscribeRequest,
} from "./api.ts";
import { Channel, type Outgoing } from "./channel.ts";
import { requestMetadata, responseInfoOf } from "./metadata.ts";
import {
  adminMethods,
  backupMethod,
  chatMethods,
  type Method,
  type MethodTable,
  subscribeMethod,
  type Unary,
} from "./services.ts";
import { unlessStalled } from "./stalling.ts";
import type { Form } from "./wire.ts";

/** The services of one member over one connection. */
export type ChatConnection = ChatApi & AdminApi & {
  /** Ends the connection; calls in progress fail with `NO_ANSWER`. */
  close(): void;
};

/**
 * A connection to the client port at `host:port`. Returns at once; the connection is made by the
 * first call, and made again by itself whenever it is lost. Calls throw `ChatError` only; what
 * gives no answer with a reason is `NO_ANSWER`. In plain text without `tls`; with it, the server's
 * certificate must be for the host.
 */
export function connect(address: string, tls: TlsSource | null = null): ChatConnection {
  const bounds = {
    receiveBytesMax: limits.answerBytesMax,
    sendBytesMax: limits.requestBytesMax,
  };
  const secure = tls === null ? null : { source: tls, check: { by: "host" } as const };
  const channel = new Channel(address, bounds, secure);
  return {
    ...unaryMethods(channel, { methods: chatMethods, answered: true }),
    ...unaryMethods(channel, { methods: adminMethods, answered: false }),
    subscribe: (request, context) => subscribe(channel, { request, context }),
    backup: (request, context) => backup(channel, { request, context }),
    close: () => channel.close(),
  };
}

/** All unary methods of an api; `answered`: with what came in the headers as `info`. */
function unaryMethods<Api>(
  channel: Channel,
  { methods, answered }: { readonly methods: MethodTable<Api>; readonly answered: boolean },
): Pick<Api, Unary<Api>> {
  const calls: Record<string, unknown> = {};
  for (const name of Object.keys(methods) as Unary<Api>[]) {
    const method = methods[name] as Method<unknown, object>;
    calls[name] = async (request: unknown, context: CallContext) => {
      const { bytes, headers } = await channel.unary(outgoing(method, { request, context }));
      const answer = parse(method.response, bytes);
      return answered ? { ...answer, info: responseInfoOf(headers) } : answer;
    };
  }
  // The table has a method for each name, with the types of the api.
  return calls as Pick<Api, Unary<Api>>;
}

async function* subscribe(
  channel: Channel,
  call: { readonly request: SubscribeRequest; readonly context: CallContext },
): AsyncGenerator<SubscribeFrame, void, undefined> {
  for await (const bytes of channel.stream(outgoing(subscribeMethod, call))) {
    const frame = parse(subscribeMethod.response, bytes);
    if (frame !== null) yield frame;
  }
}

async function* backup(
  channel: Channel,
  call: { readonly request: Parameters<AdminApi["backup"]>[0]; readonly context: CallContext },
): AsyncGenerator<BackupPart, void, undefined> {
  for await (const bytes of unlessStalled(channel, outgoing(backupMethod, call))) {
    yield parse(backupMethod.response, bytes);
  }
}

function outgoing<Request>(
  method: Method<Request, unknown>,
  { request, context }: { readonly request: Request; readonly context: CallContext },
): Outgoing {
  return {
    path: method.path,
    bytes: method.request.toBytes(request),
    metadata: requestMetadata(context),
    deadlineMs: context.deadlineMs,
    signal: context.signal,
  };
}

/** An answer that cannot be read is no refusal: the request may well have happened. */
export function parse<Response>(form: Form<Response>, bytes: Uint8Array): Response {
  try {
    return form.fromBytes(bytes);
  } catch (cause) {
    const { message } = ChatError.from(cause);
    throw new ChatError("INTERNAL", `Cannot read the answer: ${message}`, { cause });
  }
}
