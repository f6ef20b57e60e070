/**
 * The proxy between nodes does what each fault says, and nothing else: shown with a plain echo
 * server in the place of a node.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect, createServer, type Server, type Socket } from "node:net";
import { until } from "../cluster/wait.ts";
import { Lanes } from "./lanes.ts";
import { PeerProxy, type PeerProxyOptions } from "./proxy.ts";

/** Longest that anything on this machine may take, ms. */
const SOON_MS = 5_000;

/** Answers what it hears, and remembers it. */
class Echo {
  readonly server: Server;
  readonly sockets = new Set<Socket>();
  heard = "";

  constructor() {
    this.server = createServer((socket) => {
      this.sockets.add(socket);
      socket.on("error", () => {});
      socket.on("data", (bytes) => {
        this.heard += bytes.toString();
        socket.write(bytes);
      });
    });
  }

  listen(port: number): Promise<number> {
    return new Promise((resolve) => {
      this.server.listen({ host: "127.0.0.1", port }, () => {
        const address = this.server.address();
        resolve(address !== null && typeof address === "object" ? address.port : 0);
      });
    });
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}

/** A caller and what became of its connection. */
class Caller {
  readonly socket: Socket;
  heard = "";
  state: "dialling" | "open" | "ended" | "refused" | "reset" = "dialling";

  constructor(address: string, name: string) {
    const port = Number(address.split(":")[1]);
    this.socket = connect({ host: "127.0.0.1", port });
    this.socket.on("connect", () => {
      this.state = "open";
      this.socket.write(`<${name}>`);
    });
    this.socket.on("data", (bytes) => this.heard += bytes.toString());
    this.socket.on("end", () => this.state = "ended");
    this.socket.on("error", (error: NodeJS.ErrnoException) => {
      this.state = error.code === "ECONNREFUSED" ? "refused" : "reset";
    });
  }
}

interface Stage {
  readonly echo: Echo;
  readonly lanes: Lanes;
  readonly proxy: PeerProxy;
  dial(name: string): Caller;
}

async function onStage(
  test: (stage: Stage) => Promise<void>,
  options: Partial<Pick<PeerProxyOptions, "nameMsMax" | "onPortLost">> = {},
): Promise<void> {
  const echo = new Echo();
  const lanes = new Lanes();
  const callerIn = (bytes: string) => /<(\w+)>/.exec(bytes)?.[1] ?? null;
  const proxy = new PeerProxy({ name: "b", lanes, callerIn, onPortLost: thrown, ...options });
  const callers: Caller[] = [];
  const dial = (name: string) => {
    const caller = new Caller(proxy.address, name);
    callers.push(caller);
    return caller;
  };
  try {
    await proxy.open();
    const port = await echo.listen(0);
    proxy.follow(port);
    await until(async () => await tries(proxy.address), { what: "it listens", ms: SOON_MS });
    await test({ echo, lanes, proxy, dial });
  } finally {
    for (const { socket } of callers) socket.destroy();
    await proxy.close();
    echo.close();
  }
}

/** Uncaught, it fails the test. */
function thrown(error: unknown): never {
  throw error;
}

function tries(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port: Number(address.split(":")[1]) });
    const end = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.on("connect", () => end(true));
    socket.on("error", () => end(false));
  });
}

async function hears(caller: Caller, text: string): Promise<void> {
  const isThere = () => caller.heard.endsWith(text);
  await until(isThere, { what: `${text}, not ${caller.heard}`, ms: SOON_MS });
}

/** Long enough for what is not held to arrive. */
async function othersPass(stage: Stage): Promise<void> {
  const witness = stage.dial("witness");
  await hears(witness, "<witness>");
  witness.socket.write("again");
  await hears(witness, "again");
  witness.socket.destroy();
}

Deno.test("proxy: passes everything both ways", async () => {
  await onStage(async ({ dial }) => {
    const caller = dial("a");
    await hears(caller, "<a>");
    const large = "x".repeat(3_000_000);
    caller.socket.write(`${large}!`);
    await until(() => caller.heard.length === large.length + 4, { what: "all", ms: SOON_MS });
  });
});

Deno.test("proxy: holds one way of one pair alone, and delivers it later", async () => {
  await onStage(async (stage) => {
    const { lanes, echo, dial } = stage;
    const caller = dial("a");
    await hears(caller, "<a>");
    const heal = lanes.lane("a", "b").worsen({ held: true });
    caller.socket.write("held");
    for (const socket of echo.sockets) socket.write("back");
    await hears(caller, "back");
    await othersPass(stage);
    assert.ok(!echo.heard.includes("held"));
    heal();
    await hears(caller, "held");
  });
});

Deno.test("proxy: a pair that is cut is cut from its first byte on", async () => {
  await onStage(async (stage) => {
    const { lanes, echo, dial } = stage;
    const heal = lanes.lane("a", "b").worsen({ held: true });
    const caller = dial("a");
    await othersPass(stage);
    assert.ok(!echo.heard.includes("<a>"));
    heal();
    await hears(caller, "<a>");
  });
});

Deno.test("proxy: nothing passes before it is known who sends it", async () => {
  await onStage(async (stage) => {
    const { lanes, echo, dial } = stage;
    const heal = lanes.lane("a", "b").worsen({ held: true });
    const caller = dial("");
    await othersPass(stage);
    caller.socket.write("<a>");
    await othersPass(stage);
    assert.ok(!echo.heard.includes("<>"));
    heal();
    await hears(caller, "<><a>");
  }, { nameMsMax: 10 * SOON_MS });
});

