/**
 * Certificates, keys and CAs as files hold them: read, and checked before anything relies on them.
 * Owns what is good enough to be used and the sentence about what is not; when files are read, and
 * again, is the callers'.
 *
 * @module
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { ChatError } from "../errors.ts";
import { nodeNamesOf } from "./names.ts";

/** Files in PEM. A server needs certificate and key; a client may do without both. */
export interface TlsFiles {
  /** The certificate, then those between it and the CA. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Certificates of the CAs that are trusted; the runtime's own where there is none. */
  readonly ca?: string | undefined;
}

/** When something of a file begins to be valid, and expires. */
export interface Expiry {
  readonly file: string;
  /** Ms since the epoch, as the other. */
  readonly fromMs: number;
  readonly atMs: number;
}

/** What the files hold. */
export interface TlsMaterial {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  /** Ids of the nodes that the certificate is for. */
  readonly nodes: readonly string[];
  /** Of the certificate first, then of the CA. */
  readonly expiries: readonly Expiry[];
}

/** Where current material comes from: it may change while it is used. */
export interface TlsSource {
  current(): TlsMaterial;
}

export interface ReadOptions {
  /** Before the flags' names: `tls` or `peer-tls`. */
  readonly flag: "tls" | "peer-tls";
  /** The certificate must come from the CA: those whom it is shown to trust that one alone. */
  readonly ownCa?: boolean;
}

/** Reads the files; throws `INVALID_ARGUMENT` that names the file at fault. */
export async function readMaterial(
  files: TlsFiles,
  options: ReadOptions = { flag: "tls" },
): Promise<TlsMaterial> {
  // One after another: of several that are missing it is always the same that is named.
  const cert = await readPem(files.cert, options, "cert");
  const key = await readPem(files.key, options, "key");
  const ca = await readPem(files.ca, options, "ca");
  const chain = cert === undefined ? [] : certificatesIn(cert, { files, options, kind: "cert" });
  const cas = ca === undefined ? [] : certificatesIn(ca, { files, options, kind: "ca" });
  const [own] = chain;
  if (own !== undefined && key !== undefined) {
    checkKey(own, key, { files, options });
    if (options.ownCa && !isFrom(chain, cas)) {
      throw bad({ files, options, kind: "cert" }, `it is not from the CA in ${files.ca}`);
    }
  }
  const material = {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
    nodes: own === undefined ? [] : nodeNamesOf(own.raw),
    expiries: [
      ...expiryOf(files.cert, chain, { from: Math.max, at: Math.min }),
      // Of several CAs the last is enough: the others are about to be replaced.
      ...expiryOf(files.ca, cas, { from: Math.min, at: Math.max }),
    ],
  };
  try {
    createSecureContext(contextOf(material));
  } catch (cause) {
    throw bad({ files, options, kind: "cert" }, `TLS does not take it: ${textOf(cause)}`);
  }
  return material;
}

/** Whether all of it is valid at a time, ms since the epoch. */
export function isInTime({ expiries }: TlsMaterial, nowMs: number): boolean {
  return expiries.every(({ fromMs, atMs }) => fromMs <= nowMs && nowMs < atMs);
}

/** Throws `INVALID_ARGUMENT` that names the file of which something has expired, or is to begin. */
export function checkInTime(
  { expiries }: TlsMaterial,
  { nowMs, ...about }: Omit<About, "kind"> & { readonly nowMs: number },
): void {
  for (const { file, fromMs, atMs } of expiries) {
    const kind = file === about.files.cert ? "cert" : "ca";
    const date = (ms: number) => new Date(ms).toISOString();
    if (atMs <= nowMs) throw bad({ ...about, kind }, `it has expired on ${date(atMs)}`);
    if (fromMs > nowMs) {
      throw bad({ ...about, kind }, `it is not valid before ${date(fromMs)}: look at the clock`);
    }
  }
}

/** Of material, what a TLS context is made from. */
export function contextOf({ cert, key, ca }: TlsMaterial) {
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
  };
}

/** What an error is about. */
interface About {
  readonly files: TlsFiles;
  readonly options: ReadOptions;
  readonly kind: keyof TlsFiles;
}

async function readPem(
  file: string | undefined,
  options: ReadOptions,
  kind: keyof TlsFiles,
): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : `it cannot be read (${code})`;
    throw bad({ files: { [kind]: file }, options, kind }, why);
  }
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function certificatesIn(pem: string, about: About): readonly X509Certificate[] {
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length === 0) throw bad(about, "there is no certificate in PEM in it");
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw bad(about, `a certificate in it is damaged: ${textOf(cause)}`);
  }
}

function checkKey(own: X509Certificate, key: string, about: Omit<About, "kind">): void {
  let parsed;
  try {
    parsed = createPrivateKey(key);
  } catch (cause) {
    throw bad({ ...about, kind: "key" }, `there is no private key in PEM in it: ${textOf(cause)}`);
  }
  if (own.checkPrivateKey(parsed)) return;
  throw bad({ ...about, kind: "key" }, `it is not the key of ${about.files.cert}`);
}

/** Whether the first of the chain is vouched for by one of the CAs, or by others of the chain. */
function isFrom(chain: readonly X509Certificate[], cas: readonly X509Certificate[]): boolean {
  let [subject, ...between] = chain;
  while (subject !== undefined) {
    const child: X509Certificate = subject;
    if (cas.some((ca) => vouches(ca, child))) return true;
    subject = between.find((one) => vouches(one, child));
    between = between.filter((one) => one !== subject);
  }
  return false;
}

function vouches(ca: X509Certificate, child: X509Certificate): boolean {
  try {
    return child.verify(ca.publicKey);
  } catch {
    // Another kind of key.
    return false;
  }
}

function expiryOf(
  file: string | undefined,
  certificates: readonly X509Certificate[],
  which: Readonly<Record<"from" | "at", (...times: number[]) => number>>,
): readonly Expiry[] {
  if (file === undefined || certificates.length === 0) return [];
  const fromMs = which.from(...certificates.map(({ validFrom }) => Date.parse(validFrom)));
  const atMs = which.at(...certificates.map(({ validTo }) => Date.parse(validTo)));
  return [{ file, fromMs, atMs }];
}

function bad({ files, options, kind }: About, why: string): ChatError {
  const flag = `${options.flag}-${kind}`;
  const text = `Cannot use --${flag} ${files[kind]}: ${why}`;
  return new ChatError("INVALID_ARGUMENT", text, { field: flag });
}

function textOf(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).split("\n")[0] ?? "";
}
