/**
 * The text format of Prometheus as a scraper reads it, from the description of the format and not by
 * the library that wrote it. Owns what is refused: a line that no scraper would take.
 *
 * @module
 */

import assert from "node:assert/strict";

const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*")*\})?) (\S+)$/;

/** Values of a page by their names with labels. Fails for what is no sample, or is there twice. */
export function samples(page: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  assert.ok(page.endsWith("\n"), "the last line ends");
  for (const line of page.split("\n")) {
    if (line === "" || line.startsWith("# HELP ") || line.startsWith("# TYPE ")) continue;
    const [, name, text] = SAMPLE.exec(line) ?? [];
    assert.ok(name !== undefined && text !== undefined, `no sample: ${line}`);
    const value = text === "+Inf" ? Infinity : Number(text);
    assert.ok(!Number.isNaN(value), `no number: ${line}`);
    assert.ok(!found.has(name), `twice: ${name}`);
    found.set(name, value);
  }
  return found;
}

/** Names of the metrics that a page declares, without labels and parts of histograms. */
export function declared(page: string): ReadonlySet<string> {
  return new Set([...page.matchAll(/^# TYPE (\S+) /gm)].map(([, name = ""]) => name));
}
