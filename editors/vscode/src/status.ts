// The words of the status bar: the agent, its model, what it does, and how full its context is.

import type { ServerState } from "./server/supervisor";
import type { ChatView } from "./server/types";

export interface Status {
  text: string;
  tooltip: string;
  isWarning: boolean;
}

const STATES: Record<string, string> = {
  closed: "asleep",
  opening: "starting",
  idle: "ready",
  running: "working",
  requires_action: "waits for you",
  disconnected: "the agent is gone",
  read_only: "can only be read",
};
const ICONS: Record<string, string> = { running: "$(sync~spin)", opening: "$(sync~spin)", requires_action: "$(bell-dot)", disconnected: "$(debug-disconnect)" };

export function statusOf(server: ServerState, chat: ChatView | undefined, waiting: number): Status {
  if (server.is === "failed") return { text: "$(warning) Agents", tooltip: server.reason, isWarning: true };
  if (server.is === "starting") return { text: "$(sync~spin) Agents", tooltip: "The server is being started.", isWarning: false };
  const more = waiting > (chat?.waiting ?? 0) ? ` $(bell-dot) ${waiting}` : "";
  if (!chat) return { text: `$(comment-discussion) Agents${more}`, tooltip: waiting ? `${waiting} wait for an answer` : "Open the chat", isWarning: waiting > 0 };
  const context = chat.used?.context ?? chat.context;
  const part = context?.max_tokens ? `${Math.round((100 * context.used_tokens) / context.max_tokens)} %` : undefined;
  const model = chat.info?.model ?? chat.model;
  const state = STATES[chat.state] ?? chat.state;
  const text = [named(chat.backend), model, state, part].filter(Boolean).join(" · ");
  const tooltip = [
    chat.title || "Untitled",
    `Agent: ${named(chat.backend)}`,
    `Model: ${model ?? "the agent's choice"}`,
    `State: ${state}`,
    context ? `Context: ${context.used_tokens.toLocaleString("en")}${context.max_tokens ? ` of ${context.max_tokens.toLocaleString("en")}` : ""} tokens` : "",
  ];
  return { text: `${ICONS[chat.state] ?? "$(comment-discussion)"} ${text}${more}`, tooltip: tooltip.filter(Boolean).join("\n"), isWarning: waiting > 0 };
}

export function named(backend: string | null): string {
  return backend ? backend.charAt(0).toUpperCase() + backend.slice(1) : "No agent";
}
