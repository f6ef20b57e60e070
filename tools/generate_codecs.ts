/**
 * Generates the protobuf codecs in `src/rpc/gen/` from `proto/`: an ES module by protobufjs-cli
 * and its types by `codec_types.ts`, and the descriptors of what the client port serves (the types of protobufjs-cli come through JSDoc, which does
 * not run under Deno, and call every field optional). The output is committed, so nobody needs
 * this tool to build; `--check` says whether it is fresh, and writes nothing.
 *
 * Run: `deno run -A tools/generate_codecs.ts [--check]`
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import pbjs from "protobufjs-cli/pbjs.js";
import { codecTypes } from "./codec_types.ts";
import {
  type DescribedFile,
  describeFile,
  DESCRIPTOR_TYPES,
  descriptorModule,
} from "./file_descriptors.ts";

const PROTO = new URL("../proto/", import.meta.url);
const OUTPUT = new URL("../src/rpc/gen/", import.meta.url);

/** Files whose codecs are one module, by its name. */
interface Module {
  readonly name: string;
  /** Under which the runtime keeps what is generated: no two modules share one. */
  readonly root: string;
  readonly files: readonly string[];
  /** What it exports besides: a short name for the package that nearly everything is in. */
  readonly alias: { readonly code: string; readonly types: string } | null;
}

const MODULES: readonly Module[] = [
  {
    name: "messages",
    root: "jmessage",
    files: [
      "jmessage/v1/core.proto",
      "jmessage/v1/chat.proto",
      "jmessage/v1/admin.proto",
      "jmessage/v1/cluster.proto",
      "grpc/health/v1/health.proto",
    ],
    alias: {
      code: "\nexport const v1 = jmessage.v1;\n",
      types: "\nimport v1 = jmessage.v1;\nexport { v1 };\n",
    },
  },
  // On its own: its names are in no package, and would be found in place of those of a package.
  { name: "original", root: "original", files: ["original.proto"], alias: null },
  // Only a server that was asked for it needs it.
  {
    name: "reflection",
    root: "reflection",
    files: ["grpc/reflection/v1/reflection.proto"],
    alias: null,
  },
];

/** Files with the services of the client port, all of which it may be asked for. */
const SERVED = [
  "jmessage/v1/chat.proto",
  "jmessage/v1/admin.proto",
  "grpc/health/v1/health.proto",
  "grpc/reflection/v1/reflection.proto",
  "grpc/reflection/v1alpha/reflection.proto",
  "original.proto",
];

const NOTE = `// Generated from proto/ by tools/generate_codecs.ts. Do not edit.\n`;

/** The reflected schema of some files of `proto/`. */
function loadRoot(files: readonly string[], options: protobuf.IParseOptions = {}): protobuf.Root {
  const root = new protobuf.Root();
  // What is not ours (google/protobuf/*) comes bundled with protobufjs under its own name.
  root.resolvePath = (_origin, target) => {
    const path = fileURLToPath(new URL(target, PROTO));
    return existsSync(path) ? path : target;
  };
  root.loadSync([...files], options);
  root.resolveAll();
  return root;
}

/** Encoders and decoders only: conversion and checks are those of `src/rpc/convert_*.ts`. */
function generateModule({ root, files }: Module): Promise<string> {
  const leaveOut = [
    "create",
    "verify",
    "convert",
    "delimited",
    "typeurl",
    "service",
    "comments",
  ];
  const options = ["--target", "static", "--root", root, "--es6", "--force-number"];
  const without = leaveOut.map((name) => `--no-${name}`);
  const args = [...options, ...without, "--path", fileURLToPath(PROTO), ...files];
  return new Promise((resolve, reject) => {
    pbjs.main(args, (error, output) => {
      if (error || output === undefined) reject(error ?? new Error("protobufjs-cli is silent"));
      else resolve(output);
    });
  });
}

/** The served files and whatever they import. */
function describeServed(): readonly DescribedFile[] {
  const described = new Map<string, DescribedFile>();
  const describe = (root: protobuf.Root, name: string): void => {
    if (described.has(name)) return;
    const path = fileURLToPath(new URL(name, PROTO));
    const text = existsSync(path) ? readFileSync(path, "utf8") : null;
    const file = describeFile(root, name, text);
    described.set(name, file);
    for (const one of file.imports) describe(root, one);
  };
  for (const name of SERVED) describe(loadRoot([name], { keepCase: true }), name);
  return [...described.values()];
}

/** The files to write, by name. */
async function generate(): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const module of MODULES) {
    const { name, alias } = module;
    const code = [
      `// @ts-self-types="./${name}.d.ts"`,
      NOTE,
      `import { protobuf as $protobuf } from "../protobuf.ts";`,
      "",
      (await generateModule(module)).trim(),
      alias?.code ?? "",
    ].join("\n");
    const types = codecTypes(loadRoot(module.files));
    files.set(`${name}.js`, code);
    files.set(`${name}.d.ts`, `${NOTE}\n${types}${alias?.types ?? ""}`);
  }
  const types = `// @ts-self-types="./descriptors.d.ts"\n${NOTE}\n`;
  files.set("descriptors.js", types + descriptorModule(describeServed()));
  files.set("descriptors.d.ts", `${NOTE}\n${DESCRIPTOR_TYPES}`);
  return files;
}

async function isFresh(name: string, text: string): Promise<boolean> {
  const path = new URL(name, OUTPUT);
  return existsSync(path) && (await readFile(path, "utf8")) === text;
}

async function main(args: readonly string[]): Promise<number> {
  const files = await generate();
  if (!args.includes("--check")) {
    await mkdir(OUTPUT, { recursive: true });
    for (const [name, text] of files) await writeFile(new URL(name, OUTPUT), text);
    return 0;
  }
  let stale = 0;
  for (const [name, text] of files) {
    if (await isFresh(name, text)) continue;
    console.error(`src/rpc/gen/${name} is stale: run deno run -A tools/generate_codecs.ts`);
    stale++;
  }
  return stale === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
