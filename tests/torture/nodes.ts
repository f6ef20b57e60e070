/**
 * The nodes of a torture run: places at fixed addresses, each with its proxy, in which one
 * process after another runs. Owns processes, directories and their end; whether a place is to be
 * up, and what is wrong with it, others say.
 *
 * @module
 */

import { appendFileSync, cpSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { NodeProcess, type Program } from "../../src/cli/node_process.ts";
import { steadyPort } from "../../src/cli/steady_port.ts";
import type { StatusResponse } from "../../src/rpc/api.ts";
import { connect } from "../../src/rpc/client.ts";
import { mountSmall, type SmallDisk } from "../storage/mounts.ts";
import { isReady } from "./health.ts";
import type { Lanes } from "./lanes.ts";
import { PeerProxy } from "./proxy.ts";

/** Longest that a node may take to answer a question about itself before it counts as not ready. */
const ASK_MS_MAX = 700;
/**
 * Room on the disk that is to be full now and then, MiB: several times what ten minutes of messages
 * come to (65 MiB on a quick machine), with what damage set aside.
 */
const DISK_MEGABYTES = 512;

export interface NodesOptions {
  readonly program: Program;
  readonly directory: string;
  readonly count: number;
  /** Policy flags of the founder. */
  readonly policy: readonly string[];
  readonly lanes: Lanes;
  /** A node ended and nobody had told it to. */
  readonly onUnexpectedEnd: (text: string) => void;
}

/** What {@linkcode Place} is made with. */
interface PlaceOptions {
  readonly admin: { token: string | undefined };
  readonly name: string;
  readonly nodes: NodesOptions;
  readonly proxy: PeerProxy;
  readonly port: number;
}

/** One place: a name, two addresses, a data directory, and at most one process. */
export class Place {
  readonly name: string;
  readonly proxy: PeerProxy;
  readonly #nodes: NodesOptions;
  readonly #admin: { token: string | undefined };
  #port: number;
  #generation = 1;
  #process: NodeProcess | null = null;
  /** Whether its end is our doing, or is to be expected after what was done to it. */
  endExpected = false;
  /** What was done to the node here now, by which it may end with exit code 1 in one line. */
  mayEnd: "removed" | "damaged" | "full disk" | null = null;
  #starting = false;
  /** The node here now has served: it comes back without being told where its cluster is. */
  #served = false;
  /** A node of this place may be a member: without one here, its place in the cluster stays empty. */
  mayBeMember = false;
  disk: SmallDisk | null = null;

  constructor({ admin, name, nodes, proxy, port }: PlaceOptions) {
    this.#admin = admin;
    this.name = name;
    this.#nodes = nodes;
    this.proxy = proxy;
    this.#port = port;
  }

  /** Of the cluster, once its founder has said it. */
  get adminToken(): string | undefined {
    return this.#admin.token;
  }

  /** Id of the node here now; after a wipe it is another. */
  get id(): string {
    return `torture-${this.name}-g${this.#generation}`;
  }

  /** Whether a node of this id is the one here: found damaged, it joins again under a longer id. */
  isHere(id: string): boolean {
    return id === this.id || id.startsWith(`${this.id}-`);
  }

  get listen(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get data(): string {
    return join(this.#nodes.directory, this.name);
  }

  get process(): NodeProcess | null {
    return this.#process;
  }

  get running(): boolean {
    return this.#process !== null && this.#process.exit === undefined;
  }

  get hasData(): boolean {
    return readdirSync(this.data).some((name) => name.startsWith("log.db"));
  }

  /** Starts a node here: with its data, or else as a joiner of these, or as the founder. */
  async start(join: readonly string[]): Promise<void> {
    if (this.running || this.#starting) return;
    this.#starting = true;
    const peerPort = await steadyPort();
    this.#starting = false;
    const isNew = !this.hasData;
    this.log(`--- start as ${this.id}${isNew ? ", new" : ""}`);
    this.endExpected = false;
    this.mayBeMember = true;
    const founding = join.length === 0 ? this.#nodes.policy : ["--join", join.join(",")];
    const process = new NodeProcess({
      program: this.#nodes.program,
      flags: [
        ...["--id", this.id, "--data", this.data, "--listen", this.listen],
        ...["--peer-listen", `127.0.0.1:${peerPort}`, "--peer-advertise", this.proxy.address],
        ...(this.#served ? [] : founding),
      ],
      onLogLine: (line) => this.log(line),
    });
    this.#process = process;
    const { id } = this;
    process.ready.then(() => this.#served ||= this.id === id, () => {});
    void process.adminToken.then((token) => this.#admin.token = token);
    this.proxy.follow(peerPort);
    void process.exited.then(() => this.#ended(process));
  }

  /** Ends the process at once. */
  async kill(): Promise<void> {
    this.endExpected = true;
    this.log("--- SIGKILL");
    await this.#process?.end();
  }

  /** Its data is gone, and so is its id. */
  wipe(): void {
    this.log("--- wiped");
    for (const name of readdirSync(this.data)) {
      rmSync(join(this.data, name), { recursive: true, force: true });
    }
    this.#generation += 1;
    this.#served = false;
    this.mayEnd = null;
  }

  /** Adds a line to this place's log. */
  log(line: string): void {
    const at = new Date().toISOString().slice(11, 23);
    appendFileSync(join(this.#nodes.directory, `${this.name}.log`), `${at} ${line}\n`);
  }

  /** Whether the node says that it serves; false if it does not answer. */
  async ready(): Promise<boolean> {
    return this.running && await isReady(this.listen, ASK_MS_MAX);
  }

  /** How the node sees the cluster; `null` if it does not answer. */
  async status(): Promise<StatusResponse | null> {
    if (!this.running) return null;
    const connection = connect(this.listen);
    try {
      const deadlineMs = Date.now() + ASK_MS_MAX;
      const signal = AbortSignal.timeout(ASK_MS_MAX);
      return await connection.status({}, { deadlineMs, signal, token: this.adminToken });
    } catch {
      return null;
    } finally {
      connection.close();
    }
  }

  #ended(process: NodeProcess): void {
    if (this.#process !== process) return;
    const { code, signal } = process.exit ?? {};
    this.log(`--- ended: code ${code}, signal ${signal}`);
    void this.proxy.unfollow();
    if (this.endExpected || (this.mayEnd !== null && code === 1)) return;
    this.#nodes.onUnexpectedEnd(
      `${this.id} ended by itself, code ${code}, signal ${signal}: ${process.lastLine()}`,
    );
  }
}

/** All places: as many as the cluster has members, and one more. */
export class Nodes {
  readonly places: readonly Place[];
  readonly #options: NodesOptions;
  #ended = false;

  private constructor(options: NodesOptions, places: readonly Place[]) {
    this.#options = options;
    this.places = places;
  }

  static async open(options: NodesOptions): Promise<Nodes> {
    const places: Place[] = [];
    const admin = { token: undefined };
    for (let number = 1; number <= options.count + 1; number++) {
      const name = `n${number}`;
      const onPortLost = (error: unknown) =>
        options.onUnexpectedEnd(`The torture itself failed: the port of ${name} is lost: ${error}`);
      const proxy = new PeerProxy({ name, lanes: options.lanes, callerIn, onPortLost });
      await proxy.open();
      places.push(new Place({ admin, name, nodes: options, proxy, port: await steadyPort() }));
      mkdirSync(join(options.directory, name));
    }
    return new Nodes(options, places);
  }

  /** Puts a small disk under the last regular place; false where that cannot be done. */
  async mountDisk(): Promise<boolean> {
    const place = this.places[this.#options.count - 1];
    if (place === undefined) return false;
    place.disk = await mountSmall(place.data, DISK_MEGABYTES);
    return place.disk !== null;
  }

  /** Of the cluster, once its founder has said it. */
  get adminToken(): string | undefined {
    return this.places[0]?.adminToken;
  }

  /** Members that the cluster is to have. */
  get count(): number {
    return this.#options.count;
  }

  get running(): readonly Place[] {
    return this.places.filter((place) => place.running);
  }

  get listens(): readonly string[] {
    return this.places.map((place) => place.listen);
  }

  /** Starts a node again, or lets a new one join whoever runs. */
  async start(place: Place): Promise<void> {
    if (this.#ended) return;
    const others = this.places.filter((other) => other !== place && other.hasData);
    await place.start(others.map(({ proxy }) => proxy.address));
  }

  /** Ends every process and proxy; the data stays. */
  async end(): Promise<void> {
    this.#ended = true;
    for (const place of this.places) place.process?.kill("SIGCONT");
    await Promise.all(this.places.map((place) => place.kill()));
    await Promise.all(this.places.map(({ proxy }) => proxy.close()));
  }

  /** Takes the small disk away; what is on it stays in the directory below if it is to be kept. */
  async unmount({ keep }: { readonly keep: boolean }): Promise<void> {
    for (const place of this.places) {
      if (place.disk === null) continue;
      const saved = `${place.data}-saved`;
      place.disk.empty();
      if (keep) cpSync(place.data, saved, { recursive: true });
      await place.disk.unmount();
      place.disk = null;
      if (!keep) continue;
      rmSync(place.data, { recursive: true });
      renameSync(saved, place.data);
    }
  }
}

/** Whoever dials names itself in its hello, or as it asks for something. */
function callerIn(bytes: string): string | null {
  return /torture-(n\d+)-g\d+/.exec(bytes)?.[1] ?? null;
}
