// What the server tells, as far as the extension reads it; docs/web.md describes it.

export type ChatState = "closed" | "opening" | "idle" | "running" | "requires_action" | "disconnected" | "read_only";

export interface Context {
  used_tokens: number;
  max_tokens: number | null;
}

export interface ChatSummary {
  id: string;
  title: string;
  backend: string | null;
  model: string | null;
  cwd: string | null;
  state: ChatState;
  waiting: number;
  context?: Context | null;
}

export interface ChatView extends ChatSummary {
  info?: { model?: string | null } | null;
  used?: { context?: Context | null } | null;
}

export interface Hunk {
  old_start: number;
  new_start: number;
  lines: string[];
}

export interface FileDiff {
  path: string;
  hunks: Hunk[];
}

export interface Option {
  id: string;
  name: string;
  label: string;
  stored: string;
}

export interface PendingRequest {
  request_id: string;
  kind: "permission" | "question" | "elicitation";
  escalates?: string[];
  asked?: { heading: string; command: string; subject: string; diffs: FileDiff[]; facts: [string, string][] };
  options?: Option[];
  request?: { questions?: { text: string }[]; message?: string };
}

export interface Card {
  id: string;
  state: string;
  diffs: FileDiff[];
}