Deno.test("proxy: who does not say who it is passes both ways, and is known once it does", async () => {
  await onStage(async (stage) => {
    const { lanes, echo, dial } = stage;
    lanes.lane("a", "b").worsen({ held: true });
    const caller = dial("");
    await hears(caller, "<>");
    caller.socket.write("<a>");
    await othersPass(stage);
    assert.ok(!echo.heard.includes("<a>"));
  });
});

Deno.test("proxy: the way back is held like the way there", async () => {
  await onStage(async (stage) => {
    const { lanes, echo, dial } = stage;
    const caller = dial("a");
    await hears(caller, "<a>");
    const heal = lanes.lane("b", "a").worsen({ held: true });
    caller.socket.write("there");
    await until(() => echo.heard.includes("there"), { what: "the way there", ms: SOON_MS });
    await othersPass(stage);
    assert.ok(!caller.heard.includes("there"));
    heal();
    await hears(caller, "there");
  });
});

Deno.test("proxy: the death of the other side is not known behind a cut", async () => {
  await onStage(async (stage) => {
    const { lanes, echo, proxy, dial } = stage;
    const caller = dial("a");
    await hears(caller, "<a>");
    const heal = lanes.lane("b", "a").worsen({ held: true });
    echo.close();
    await proxy.unfollow();
    assert.equal(await tries(proxy.address), false, "others are refused");
    assert.equal(caller.state, "open");
    heal();
    await until(() => caller.state !== "open", { what: "the end", ms: SOON_MS });
  });
});

Deno.test("proxy: what a dead caller sent is held like what a live one sends", async () => {
  await onStage(async (stage) => {
    const { lanes, echo, dial } = stage;
    const caller = dial("a");
    await hears(caller, "<a>");
    const heal = lanes.lane("a", "b").worsen({ held: true });
    caller.socket.end("last words");
    await othersPass(stage);
    assert.ok(!echo.heard.includes("last words"));
    heal();
    await until(() => echo.heard.includes("last words"), { what: "last words", ms: SOON_MS });
  });
});

Deno.test("proxy: what is lost never arrives, and breaks the connection at the end", async () => {
  await onStage(async (stage) => {
    const { lanes, echo, dial } = stage;
    const caller = dial("a");
    await hears(caller, "<a>");
    const heal = lanes.lane("a", "b").worsen({ lost: true });
    caller.socket.write("lost");
    await othersPass(stage);
    assert.equal(caller.state, "open");
    heal();
    await until(() => caller.state === "reset", { what: "the reset", ms: SOON_MS });
    assert.ok(!echo.heard.includes("lost"));
  });
});

Deno.test("proxy: a delay makes late and keeps the order", async () => {
  await onStage(async ({ lanes, dial }) => {
    const caller = dial("a");
    await hears(caller, "<a>");
    lanes.lane("a", "b").worsen({ delayMs: 150 });
    lanes.lane("b", "a").worsen({ delayMs: 150 });
    const before = performance.now();
    caller.socket.write("first");
    caller.socket.write("second");
    await hears(caller, "firstsecond");
    assert.ok(performance.now() - before >= 299, "it took both delays");
  });
});

Deno.test("proxy: a throttle lets pass so many bytes a second", async () => {
  await onStage(async ({ lanes, dial }) => {
    const caller = dial("a");
    await hears(caller, "<a>");
    lanes.lane("a", "b").worsen({ bytesPerSecond: 100_000 });
    const before = performance.now();
    caller.socket.write(Buffer.alloc(50_000, "x"));
    await until(() => caller.heard.length === 50_003, { what: "all", ms: SOON_MS });
    assert.ok(performance.now() - before >= 450, "half a second at least");
  });
});

Deno.test("proxy: breaks the connections of one caller alone", async () => {
  await onStage(async ({ proxy, dial }) => {
    const [first, second, other] = [dial("a"), dial("c"), dial("d")];
    for (const caller of [first, second, other]) await hears(caller, ">");
    assert.equal(proxy.break("a", "reset"), 1);
    assert.equal(proxy.break("c", "close"), 1);
    await until(() => first.state === "reset", { what: "the reset", ms: SOON_MS });
    await until(() => second.state === "ended", { what: "the end", ms: SOON_MS });
    other.socket.write("still there");
    await hears(other, "still there");
  });
});

Deno.test("proxy: tells that somebody else has taken its port while its node was gone", async () => {
  const lost: unknown[] = [];
  const onPortLost = (error: unknown) => void lost.push(error);
  await onStage(async ({ proxy }) => {
    await proxy.unfollow();
    const [other, node] = [new Echo(), new Echo()];
    try {
      await other.listen(Number(proxy.address.split(":")[1]));
      proxy.follow(await node.listen(0));
      await until(() => lost.length > 0, { what: "it gives up", ms: SOON_MS });
      assert.match(String(lost[0]), /EADDRINUSE/);
    } finally {
      other.close();
      node.close();
    }
  }, { onPortLost });
});

Deno.test("proxy: refuses while its node is gone, and comes back with it", async () => {
  await onStage(async ({ echo, proxy, dial }) => {
    echo.close();
    await proxy.unfollow();
    const refused = dial("a");
    await until(() => refused.state === "refused", { what: "the refusal", ms: SOON_MS });
    const again = new Echo();
    try {
      proxy.follow(await again.listen(0));
      await until(async () => await tries(proxy.address), { what: "it listens", ms: SOON_MS });
      await hears(dial("a"), "<a>");
    } finally {
      again.close();
    }
  });
});
