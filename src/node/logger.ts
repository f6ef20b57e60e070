/**
 * The node's log for people and for machines: one line per event on stderr. Owns levels and
 * the two formats; it never writes to stdout, and never writes a secret (fields whose names say
 * that they hold one are masked).
 *
 * @module
 */

import process from "node:process";
import { jsonLine, printable } from "../printable.ts";

/** From the most to the least talkative. */
export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Values beside a line's text. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Writes lines at or above its level. */
export interface Logger {
  log(level: LogLevel, text: string, fields?: LogFields): void;
  /** Whether a line of that level is written: what it needs has not to be made otherwise. */
  isOn(level: LogLevel): boolean;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: "text" | "json";
  /** Where lines go, newline included; stderr by default. */
  readonly write?: (line: string) => void;
  /** Wall clock, ms since the epoch. */
  readonly now?: () => number;
}

/** A field of such a name is masked, whoever passed it. */
const SECRET = /password|token|secret|authorization/i;

/** A logger that says nothing. */
export const silentLogger: Logger = { log: () => {}, isOn: () => false };

/** A logger in one of the two formats. */
export function createLogger(options: LoggerOptions): Logger {
  const lowest = LOG_LEVELS.indexOf(options.level);
  const write = options.write ?? writeToStderr;
  const now = options.now ?? Date.now;
  const format = options.format === "json" ? lineOfJson : textLine;
  const isOn = (level: LogLevel) => LOG_LEVELS.indexOf(level) >= lowest;
  return {
    isOn,
    log(level, text, fields = {}) {
      if (!isOn(level)) return;
      write(format(new Date(now()).toISOString(), level, text, masked(fields)) + "\n");
    },
  };
}

/** A log that cannot be written, on a full disk, must not cost the cluster a node. */
function writeToStderr(line: string): void {
  try {
    process.stderr.write(line);
  } catch {
    // There is nowhere left to say so.
  }
}

function masked(fields: LogFields): [string, string | number | boolean | null][] {
  const result: [string, string | number | boolean | null][] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) result.push([name, SECRET.test(name) ? "[hidden]" : value]);
  }
  return result;
}

type Line = (
  time: string,
  level: LogLevel,
  text: string,
  fields: [string, string | number | boolean | null][],
) => string;

const lineOfJson: Line = (time, level, text, fields) =>
  jsonLine({ time, level, message: text, ...Object.fromEntries(fields) });

const textLine: Line = (time, level, text, fields) => {
  const rest = fields.map(([name, value]) => ` ${name}=${quoted(String(value))}`).join("");
  return `${time} ${level.padEnd(5)} ${oneLine(text)}${rest}`;
};

/** Quotes what would break the line or run into the next field. */
function quoted(value: string): string {
  return /^[^\s"=]+$/.test(value) ? printable(value) : printable(JSON.stringify(value));
}

function oneLine(text: string): string {
  return printable(text.replaceAll(/\s*[\r\n]+\s*/g, " "));
}
