// What the server tells, as docs/web.md describes it.

export type Json = Record<string, unknown>;

export type ChatState = "closed" | "opening" | "idle" | "running" | "requires_action" | "disconnected" | "read_only";

export interface Queued {
  uuid: string;
  text: string;
  images: number;
}

export interface Used {
  total?: { input_tokens?: number; output_tokens?: number } | null;
  context?: { used_tokens: number; max_tokens: number | null } | null;
  cost_usd?: number | null;
  cost_source?: string | null;
}

export interface AccountLimit {
  name: string;
  used: number | null;
  resets_at: number | null;
}

export interface ChatView {
  id: string;
  title: string;
  backend: string | null;
  model: string | null;
  effort: string | null;
  permission_mode: string | null;
  sandbox: string | null;
  cwd: string | null;
  archived: boolean;
  tags: string[];
  created_at: number;
  last_active_at: number;
  context: { used_tokens: number; max_tokens: number | null } | null;
  state: ChatState;
  reason?: string;
  waiting: number;
  /** The prompt of the last turn whose files can be put back. */
  undo?: string | null;
  queue?: Queued[];
  info?: { model?: string | null; permission_mode?: string | null; reasoning_effort?: string | null } | null;
  used?: Used | null;
  /** What the account may use, as far as its agent has told. */
  limits?: AccountLimit[];
  can?: { steer: boolean; compact: boolean; images: boolean; permission_modes: string[] } | null;
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

export interface CardData {
  id: string;
  kind: string;
  name: string;
  title: string;
  subject: string;
  command: string;
  state: "running" | "waiting" | "completed" | "failed" | "declined" | "stopped" | "background";
  diffs: FileDiff[];
  steps: { text: string; status: string }[];
  text: string;
  output: string;
  shows_output: boolean;
  exit_code: number | null;
  duration_ms: number | null;
  nested: boolean;
}

export interface Option {
  id: string;
  name: string;
  /** What it does, where the name does not say it; "" if it does. */
  effect: string;
  label: string;
  stored: string;
}

export interface Question {
  id: string;
  text: string;
  header?: string;
  choices?: { label: string; description?: string }[];
  multi_select?: boolean;
  allow_other?: boolean;
  secret?: boolean;
}

export interface Request {
  request_id: string;
  kind: "permission" | "question" | "elicitation";
  deadline: number | null;
  tool_name?: string;
  tool_kind?: string;
  escalates?: string[];
  asked?: {
    heading: string;
    command: string;
    subject: string;
    diffs: FileDiff[];
    facts: [string, string][];
    tool_use_id: string | null;
  };
  options?: Option[];
  /** It waits since before the server was started again; whether an answer counts where the agent asks the same again. */
  kept?: { counts: boolean };
  request?: {
    questions?: Question[];
    tool_use_id?: string | null;
    message?: string;
    server?: string;
    mode?: string;
    schema?: Json | null;
    url?: string | null;
  };
}

export interface Message extends Json {
  type: string;
  subtype?: string;
  uuid?: string | null;
  parent_tool_use_id?: string | null;
  api_message_id?: string | null;
  message?: { id?: string | null; content?: string | Block[] };
  event?: { type?: string; index?: number; delta?: { text?: string; thinking?: string } };
  tool_use_id?: string;
  output?: string;
}

export interface Block extends Json {
  type: string;
  id?: string;
  text?: string;
  thinking?: string;
  tool_use_id?: string;
  content?: unknown;
  source?: { type?: string; media_type?: string; data?: string };
}

export interface Told {
  message: Message;
  at?: number;
  index?: number | null;
  prompt?: string;
  cards?: Record<string, CardData>;
  request?: Request;
  /** Nobody is asked: what was answered before the agent asked again counts, and is told next. */
  answered?: boolean;
  answered_by?: string | null;
  /** How a request ended: "expired" also where it was refused because nobody had answered. */
  outcome?: string;
  notice?: { text: string; level: "info" | "warning" | "error" };
  ending?: { outcome: string; errors: string[]; facts: string[]; advice?: string; ways?: Way[] };
}

/** A way on from a turn that was not completed. */
export type Way = "again" | "continue" | "edit" | "compact" | "model" | "settings" | "new";

/** A prompt of which nobody knows whether the agent got it. */
export interface Unsent {
  uuid: string;
  text: string;
  images?: Image[];
}

/** A place in the stream of a chat. */
export interface Cursor {
  epoch: string;
  seq: number;
}

export interface Snapshot {
  type: "snapshot";
  cursor: Cursor;
  chat: ChatView;
  messages: Told[];
  before: number | null;
  open: Told[];
  pending: Request[];
  unsent: Unsent[];
}

export type Event = { seq: number } & (
  | ({ kind: "message" } & Told)
  | { kind: "chat"; chat: ChatView; unsent: string[] }
);

export interface About {
  version: string;
  cwd: string;
  backends: string[];
  permission_modes: string[];
  sandboxes: string[];
  demo: string | null;
  /** Why chats are shown and nothing else; empty where they may be changed. */
  read_only?: string;
}

/** What a folder brings along for agents, and whether the user trusts it. */
export interface Trust {
  root: string;
  trusted: boolean;
  found: string[];
  can_trust: boolean;
}

export interface Model {
  id: string;
  label: string;
  description?: string;
  is_default?: boolean;
  efforts?: string[];
}

export interface ModelList {
  backend: string;
  at: number;
  models: Model[];
  /** The sandboxes that the agent can keep to. */
  sandboxes: string[];
}

export interface Image {
  media_type: string;
  data: string;
}

export interface Draft {
  text: string;
  images: Image[];
}
