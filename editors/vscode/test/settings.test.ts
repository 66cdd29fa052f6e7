import { expect, test } from "vitest";
import { environmentOf, isOn, ofUser, policyOf, type Inspected } from "../src/settings";
import { telemetryVariables } from "../src/telemetry";

const from = (table: Record<string, Inspected>) => (name: string) => table[name];

test("a workspace chooses agent, model and effort", () => {
  const { variables, refused } = environmentOf(
    from({ backend: { globalValue: "claude", workspaceValue: "codex" }, model: { workspaceFolderValue: "m" }, reasoningEffort: { globalValue: "low" } }),
  );
  expect(variables).toEqual({ AGENT_SDK_BACKEND: "codex", AGENT_SDK_MODEL: "m", AGENT_SDK_REASONING_EFFORT: "low" });
  expect(refused).toEqual([]);
});

test("no workspace names an executable, or where chats are stored", () => {
  const hostile = { workspaceValue: "./evil.sh", workspaceFolderValue: "/tmp/evil.sh" };
  const inspect = from({ claudePath: hostile, codexPath: hostile, store: hostile, python: hostile, command: hostile });
  expect(environmentOf(inspect).variables).toEqual({});
  for (const name of ["python", "command"]) expect(ofUser(inspect, name)).toBe("");
});

test.each([
  [undefined, "bypass", ""],
  [undefined, "accept_edits", ""],
  [undefined, "plan", "plan"],
  [undefined, "default", "default"],
  ["bypass", "auto", "auto"],
  ["plan", "default", "plan"],
  ["plan", "dont_ask", "plan"],
  ["default", "nonsense", "default"],
])("a workspace makes permissions stricter and never looser: yours %s, its %s", (own, theirs, counts) => {
  const { variables, refused } = environmentOf(from({ permissionMode: { globalValue: own, workspaceValue: theirs } }));
  expect(variables["AGENT_SDK_PERMISSION_MODE"] ?? "").toBe(counts);
  expect(refused).toHaveLength(counts === theirs ? 0 : 1);
});

test("a workspace makes the sandbox stricter and never looser", () => {
  const of = (own: string | undefined, theirs: string) => environmentOf(from({ sandbox: { globalValue: own, workspaceValue: theirs } })).variables["AGENT_SDK_SANDBOX"];
  expect(of(undefined, "danger-full-access")).toBeUndefined();
  expect(of("danger-full-access", "read-only")).toBe("read-only");
  expect(of("read-only", "workspace-write")).toBe("read-only");
});

test("a workspace shortens the time for an answer and never lengthens it", () => {
  const of = (own: unknown, theirs: unknown) => environmentOf(from({ requestTimeout: { globalValue: own, workspaceValue: theirs } })).variables["AGENT_SDK_REQUEST_TIMEOUT"];
  expect(of(60, 30)).toBe("30");
  expect(of(60, 600)).toBe("60");
  expect(of(undefined, "x")).toBeUndefined();
});

test("what is on or off is so for the workspace first", () => {
  expect(isOn(from({}), "notify", true)).toBe(true);
  expect(isOn(from({ notify: { globalValue: true, workspaceValue: false } }), "notify", true)).toBe(false);
});

test("agents send telemetry only where both settings are on", () => {
  for (const [editors, ours] of [[true, false], [false, true], [false, false]] as const) expect(telemetryVariables(editors, ours)).toMatchObject({ DISABLE_TELEMETRY: "1", OTEL_SDK_DISABLED: "true" });
  expect(telemetryVariables(true, true)).toEqual({});
});

test("a sandbox is told as a whole, and its network and folders are only made less", () => {
  const of = (table: Record<string, Inspected>) => environmentOf(from(table)).variables["AGENT_SDK_SANDBOX"];
  const mine = { sandbox: { globalValue: "workspace-write" }, sandboxNetwork: { globalValue: true }, sandboxWritableRoots: { globalValue: ["/a", "/b"] } };
  expect(JSON.parse(of(mine)!)).toEqual({ mode: "workspace-write", network: true, writable_roots: ["/a", "/b"] });
  const theirs = { ...mine, sandboxNetwork: { globalValue: true, workspaceValue: false }, sandboxWritableRoots: { globalValue: ["/a", "/b"], workspaceValue: ["/b", "/etc"] } };
  expect(JSON.parse(of(theirs)!)).toEqual({ mode: "workspace-write", network: false, writable_roots: ["/b"] });
  expect(of({ sandbox: { globalValue: "read-only" }, sandboxNetwork: { workspaceValue: true }, sandboxWritableRoots: { workspaceValue: ["/etc"] } })).toBe("read-only");
  expect(of({ sandboxNetwork: { globalValue: false } })).toBeUndefined();
});

test("an agent has a model and an effort of its own", () => {
  const { variables } = environmentOf(
    from({ models: { globalValue: { codex: "mine", "my-own": "m" }, workspaceValue: { codex: "theirs", "x y": "no" } }, reasoningEfforts: { workspaceValue: { claude: "low" } } }),
  );
  expect(variables).toEqual({ AGENT_SDK_BACKENDS__CODEX__MODEL: "theirs", AGENT_SDK_BACKENDS__MY_OWN__MODEL: "m", AGENT_SDK_BACKENDS__CLAUDE__REASONING_EFFORT: "low" });
});

test("a workspace may have secrets left out, and not have them kept", () => {
  const of = (found: Inspected) => environmentOf(from({ redactStore: found, watchSettings: { globalValue: false, workspaceValue: true } })).variables;
  expect(of({ globalValue: false, workspaceValue: true })).toEqual({ AGENT_SDK_FLAGS__REDACT_STORE: "true", AGENT_SDK_FLAGS__WATCH_SETTINGS: "false" });
  expect(of({ workspaceValue: false })).toEqual({ AGENT_SDK_FLAGS__WATCH_SETTINGS: "false" });
});

test("rules of user and workspace add up, and the tightest limit counts", () => {
  expect(policyOf(from({}))).toBe("");
  const rules = policyOf(
    from({
      "policy.deny": { globalValue: ["Bash(sudo *)"], workspaceValue: ["Read(.env)", "Bash(sudo *)", 7] },
      "policy.ask": { workspaceFolderValue: ['Bash(say "x")'] },
      "policy.limits": { globalValue: { turns: 5, tokens: 10 }, workspaceValue: { turns: 9, tokens: 3, "x = 1": 1 } },
      "policy.allow": { workspaceValue: ["Bash"] },
    }),
  );
  expect(rules).toBe('[policy]\ndeny = ["Bash(sudo *)","Read(.env)"]\nask = ["Bash(say \\"x\\")"]\nlimits.turns = 5\nlimits.tokens = 3\n');
});
