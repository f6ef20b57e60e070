/**
 * A private CA for one cluster, and what it issues: certificates for nodes, on both of their ports,
 * and for operators. Owns what stands in them; where they are kept, and who gets them, is the
 * callers'. The only user of `@peculiar/x509`, as the runtimes sign no certificates themselves.
 *
 * @module
 */

import type { Extension, X509Certificate } from "@peculiar/x509";
import { createPrivateKey, X509Certificate as NodeCertificate } from "node:crypto";
import { isIP } from "node:net";
import { nodeUri, OPERATOR_URI } from "./names.ts";

/** Small keys, quick handshakes, and every TLS library takes them. */
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
/** Clocks of other machines may be behind this one's, ms. */
const CLOCK_SKEW_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** A certificate with its private key, both in PEM. */
export interface Issued {
  readonly cert: string;
  readonly key: string;
}

export interface Validity {
  /** Ms since the epoch. */
  readonly nowMs: number;
  readonly days: number;
}

/** A CA that issues. */
export interface Authority extends Issued {
  /** For a node of that id, which serves clients at these host names and IP addresses. */
  issueNode(id: string, hosts: readonly string[], validity: Validity): Promise<Issued>;
  /** For an operator: good for nothing but to show who asks. */
  issueOperator(name: string, validity: Validity): Promise<Issued>;
}

type Library = typeof import("@peculiar/x509");

/**
 * The library is made of decorated classes, which need the other module before them: in a bundle
 * only an import that waits for another one comes after it for certain.
 */
async function loadLibrary(): Promise<Library> {
  await import("reflect-metadata");
  return await import("@peculiar/x509");
}

/** Makes a new CA, under which there can be no other one. */
export async function makeAuthority(name: string, validity: Validity): Promise<Authority> {
  const x509 = await loadLibrary();
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [name] }],
    ...period(validity),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return authorityOf({ x509, ca, key: keys.privateKey, keyPem: await keyPemOf(keys.privateKey) });
}

/** A CA that was made before; throws if the two are not one of ours. */
export async function openAuthority({ cert, key: keyPem }: Issued): Promise<Authority> {
  const x509 = await loadLibrary();
  if (!new NodeCertificate(cert).checkPrivateKey(createPrivateKey(keyPem))) {
    throw new Error("The key is that of another certificate");
  }
  const ca = new x509.X509Certificate(cert);
  const bytes = x509.PemConverter.decodeFirst(keyPem);
  const key = await crypto.subtle.importKey("pkcs8", bytes, ALGORITHM, true, ["sign"]);
  return authorityOf({ x509, ca, key, keyPem });
}

/** What a CA signs with. */
interface Signer {
  readonly x509: Library;
  readonly ca: X509Certificate;
  readonly key: CryptoKey;
}

function authorityOf({ keyPem, ...signer }: Signer & { readonly keyPem: string }): Authority {
  const { x509, ca } = signer;
  const issue = (subject: string, extensions: readonly Extension[], given: Validity) =>
    issueBy(signer, { subject, extensions, validity: given });
  return {
    cert: pemOf(ca),
    key: keyPem,
    issueNode: (id, hosts, given) => {
      const usages = [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth];
      const names = new x509.SubjectAlternativeNameExtension([
        { type: "url", value: nodeUri(id) },
        ...hosts.map((host) => ({ type: isIP(host) ? "ip" : "dns", value: host } as const)),
      ]);
      return issue(id, [names, new x509.ExtendedKeyUsageExtension(usages)], given);
    },
    issueOperator: (client, given) => {
      const names = new x509.SubjectAlternativeNameExtension([
        { type: "url", value: OPERATOR_URI },
      ]);
      const usages = new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]);
      return issue(client, [names, usages], given);
    },
  };
}

async function issueBy(
  { x509, ca, key }: Signer,
  { subject, extensions, validity }: {
    readonly subject: string;
    readonly extensions: readonly Extension[];
    readonly validity: Validity;
  },
): Promise<Issued> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ CN: [subject] }],
    issuer: ca.subjectName.toJSON(),
    ...period(validity),
    publicKey: keys.publicKey,
    signingKey: key,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(ca.publicKey),
      ...extensions,
    ],
  });
  return { cert: pemOf(certificate), key: await keyPemOf(keys.privateKey) };
}

function period({ nowMs, days }: Validity) {
  return {
    notBefore: new Date(nowMs - CLOCK_SKEW_MS),
    notAfter: new Date(nowMs + days * DAY_MS),
  };
}

function pemOf(certificate: X509Certificate): string {
  return `${certificate.toString("pem").trim()}\n`;
}

async function keyPemOf(key: CryptoKey): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.exportKey("pkcs8", key));
  const lines = btoa(String.fromCharCode(...bytes)).match(/.{1,64}/g) ?? [];
  return ["-----BEGIN PRIVATE KEY-----", ...lines, "-----END PRIVATE KEY-----", ""].join("\n");
}
