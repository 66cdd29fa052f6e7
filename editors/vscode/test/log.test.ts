import { expect, test } from "vitest";
import { Log, redact } from "../src/log";

function channel() {
  const lines: string[] = [];
  const write = (text: string) => void lines.push(text);
  return { lines, debug: write, info: write, warn: write, error: write, show: () => {}, dispose: () => {} };
}

test.each([
  [`sk-${"a1".repeat(12)}`, "a1a1"],
  ["Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop"],
  ['{"token": "abcdefghijklmnop"}', "abcdefghijklmnop"],
  ["OPENAI_API_KEY=abcdefgh", "abcdefgh"],
  ["postgresql://me:hunter22@host/db", "hunter22"],
  ["ghp_abcdefghijklmnopqrstuvwxyz", "ghp_"],
])("what looks like a secret is not written: %s", (text, secret) => {
  expect(redact(text)).not.toContain(secret);
});

test("what is no secret stays as it is", () => {
  const text = "The server of agent-sdk 0.1.0 answers at http://127.0.0.1:1234, process 12.";
  expect(redact(text)).toBe(text);
});

test("a secret that is known is hidden everywhere, in errors for a report too", () => {
  const out = channel();
  const log = new Log(out);
  log.hide("plain-words");
  log.hide("");
  log.error("it said plain-words twice: plain-words");
  log.debug("plain-words");
  expect(out.lines).toEqual(["it said [redacted] twice: [redacted]", "[redacted]"]);
  expect(log.errors).toHaveLength(1);
  expect(log.errors[0]).not.toContain("plain-words");
});

test("the last errors alone are kept", () => {
  const log = new Log(channel());
  for (let number = 0; number < 100; number++) log.warn(`number ${number}`);
  expect(log.errors).toHaveLength(20);
  expect(log.errors.at(-1)).toContain("number 99");
});
