/**
 * Which calls a port begins, when and in which order, and which it refuses: at each bound, below
 * and above it.
 *
 * @module
 */

import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import type { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import { type Asked, CallAdmission } from "./call_admission.ts";
import { hostOf } from "./host.ts";
import { eventually } from "./rpc_test_services.ts";

const BOUNDS = { callsMax: 3, bytesMax: 100, connectionBytesMax: 60 };

/** Calls of a test, by name, and what became of them. */
class Calls {
  readonly begun: string[] = [];
  refused: readonly { readonly name: string; readonly error: ChatError }[] = [];
  readonly #over = new Map<string, () => void>();
  readonly gone = new Set<string>();

  call(name: string, from: string, bytes = 10): Asked {
    return {
      from,
      bytes,
      gone: () => this.gone.has(name),
      begin: (over) => {
        this.begun.push(name);
        this.#over.set(name, over);
      },
      refuse: (error) => this.refused = [...this.refused, { name, error }],
    };
  }

  over(name: string): void {
    this.#over.get(name)?.();
  }
}

Deno.test("call admission: as many calls as are allowed run, the next is refused with a time", async () => {
  const admission = new CallAdmission(BOUNDS);
  const calls = new Calls();
  for (const name of ["a", "b", "c", "d"]) admission.ask(calls.call(name, `10.0.0.1:${name}`));
  assert.deepEqual(calls.begun, ["a", "b", "c"]);
  assert.equal(calls.refused.length, 0, "it hears of it later");
  await eventually(() => calls.refused.length === 1, { what: "the refusal" });
  const told = calls.refused.map(({ name, error }) => [name, error.reason, error.retryAfterMs]);
  assert.deepEqual(told, [["d", "OVERLOADED", limits.overloadRetryMs]]);
  calls.over("a");
  // Told more than once, as gRPC may.
  calls.over("a");
  for (const name of ["e", "f"]) admission.ask(calls.call(name, "10.0.0.1:1"));
  assert.deepEqual(calls.begun, ["a", "b", "c", "e"]);
  for (const name of calls.begun) calls.over(name);
  assert.equal(admission.inFlight, 0);
});

Deno.test("call admission: bytes of one connection, and of all, are bounded", () => {
  const admission = new CallAdmission(BOUNDS);
  const calls = new Calls();
  admission.ask(calls.call("exactly", "10.0.0.1:1", 60));
  admission.ask(calls.call("above", "10.0.0.1:1", 1));
  admission.ask(calls.call("another", "10.0.0.1:2", 40));
  admission.ask(calls.call("all", "10.0.0.1:3", 1));
  assert.deepEqual(calls.begun, ["exactly", "another"]);
  assert.deepEqual(calls.refused.map(({ name }) => name), ["above", "all"], "at once");
  calls.over("exactly");
  admission.ask(calls.call("again", "10.0.0.1:1", 60));
  assert.deepEqual(calls.begun, ["exactly", "another", "again"]);
});

Deno.test("call admission: one turn begins so many, then whoever asks for little is next", async () => {
  const admission = new CallAdmission();
  const calls = new Calls();
  const many = limits.callsPerTurnMax * 4;
  for (let n = 0; n < many; n++) admission.ask(calls.call(`many ${n}`, "10.0.0.1:1", 1));
  assert.equal(calls.begun.length, limits.callsPerTurnMax);
  admission.ask(calls.call("polite", "10.0.0.2:1", 1));
  admission.ask(calls.call("another connection", "10.0.0.1:2", 1));
  assert.equal(calls.begun.length, limits.callsPerTurnMax);
  await eventually(() => calls.begun.length === many + 2, { what: "all of them" });
  assert.deepEqual(calls.begun[limits.callsPerTurnMax], "polite");
  // Of an address with two connections that is its second turn.
  assert.ok(calls.begun.indexOf("another connection") <= limits.callsPerTurnMax + 2);
});

/** More calls of one connection than what is everybody's. */
function askMuch(admission: CallAdmission, calls: Calls): number {
  const many = limits.callsShared * 2;
  for (let n = 0; n < many; n++) admission.ask(calls.call(`many ${n}`, "10.0.0.1:1", 1));
  return many;
}

Deno.test("call admission: whoever asks for much, and is alone, has all there is", async () => {
  const admission = new CallAdmission();
  const calls = new Calls();
  const many = askMuch(admission, calls);
  await eventually(() => calls.begun.length === many, { what: "all of them" });
});

/** No bound but those on whoever asks for much. */
const WIDE = { callsMax: 10_000, bytesMax: 10_000, connectionBytesMax: 10_000 };
const NEVER_MS = 1_000_000;
/** Those keep their places until they are answered, and somebody else always asks. */
const CROWDED = { ...WIDE, crowdCallMsMax: NEVER_MS, crowdAloneMs: NEVER_MS };

/** More turns of the event loop than it takes to begin whatever may be begun. */
async function turns(): Promise<void> {
  for (let n = 0; n < 20; n++) await new Promise<void>((next) => void setImmediate(next));
}

Deno.test("call admission: while others ask, those who ask for much have few places between them", async () => {
  const admission = new CallAdmission(CROWDED);
  const calls = new Calls();
  admission.ask(calls.call("polite", "10.0.0.2:1", 1));
  askMuch(admission, calls);
  // Of two connections the share of one is half.
  const few = 1 + limits.callsShared / 2 + limits.crowdCallsMax;
  await eventually(() => calls.begun.length >= few, { what: "what is within its share" });
  admission.ask(calls.call("polite again", "10.0.0.2:1", 1));
  await eventually(() => calls.begun.includes("polite again"), { what: "the polite one" });
  await turns();
  assert.equal(calls.begun.length, few + 1);
  const answered = performance.now();
  calls.over(calls.begun[few - 1]!);
  await eventually(() => calls.begun.length > few + 1, { what: "the next of the many" });
  // Timers count whole ms.
  assert.ok(performance.now() - answered >= limits.crowdRestMs - 1, "after a rest");
  await turns();
  assert.equal(calls.begun.length, few + 2);
  // So that no timer stays behind.
  const answerAll = () => {
    for (const name of calls.begun) calls.over(name);
    return admission.inFlight === 0;
  };
  await eventually(answerAll, { what: "an answer to each" });
});

Deno.test("call admission: of the many, those that nobody waits for cost no time of anybody's", async () => {
  const admission = new CallAdmission(CROWDED);
  const calls = new Calls();
  admission.ask(calls.call("polite", "10.0.0.2:1", 1));
  calls.over("polite");
  const many = askMuch(admission, calls);
  const open = new Set(calls.begun);
  for (let n = 0; n < many; n++) calls.gone.add(`many ${n}`);
  const begun = performance.now();
  const answerAll = () => {
    for (const name of calls.begun) calls.over(name);
    return admission.inFlight === 0;
  };
  await eventually(answerAll, { what: "all of them gone" });
  // With rests, one for each two of them that have places at once, it would be longer than this.
  assert.ok(performance.now() - begun < (many - open.size) * limits.crowdRestMs / 2);
});

Deno.test("call admission: a call that takes long keeps no other one of the many waiting", async () => {
  const admission = new CallAdmission({ ...WIDE, crowdCallMsMax: 1, crowdAloneMs: NEVER_MS });
  const calls = new Calls();
  admission.ask(calls.call("polite", "10.0.0.2:1", 1));
  const many = askMuch(admission, calls);
  await eventually(() => calls.begun.length === many + 1, { what: "all, none of them answered" });
});

Deno.test("call admission: whoever asks for much has all there is once nobody else asks", async () => {
  const admission = new CallAdmission({ ...WIDE, crowdCallMsMax: 100, crowdAloneMs: 50 });
  const calls = new Calls();
  admission.ask(calls.call("polite", "10.0.0.2:1", 1));
  // A probe is nobody.
  const probe = calls.call("probe", "10.0.0.3:1", 1);
  const probing = setInterval(
    () => admission.ask({ ...probe, isProbe: true, begin: (over) => over() }),
    20,
  );
  const many = askMuch(admission, calls);
  // Place by place it would take ten seconds.
  const begun = () => calls.begun.filter((name) => name.startsWith("many")).length;
  await eventually(() => begun() === many, { what: "all of them", limitMs: 4_000 });
  clearInterval(probing);
});

Deno.test("call admission: large requests fill a turn sooner, and a call nobody waits for is none", async () => {
  const admission = new CallAdmission();
  const calls = new Calls();
  const half = limits.callBytesPerTurnMax / 2;
  for (const name of ["a", "b", "c", "d"]) admission.ask(calls.call(name, "10.0.0.1:1", half));
  assert.deepEqual(calls.begun, ["a", "b"]);
  calls.gone.add("c");
  await eventually(() => calls.begun.includes("d"), { what: "the rest" });
  assert.deepEqual(calls.begun, ["a", "b", "d"]);
  assert.equal(admission.inFlight, 3);
});

Deno.test("call admission: an address is one, whatever its port; of IPv6 its network is", () => {
  const hosts = new Map([
    ["127.0.0.1:80", "127.0.0.1"],
    ["::ffff:10.1.2.3:80", "10.1.2.3"],
    ["::1:80", "0:0:0:0"],
    ["2001:db8:1:2:3:4:5:6:80", "2001:db8:1:2"],
    ["2001:db8::5:80", "2001:db8:0:0"],
    ["unknown", ""],
  ]);
  for (const [from, host] of hosts) assert.equal(hostOf(from), host, from);
});
