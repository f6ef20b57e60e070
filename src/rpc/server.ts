/**
 * The client port: chat, admin and health over gRPC. The services are plain objects from
 * `src/node`; this file only hangs them up.
 *
 * @module
 */

import { limits } from "../limits.ts";
import type { AdminApi, CallContext, ChatApi, ResponseInfo } from "./api.ts";
import { descriptorsMax } from "./descriptors.ts";
import { streamHandler, unaryHandler } from "./handlers.ts";
import { addHealth, type HealthSource } from "./health.ts";
import {
  addStream,
  addUnary,
  type CallListener,
  type CountingServer,
  createServer,
  listen,
} from "./listener.ts";
import type { OriginalApi } from "./original_api.ts";
import { addOriginal } from "./original_handlers.ts";
import type { Listener } from "./port.ts";
import { addReflection } from "./reflection.ts";
import {
  adminMethods,
  backupMethod,
  chatMethods,
  type Method,
  type MethodTable,
  subscribeMethod,
  type Unary,
} from "./services.ts";
import type { TlsServer } from "./tls_server.ts";

/** What a node serves on its client port. */
export interface ClientServices {
  readonly chat: ChatApi;
  readonly admin: AdminApi;
  readonly health: HealthSource;
  /** For clients of the original; without it their calls are answered UNIMPLEMENTED. */
  readonly original?: OriginalApi | null;
  /** Tells whoever asks what is served here. */
  readonly reflection?: boolean | undefined;
  /** Told of each call that is over. */
  readonly onCall?: CallListener | undefined;
}

/** Connections of clients, as far as this process may have descriptors. */
function clientConnectionsMax(): number {
  const others = limits.peerConnectionsMax + limits.descriptorsKept;
  const descriptors = descriptorsMax();
  return Math.min(
    limits.connectionsMax,
    Math.max(descriptors - others, Math.floor(descriptors / 2)),
  );
}

/** Serves the client port on `host:port`; port 0 picks a free one. In plain text without `tls`. */
export function serveClients(
  address: string,
  services: ClientServices,
  tls: TlsServer | null = null,
): Promise<Listener> {
  const server = createServer({
    receiveBytesMax: limits.requestBytesMax,
    sendBytesMax: limits.answerBytesMax,
    connectionsMax: clientConnectionsMax(),
    looseBytes: "bounded",
  });
  const { admin, chat, health, original, reflection, onCall } = services;
  if (onCall) server.onCall = onCall;
  addAll(server, { methods: chatMethods, api: chat });
  addAll(server, { methods: adminMethods, api: admin });
  const subscribe = streamHandler(
    subscribeMethod,
    (request, context) => chat.subscribe(request, context),
  );
  addStream(server, subscribeMethod.path, subscribe);
  const backup = streamHandler(backupMethod, (request, context) => admin.backup(request, context));
  addStream(server, backupMethod.path, backup);
  addHealth(server, health);
  if (original) addOriginal(server, original);
  if (reflection) addReflection(server);
  return listen(server, address, tls);
}

/** A unary method whose types the table has matched with those of its api. */
type Run = (
  request: unknown,
  context: CallContext,
) => Promise<object & { readonly info?: ResponseInfo }>;

function addAll<Api extends object>(
  server: CountingServer,
  { methods, api }: { readonly methods: MethodTable<Api>; readonly api: Api },
): void {
  for (const name of Object.keys(methods) as Unary<Api>[]) {
    const method = methods[name] as Method<unknown, object>;
    // Called on its api: the services are objects with state.
    const run: Run = (request, context) => (api[name] as Run).call(api, request, context);
    addUnary(server, method.path, unaryHandler(method, run));
  }
}
