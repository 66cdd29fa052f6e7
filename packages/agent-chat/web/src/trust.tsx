// Trust in a folder: asked before an agent starts where a project has settings that could run programs.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { call } from "./api";
import { ShieldQuestionMark } from "./icons";
import type { Trust } from "./types";

type Answer = "trust" | "without" | "cancel";

const asked = signal<{ folder: Trust; answer: (given: Answer) => void } | null>(null);
const without = new Set<string>();

/** Ask where a folder is to be trusted first; false: nothing is to start. Asked once a folder, as long as the page is open. */
export async function settled(cwd: string): Promise<boolean> {
  const folder = await call<Trust>("GET", `/trust?cwd=${encodeURIComponent(cwd)}`);
  if (folder.trusted || !folder.found.length || !folder.can_trust || without.has(folder.root)) return true;
  const given = await new Promise<Answer>((done) => {
    asked.value?.answer("cancel");
    asked.value = { folder, answer: done };
  });
  asked.value = null;
  if (given === "trust") await call("POST", "/trust", { cwd });
  if (given === "without") without.add(folder.root);
  return given !== "cancel";
}

export function TrustQuestion() {
  const place = useRef<HTMLDivElement>(null);
  const question = asked.value;
  useEffect(() => place.current?.focus(), [question]);
  if (!question) return null;
  const { folder, answer } = question;
  return (
    <div class="veil">
      <div
        ref={place}
        class="ask trust"
        role="alertdialog"
        aria-modal="true"
        tabIndex={-1}
        aria-label={`Do you trust ${folder.root}?`}
        onKeyDown={(event) => {
          if (event.key === "Escape") answer("cancel");
        }}
      >
        <h2>
          <ShieldQuestionMark size={16} /> Do you trust this folder?
        </h2>
        <p>
          <code>{folder.root}</code>
        </p>
        <p>This project has settings of its own. They can run programs and allow commands unasked, as soon as an agent starts here:</p>
        <ul>
          {folder.found.map((name) => (
            <li key={name}>
              <code>{name}</code>
            </li>
          ))}
        </ul>
        <div class="options">
          <button type="button" class="primary" onClick={() => answer("trust")}>
            Trust it from now on
          </button>
          <button type="button" onClick={() => answer("without")}>
            Go on without them
          </button>
          <button type="button" class="quiet" onClick={() => answer("cancel")}>
            Cancel
          </button>
        </div>
      </div>
    </div>
  );
}
