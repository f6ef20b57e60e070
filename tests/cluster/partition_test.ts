/**
 * A network that parts real nodes, with the last resort on: both sides go on, are told apart by
 * nobody who chats, and are one again by themselves (DESIGN §9).
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { Lanes } from "../torture/lanes.ts";
import { Nodes, type Place } from "../torture/nodes.ts";
import { PROGRAM } from "./program.ts";
import { until } from "./wait.ts";

type Line = Readonly<Record<string, unknown>>;

/** Runs a command at one node; gives its JSON lines. */
async function run(
  at: Place,
  directory: string,
  words: readonly string[],
): Promise<readonly Line[]> {
  const command = new Deno.Command(PROGRAM.command, {
    args: [...PROGRAM.args, ...words, "-s", at.listen, "--json"],
    env: {
      JMESSAGE_STATE_DIR: join(directory, "state"),
      JMESSAGE_PASSWORD: "correct horse",
      JMESSAGE_ADMIN_TOKEN: at.adminToken ?? "",
    },
    stdin: "null",
  });
  const { code, stdout, stderr } = await command.output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  const text = new TextDecoder().decode(stdout).trimEnd();
  return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line));
}

async function isLeader(place: Place): Promise<boolean> {
  const status = await place.status();
  return status !== null && status.leader === place.id;
}

Deno.test("a partition with the last resort on: both sides go on, and heal by themselves", async () => {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-test-" });
  const lanes = new Lanes();
  const ended: string[] = [];
  const nodes = await Nodes.open({
    program: PROGRAM,
    directory,
    count: 3,
    policy: [],
    lanes,
    onUnexpectedEnd: (text) => void ended.push(text),
  });
  try {
    const [a, b, c] = nodes.places as [Place, Place, Place];
    for (const place of [a, b, c]) {
      await nodes.start(place);
      await until(() => place.ready(), { what: `${place.name} is ready`, ms: 20_000 });
    }
    for (const user of ["ann", "ben"]) await run(a, directory, ["chat", "-u", user, "register"]);
    const listening = run(c, directory, ["chat", "-u", "ben", "listen", "--count", "4"]);

    // The largest address is cut off, whichever place has it.
    const ranked = [a, b, c].sort((one, other) =>
      Number(one.proxy.address.split(":")[1]) - Number(other.proxy.address.split(":")[1])
    );
    const [first, second, alone] = ranked as [Place, Place, Place];
    for (const { name } of [first, second]) {
      lanes.lane(name, alone.name).worsen({ held: true });
      lanes.lane(alone.name, name).worsen({ held: true });
    }
    const send = (at: Place, body: string) =>
      run(at, directory, ["chat", "-u", "ann", "send", "ben", body]);
    await send(first, "before anybody noticed");
    await until(() => isLeader(alone), { what: "the one goes on alone", ms: 20_000 });
    await send(alone, "from the one");
    await send(first, "from the two");
    const sides = await Promise.all([first, alone].map((place) => place.status()));
    assert.deepEqual(sides.map((side) => side?.livesByLastResort), [false, true]);

    lanes.heal();
    const healed = async () => {
      const all = await Promise.all(ranked.map((place) => place.status()));
      const leaders = new Set(all.map((status) => status?.leader));
      return leaders.size === 1 &&
        all.every((status) =>
          status !== null && !status.livesByLastResort &&
          status.members.filter(({ voter }) => voter).length === 3
        );
    };
    await until(healed, { what: "one cluster again", ms: 30_000 });
    // The same session, at the node that gave in.
    await send(alone, "together");
    const bodies = (lines: readonly Line[]) => lines.map(({ body }) => body).sort();
    const all = ["before anybody noticed", "from the one", "from the two", "together"];
    assert.deepEqual(bodies(await listening), all);
    for (const place of ranked) {
      const history = await run(place, directory, ["chat", "-u", "ben", "history", "ann"]);
      assert.deepEqual(bodies(history), all, place.name);
    }
    const [digest] = await run(first, directory, ["admin", "digest"]);
    assert.equal(digest?.["identical"], true);
    assert.deepEqual(await run(first, directory, ["admin", "salvage"]), []);
    assert.deepEqual(ended, []);
  } finally {
    await nodes.end();
    await Deno.remove(directory, { recursive: true });
  }
});
