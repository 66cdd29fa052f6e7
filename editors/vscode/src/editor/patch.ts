// Changes that an agent asks for, put into the text of a file: what it would be afterwards.

import type { FileDiff, Hunk } from "../server/types";

export interface Patched {
  before: string;
  after: string;
  /** Whether all places were found in the file; otherwise both texts are what the agent told of them alone. */
  isWhole: boolean;
}

/** Put changes into a text. Lines may stand elsewhere than the agent says: the nearest place counts. */
export function patch(text: string, diffs: readonly FileDiff[]): Patched {
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  let lines = text.split(/\r?\n/);
  for (const hunk of diffs.flatMap((diff) => diff.hunks)) {
    const { old, made } = sides(hunk);
    const at = old.length === 0 && text === "" ? 0 : place(lines, old, hunk);
    if (at === undefined) return told(diffs);
    lines = [...lines.slice(0, at), ...made, ...lines.slice(at + old.length)];
  }
  if (text === "") lines = lines.at(-1) === "" ? lines : [...lines, ""];
  return { before: text, after: lines.join(end), isWhole: true };
}

function told(diffs: readonly FileDiff[]): Patched {
  const parts = diffs.flatMap((diff) => diff.hunks).map(sides);
  const joined = (of: "old" | "made"): string => parts.map((part) => part[of].join("\n")).join("\n⋯\n");
  return { before: joined("old"), after: joined("made"), isWhole: false };
}

function sides(hunk: Hunk): { old: string[]; made: string[] } {
  const kept = hunk.lines.filter((line) => !line.startsWith("\\"));
  const of = (signs: string): string[] => kept.filter((line) => signs.includes(line.charAt(0) || " ")).map((line) => line.slice(1).replace(/\r$/, ""));
  return { old: of(" -"), made: of(" +") };
}

/** Where the lines stand, nearest to where they are said to be. */
function place(lines: readonly string[], wanted: readonly string[], hunk: Hunk): number | undefined {
  if (wanted.length === 0) return Math.min(Math.max(0, hunk.old_start), lines.length);
  const near = hunk.old_start - 1;
  let best: number | undefined;
  for (let at = 0; at + wanted.length <= lines.length; at++) {
    if (best !== undefined && Math.abs(at - near) >= Math.abs(best - near)) continue;
    if (wanted.every((line, index) => lines[at + index] === line)) best = at;
  }
  return best;
}

/** The line of the file as it is afterwards, from 1, on which a change begins. */
export function firstChange(hunk: Hunk): number {
  const at = hunk.lines.findIndex((line) => line.startsWith("+") || line.startsWith("-"));
  return hunk.new_start + Math.max(0, at);
}
