import { expect, test } from "vitest";
import { knownKeys, setKeys } from "../src/contextKeys";
import { Log } from "../src/log";
import { Secrets } from "../src/secrets";
import { answers, contexts, told } from "./vscode";

const quiet = { debug() {}, info() {}, warn() {}, error() {}, show() {}, dispose() {} };

test("context keys are told when they change", () => {
  setKeys({ "agentSdk.running": true });
  expect(contexts["agentSdk.running"]).toBe(true);
  delete contexts["agentSdk.running"];
  setKeys({ "agentSdk.running": true, "agentSdk.waiting": false });
  expect(contexts).toEqual({ "agentSdk.waiting": false });
  expect(knownKeys()).toEqual({ "agentSdk.running": true, "agentSdk.waiting": false });
});

test("a secret is kept, given to the server, hidden in the log, and forgotten", async () => {
  const kept = new Map<string, string>();
  const storage = { get: async (name: string) => kept.get(name), store: async (name: string, value: string) => void kept.set(name, value), delete: async (name: string) => void kept.delete(name) };
  const log = new Log(quiet);
  const secrets = new Secrets(storage, log);
  expect(await secrets.forget()).toBe(false);
  expect(told).toEqual(["No secret is kept here."]);
  const first = (items: unknown[]): unknown => items[0];
  answers.push(first, "  a-key-of-mine ");
  expect(await secrets.set()).toBe(true);
  expect(await secrets.variables()).toEqual({ ANTHROPIC_API_KEY: "a-key-of-mine" });
  expect(log.clean("a-key-of-mine")).toBe("[redacted]");
  answers.push(first, " ");
  expect(await secrets.set()).toBe(false);
  answers.push(first);
  expect(await secrets.forget()).toBe(true);
  expect(await secrets.variables()).toEqual({});
});
