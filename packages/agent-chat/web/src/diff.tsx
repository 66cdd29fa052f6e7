// Changes of a file: side by side or one below the other, as the reader likes it.

import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { isHosted, tell } from "./host";
import { kept, keep } from "./memory";
import { current } from "./state";
import type { FileDiff, Hunk } from "./types";

const SHOWN = 400;
export const split = signal(kept("diff-view") === "split");

interface Row {
  old: number | null;
  new: number | null;
  left: string | null;
  right: string | null;
  kind: "same" | "changed" | "note";
}

/** The lines of a hunk beside each other: what was removed next to what was added in its place. */
export function rows(hunk: Hunk): Row[] {
  const made: Row[] = [];
  let before = hunk.old_start;
  let after = hunk.new_start;
  let removed: string[] = [];
  let added: string[] = [];
  const flush = () => {
    for (let index = 0; index < Math.max(removed.length, added.length); index++) {
      const left = removed[index] ?? null;
      const right = added[index] ?? null;
      made.push({ old: left === null ? null : before++, new: right === null ? null : after++, left, right, kind: "changed" });
    }
    removed = [];
    added = [];
  };
  for (const line of hunk.lines) {
    const text = line.slice(1);
    if (line.startsWith("-")) removed.push(text);
    else if (line.startsWith("+")) added.push(text);
    else {
      flush();
      if (line.startsWith("\\")) made.push({ old: null, new: null, left: line, right: line, kind: "note" });
      else made.push({ old: before++, new: after++, left: text, right: text, kind: "same" });
    }
  }
  flush();
  return made;
}

/** What one line has that another in its place has not: from where to where in each; null where they have little in common. */
export function differing(left: string, right: string): { from: number; left: number; right: number } | null {
  const most = Math.min(left.length, right.length);
  let from = 0;
  while (from < most && left[from] === right[from]) from++;
  let same = 0;
  while (same < most - from && left.at(-1 - same) === right.at(-1 - same)) same++;
  // Whole words differ, and whole characters.
  while (isWithin(left, from) || isWithin(right, from)) from--;
  while (isWithin(left, left.length - same) || isWithin(right, right.length - same)) same--;
  const common = (left.slice(0, from) + left.slice(left.length - same)).trim().length;
  return 3 * common < Math.max(left.trim().length, right.trim().length) ? null : { from, left: left.length - same, right: right.length - same };
}

/** Whether a place in a text is within a word, or within a character of two units. */
function isWithin(text: string, at: number): boolean {
  return at > 0 && /^(\w\w|[\ud800-\udbff][\udc00-\udfff])$/.test(text.slice(at - 1, at + 1));
}

function marked(text: string, from: number, to: number) {
  if (from >= to) return text;
  return (
    <>
      {text.slice(0, from)}
      <mark>{text.slice(from, to)}</mark>
      {text.slice(to)}
    </>
  );
}

/** The lines of a hunk with what differs in those that take another's place. */
function markedLines(lines: string[]): (string | VNode)[] {
  const drawn: (string | VNode)[] = lines.map((line) => line.slice(1));
  for (let start = 0; start < lines.length; start++) {
    if (!lines[start]!.startsWith("-")) continue;
    let middle = start;
    while (lines[middle]?.startsWith("-")) middle++;
    let end = middle;
    while (lines[end]?.startsWith("+")) end++;
    for (let index = 0; index < Math.min(middle - start, end - middle); index++) {
      const [left, right] = [lines[start + index]!.slice(1), lines[middle + index]!.slice(1)];
      const found = differing(left, right);
      if (!found) continue;
      drawn[start + index] = marked(left, found.from, found.left);
      drawn[middle + index] = marked(right, found.from, found.right);
    }
    start = Math.max(start, end - 1);
  }
  return drawn;
}

export function counts(diff: FileDiff): { added: number; removed: number } {
  let added = 0;
  let removed = 0;
  for (const hunk of diff.hunks) {
    for (const line of hunk.lines) {
      if (line.startsWith("+")) added++;
      else if (line.startsWith("-")) removed++;
    }
  }
  return { added, removed };
}

/** Remarks of the reader on lines of a diff, by the line: "+3" is line 3 as it is now, "-3" one that was removed. */
export interface Remarks {
  texts: Record<string, string>;
  /** Write one; null takes it away. `quote` is the line that it is about. */
  write: (place: string, text: string | null, quote: string) => void;
}

export function Diff({ diff, remarks }: { diff: FileDiff; remarks?: Remarks | undefined }) {
  const [all, setAll] = useState(false);
  const { added, removed } = counts(diff);
  const lines = diff.hunks.reduce((sum, hunk) => sum + hunk.lines.length, 0);
  let left = all ? Infinity : SHOWN;
  const hunks = diff.hunks.map((hunk) => {
    const shown = hunk.lines.slice(0, Math.max(0, left));
    left -= shown.length;
    return { ...hunk, lines: shown };
  });
  const toggle = () => {
    split.value = !split.value;
    keep("diff-view", split.value ? "split" : "unified");
  };
  return (
    <div class="diff">
      <div class="diff-head">
        {isHosted() && diff.path ? (
          <button
            type="button"
            class="quiet path"
            title="Open the file"
            onClick={() => tell({ type: "open", chat: current.value?.id ?? "", path: diff.path, line: diff.hunks[0]?.new_start ?? null })}
          >
            {diff.path}
          </button>
        ) : (
          <span class="path">{diff.path || "changes"}</span>
        )}
        <span class="added">+{added}</span>
        <span class="removed">−{removed}</span>
        <button type="button" class="quiet" onClick={toggle}>
          {split.value ? "Unified" : "Side by side"}
        </button>
      </div>
      <div
        class="diff-body"
        tabIndex={0}
        role="group"
        aria-label={`Changes of ${diff.path || "a file"}`}
        data-arrows={remarks ? "" : undefined}
        onKeyDown={remarks ? walk : undefined}
      >
        {hunks.map((hunk, index) => (hunk.lines.length ? <HunkView key={index} hunk={hunk} remarks={remarks} /> : null))}
      </div>
      {lines > SHOWN && !all ? (
        <button type="button" class="quiet more" onClick={() => setAll(true)}>
          Show all {lines} lines
        </button>
      ) : null}
    </div>
  );
}

