/**
 * What is handed to operators, the rules for Prometheus, the dashboard for Grafana and the tables of
 * `docs/operations.md`, speaks of metrics that a node exports, by labels that they have.
 *
 * @module
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Metrics } from "../../src/node/metrics.ts";
import { startNode } from "../../src/node/node.ts";
import { inDirectory } from "../storage/temporary.ts";
import { declared } from "../support/samples.ts";
import { watched } from "../support/watched_metrics.ts";

const ROOT = new URL("../../", import.meta.url);
const RULES = readFileSync(new URL("packaging/jmessage.rules.yml", ROOT), "utf8");
const DASHBOARD = readFileSync(new URL("packaging/jmessage-dashboard.json", ROOT), "utf8");
const OPERATIONS = readFileSync(new URL("docs/operations.md", ROOT), "utf8");

/** Those that Prometheus adds to every sample, and those of a target. */
const OF_SCRAPING = ["job", "instance"];

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: Readonly<Record<"x" | "y" | "w" | "h", number>>;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

/** One rule, from a file that has a key a line. */
interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly text: string;
}

function rules(): readonly Rule[] {
  return RULES.split(/^ {6}- alert: /m).slice(1).map((text) => ({
    alert: text.slice(0, text.indexOf("\n")),
    expr: /^ {8}expr: (.+)$/m.exec(text)?.[1] ?? "",
    text,
  }));
}

function panels(): readonly Panel[] {
  return JSON.parse(DASHBOARD).panels;
}

/** What is asked for, with where. */
function queries(): readonly (readonly [string, string])[] {
  const asked = panels().flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [title, expr] as const)
  );
  const variables = JSON.parse(DASHBOARD).templating.list
    .filter(({ type }: { readonly type: string }) => type === "query")
    .map(({ name, query }: { name: string; query: { query: string } }) => [name, query.query]);
  return [...rules().map(({ alert, expr }) => [alert, expr] as const), ...asked, ...variables];
}

/** The page of a node that has just founded a cluster. */
async function page(): Promise<string> {
  let text = "";
  await inDirectory(async (directory) => {
    const address = "127.0.0.1:0";
    const ports = { listen: address, peerListen: address, http: address };
    const node = await startNode({ data: join(directory, "a"), ...ports });
    try {
      await node.ready;
      text = await (await fetch(`http://${node.http}/metrics`)).text();
    } finally {
      await node.stop();
    }
  });
  return text;
}

/** Names of metrics in an expression, each with the labels that are asked of it. */
function named(expr: string): readonly (readonly [string, readonly string[]])[] {
  const names = /\b((?:jmessage|process)_\w+)(?:\{([^}]*)\})?/g;
  return [...expr.matchAll(names)].map(([, name = "", labels = ""]) => [
    name,
    [...labels.matchAll(/(\w+)\s*(?:=~|=|!=|!~)/g)].map(([, label = ""]) => label),
  ]);
}

Deno.test("watching papers: rules and dashboard ask for what a node exports", async () => {
  const text = await page();
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, n, t]) => [n, t]));
  const problems: string[] = [];
  for (const [where, expr] of queries()) {
    const found = named(expr);
    if (found.length === 0 && !/\bup\{/.test(expr)) problems.push(`${where}: asks for nothing`);
    for (const [name] of found) {
      const base = name.replace(/_(bucket|sum|count)$/, "");
      const isPart = base !== name && types.get(base) === "histogram";
      const isWhole = types.has(name) && types.get(name) !== "histogram";
      if (!isPart && !isWhole) problems.push(`${where}: ${name} is not exported`);
    }
  }
  assert.deepEqual(problems, []);
});

/** Labels of each metric, by its name, of a node that has counted one of everything. */
async function labelsOf(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const metrics = new Metrics();
  const read = await watched(metrics, { security: { expiresAtMs: 1 } });
  metrics.called({ path: "/s/m", ms: 1, reason: "INTERNAL" });
  const found = new Map<string, Set<string>>();
  for (const sample of (await read()).keys()) {
    const [name = ""] = sample.split("{");
    const labels = [...sample.matchAll(/(\w+)="/g)].map(([, label = ""]) => label);
    found.set(name, new Set([...OF_SCRAPING, ...labels]));
  }
  return found;
}

Deno.test("watching papers: labels that they name are those of the metrics", async () => {
  const known = await labelsOf();
  const problems: string[] = [];
  const check = (where: string, expr: string, shown: readonly string[]) => {
    const all = new Set(OF_SCRAPING);
    for (const [name, labels] of named(expr)) {
      const has = known.get(name) ?? new Set();
      for (const label of has) all.add(label);
      const wrong = labels.filter((label) => !has.has(label));
      if (wrong.length > 0) problems.push(`${where}: ${name} has no ${wrong}`);
    }
    const lists = [...expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)];
    const listed = lists.flatMap(([, list = ""]) => list.split(",").map((label) => label.trim()));
    const wrong = [...listed, ...shown].filter((label) => !all.has(label));
    if (wrong.length > 0) problems.push(`${where}: nothing there has ${wrong}`);
  };
  for (const { alert, expr, text } of rules()) {
    check(alert, expr, [...text.matchAll(/\$labels\.(\w+)/g)].map(([, label = ""]) => label));
  }
  for (const { title, targets = [] } of panels()) {
    for (const { expr, legendFormat } of targets) {
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
      check(title, expr, shown);
    }
  }
  assert.deepEqual(problems, []);
});

Deno.test("watching papers: the table has every metric, and no other", async () => {
  const exported = declared(await page());
  const table = /\n## Metrics\n([^]*?)\n## /.exec(OPERATIONS)?.[1] ?? "";
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  const told = rows.flatMap((row) =>
    [...row.split("|")[1]!.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name)
  );
  assert.deepEqual(told.toSorted(), [...exported].sort());
});

Deno.test("watching papers: every alert says what it is and is in the table, which has no other", () => {
  const all = rules();
  assert.ok(all.length > 10);
  for (const { alert, expr, text } of all) {
    assert.match(alert, /^Jmessage[A-Z]\w+$/);
    assert.match(expr, /job="jmessage"/, alert);
    assert.match(text, /^ {8}labels: \{ severity: (page|ticket) \}$/m, alert);
    assert.match(text, /^ {10}summary: ".+"$/m, alert);
    assert.match(text, /^ {10}description: ".+\."$/m, alert);
  }
  const names = all.map(({ alert }) => alert);
  assert.equal(new Set(names).size, names.length);
  const table = /\n## Alerts\n([^]*?)\n## /.exec(OPERATIONS)?.[1] ?? "";
  const told = [...table.matchAll(/^\| `(\w+)`/gm)].map(([, name = ""]) => name);
  assert.deepEqual(told.toSorted(), names.toSorted());
});

Deno.test("watching papers: panels have names and places of their own, and all metrics are shown", async () => {
  const all = panels();
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  const taken = new Map<string, string>();
  for (const { title, gridPos: { x, y, w, h }, type, targets = [] } of all) {
    assert.ok(type === "row" || targets.length > 0, title);
    assert.ok(x + w <= 24, title);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        const place = `${column},${line}`;
        assert.equal(taken.get(place), undefined, `${title} lies over ${taken.get(place)}`);
        taken.set(place, title);
      }
    }
  }
  const shown = all.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join("\n");
  const exported = [...declared(await page())];
  assert.deepEqual(exported.filter((name) => !shown.includes(name)), []);
});
