/**
 * A campaign of `jmessage simulate` on several cores: jobs, each a process of this program with
 * its share of the schedules and a seed of its own. Owns the shares, how the jobs are heard and
 * ended, and the sum of what they say; a job simulates like a campaign without jobs.
 *
 * @module
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { ChatError } from "../errors.ts";
import type { ViolationKind } from "../sim/checkers/checker.ts";
import { addCoverage, type Coverage, type CoverageSum } from "../sim/coverage.ts";
import { worstKind } from "../sim/simulate.ts";
import { type Program, withoutOwnVariables } from "./node_process.ts";

/** What a job prints with `--json`. */
export type JobEvent =
  | {
    readonly event: "violation";
    readonly checker: string;
    readonly kind: ViolationKind;
    readonly atMs: number;
    readonly message: string;
  }
  /** Where the schedule that broke something was written. */
  | { readonly event: "failure"; readonly path: string }
  /** Where a schedule was written that could not be judged. */
  | { readonly event: "undecided"; readonly path: string }
  | { readonly event?: undefined } & JobSummary;

/** The last line of a job. */
export interface JobSummary {
  readonly runs: number;
  readonly simulatedSeconds: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Judgements that would have taken too much work. */
  readonly undecided: number;
  readonly coverage: Coverage;
}

export interface JobsOptions {
  readonly program: Program;
  /** Flags of every job besides its runs and its seed. */
  readonly flags: readonly string[];
  readonly runs: number;
  /** Of the first job; each further one has the next. */
  readonly seed: number;
  /** At most as many as runs. */
  readonly jobs: number;
  /** Called with how many schedules have run in all jobs. */
  readonly onProgress: (done: number) => void;
}

/** What all jobs together did. */
export interface JobsResult extends JobSummary {
  readonly violations: readonly Extract<JobEvent, { event: "violation" }>[];
  /** Where the schedule that broke something lies; `null` if none did. */
  readonly failurePath: string | null;
  /** Where the schedules lie that could not be judged, also those of jobs that were ended. */
  readonly undecidedPaths: readonly string[];
}

/** What one job says and comes to. */
interface Job {
  readonly violations: Extract<JobEvent, { event: "violation" }>[];
  failurePath: string | null;
  readonly undecidedPaths: string[];
  summary: JobSummary | null;
  done: number;
  lastRemark: string;
}

/** Progress as a campaign says it on stderr. */
const progressPattern = /^(\d+) of \d+ schedules$/;

/**
 * Runs all jobs to their end, or to the first violation: then the others are ended, and what they
 * had done is not counted. Throws `INTERNAL` if a job ends in another way.
 */
export async function runJobs(options: JobsOptions): Promise<JobsResult> {
  const children: ChildProcess[] = [];
  const endAll = () => {
    for (const child of children) if (child.exitCode === null) child.kill("SIGKILL");
  };
  const jobs: Job[] = Array.from({ length: options.jobs }, () => ({
    violations: [],
    failurePath: null,
    undecidedPaths: [],
    summary: null,
    done: 0,
    lastRemark: "it said nothing",
  }));
  const told = () => options.onProgress(jobs.reduce((sum, { done }) => sum + done, 0));
  let broken: ChatError | null = null;
  await Promise.all(
    shares(options).map(async ({ runs, seed }, place) => {
      const job = jobs[place]!;
      const share = ["--json", "--job", "--runs", `${runs}`, "--seed", `${seed}`];
      const args = [...options.program.args, "simulate", ...share, ...options.flags];
      const child = spawn(options.program.command, args, {
        // Never written to: its end tells the job that nobody hears it any more.
        stdio: ["pipe", "pipe", "pipe"],
        env: withoutOwnVariables(process.env),
      });
      children.push(child);
      const exit = await listen(child, job, told);
      if (job.violations.length > 0) return endAll();
      const ended = jobs.some(({ violations }) => violations.length > 0) || broken !== null;
      if (job.summary !== null || ended) return;
      broken = new ChatError("INTERNAL", `Job ${place + 1} ended by ${exit}: ${job.lastRemark}`);
      endAll();
    }),
  );
  const result = sum(jobs);
  if (broken !== null && result.violations.length === 0) throw broken;
  return result;
}

/** As even as can be. */
function shares({ runs, seed, jobs }: JobsOptions) {
  return Array.from({ length: jobs }, (_, place) => ({
    runs: Math.floor(runs / jobs) + (place < runs % jobs ? 1 : 0),
    seed: seed + place,
  }));
}

/** Resolves with how the process ended, in words, once all that it said was read. */
async function listen(child: ChildProcess, job: Job, told: () => void): Promise<string> {
  const lines = (stream: "stdout" | "stderr", take: (line: string) => void) => {
    const input = child[stream];
    if (input !== null) createInterface({ input }).on("line", take);
  };
  lines("stdout", (line) => take(job, line));
  lines("stderr", (line) => {
    const [, done] = progressPattern.exec(line) ?? [];
    if (done === undefined) job.lastRemark = line;
    else job.done = Number(done);
    told();
  });
  return await new Promise((resolve) => {
    child.once("error", (error) => {
      job.lastRemark = error.message;
      resolve("an error");
    });
    child.once("close", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

function take(job: Job, line: string): void {
  let event: JobEvent;
  try {
    event = JSON.parse(line);
  } catch {
    // A job that was ended in the middle of a line.
    job.lastRemark = line;
    return;
  }
  if (event.event === "violation") job.violations.push(event);
  else if (event.event === "failure") job.failurePath = event.path;
  else if (event.event === "undecided") job.undecidedPaths.push(event.path);
  else job.summary = event;
}

/** Of those that came to their end. */
function sum(jobs: readonly Job[]): JobsResult {
  const faults: Record<string, number> = {};
  const coverage: CoverageSum = {};
  let [runs, simulatedSeconds, undecided] = [0, 0, 0];
  for (const { summary } of jobs) {
    if (summary === null) continue;
    runs += summary.runs;
    simulatedSeconds += summary.simulatedSeconds;
    undecided += summary.undecided;
    addCoverage(coverage, summary.coverage);
    for (const [kind, count] of Object.entries(summary.faults)) {
      faults[kind] = (faults[kind] ?? 0) + count;
    }
  }
  const failed = worst(jobs.filter(({ failurePath }) => failurePath !== null)) ??
    worst(jobs.filter(({ violations }) => violations.length > 0));
  return {
    runs,
    simulatedSeconds,
    faults,
    undecided,
    coverage,
    violations: failed?.violations ?? [],
    failurePath: failed?.failurePath ?? null,
    undecidedPaths: jobs.flatMap((job) => job.undecidedPaths),
  };
}

/** One that broke what must never happen, if there is one. */
function worst(jobs: readonly Job[]): Job | undefined {
  return jobs.find(({ violations }) => worstKind(violations) === "safety") ?? jobs[0];
}
