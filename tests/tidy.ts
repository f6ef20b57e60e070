/**
 * The rules of `tidy_test.ts` as functions from sources to problems: layering, who may import
 * which package, sizes, opening paragraphs, leftovers. Owns the rules; it reads no file, so that
 * each rule can be shown to find what it forbids.
 *
 * @module
 */

import { posix } from "node:path";

/** A tracked text file. */
export interface Source {
  /** Path from the root of the repository, with forward slashes. */
  readonly place: string;
  readonly text: string;
}

/** One import or re-export. */
interface Import {
  readonly from: string;
  readonly typeOnly: boolean;
}

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;

/** What each folder of `src` may import besides itself and the leaves (ARCHITECTURE.md). */
const LAYERS: ReadonlyMap<string, readonly string[]> = new Map([
  ["leaves", []],
  ["raft", []],
  ["chat", []],
  ["tls", []],
  ["storage", ["raft", "chat"]],
  ["rpc", ["raft", "chat", "tls"]],
  ["node", ["raft", "chat", "tls", "storage", "rpc"]],
  ["client", ["chat", "tls", "rpc"]],
  ["sim", ["raft", "chat", "storage", "rpc", "node", "client"]],
  ["cli", ["raft", "chat", "tls", "storage", "rpc", "node", "client", "sim"]],
  ["mod.ts", ["raft", "chat", "tls", "rpc", "node", "client"]],
  ["cli.ts", ["cli"]],
]);

/** Packages with one folder that may import them. */
const OWNERS: ReadonlyMap<string, string> = new Map([
  ["libsql", "storage"],
  ["@peculiar/x509", "tls"],
  ["@grpc/grpc-js", "rpc"],
  ["prom-client", "node"],
  ["protobufjs", "rpc"],
  ["commander", "cli"],
  ["@commander-js/extra-typings", "cli"],
]);

/** The layer of a file, or `undefined` if it is no part of the product. */
function layerOf(place: string): string | undefined {
  if (place === "cli.ts" || place === "mod.ts") return place;
  const [top, folder, rest] = place.split("/");
  if (top !== "src" || folder === undefined) return undefined;
  return rest === undefined ? "leaves" : folder;
}

export function isGenerated(place: string): boolean {
  return place.startsWith("src/rpc/gen/");
}

/** All code that people wrote. */
export function handwritten(sources: readonly Source[]): readonly Source[] {
  return sources.filter(({ place }) => place.endsWith(".ts") && !isGenerated(place));
}

/** Imports that go against the layers, or take a package that belongs to another folder. */
export function importProblems(sources: readonly Source[]): readonly string[] {
  const texts = new Map(sources.map(({ place, text }) => [place, text]));
  return handwritten(sources).flatMap((source) => {
    const layer = layerOf(source.place);
    if (layer === undefined) return [];
    return importsOf(source).flatMap((one) => {
      const problem = one.from.startsWith(".")
        ? layerProblem(layer, { one, place: source.place, texts })
        : packageProblem(layer, one.from);
      return problem === undefined ? [] : [`${source.place}: ${problem}`];
    });
  });
}

function layerProblem(
  layer: string,
  { one, place, texts }: {
    readonly one: Import;
    readonly place: string;
    readonly texts: ReadonlyMap<string, string>;
  },
): string | undefined {
  const target = posix.join(posix.dirname(place), one.from);
  const other = layerOf(target);
  if (other === undefined) {
    return target.includes("/") ? `src must not import ${target}` : undefined;
  }
  if (other === layer || other === "leaves") return undefined;
  const allowed = LAYERS.get(layer);
  if (allowed === undefined) return `the folder ${layer} is not in the layers`;
  if (allowed.includes(other)) return undefined;
  if (isPort({ layer, one, text: texts.get(target) })) return undefined;
  return `${layer} must not import ${other} (${target})`;
}

/**
 * A layer may implement an interface of the layer that uses it: `import type`, from a module
 * that holds nothing but types. The two pure layers know nobody, not even by type.
 */
function isPort(
  { layer, one, text }: { layer: string; one: Import; text: string | undefined },
): boolean {
  const pure = layer === "raft" || layer === "chat" || layer === "leaves";
  return !pure && one.typeOnly && text !== undefined && holdsOnlyTypes(text);
}

function holdsOnlyTypes(text: string): boolean {
  return !/^(export )?(async |abstract )?(const|let|var|function|class)\b/m.test(text);
}

function packageProblem(layer: string, from: string): string | undefined {
  const owner = OWNERS.get(from);
  if (owner === undefined || owner === layer) return undefined;
  return `only src/${owner} may import ${from}`;
}

