import { expect, test } from "vitest";
import { findProgram, isWithin, type Surroundings } from "../src/python/find";

function around(changes: Partial<Surroundings> = {}, files: string[] = []): Surroundings {
  return {
    python: "",
    command: "",
    chosen: async () => undefined,
    installed: "/own/env/bin/python",
    isAgreed: () => false,
    isTrusted: true,
    path: "/usr/bin:/home/me/bin",
    folders: ["/ws"],
    isExecutable: async (file) => files.includes(file),
    hasPackage: async (file) => file !== "/usr/bin/bare",
    ...changes,
  };
}

test("the setting comes first, and nothing of the current folder is imported", async () => {
  const found = await findProgram(around({ python: "/opt/python" }, ["/opt/python", "/usr/bin/agent-sdk"]));
  expect(found).toEqual({ command: "/opt/python", prefix: ["-P", "-m", "agent_chat"], from: "setting" });
});

test.each([
  [{ python: "python" }, "no absolute path"],
  [{ python: "/none" }, "no program that can be run"],
  [{ python: "/usr/bin/bare" }, "has no agent-sdk"],
  [{ command: "./agent-sdk" }, "no absolute path"],
])("a setting that is of no use is told, and nothing else is taken: %o", async (changes, words) => {
  const found = await findProgram(around(changes, ["/usr/bin/agent-sdk", "/usr/bin/bare"]));
  expect(found).toHaveProperty("reason", expect.stringContaining(words));
});

test("the choice of the Python extension is taken where it lies outside of the workspace", async () => {
  const found = await findProgram(around({ chosen: async () => "/venvs/a/bin/python" }, ["/venvs/a/bin/python"]));
  expect(found).toMatchObject({ command: "/venvs/a/bin/python", from: "python extension" });
});

test("an interpreter of the workspace is not run before the user has agreed to it", async () => {
  const inside = "/ws/.venv/bin/python";
  const probed: string[] = [];
  const hasPackage = async (file: string) => Boolean(probed.push(file));
  const found = await findProgram(around({ chosen: async () => inside, hasPackage }, [inside]));
  expect(found).toMatchObject({ proposed: inside });
  expect(probed).toEqual([]);
  expect(await findProgram(around({ chosen: async () => inside, isAgreed: () => true }, [inside]))).toMatchObject({ command: inside });
});

test("in a workspace that is not trusted nobody asks the Python extension", async () => {
  const chosen = async () => "/venvs/a/bin/python";
  const found = await findProgram(around({ chosen, isTrusted: false }, ["/venvs/a/bin/python"]));
  expect(found).toHaveProperty("reason");
});

test("our own installation comes before the PATH, of which nothing relative and nothing of the workspace counts", async () => {
  expect(await findProgram(around({}, ["/own/env/bin/python", "/usr/bin/agent-sdk"]))).toMatchObject({ from: "installation" });
  const path = ".:bin:/ws/bin:/home/me/bin";
  const files = ["agent-sdk", "bin/agent-sdk", "/ws/bin/agent-sdk", "/home/me/bin/agent-sdk"];
  expect(await findProgram(around({ path }, files))).toEqual({ command: "/home/me/bin/agent-sdk", prefix: [], from: "PATH" });
});

test("nothing found is told", async () => {
  expect(await findProgram(around())).toEqual({ reason: expect.stringContaining("No Python environment") });
});

test("what lies within a folder does so by its name, not by its beginning", () => {
  expect(isWithin("/ws/a", ["/ws"])).toBe(true);
  expect(isWithin("/ws2/a", ["/ws"])).toBe(false);
  expect(isWithin("/a", ["/"])).toBe(true);
});
