import { expect, test } from "vitest";
import { notificationOf, optionNamed } from "../src/notifications";
import { reportOf, shownSetting } from "../src/report";
import type { ChatView, PendingRequest } from "../src/server/types";
import { statusOf } from "../src/status";
import { stepsOf } from "../src/install";
import { short } from "../src/text";

const chat: ChatView = { id: "c", title: "Fix it", backend: "codex", model: null, cwd: "/p", state: "running", waiting: 0, info: { model: "m-1" }, used: { context: { used_tokens: 50, max_tokens: 200 } } };
const running = { is: "running", address: { url: "http://127.0.0.1:1", token: "t", version: "1", pid: 1 } } as const;
const options = [
  { id: "1", name: "Allow once", label: "Yes", stored: "" },
  { id: "2", name: "Deny", label: "No", stored: "" },
];

function asked(command: string, more: Partial<PendingRequest["asked"]> = {}, escalates: string[] = []) {
  const request: PendingRequest = { request_id: "r", kind: "permission", escalates, options, asked: { heading: "Run a command", command, subject: "", diffs: [], facts: [], ...more } };
  return { chat, request };
}

test("the status tells agent, model, state and context", () => {
  expect(statusOf(running, chat, 0)).toMatchObject({ text: "$(sync~spin) Codex · m-1 · working · 25 %", isWarning: false });
  expect(statusOf(running, { ...chat, state: "requires_action", waiting: 1 }, 2)).toMatchObject({ text: expect.stringMatching(/waits for you.*\$\(bell-dot\) 2/), isWarning: true });
  expect(statusOf(running, { ...chat, used: null, context: null, info: null, backend: null, title: "" }, 0).tooltip).toContain("the agent's choice");
  expect(statusOf(running, undefined, 0).text).toContain("Agents");
  expect(statusOf({ is: "failed", reason: "no python", isMissing: true }, undefined, 0)).toMatchObject({ tooltip: "no python", isWarning: true });
  expect(statusOf({ is: "starting" }, undefined, 0).text).toContain("spin");
});

test("a notification offers to allow what can be read in it whole", () => {
  expect(notificationOf(asked("echo hi"))).toEqual({ text: "Codex asks in “Fix it”: Run a command: echo hi", choices: options });
});

test("a notification offers no allowing of what it cannot show whole", () => {
  const deny = [options[1]];
  expect(notificationOf(asked(`echo ${"x".repeat(300)}; rm -rf /`)).choices).toEqual(deny);
  expect(notificationOf(asked("echo a\nrm -rf /")).choices).toEqual(deny);
  expect(notificationOf(asked("", { diffs: [{ path: "a.txt", hunks: [] }] })).choices).toEqual(deny);
  expect(notificationOf(asked("", { subject: "something" }))).toMatchObject({ text: expect.stringContaining("something"), choices: deny });
});

test("a notification tells what is lifted, and a question is shown", () => {
  expect(notificationOf(asked("echo", {}, ["sandbox"])).text).toContain("This lifts: sandbox.");
  const question = { chat, request: { request_id: "q", kind: "question", request: { questions: [{ text: "Which?" }] } } as PendingRequest };
  expect(notificationOf(question)).toEqual({ text: "Codex asks in “Fix it”: Which?", choices: [] });
  expect(optionNamed(question.request, "Deny")).toBeUndefined();
});

test("a report holds versions and errors, and no secret, path or store", () => {
  const settings = { model: shownSetting("model", "m"), python: shownSetting("python", "/home/me/python"), store: shownSetting("store", "") };
  const report = reportOf({ versions: { extension: "1" }, settings, state: { server: "running" }, diagnosis: "claude: secret-word", errors: ["it broke"] }, (text) => text.replaceAll("secret-word", "[redacted]"));
  for (const words of ["extension: 1", "model: m", "python: set", "store: not set", "it broke", "[redacted]", "Nothing was sent"]) expect(report).toContain(words);
  expect(report).not.toMatch(/secret-word|\/home\/me/);
});

test("an installation is an environment of our own, of the same version", () => {
  expect(stepsOf("/usr/bin/python3", "/own/env", "1.2.3")).toEqual([
    ["/usr/bin/python3", "-I", "-m", "venv", "--clear", "/own/env"],
    ["/own/env/bin/python", "-I", "-m", "pip", "install", "--disable-pip-version-check", "agent-sdk[all]==1.2.3"],
  ]);
});

test("a text is made short", () => {
  expect(short(" a\n b ", 10)).toBe("a b");
  expect(short("abcdef", 4)).toBe("abc…");
  expect(short("\u202egpj.exe\u202c", 10)).toBe("gpj.exe");
});
