/**
 * How an interactive chat looks on a full screen: people to the left, a conversation to the
 * right, what is new and what is typed below. Owns the layout as plain rows of styled text;
 * it writes nothing and reads no keys.
 *
 * @module
 */

import type { ChatModel, Person, TalkLine } from "./chat_model.ts";
import { NOBODY } from "./chat_controller.ts";
import { timeText } from "./chat_text.ts";
import type { LineEditor } from "./line_editor.ts";
import { cut, fit, wrap } from "./screen_text.ts";
import { columnsOf, printable } from "./text.ts";

/** How a piece of text stands out. */
export type Style = "plain" | "bold" | "dim" | "inverse" | "good" | "warning";

/** A piece of a row. */
export interface Piece {
  readonly text: string;
  readonly style: Style;
}

/** A drawn screen: every row fills its columns exactly. */
export interface Frame {
  readonly rows: readonly (readonly Piece[])[];
  /** Where the cursor stands, from 0. */
  readonly cursor: { readonly row: number; readonly column: number };
  /** Rows that the conversation is scrolled back: no more than there are. */
  readonly scroll: number;
}

/** What is drawn, and on what. */
export interface ScreenState {
  readonly model: ChatModel;
  readonly editor: LineEditor;
  readonly columns: number;
  readonly rows: number;
  /** Rows that the conversation is to be scrolled back. */
  readonly scroll: number;
  readonly nowMs: number;
  /** False where marks must be ASCII. */
  readonly unicode: boolean;
}

/** Columns of the list of people, on a screen that is wide enough for it. */
const PEOPLE_COLUMNS = 20;
const PEOPLE_FROM_COLUMNS = 60;
/** How an indented line of a message is shown: there is little room for more. */
const TAB = " ".repeat(4);
/** Title, news and input. */
const FIXED_ROWS = 3;

const WELCOME: readonly string[] = [
  "Nobody is chosen yet.",
  "",
  "/to NAME starts a conversation, Tab goes to the next person with news,",
  "/users shows everyone, /help the rest.",
];

/** Draws everything. */
export function drawChat(state: ScreenState): Frame {
  const height = Math.max(1, state.rows - FIXED_ROWS);
  const left = peopleColumns(state);
  const people = left === 0 ? [] : peopleRows(state, left, height);
  const talk = talkRows(state, talkColumns(state), height);
  const bar: Piece = { text: state.unicode ? "│" : "|", style: "dim" };
  const body = talk.rows.map((row, at) => left === 0 ? row : [...(people[at] ?? []), bar, ...row]);
  const input = inputRow(state);
  return {
    rows: [titleRow(state), ...body, newsRow(state), input.row],
    cursor: { row: state.rows - 1, column: input.column },
    scroll: talk.scroll,
  };
}

/** Rows that a line of the open conversation takes. */
export function heightOf(line: TalkLine, state: ScreenState): number {
  return lineRows(state.model, line, { columns: talkColumns(state), nowMs: state.nowMs }).length;
}

function peopleColumns({ columns }: ScreenState): number {
  return columns >= PEOPLE_FROM_COLUMNS ? PEOPLE_COLUMNS : 0;
}

function talkColumns(state: ScreenState): number {
  const left = peopleColumns(state);
  return state.columns - (left === 0 ? 0 : left + 1);
}

/** How the cluster is, in a few words. */
export function stateText(model: ChatModel): string {
  const { phase, leader, unsent } = model.state;
  switch (phase) {
    case "connecting":
      return `connecting, ${unsent} waiting`;
    case "electing":
      return `electing, ${unsent} waiting`;
    case "connected":
      return unsent === 0 ? `connected, ${leader} leads` : `sending ${unsent}`;
  }
}

function titleRow({ model, columns }: ScreenState): readonly Piece[] {
  const calm = model.state.phase === "connected";
  const right = ` ${printable(stateText(model))} `;
  const left = fit(` jmessage  ${printable(model.self)}`, Math.max(0, columns - columnsOf(right)));
  return [
    { text: left, style: "inverse" },
    { text: cut(right, columns), style: calm ? "inverse" : "warning" },
  ];
}

function peopleRows(state: ScreenState, columns: number, height: number) {
  const people = state.model.people();
  const more = people.length > height ? people.length - height + 1 : 0;
  const shown = people.slice(0, height - (more > 0 ? 1 : 0));
  const rows = shown.map((person) => personRow(state, person, columns));
  if (more > 0) rows.push([{ text: fit(` and ${more} more`, columns), style: "dim" }]);
  const empty: readonly Piece[] = [{ text: " ".repeat(columns), style: "plain" }];
  return [...rows, ...Array.from({ length: height - rows.length }, () => empty)];
}

