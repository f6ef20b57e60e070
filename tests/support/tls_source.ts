/**
 * Certificates that a test changes when it likes, and the wait for what a port says of others.
 *
 * @module
 */

import { ChatError } from "../../src/errors.ts";
import { readMaterial, type TlsFiles, type TlsMaterial } from "../../src/tls/material.ts";

/** Material that a test changes when it likes. */
export class Source {
  readonly #listeners = new Set<() => void>();
  #material: TlsMaterial;

  constructor(material: TlsMaterial) {
    this.#material = material;
  }

  static async of(files: TlsFiles): Promise<Source> {
    return new Source(await readMaterial(files));
  }

  current(): TlsMaterial {
    return this.#material;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async change(files: TlsFiles): Promise<void> {
    this.#material = await readMaterial(files);
    for (const listener of this.#listeners) listener();
  }
}

/** Resolves once the condition holds; fails after 5 s. */
export async function arrived(condition: () => boolean): Promise<void> {
  const until = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > until) throw new ChatError("INTERNAL", "nothing was said in 5 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