/** Tab comes to the lines that were changed; the arrows go to each. */
function walk(event: KeyboardEvent): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  const lines = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>(".number button")];
  const next = lines[lines.indexOf(document.activeElement as HTMLElement) + step];
  if (step === 0 || !next || !(document.activeElement instanceof HTMLButtonElement)) return;
  event.preventDefault();
  next.focus();
}

interface OfHunk {
  hunk: Hunk;
  remarks?: Remarks | undefined;
}

function HunkView({ hunk, remarks }: OfHunk) {
  return (
    <table>
      <tbody>{split.value ? rows(hunk).flatMap((row, index) => beside(row, index, remarks)) : unified(hunk, remarks)}</tbody>
    </table>
  );
}

/** A line's number: where remarks are taken, a button that begins one. */
function Number({ line, place, quote, remarks, changed }: { line: number | null; place: string; quote: string; remarks?: Remarks | undefined; changed: boolean }) {
  if (line === null) return <td class="number" />;
  if (!remarks) return <td class="number">{line}</td>;
  const about = place.startsWith("-") ? "removed line" : "line";
  return (
    <td class="number">
      <button type="button" class="quiet" aria-label={`Comment on ${about} ${line}`} tabIndex={changed ? 0 : -1} onClick={() => remarks.write(place, remarks.texts[place] ?? "", quote)}>
        {line}
      </button>
    </td>
  );
}

/** A remark that was just begun has the keyboard. */
function begun(box: HTMLTextAreaElement | null): void {
  if (box?.value === "" && document.activeElement?.tagName === "BUTTON") box.focus();
}

function remarkRow(place: string, quote: string, remarks: Remarks | undefined) {
  const text = remarks?.texts[place];
  if (remarks === undefined || text === undefined) return [];
  const about = `${place.startsWith("-") ? "removed line" : "line"} ${place.slice(1)}`;
  return [
    <tr key={`remark ${place}`} class="remark">
      <td colSpan={4}>
        <textarea
          rows={2}
          aria-label={`Your comment on ${about}`}
          placeholder={`Comment on ${about}`}
          value={text}
          ref={begun}
          onInput={(event) => remarks.write(place, event.currentTarget.value, quote)}
          onKeyDown={(event) => {
            if (event.key !== "Escape") return;
            event.stopPropagation();
            remarks.write(place, null, quote);
          }}
          onBlur={(event) => event.currentTarget.value.trim() || remarks.write(place, null, quote)}
        />
      </td>
    </tr>,
  ];
}

function beside(row: Row, index: number, remarks?: Remarks) {
  if (row.kind === "note")
    return [
      <tr key={index}>
        <td colSpan={4} class="note">{row.left}</td>
      </tr>,
    ];
  const changed = row.kind === "changed";
  const left = row.left ?? "";
  const right = row.right ?? "";
  const found = changed && row.left !== null && row.right !== null ? differing(left, right) : null;
  return [
    <tr key={index}>
      <Number line={row.old} place={`-${row.old}`} quote={left} remarks={changed ? remarks : undefined} changed={changed} />
      <td class={row.left === null ? "empty" : changed ? "text minus" : "text"}>{found ? marked(left, found.from, found.left) : row.left}</td>
      <Number line={row.new} place={`+${row.new}`} quote={right} remarks={remarks} changed={changed} />
      <td class={row.right === null ? "empty" : changed ? "text plus" : "text"}>{found ? marked(right, found.from, found.right) : row.right}</td>
    </tr>,
    ...(changed ? remarkRow(`-${row.old}`, left, remarks) : []),
    ...remarkRow(`+${row.new}`, right, remarks),
  ];
}

function unified(hunk: Hunk, remarks?: Remarks) {
  let before = hunk.old_start;
  let after = hunk.new_start;
  const drawn = markedLines(hunk.lines);
  return hunk.lines.flatMap((line, index) => {
    const sign = line[0];
    if (sign === "\\")
      return [
        <tr key={index}>
          <td colSpan={4} class="note">{line}</td>
        </tr>,
      ];
    const minus = sign === "-";
    const plus = sign === "+";
    const old = plus ? null : before++;
    const now = minus ? null : after++;
    const quote = line.slice(1);
    const place = minus ? `-${old}` : `+${now}`;
    return [
      <tr key={index} class={minus ? "minus" : plus ? "plus" : ""}>
        <Number line={old} place={place} quote={quote} remarks={minus ? remarks : undefined} changed={minus} />
        <Number line={now} place={place} quote={quote} remarks={remarks} changed={plus} />
        <td class="sign" aria-hidden="true">{minus ? "−" : plus ? "+" : ""}</td>
        <td class="text">{drawn[index]}</td>
      </tr>,
      ...remarkRow(place, quote, remarks),
    ];
  });
}
