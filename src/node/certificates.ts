/**
 * The certificates of one port while the node runs: read at the start, and again when they were
 * changed or an operator asks. Owns when that is, that broken files and expired certificates change
 * nothing, and what the log says of it and of what is about to expire.
 *
 * The files are looked at, not watched: secrets are mounted, linked and copied in ways of which
 * watchers are not told everywhere.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { ChatError } from "../errors.ts";
import { limits } from "../limits.ts";
import {
  checkInTime,
  isInTime,
  readMaterial,
  type ReadOptions,
  type TlsFiles,
  type TlsMaterial,
} from "../tls/material.ts";
import { Listeners } from "./listeners.ts";
import type { Logger } from "./logger.ts";
import type { Clock } from "./ports.ts";

export interface CertificatesOptions {
  /** Who is served with them, for the log. */
  readonly of: "clients" | "nodes";
  readonly files: TlsFiles;
  readonly read: ReadOptions;
  /** Throws if they are good, but not for this node. */
  readonly accept?: (material: TlsMaterial) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

const DAY_MS = 86_400_000;

/** Current certificates, and those who want to know of new ones. */
export class Certificates {
  readonly #options: CertificatesOptions;
  readonly #listeners = new Listeners<[]>();
  #material: TlsMaterial;
  /** What the files held when they were last read, good or not. */
  #tried: string;
  /** When what was refused last as it was too early is to be read again, wall clock. */
  #retryAtMs = Infinity;
  /** What they held at the last look, if that was something else. */
  #settling: string | null = null;
  /** One look after another. */
  #looking: Promise<void> = Promise.resolve();
  #cancelLook: () => void = () => {};
  #cancelWarning: () => void = () => {};
  #closed = false;

  private constructor(options: CertificatesOptions, material: TlsMaterial, tried: string) {
    this.#options = options;
    this.#material = material;
    this.#tried = tried;
    this.#tellExpiries();
    this.#planLook();
  }

  /** Reads the files for the first time; throws `INVALID_ARGUMENT` if they are not good. */
  static async open(options: CertificatesOptions): Promise<Certificates> {
    const tried = await fingerprint(options.files);
    const material = await readMaterial(options.files, options.read);
    options.accept?.(material);
    return new Certificates(options, material, tried);
  }

  current(): TlsMaterial {
    return this.#material;
  }

  /** Calls back when new ones are in use; the result ends that. */
  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  /** When the first of them expires, ms since the epoch. */
  get expiresAtMs(): number {
    return Math.min(...this.#material.expiries.map(({ atMs }) => atMs));
  }

  /** Reads the files now, as an operator has asked for. */
  reload(): Promise<void> {
    return this.#look(true);
  }

  close(): void {
    this.#closed = true;
    this.#cancelLook();
    this.#cancelWarning();
  }

  #planLook(): void {
    this.#cancelLook = this.#options.clock.after(limits.certificateLookMs, () => {
      void this.#look(false).then(() => {
        if (!this.#closed) this.#planLook();
      });
    });
  }

  #look(asked: boolean): Promise<void> {
    this.#looking = this.#looking.then(async () => {
      const found = await fingerprint(this.#options.files);
      if (this.#closed) return;
      const isDue = this.#retryAtMs <= this.#options.clock.wall();
      if (!asked && found === this.#tried && !isDue) {
        this.#settling = null;
      } else if (asked || found === this.#settling || found === this.#tried) {
        await this.#take(found);
      } else {
        // Several files are not replaced at once: they are read when nothing moves any more.
        this.#settling = found;
      }
    });
    return this.#looking;
  }

  async #take(found: string): Promise<void> {
    const { files, read, accept, clock, logger } = this.#options;
    this.#tried = found;
    this.#settling = null;
    this.#retryAtMs = Infinity;
    try {
      const material = await readMaterial(files, read);
      accept?.(material);
      // With these everybody would refuse this node from now on: no time is a good one to take them
      // while the others still do.
      const nowMs = clock.wall();
      if (isInTime(this.#material, nowMs)) {
        const fromMs = Math.max(...material.expiries.map(({ fromMs }) => fromMs));
        if (fromMs > nowMs) this.#retryAtMs = fromMs;
        checkInTime(material, { files, options: read, nowMs });
      }
      this.#material = material;
    } catch (thrown) {
      const { message } = ChatError.from(thrown);
      logger.log(
        "error",
        `${message}; the certificates that were read before stay in use: put valid ones there`,
      );
      return;
    }
    const { of } = this.#options;
    logger.log("info", `Certificates for ${of} were read again: new connections use them`);
    this.#tellExpiries();
    this.#listeners.tell();
  }

  #tellExpiries(): void {
    const { clock, logger } = this.#options;
    const [own, ca] = this.#material.expiries;
    logger.log("info", `TLS for ${this.#options.of} is on`, {
      certificate: own?.file,
      until: own && dateOf(own.atMs),
      ca: ca?.file,
      caUntil: ca && dateOf(ca.atMs),
    });
    this.#cancelWarning();
    const warn = () => {
      for (const { file, atMs } of this.#material.expiries) {
        const days = Math.floor((atMs - clock.wall()) / DAY_MS);
        if (days >= limits.certificateWarningDays) continue;
        const [level, what] = atMs <= clock.wall()
          ? ["error", `has expired on ${dateOf(atMs)}: others refuse this node`] as const
          : ["warn", `expires in ${days} days, on ${dateOf(atMs)}`] as const;
        logger.log(level, `The certificate ${file} ${what}; replace the file`);
      }
      this.#cancelWarning = clock.after(DAY_MS, warn);
    };
    warn();
  }
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** Of everything that the files hold, or why they cannot be read. */
async function fingerprint(files: TlsFiles): Promise<string> {
  const hash = createHash("sha256");
  for (const file of [files.cert, files.key, files.ca]) {
    if (file === undefined) continue;
    const held = await readFile(file).catch((error) => String(error.code));
    hash.update(`${held.length} `).update(held);
  }
  return hash.digest("hex");
}