const IMPORT = /^(?:import|export)\b([^;"'`]*?)(?:\bfrom\s*)?["']([^"']+)["']/gm;
const LAZY_IMPORT = /\bimport\(\s*["']([^"']+)["']\s*\)/g;

function importsOf({ text }: Source): readonly Import[] {
  const fixed = [...text.matchAll(IMPORT)].map(([, clause = "", from = ""]) => ({
    from,
    typeOnly: /^\s*type\b/.test(clause),
  }));
  const lazy = [...text.matchAll(LAZY_IMPORT)].map(([, from = ""]) => ({ from, typeOnly: false }));
  return [...fixed, ...lazy];
}

/** Files and functions that have become two things. */
export function sizeProblems(sources: readonly Source[]): readonly string[] {
  return handwritten(sources).flatMap((source) => {
    const lines = source.text.trimEnd().split("\n").length;
    const problems = longFunctions(source);
    if (lines > FILE_LINES_MAX) problems.push(`${source.place}: ${lines} lines`);
    return problems;
  });
}

function longFunctions({ place, text }: Source): string[] {
  const problems: string[] = [];
  const check = (node: Deno.lint.Node) => {
    const [start, end] = node.range;
    const lines = text.slice(start, end).split("\n").length;
    const line = text.slice(0, start).split("\n").length;
    if (lines > FUNCTION_LINES_MAX) problems.push(`${place}:${line}: a function of ${lines} lines`);
  };
  const create = () => ({
    FunctionDeclaration: check,
    FunctionExpression: check,
    ArrowFunctionExpression: check,
  });
  Deno.lint.runPlugin({ name: "sizes", rules: { functions: { create } } }, place, text);
  return problems;
}

/** Files that do not open with a paragraph about what they own. */
export function openingProblems(sources: readonly Source[]): readonly string[] {
  return handwritten(sources)
    .filter(({ text }) => {
      const opening = /^(?:#!.*\n)?\/\*\*\n([^]*?)\*\//.exec(text)?.[1] ?? "";
      return !opening.includes("@module") || !/[.:]\s/.test(opening);
    })
    .map(({ place }) => `${place}: opens without an @module paragraph`);
}

/** What must not stay in any file, with what to say about it. */
const LEFTOVERS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b/, "a note to do something later"],
  [/\bnot (?:yet )?imp[l]emented\b|\buni[m]plemented\b|\bplace[h]older\b/, "something unfinished"],
  [/\/(?:work|root|home|Users)\//, "a path of somebody's machine"],
  [/\bregistry\.[a-z]+\.(?:org|com|io)\b/, "the host of a registry"],
  [
    /\b(?:test|it|describe)\.(?:skip|only)\(|\b(?:ignore|only): true\b/,
    "a test switched off or alone",
  ],
];

/** Lines with leftovers, in any text file but the lock file. */
export function leftoverProblems(sources: readonly Source[]): readonly string[] {
  const problems: string[] = [];
  for (const { place, text } of sources) {
    if (isGenerated(place) || place === "deno.lock") continue;
    for (const [index, line] of text.split("\n").entries()) {
      for (const [pattern, what] of LEFTOVERS) {
        if (pattern.test(line)) problems.push(`${place}:${index + 1}: ${what}`);
      }
    }
  }
  return problems;
}

/** Tests with real processes that would run the sources even when the executable is tested. */
export function programProblems(sources: readonly Source[]): readonly string[] {
  return handwritten(sources)
    .filter(({ place }) =>
      place.startsWith("tests/cluster/") && place !== "tests/cluster/program.ts"
    )
    .filter(({ text }) => /\bDeno\.execPath\b|\/cli\.ts"/.test(text))
    .map(({ place }) => `${place}: starts the program without tests/cluster/program.ts`);
}

/** Names of `limits.ts`, and of its parts, that nothing reads. */
export function unusedLimits(sources: readonly Source[]): readonly string[] {
  const isLimits = ({ place }: Source) => /^src\/limits(_\w+)?\.ts$/.test(place);
  const declared = sources.filter(isLimits).map(({ text }) => text).join("\n");
  const names = [...declared.matchAll(/^ {2}(\w+):/gm)].map((match) => match[1] ?? "");
  const used = handwritten(sources).map(({ text }) => text).join("\n");
  return names.filter((name) => !new RegExp(`\\blimits\\.${name}\\b`).test(used));
}

/** Links between the papers that lead nowhere. */
export function brokenLinks(sources: readonly Source[]): readonly string[] {
  const places = new Set(sources.map(({ place }) => place));
  const folders = new Set(sources.map(({ place }) => posix.dirname(place)));
  return sources.filter(({ place }) => place.endsWith(".md")).flatMap(({ place, text }) =>
    [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
      .map((match) => match[1] ?? "")
      .filter((link) => !/^[a-z]+:/.test(link))
      .map((link) => posix.join(posix.dirname(place), link).replace(/\/$/, ""))
      .filter((target) => !places.has(target) && !folders.has(target))
      .map((target) => `${place}: links to ${target}, which is not there`)
  );
}

/** Ends of table rows outside a table: a formatter takes what is no row for text, and wraps it. */
export function lostRows(sources: readonly Source[]): readonly string[] {
  return sources.filter(({ place }) => place.endsWith(".md")).flatMap(({ place, text }) =>
    text.split("\n").flatMap((line, index) =>
      /^\s*[^|\s].* \|$/.test(line) ? [`${place}:${index + 1}: a row without its table`] : []
    )
  );
}