function personRow(state: ScreenState, person: Person, columns: number): readonly Piece[] {
  const [on, off] = state.unicode ? ["●", "○"] : ["*", "-"];
  const count = person.unread === 0 ? "" : ` ${person.unread > 99 ? "99+" : person.unread} `;
  const isOpen = person.name === state.model.current;
  const name = fit(`${printable(person.name)}`, columns - 3 - columnsOf(count));
  const plain = person.online ? "plain" : "dim";
  return [
    { text: ` ${person.online ? on : off} `, style: person.online ? "good" : "dim" },
    { text: name, style: isOpen ? "inverse" : person.unread > 0 ? "bold" : plain },
    { text: count, style: "warning" },
  ];
}

function talkRows(state: ScreenState, columns: number, height: number) {
  const { model, nowMs } = state;
  const { current } = model;
  const heading = current === null ? [] : [headingRow(state, current, columns)];
  const room = height - heading.length;
  const lines = model.lines(current ?? NOBODY);
  const welcome = current === null && lines.length === 0 ? WELCOME : [];
  const rows: (readonly Piece[])[] = welcome.flatMap((line) =>
    wrap(line, columns - 2).map((
      text,
    ) => [{ text: fit(` ${text}`, columns), style: "dim" } as const])
  );
  // From the newest up, and no more than can be seen: long conversations cost nothing.
  const wanted = room + state.scroll;
  const drawn: (readonly Piece[])[] = [];
  for (let at = lines.length - 1; at >= 0 && drawn.length < wanted; at--) {
    const line = lines[at];
    if (line !== undefined) drawn.unshift(...lineRows(model, line, { columns, nowMs }));
  }
  const scroll = Math.min(state.scroll, Math.max(0, drawn.length - room));
  rows.push(...drawn.slice(0, drawn.length - scroll));
  const empty: readonly Piece[] = [{ text: " ".repeat(columns), style: "plain" }];
  const padding = Array.from({ length: Math.max(0, room - rows.length) }, () => empty);
  return { rows: [...heading, ...rows.slice(-room), ...padding], scroll };
}

function headingRow(state: ScreenState, name: string, columns: number): readonly Piece[] {
  const person = state.model.person(name);
  const seen = person?.lastSeenMs ?? null;
  const when = seen === null ? "" : `, last seen ${timeText(seen, state.nowMs)}`;
  const how = person === undefined ? "" : person.online ? "online" : `offline${when}`;
  const back = state.scroll > 0 ? "  (PageDown for newer)" : "";
  const text = ` ${printable(name)}${how === "" ? "" : `  ${how}`}${back}`;
  return [{ text: fit(text, columns), style: "bold" }];
}

/** A message or notice in as many rows as it takes; its own line breaks are kept. */
function lineRows(
  model: ChatModel,
  line: TalkLine,
  { columns, nowMs }: { readonly columns: number; readonly nowMs: number },
): readonly (readonly Piece[])[] {
  if (line.kind === "notice") {
    return wrap(printable(line.text), columns - 4)
      .map((text) => [{ text: fit(` -- ${text}`, columns), style: "dim" }]);
  }
  const own = line.from === model.self;
  const head = ` ${timeText(line.atMs, nowMs)} ${own ? "you" : printable(line.from)}: `;
  const room = Math.max(8, columns - columnsOf(head) - 1);
  const body = line.seq === null ? `${line.body} (not accepted yet)` : line.body;
  const texts = body.replaceAll("\t", TAB).split("\n")
    .flatMap((text) => wrap(printable(text), room));
  const wide = columns - columnsOf(head);
  if (wide < 8) return [[{ text: fit(head + texts.join(" "), columns), style: "plain" }]];
  return texts.map((text, at) => [
    { text: at === 0 ? head : " ".repeat(columnsOf(head)), style: own ? "dim" : "bold" },
    { text: fit(text, wide), style: line.seq === null ? "dim" : "plain" },
  ]);
}

function newsRow({ model, columns }: ScreenState): readonly Piece[] {
  const { notification, current } = model;
  if (notification === null) {
    const hint = current === null ? " /to NAME to begin, /help for help" : " /help for help";
    return [{ text: fit(hint, columns), style: "dim" }];
  }
  const name = printable(notification.name);
  const text = ` new from ${name} (Tab): ${printable(notification.body)}`;
  return [{ text: fit(text, columns), style: "warning" }];
}

/** The line being typed, shifted so that the cursor is in sight. */
function inputRow({ model, editor, columns }: ScreenState) {
  const prompt = cut(`${printable(model.current ?? "nobody")}> `, Math.floor(columns / 2));
  const room = Math.max(1, columns - columnsOf(prompt) - 1);
  const before = editor.parts.before.map(printable);
  let first = before.length;
  let used = 0;
  while (first > 0 && used + columnsOf(before[first - 1] ?? "") <= room) {
    first--;
    used += columnsOf(before[first] ?? "");
  }
  const after = editor.parts.after.map(printable).join("");
  const visible = before.slice(first).join("");
  const row: readonly Piece[] = [
    { text: prompt, style: "bold" },
    { text: fit(visible + after, columns - columnsOf(prompt)), style: "plain" },
  ];
  return { row, column: Math.min(columnsOf(prompt) + used, columns - 1) };
}
