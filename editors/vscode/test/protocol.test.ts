import { expect, test } from "vitest";
import { documentOf } from "../src/panel/html";
import { noticeOf } from "../src/panel/notices";
import { read } from "../src/panel/protocol";

test.each([
  null,
  "hello",
  [],
  {},
  { type: "hello" },
  { type: "unknown" },
  { type: "shown", chat: "../../etc" },
  { type: "shown", chat: 1 },
  { type: "open", chat: "a", path: 1, line: null },
  { type: "open", chat: "a", path: "a", line: 1.5 },
  { type: "diff", chat: "a", request: "b c" },
  { type: "asking", request: 1 },
  { type: "act", action: "rm" },
  { type: "save", name: "a".repeat(300), text: "" },
  { type: "confirm", id: "1", question: "", yes: "" },
])("what the page cannot say is not read: %o", (told) => {
  expect(read(told)).toBeUndefined();
});

test.each([
  { type: "hello", protocol: 1, origin: "vscode-webview://a" },
  { type: "started" },
  { type: "shown", chat: null },
  { type: "shown", chat: "a-b_1" },
  { type: "asking", request: null },
  { type: "asking", request: "b-1" },
  { type: "typing", is: true },
  { type: "confirm", id: 1, question: "Delete?", yes: "Delete" },
  { type: "save", name: "chat.md", text: "# Chat" },
  { type: "diff", chat: "a", request: "b" },
  { type: "open", chat: "a", path: "b.txt", line: 3 },
  { type: "act", action: "install" },
  { type: "failed", text: "x" },
] as const)("what it can say is read, and no more: %o", (told) => {
  expect(read({ ...told, more: 1 })).toEqual(told);
});

const parts = { source: "https://files", boot: "b.js?v=1", theme: "t.css", script: "s.js", style: "s.css" };

test("a document loads scripts of the extension alone, and reaches its own server alone", () => {
  const text = documentOf({ ...parts, endpoint: "http://127.0.0.1:7" });
  const policy = /content="([^"]*)"/.exec(text)![1]!.replaceAll("&#39;", "'");
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src https://files;");
  expect(policy).toContain("connect-src http://127.0.0.1:7 ws://127.0.0.1:7;");
  expect(policy).not.toMatch(/unsafe|\*/);
  expect(text).not.toMatch(/<script>|onclick|style="/);
  expect(documentOf({ ...parts, endpoint: undefined })).toContain("connect-src &#39;none&#39;");
});

test("what is put into a document cannot leave its place", () => {
  expect(documentOf({ ...parts, script: '"><script>x</script>', endpoint: undefined })).not.toContain("<script>x");
});

test("each state has a notice with a way on", () => {
  expect(noticeOf({ is: "starting" }).isBusy).toBe(true);
  const missing = noticeOf({ is: "failed", reason: "none", isMissing: true, proposed: "/ws/.venv/bin/python" });
  expect(missing.actions.map(({ action }) => action)).toEqual(["useProposed", "install", "selectPython", "restart"]);
  expect(noticeOf({ is: "failed", reason: "it broke", isMissing: false }).text).toBe("it broke");
  expect(noticeOf({ is: "stopped" }).actions[0]?.action).toBe("restart");
});
