/**
 * The HTTP port over real sockets: what it answers, over TLS too, and what it does with those who
 * talk nonsense or do not go.
 *
 * @module
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { request as requestPlain, type RequestOptions } from "node:http";
import { request as requestTls } from "node:https";
import { connect, type Socket } from "node:net";
import { limits } from "../../src/limits.ts";
import { TestCa, withDirectory } from "../support/certificates.ts";
import { Source } from "../support/tls_source.ts";
import { type HttpPages, serveHttp } from "../../src/rpc/http_server.ts";
import type { Listener } from "../../src/rpc/port.ts";
import type { TlsServer } from "../../src/rpc/tls_server.ts";

const pages: HttpPages = {
  "/fine": () => ({ status: 200, body: "ü\n" }),
  "/typed": () => Promise.resolve({ status: 503, body: "x 1\n", type: "text/x" }),
  "/broken": () => {
    throw new Error("out of order");
  },
};

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
  readonly headers: NodeJS.Dict<string | string[]>;
}

/** One question by the runtime's own client. */
async function ask(
  listener: Listener,
  path: string,
  { method = "GET", ca }: { readonly method?: string; readonly ca?: string } = {},
): Promise<Answer> {
  const [host, port] = listener.address.split(":");
  const options: RequestOptions = { host, port, path, method, agent: false };
  const request = ca === undefined ? requestPlain(options) : requestTls({ ...options, ca });
  request.end();
  const [response] = await once(request, "response");
  let body = "";
  for await (const part of response.setEncoding("utf8")) body += part;
  return { status: response.statusCode, body, headers: response.headers };
}

async function withPort(
  test: (listener: Listener) => Promise<void>,
  tls: TlsServer | null = null,
): Promise<void> {
  const listener = await serveHttp("127.0.0.1:0", pages, tls);
  try {
    await test(listener);
  } finally {
    await listener.close(0);
  }
}

/** Resolves once the connection is over, however it ends. */
function over(socket: Socket): Promise<void> {
  socket.resume();
  return new Promise((resolve) => void socket.once("close", () => resolve()));
}

async function dial(listener: Listener): Promise<Socket> {
  const [host, port] = listener.address.split(":");
  const socket = connect({ host: host!, port: Number(port) });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

Deno.test("http: pages are given to GET and HEAD; the rest is refused with what to do", async () => {
  await withPort(async (listener) => {
    const fine = await ask(listener, "/fine?verbose=1");
    assert.deepEqual([fine.status, fine.body], [200, "ü\n"]);
    assert.equal(fine.headers["content-length"], "3");
    assert.equal(fine.headers["content-type"], "text/plain; charset=utf-8");
    const head = await ask(listener, "/fine", { method: "HEAD" });
    assert.deepEqual([head.status, head.body, head.headers["content-length"]], [200, "", "3"]);
    const typed = await ask(listener, "/typed");
    assert.deepEqual([typed.status, typed.headers["content-type"]], [503, "text/x"]);
    const post = await ask(listener, "/fine", { method: "POST" });
    assert.deepEqual([post.status, post.headers["allow"]], [405, "GET, HEAD"]);
    for (const path of ["/", "/fine/", "/constructor", "/__proto__"]) {
      const { status, body } = await ask(listener, path);
      assert.equal(status, 404, path);
      assert.match(body, /ask for \/fine, \/typed, \/broken/);
    }
    const broken = await ask(listener, "/broken");
    assert.deepEqual([broken.status, broken.body], [500, "out of order\n"]);
  });
});

Deno.test("http: over TLS it has the node's certificate, and plain text is refused", async () => {
  await withDirectory(async (directory) => {
    const ca = await TestCa.make(directory);
    const said: string[] = [];
    const tls: TlsServer = {
      source: await Source.of(await ca.node("n1")),
      clientCertificate: "optional",
      protocols: ["http/1.1"],
      refused: (_from, why) => void said.push(why),
    };
    await withPort(async (listener) => {
      const trusted = await readFile(ca.ca, "utf8");
      assert.equal((await ask(listener, "/fine", { ca: trusted })).body, "ü\n");
      await assert.rejects(ask(listener, "/fine"));
      assert.deepEqual(said, ["it does not speak TLS"]);
    }, tls);
  });
});

Deno.test("http: nonsense and headers without an end are cut off, and others are served", async () => {
  await withPort(async (listener) => {
    for (const words of ["no http at all\r\n\r\n", `GET / HTTP/1.1\r\nx: ${"y".repeat(200_000)}`]) {
      const socket = await dial(listener);
      const ended = over(socket);
      socket.write(words);
      await ended;
    }
    assert.equal((await ask(listener, "/fine")).status, 200);
  });
});

Deno.test("http: no more connections than the limit, and the end does not wait for any", async () => {
  const listener = await serveHttp("127.0.0.1:0", pages);
  const sockets: Socket[] = [];
  for (let number = 0; number < limits.httpConnectionsMax; number++) {
    sockets.push(await dial(listener));
  }
  sockets[0]!.write("GET /fine HTTP/1.1\r\nhost: x\r\n");
  const above = await dial(listener);
  await over(above);
  const open = sockets.filter((socket) => !socket.destroyed).length;
  assert.equal(open, limits.httpConnectionsMax, "those before it stay");
  await listener.close(0);
  await assert.rejects(ask(listener, "/fine"));
  for (const socket of sockets) socket.destroy();
});
