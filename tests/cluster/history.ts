/**
 * The checker of the tests with real processes: what was acknowledged against what each node
 * has. Owns the comparison alone; it reads from nobody, so that it can be shown to find what it
 * is there for.
 *
 * @module
 */

/** A message as it was acknowledged to its sender, or as a node has it. */
export interface SeenMessage {
  readonly id: string;
  readonly seq: number;
  readonly from: string;
  readonly body: string;
}

/** What the writers know. */
export interface Written {
  /** In the order of the acknowledgements. */
  readonly acknowledged: readonly SeenMessage[];
  /** Ids that were sent and never answered: each may be there, or not, everywhere the same. */
  readonly unanswered: readonly string[];
  /** Ids whose place may be another than acknowledged: two sides of a partition became one. */
  readonly moved?: ReadonlySet<string>;
}

/** What each node has, oldest first, by the node's id. */
export type Histories = ReadonlyMap<string, readonly SeenMessage[]>;

/**
 * Everything that breaks the promise: each acknowledged message is on every node exactly once,
 * as it was acknowledged, in one order that keeps each sender's own; nothing else is there.
 */
export function historyProblems(written: Written, histories: Histories): readonly string[] {
  const problems = [...histories].flatMap(([node, history]) => [
    ...missingProblems(node, { written, history }),
    ...orderProblems(node, history),
  ]);
  return [...problems, ...differenceProblems(histories), ...senderProblems(written)];
}

function missingProblems(
  node: string,
  { written, history }: { readonly written: Written; readonly history: readonly SeenMessage[] },
): readonly string[] {
  const problems: string[] = [];
  const found = Map.groupBy(history, ({ id }) => id);
  for (const { id, seq, from, body } of written.acknowledged) {
    const copies = found.get(id) ?? [];
    if (copies.length !== 1) problems.push(`${node} has ${id} of ${from} ${copies.length} times`);
    const isAtPlace = copies[0]?.seq === seq || written.moved?.has(id) === true;
    const same = isAtPlace && copies[0]?.body === body && copies[0].from === from;
    if (copies.length === 1 && !same) problems.push(`${node} has another ${id} than acknowledged`);
  }
  const known = new Set([...written.acknowledged.map(({ id }) => id), ...written.unanswered]);
  for (const [id, copies] of found) {
    if (!known.has(id)) problems.push(`${node} has ${id}, which nobody sent`);
    else if (copies.length > 1 && written.unanswered.includes(id)) {
      problems.push(`${node} has the unanswered ${id} ${copies.length} times`);
    }
  }
  return problems;
}

function orderProblems(node: string, history: readonly SeenMessage[]): readonly string[] {
  const index = history.findIndex(({ seq }, at) => at > 0 && seq <= (history[at - 1]?.seq ?? 0));
  return index < 0 ? [] : [`${node} has ${history[index]?.id} out of order`];
}

function differenceProblems(histories: Histories): readonly string[] {
  const [first, ...others] = [...histories];
  if (first === undefined) return ["no node was read"];
  const order = first[1].map(({ id }) => id).join();
  return others
    .filter(([, history]) => history.map(({ id }) => id).join() !== order)
    .map(([node]) => `${node} and ${first[0]} differ in what they have or its order`);
}

/** A sender that waits for each acknowledgement sees its messages in its own order. */
function senderProblems({ acknowledged, moved }: Written): readonly string[] {
  const newest = new Map<string, number>();
  const problems: string[] = [];
  for (const { id, from, seq } of acknowledged) {
    if (moved?.has(id)) continue;
    if (seq <= (newest.get(from) ?? 0)) problems.push(`${id} of ${from} overtook an earlier one`);
    newest.set(from, seq);
  }
  return problems;
}
