/**
 * Certificates for tests, as files in a directory of their own: good ones and each kind of bad one.
 * Owns the files, which go with the test; what is wrong with them is the test's to say.
 *
 * @module
 */

import { join } from "node:path";
import { type Authority, type Issued, makeAuthority } from "../../src/tls/authority.ts";

/** Paths as a node takes them. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

export interface IssueOptions {
  /** Below 0: it has expired so many days ago, after a year. */
  readonly days?: number;
  /** Names of the files, if not the node's id. */
  readonly name?: string;
  readonly hosts?: readonly string[];
}

const DAY_MS = 86_400_000;

/** A CA and what it has issued, in `directory`. */
export class TestCa {
  readonly #authority: Authority;
  readonly directory: string;
  readonly ca: string;

  private constructor(authority: Authority, directory: string) {
    this.#authority = authority;
    this.directory = directory;
    this.ca = join(directory, "ca.crt");
  }

  static async make(directory: string): Promise<TestCa> {
    await Deno.mkdir(directory, { recursive: true });
    const nowMs = Date.now() - 2 * 365 * DAY_MS;
    const authority = await makeAuthority("Test CA", { nowMs, days: 3_650 });
    const made = new TestCa(authority, directory);
    await Deno.writeTextFile(made.ca, authority.cert);
    return made;
  }

  /** A certificate for a node that serves clients on this machine. */
  async node(id: string, options: IssueOptions = {}): Promise<CertificateFiles> {
    const { days = 100, name = id, hosts = ["127.0.0.1", "localhost"] } = options;
    const nowMs = days < 0 ? Date.now() - 365 * DAY_MS : Date.now();
    const validity = { nowMs, days: days < 0 ? 365 + days : days };
    return await this.#write(name, await this.#authority.issueNode(id, hosts, validity));
  }

  /** An operator's certificate. */
  async operator(name: string): Promise<CertificateFiles> {
    const validity = { nowMs: Date.now(), days: 100 };
    return await this.#write(name, await this.#authority.issueOperator(name, validity));
  }

  async #write(name: string, { cert, key }: Issued): Promise<CertificateFiles> {
    const path = (suffix: string) => join(this.directory, `${name}.${suffix}`);
    await Deno.writeTextFile(path("crt"), cert);
    await Deno.writeTextFile(path("key"), key);
    return { cert: path("crt"), key: path("key"), ca: this.ca };
  }
}

/** Runs `test` with a directory that goes with it. */
export async function withDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "jmessage-tls-test-" });
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The flags of a node for its certificates on both ports. */
export function nodeFlags({ cert, key, ca }: CertificateFiles): readonly string[] {
  const clients = ["--tls-cert", cert, "--tls-key", key, "--tls-ca", ca];
  return [...clients, "--peer-tls-cert", cert, "--peer-tls-key", key, "--peer-tls-ca", ca];
}
