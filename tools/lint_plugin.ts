/**
 * The house rules that a linter can hold, as a plugin for `deno lint` (listed in `deno.json`).
 * Owns which folder is bound by which rule and what each rule says to use instead; layering,
 * sizes and leftovers are `tests/tidy_test.ts`'s.
 *
 * @module
 */

import { isAbsolute, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Path of a file within the repository, with forward slashes. */
function placeOf(filename: string): string {
  return (isAbsolute(filename) ? relative(ROOT, filename) : filename).replaceAll("\\", "/");
}

const isTest = (place: string) => place.endsWith("_test.ts");
const isCore = (place: string) => place.startsWith("src/raft/") && !isTest(place);
const isDeterministic = (place: string) =>
  isCore(place) || (place.startsWith("src/chat/") && !isTest(place));
const isPortable = (place: string) =>
  (place.startsWith("src/") || place === "cli.ts" || place === "mod.ts") && !isTest(place);

/** Forbidden member calls and reads: `object.property`, and what to use instead. */
const MEMBERS = new Map([
  ["Date.now", "take the time from the input or the command that the leader stamped"],
  ["Math.random", "take the random number from the input, or decide it before it enters the log"],
  ["performance.now", "take the clocks from the input"],
]);

const TIMERS = "let the host feed ticks; nothing here waits";
const CRYPTO = "have it computed outside and passed in (the checksum chain, ids, hashes)";

/** Forbidden globals, however they are used. */
const GLOBALS = new Map([
  ["setTimeout", TIMERS],
  ["setInterval", TIMERS],
  ["setImmediate", TIMERS],
  ["queueMicrotask", TIMERS],
  ["clearTimeout", TIMERS],
  ["clearInterval", TIMERS],
  ["crypto", CRYPTO],
  ["globalThis", "name what you need, so that these rules can see it"],
]);

/** Forbidden modules. */
const MODULES = new Map([
  ["node:crypto", CRYPTO],
  ["node:timers", TIMERS],
  ["node:timers/promises", TIMERS],
  ["node:perf_hooks", "take the clocks from the input"],
]);

/** True if the identifier is a value that is read, not a property's or declaration's name. */
function isReference(node: Deno.lint.Identifier): boolean {
  const parent = node.parent;
  switch (parent.type) {
    case "MemberExpression":
      return parent.object === node || parent.computed;
    case "Property":
      return parent.value === node || parent.computed;
    case "ImportSpecifier":
      return false;
    case "PropertyDefinition":
    case "MethodDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return parent.computed;
    default:
      return true;
  }
}

const determinism: Deno.lint.Rule = {
  create(context) {
    if (!isDeterministic(placeOf(context.filename))) return {};
    const report = (node: Deno.lint.Node, what: string, instead: string) =>
      context.report({
        node,
        message: `${what} would make two nodes differ`,
        hint: `Instead, ${instead}.`,
      });
    return {
      MemberExpression(node) {
        if (node.object.type !== "Identifier" || node.property.type !== "Identifier") return;
        const name = `${node.object.name}.${node.property.name}`;
        const instead = MEMBERS.get(name);
        if (instead !== undefined) report(node, name, instead);
      },
      NewExpression(node) {
        const isDate = node.callee.type === "Identifier" && node.callee.name === "Date";
        if (isDate && node.arguments.length === 0) {
          report(node, "new Date()", "give it the time that the leader stamped");
        }
      },
      CallExpression(node) {
        if (node.callee.type === "Identifier" && node.callee.name === "Date") {
          report(node, "Date()", "give the time that the leader stamped");
        }
      },
      Identifier(node) {
        const instead = GLOBALS.get(node.name);
        if (instead !== undefined && isReference(node)) report(node, node.name, instead);
      },
      ImportDeclaration(node) {
        const instead = MODULES.get(node.source.value);
        if (instead !== undefined) report(node, node.source.value, instead);
      },
    };
  },
};

const synchronousCore: Deno.lint.Rule = {
  create(context) {
    if (!isCore(placeOf(context.filename))) return {};
    const report = (node: Deno.lint.Node) =>
      context.report({
        node,
        message: "The core is synchronous: one input, then its effects",
        hint: "Instead, return an effect and take its outcome as another input.",
      });
    const reportIfAsync = (node: Deno.lint.Node & { readonly async: boolean }) => {
      if (node.async) report(node);
    };
    return {
      FunctionDeclaration: reportIfAsync,
      FunctionExpression: reportIfAsync,
      ArrowFunctionExpression: reportIfAsync,
      AwaitExpression: report,
      ForOfStatement(node) {
        if (node.await) report(node);
      },
      Identifier(node) {
        if (node.name === "Promise" && isReference(node)) report(node);
      },
    };
  },
};

const portable: Deno.lint.Rule = {
  create(context) {
    if (!isPortable(placeOf(context.filename))) return {};
    return {
      Identifier(node) {
        if (node.name !== "Deno" || !isReference(node)) return;
        context.report({
          node,
          message: "The Deno namespace does not exist in the other runtimes this code runs on",
          hint: "Instead, use a node: module or a web standard.",
        });
      },
    };
  },
};

const namedExports: Deno.lint.Rule = {
  create(context) {
    if (placeOf(context.filename).startsWith("tools/")) return {};
    return {
      ExportDefaultDeclaration(node) {
        context.report({
          node,
          message: "A default export has another name in every file that imports it",
          hint: "Instead, export it by its name.",
        });
      },
    };
  },
};

/** A lint plugin is its file's default export: that is what `deno lint` loads. */
const plugin: Deno.lint.Plugin = {
  name: "jmessage",
  rules: {
    "determinism": determinism,
    "synchronous-core": synchronousCore,
    "portable": portable,
    "named-exports": namedExports,
  },
};

export default plugin;
