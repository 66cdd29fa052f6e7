import { expect, test } from "vitest";
import { fenced } from "../src/editor/fence";
import { firstChange, patch } from "../src/editor/patch";

const change = (old_start: number, ...lines: string[]) => ({ path: "a", hunks: [{ old_start, new_start: old_start, lines }] });

test("changes are put where they belong", () => {
  expect(patch("one\ntwo\nthree\n", [change(2, "-two", "+2")])).toEqual({ before: "one\ntwo\nthree\n", after: "one\n2\nthree\n", isWhole: true });
});

test("of equal places the nearest counts", () => {
  const text = "x\na\nx\nb\nx\n";
  expect(patch(text, [change(3, "-x", "+y")]).after).toBe("x\na\ny\nb\nx\n");
  expect(patch(text, [change(9, "-x", "+y")]).after).toBe("x\na\nx\nb\ny\n");
});

test("several changes of one file are put in one after the other", () => {
  expect(patch("a\nb\nc\n", [change(1, "-a", "+A", "+AA"), change(3, "-c", "+C")]).after).toBe("A\nAA\nb\nC\n");
});

test("a file that is made", () => {
  expect(patch("", [change(0, "+one", "+two")]).after).toBe("one\ntwo\n");
});

test("line ends stay as they are, and notes are no lines", () => {
  expect(patch("one\r\ntwo\r\n", [change(2, "-two", "+2", "\\ No newline at end of file")]).after).toBe("one\r\n2\r\n");
});

test("lines that are not in the file are shown alone, and that is told", () => {
  expect(patch("other\n", [change(1, " kept", "-two", "+2")])).toEqual({ before: "kept\ntwo", after: "kept\n2", isWhole: false });
});

test("lines are added after the line that is named", () => {
  expect(patch("a\nb\n", [change(1, "+x")]).after).toBe("a\nx\nb\n");
});

test("no line ends a fence", () => {
  expect(fenced("a\n````\nb\n", "md")).toBe("`````md\na\n````\nb\n`````");
});

test("a change begins on its first line that is otherwise", () => {
  expect(firstChange({ old_start: 4, new_start: 4, lines: [" a", " b", "-c", "+d"] })).toBe(6);
  expect(firstChange({ old_start: 4, new_start: 4, lines: [] })).toBe(4);
});
