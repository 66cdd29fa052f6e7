// The page within another program, such as an editor: it tells what is shown, and does what it is told.

import { effect } from "@preact/signals";
import { call } from "./api";
import { inserted } from "./drafts";
import { host, moved, settle, tell, type Embedding, type Heard } from "./host";
import { about, closed, current, go, problem, start } from "./state";
import type { About } from "./types";

export function hosted(embedding: Embedding): void {
  document.documentElement.dataset["hosted"] = "";
  embedding.listen?.(take);
  effect(() => {
    if (about.value) tell({ type: "shown", chat: current.value?.id ?? null });
  });
  effect(() => tell({ type: "asking", request: current.value?.pending.value[0]?.request_id ?? null }));
  addEventListener("focusin", typing);
  addEventListener("focusout", typing);
  tell({ type: "started" });
}

function take(heard: Heard): void {
  switch (heard.type) {
    case "server":
      moved(heard);
      closed.value = null;
      problem.value = null;
      if (!about.value) void start();
      else void call<About>("GET", "").then((found) => (about.value = found)).catch(() => {});
      dispatchEvent(new Event("online")); // Streams that wait try again at once.
      break;
    case "show":
      // The page may still be at its start, which ends with the chat that is to be shown first.
      Object.assign(host() ?? {}, { chat: heard.chat });
      go(heard.chat);
      break;
    case "focus":
      composer()?.focus();
      break;
    case "insert":
      inserted.value = { text: heard.text, images: [] };
      break;
    case "confirmed":
      settle(heard.id, heard.is);
      break;
  }
}

function composer(): HTMLTextAreaElement | null {
  return document.querySelector<HTMLTextAreaElement>('textarea[aria-label="Message"]');
}

function typing(event: FocusEvent): void {
  tell({ type: "typing", is: event.type === "focusin" && event.target instanceof HTMLTextAreaElement });
}
