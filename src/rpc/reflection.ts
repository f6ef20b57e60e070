/**
 * The standard server reflection service, `grpc.reflection.v1.ServerReflection` and its older name:
 * tools ask it what a server serves, and need no `proto/` then. It tells of the services of its port
 * and of nothing else; what it tells was made with the codecs, no file is read.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { clearTimeout, setTimeout } from "node:timers";
import { status } from "@grpc/grpc-js";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { type DescribedFile, files } from "./gen/descriptors.js";
import { grpc } from "./gen/reflection.js";
import { addEndlessLink, type CountingServer, type LinkHandler } from "./listener.ts";
import { toStatus } from "./status.ts";
import { asBuffer, decode } from "./wire.ts";

const { ServerReflectionRequest, ServerReflectionResponse } = grpc.reflection.v1;
type Request = grpc.reflection.v1.ServerReflectionRequest;
type Response = grpc.reflection.v1.ServerReflectionResponse;
/** An answer without what every answer has. */
type Answer = Omit<Response, "validHost" | "originalRequest">;

/** The messages of both are the same bytes. */
const PATHS = ["v1", "v1alpha"].map((version) =>
  `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`
);

const byName = new Map(files.map((file) => [file.name, file]));
const bySymbol = new Map(files.flatMap((file) => file.symbols.map((symbol) => [symbol, file])));

/** Adds the reflection service to a server that has all its other services, and is not bound yet. */
export function addReflection(server: CountingServer): void {
  const streams = { open: 0 };
  // Not asked before all are there, itself included.
  const handler = reflectionHandler(() => server.services, streams);
  for (const path of PATHS) addEndlessLink(server, path, handler);
}

function reflectionHandler(
  services: () => readonly string[],
  streams: { open: number },
): LinkHandler {
  return (call) => {
    const refuse = (error: ChatError) => void call.emit("error", toStatus(error));
    if (streams.open >= limits.reflectionStreamsMax) {
      return refuse(new ChatError("OVERLOADED", "Too many reflection streams: try again later"));
    }
    streams.open += 1;
    const end = () => void call.end();
    let idle = setTimeout(end, limits.reflectionIdleMsMax);
    call.on("data", (bytes) => {
      clearTimeout(idle);
      idle = setTimeout(end, limits.reflectionIdleMsMax);
      try {
        const request = decode(ServerReflectionRequest, bytes);
        const answer = { validHost: request.host, originalRequest: request };
        const whole = { ...answer, ...answerTo(request, services()) };
        // A short question has a long answer: the next is not read before this one is.
        if (call.write(asBuffer(ServerReflectionResponse.encode(whole).finish()))) return;
        call.pause();
        call.once("drain", () => void call.resume());
      } catch (error) {
        refuse(ChatError.from(error));
      }
    });
    call.on("end", end);
    call.once("close", () => {
      clearTimeout(idle);
      streams.open -= 1;
    });
  };
}

function answerTo(request: Request, services: readonly string[]): Answer {
  const { fileByFilename, fileContainingSymbol, fileContainingExtension } = request;
  const { allExtensionNumbersOfType, listServices } = request;
  if (typeof listServices === "string") {
    return { listServicesResponse: { service: services.map((name) => ({ name })) } };
  }
  if (typeof fileByFilename === "string") {
    const file = byName.get(fileByFilename);
    return withImports(file, () => `no file is called ${fileByFilename}`);
  }
  if (typeof fileContainingSymbol === "string") {
    const file = bySymbol.get(fileContainingSymbol);
    return withImports(file, () => `nothing is called ${fileContainingSymbol}`);
  }
  if (typeof allExtensionNumbersOfType === "string") {
    const baseTypeName = allExtensionNumbersOfType;
    if (!bySymbol.has(baseTypeName)) return notFound(`nothing is called ${baseTypeName}`);
    return { allExtensionNumbersResponse: { baseTypeName, extensionNumber: [] } };
  }
  if (fileContainingExtension) return notFound("nothing here has extensions");
  const errorMessage = "The request asks for nothing that is known here";
  return { errorResponse: { errorCode: status.INVALID_ARGUMENT, errorMessage } };
}

/** The file first, then all that it imports, each once. */
function withImports(file: DescribedFile | undefined, problem: () => string): Answer {
  if (file === undefined) return notFound(problem());
  const wanted = new Set([file]);
  for (const one of wanted) {
    for (const name of one.imports) wanted.add(byName.get(name)!);
  }
  const fileDescriptorProto = [...wanted].map(({ base64 }) => Buffer.from(base64, "base64"));
  return { fileDescriptorResponse: { fileDescriptorProto } };
}

function notFound(problem: string): Answer {
  const errorMessage = `Cannot answer: ${problem}`.slice(0, limits.errorTextLengthMax);
  return { errorResponse: { errorCode: status.NOT_FOUND, errorMessage } };
}
