// Colours of code, loaded when the first block of code is closed.

import highlight from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import json from "highlight.js/lib/languages/json";
import markdown from "highlight.js/lib/languages/markdown";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";

const LANGUAGES = { bash, cpp, css, diff, go, java, json, markdown, python, rust, sql, typescript, xml, yaml };
const ALIASES: Record<string, string> = { javascript: "typescript", js: "typescript", jsx: "typescript", console: "bash", toml: "yaml", c: "cpp" };

for (const [name, language] of Object.entries(LANGUAGES)) highlight.registerLanguage(name, language);

/** The code as HTML, null for a language that is not known. */
export function highlighted(text: string, language: string): string | null {
  const name = ALIASES[language.toLowerCase()] ?? language.toLowerCase();
  if (!highlight.getLanguage(name)) return null;
  return highlight.highlight(text, { language: name, ignoreIllegals: true }).value;
}
