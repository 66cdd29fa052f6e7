// A report of a problem: versions, what is set, and the last errors, redacted, in a document that the user looks through.

import { fenced } from "./editor/fence";

export interface Facts {
  versions: Record<string, string>;
  settings: Record<string, unknown>;
  state: Record<string, unknown>;
  diagnosis: string;
  errors: readonly string[];
}

/** The report as Markdown. Settings of paths and stores are told by whether they are set. */
export function reportOf(facts: Facts, clean: (text: string) => string): string {
  const table = (of: Record<string, unknown>): string => Object.entries(of).map(([name, value]) => `- ${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`).join("\n");
  return clean(
    [
      "# A problem with the chat",
      "",
      "What did you do, what did you expect, and what happened instead?",
      "",
      "",
      "## Versions",
      "",
      table(facts.versions),
      "",
      "## Settings",
      "",
      table(facts.settings) || "- none",
      "",
      "## State",
      "",
      table(facts.state),
      "",
      "## The agents",
      "",
      fenced(facts.diagnosis || "not asked"),
      "",
      "## The last errors",
      "",
      fenced(facts.errors.join("\n") || "none"),
      "",
      "Nothing was sent: look through it, then send it where you like.",
      "",
    ].join("\n"),
  );
}

/** What a report tells of a setting: whether it is there, where its value is a path or an address. */
export function shownSetting(name: string, value: unknown): unknown {
  const isPrivate = ["python", "command", "claudePath", "codexPath", "store", "sandboxWritableRoots"].includes(name);
  const isSet = Array.isArray(value) ? value.length > 0 : Boolean(value);
  return isPrivate ? (isSet ? "set" : "not set") : value;
}
