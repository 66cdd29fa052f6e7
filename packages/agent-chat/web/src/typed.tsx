// Fields of which what is being typed stays as it is, whatever is told of their value meanwhile.

import { useState } from "preact/hooks";

interface Props {
  label: string;
  value: string;
  list: string;
  placeholder: string;
  title: string;
  disabled?: boolean | undefined;
  /** Take what was typed, once it is done with; the field shows it until then. */
  commit: (text: string) => unknown;
  /** Hears of each letter as well. */
  live?: ((text: string) => void) | undefined;
}

export function TypedField({ label, value, list, placeholder, title, disabled, commit, live }: Props) {
  const [typed, setTyped] = useState<string | null>(null);
  return (
    <input
      aria-label={label}
      list={list}
      placeholder={placeholder}
      title={title}
      disabled={disabled}
      autoComplete="off"
      spellcheck={false}
      value={typed ?? value}
      onInput={(event) => {
        setTyped(event.currentTarget.value);
        live?.(event.currentTarget.value.trim());
      }}
      onChange={(event) => {
        const text = event.currentTarget.value.trim();
        if (text === value) setTyped(null);
        else void Promise.resolve(commit(text)).finally(() => setTyped(null));
      }}
    />
  );
}

interface EditorProps {
  label: string;
  value: string;
  class?: string;
  /** Take what was typed, where it is another text than before. */
  commit: (text: string) => void;
  /** It is done with, one way or the other. */
  done: () => void;
}

/** A field that stands in the place of a text as long as that is edited: Enter and leaving it keep, Escape gives up. */
export function TextEditor({ label, value, commit, done, ...given }: EditorProps) {
  const [typed, setTyped] = useState(value);
  const [abandoned] = useState({ is: false });
  return (
    <input
      {...given}
      aria-label={label}
      value={typed}
      ref={focused}
      onInput={(event) => setTyped(event.currentTarget.value)}
      onBlur={(event) => {
        const text = event.currentTarget.value.trim();
        done();
        if (!abandoned.is && text !== value) commit(text);
      }}
      onKeyDown={(event) => {
        if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
        event.stopPropagation();
        abandoned.is = event.key === "Escape";
        event.currentTarget.blur();
      }}
    />
  );
}

/** The same function each time, so that the field is focused once. */
function focused(input: HTMLInputElement | null): void {
  input?.focus();
}
