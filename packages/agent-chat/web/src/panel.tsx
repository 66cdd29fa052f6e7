// A panel beside the conversation: it has the keyboard as it opens, Escape closes it, and the keyboard goes back.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { X } from "./icons";

interface Props {
  kind?: string;
  label: string;
  title?: string;
  /** The name of the button that closes it. */
  closing: string;
  close: () => void;
  /** What stands beside the title. */
  beside?: ComponentChildren;
  children: ComponentChildren;
}

export function Panel({ kind = "", label, title = label, closing, close, beside, children }: Props) {
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    place.current?.focus();
    return () => {
      const active = document.activeElement;
      const isFree = !active || active === document.body;
      if (isFree && before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <section
      ref={place}
      class={`review ${kind}`}
      role="dialog"
      tabIndex={-1}
      aria-label={label}
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.isComposing) close();
      }}
    >
      <header>
        <h2>{title}</h2>
        {beside}
        <button type="button" class="quiet" aria-label={closing} onClick={close}>
          <X size={16} />
        </button>
      </header>
      {children}
    </section>
  );
}
