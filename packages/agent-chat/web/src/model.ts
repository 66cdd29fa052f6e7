// A chat as the page holds it: items in order, made of what the stream tells, each event once.

import { batch, signal, type Signal } from "@preact/signals";
import { plain } from "./plain";
import type { Block, CardData, ChatView, Cursor, Draft, Event, Message, Request, Snapshot, Told, Unsent, Way } from "./types";

let keys = 0;

/** Items of a chat up to which all are held while one follows its end. */
const MOST_ITEMS = 2000;

const ESCAPES = /\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)?|\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])/g;
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/** Text without what a terminal would obey, and without what turns its direction. */
export function clean(text: string): string {
  return text.replace(ESCAPES, "").replace(CONTROLS, "");
}

export interface SaidItem {
  key: number;
  type: "said";
  thinking: boolean;
  text: Signal<string>;
  open: Signal<boolean>;
  aborted: boolean;
}

export interface CardItem {
  key: number;
  type: "card";
  card: Signal<CardData>;
  preview: Signal<string>;
  images: Signal<string[]>;
  thread: Thread;
}

export interface PromptItem {
  key: number;
  type: "prompt";
  uuid: string;
  text: string;
  images: string[];
}

export interface EndingItem {
  key: number;
  type: "ending";
  outcome: string;
  errors: string[];
  facts: string[];
  advice: string;
  ways: Way[];
  /** The prompts of the turn. */
  prompts: string[];
}

export type Item =
  | SaidItem
  | CardItem
  | PromptItem
  | { key: number; type: "notice"; text: string; level: string }
  | { key: number; type: "answered"; text: string; allowed: boolean }
  | EndingItem;

/** What one agent said and did: the main one, or a sub-agent within its card. */
export class Thread {
  readonly items = signal<Item[]>([]);

  push(item: Item): void {
    this.items.value = [...this.items.value, item];
  }
}

/** What one turn used: tokens, and the cost of the chat up to it in US dollars. */
export interface TurnUse {
  input: number;
  output: number;
  cost: number | null;
}

const OUTCOMES: Record<string, string> = {
  allowed: "Allowed",
  denied: "Denied",
  answered: "Answered",
  declined: "Declined",
  withdrawn: "Withdrawn before it was answered",
  expired: "Not answered",
};

/** What ended a request that nobody answered. */
const EXPIRED: Record<string, string> = {
  close: ": the agent was stopped before",
  deadline: " in time",
};

export class ChatModel {
  readonly view = signal<ChatView | null>(null);
  readonly thread = signal(new Thread());
  readonly pending = signal<Request[]>([]);
  readonly unsent = signal<Unsent[]>([]);
  readonly before = signal<number | null>(null);
  readonly plan = signal<CardData["steps"]>([]);
  readonly raw = signal<Message[]>([]);
  /** What each turn used, oldest first. */
  readonly turns = signal<TurnUse[]>([]);
  /** How many prompts are on their way: sent, and what became of them is not told here yet. */
  readonly sending = signal(0);
  /** The key of the ending that the conversation stands at: nothing was asked since. */
  readonly last = signal<number | null>(null);
  /** Whether the reader is at its end, and nothing above is looked at. */
  isFollowed: () => boolean = () => false;
  /** Bring the reader there. */
  toEnd: () => void = () => {};
  /** Keeps the place where one reads, as all is drawn anew. */
  keepPlace: () => void = () => {};
  epoch = "";
  seq = 0;
  private cards = new Map<string, CardItem>();
  private streams = new Map<string, SaidItem>();
  private seen = new Set<string>();
  private awaited: Cursor[] = [];
  /** What was answered before it was asked. */
  private answered = new Map<string, Request>();
  /** How the cards stood that wait for an answer: one whose agent is gone does not run then. */
  private stood = new Map<string, CardData["state"]>();

  constructor(
    readonly id: string,
    private readonly resolved: (request: Request, by: string | null, outcome: string) => void = () => {},
  ) {}

  get cursor(): string {
    return this.epoch ? `?cursor=${this.epoch}.${this.seq}` : "";
  }

  snapshot(told: Snapshot): void {
    this.keepPlace();
    batch(() => {
      this.epoch = told.cursor.epoch;
      this.seq = told.cursor.seq;
      this.reset();
      this.thread.value = new Thread();
      this.before.value = told.before;
      for (const each of told.messages) this.take(each);
      for (const each of told.open) this.take(each);
      this.view.value = told.chat;
      this.pending.value = told.pending;
      this.unsent.value = told.unsent;
      this.markWaiting();
      this.arrive(true);
    });
  }

  events(epoch: string, events: Event[]): void {
    batch(() => {
      this.epoch = epoch;
      for (const event of events) {
        if (event.seq <= this.seq) continue;
        this.seq = event.seq;
        if (event.kind === "message") {
          this.take(event);
        } else if (event.kind === "chat") {
          this.view.value = event.chat;
          this.unsent.value = this.unsent.value.filter((each) => event.unsent.includes(each.uuid));
        }
      }
      this.arrive(false);
    });
  }

  /** Count a prompt as on its way, until all is told up to a cursor; null: it was not sent. */
  sends(): (cursor: Cursor | null) => void {
    this.sending.value++;
    return (cursor) => {
      if (cursor === null || this.hasTold(cursor)) this.sending.value--;
      else this.awaited.push(cursor);
    };
  }

  private hasTold(cursor: Cursor): boolean {
    return cursor.epoch === this.epoch && cursor.seq <= this.seq;
  }

  /** Let go of the prompts that are told of by now. A snapshot of another epoch is later than all of the one before. */
  private arrive(isSnapshot: boolean): void {
    const left = this.awaited.filter((cursor) => !this.hasTold(cursor) && !(isSnapshot && cursor.epoch !== this.epoch));
    this.sending.value -= this.awaited.length - left.length;
    this.awaited = left;
  }

  /** Whether more is held than is worth it: the server has it all, and gives the end of it anew. */
  get isLong(): boolean {
    return this.thread.value.items.value.length > MOST_ITEMS;
  }

  /** Have the next stream begin with the end of the chat. */
  forget(): void {
    this.epoch = "";
  }

  /** A prompt as it can be sent again; null where it lies further up than what is held. */
  promptOf(uuid: string): Draft | null {
    const item = this.thread.value.items.value.findLast((each) => each.type === "prompt" && each.uuid === uuid);
    if (item?.type !== "prompt") return null;
    const images = item.images.map((address) => {
      const [, media_type = "", data = ""] = /^data:([^;]+);base64,(.*)$/s.exec(address) ?? [];
      return { media_type, data };
    });
    return { text: item.text, images };
  }

  /** The Markdown of a card, such as the plan that a request is about. */
  textOf(use: string | null | undefined): string {
    return this.cards.get(use ?? "")?.card.value.text ?? "";
  }

  /** Put earlier messages before those that are shown. */
  earlier(messages: Told[], before: number | null): void {
    batch(() => {
      const shown = this.thread.value;
      const kept = { cards: this.cards, streams: this.streams, raw: this.raw.value, plan: this.plan.value, turns: this.turns.value, last: this.last.value };
      this.turns.value = [];
      const page = new Thread();
      this.cards = new Map();
      this.streams = new Map();
      this.thread.value = page;
      for (const each of messages) this.take(each);
      this.cards = new Map([...this.cards, ...kept.cards]);
      this.streams = kept.streams;
      this.raw.value = kept.raw;
      this.plan.value = kept.plan;
      this.last.value = kept.last;
      this.turns.value = [...this.turns.value, ...kept.turns];
      page.items.value = [...page.items.value, ...shown.items.value];
      this.before.value = before;
    });
  }

  private reset(): void {
    this.cards.clear();
    this.answered.clear();
    this.stood.clear();
    this.streams.clear();
    this.seen.clear();
    this.plan.value = [];
    this.raw.value = [];
    this.turns.value = [];
    this.last.value = null;
  }

  private take(told: Told): void {
    const message = told.message;
    if (message.type === "stream_event" || message.type === "tool_progress") {
      this.grow(message);
      return;
    }
    this.raw.value = [...this.raw.value.slice(-299), message];
    const thread = this.threadOf(message);
    if (told.prompt !== undefined) this.prompted(thread, told);
    if (message.type === "assistant") this.said(thread, message);
    for (const card of Object.values(told.cards ?? {})) this.card(thread, card, message);
    if (told.request && told.answered) this.answered.set(told.request.request_id, told.request);
    else if (told.request) this.opened(told.request);
    if (message.subtype === "request_resolved") this.closed(thread, told);
    if (told.notice) thread.push({ key: ++keys, type: "notice", text: told.notice.text, level: told.notice.level });
    if (told.ending) {
      for (const item of this.streams.values()) item.open.value = false;
      this.streams.clear();
      this.turns.value = [...this.turns.value, useOf(message)];
      const prompts = (message["user_message_uuids"] ?? []) as string[];
      thread.push({ key: ++keys, type: "ending", advice: "", ways: [], ...told.ending, prompts });
      // Such as a compaction, which leaves what to do about the turn before.
      const isAside = !prompts.length && told.ending.outcome === "completed";
      if (thread === this.thread.value && !isAside) this.last.value = keys;
    }
  }

  private threadOf(message: Message): Thread {
    const parent = message.parent_tool_use_id;
    return (parent ? this.cards.get(parent)?.thread : undefined) ?? this.thread.value;
  }

  private prompted(thread: Thread, told: Told): void {
    const uuid = told.message.uuid ?? "";
    if (uuid && this.seen.has(uuid)) return;
    this.seen.add(uuid);
    if (thread === this.thread.value) this.last.value = null;
    const images = blocks(told.message).flatMap(imageOf);
    thread.push({ key: ++keys, type: "prompt", uuid, text: clean(told.prompt ?? ""), images });
  }

  private grow(message: Message): void {
    if (message.type === "tool_progress") {
      const item = this.cards.get(message.tool_use_id ?? "");
      if (item && message.output) item.preview.value = (item.preview.value + message.output).slice(-8000);
      return;
    }
    const delta = message.event?.delta ?? {};
    const thinking = typeof delta.thinking === "string";
    const text = (thinking ? delta.thinking : delta.text) ?? "";
    const key = `${streamKey(message, message.api_message_id, thinking)}|${message.event?.index ?? 0}`;
    let item = this.streams.get(key);
    if (!item) {
      item = { key: ++keys, type: "said", thinking, text: signal(""), open: signal(true), aborted: false };
      this.streams.set(key, item);
      this.threadOf(message).push(item);
    }
    item.text.value += text.replace(CONTROLS, "");
  }

  private said(thread: Thread, message: Message): void {
    const aborted = message["aborted"] === true;
    for (const block of blocks(message)) {
      const thinking = block.type === "thinking";
      if (!thinking && block.type !== "text") continue;
      const text = clean((thinking ? block.thinking : block.text) ?? "");
      const prefix = `${streamKey(message, message.message?.id, thinking)}|`;
      const found = [...this.streams.keys()].find((key) => key.startsWith(prefix));
      if (found !== undefined) {
        const item = this.streams.get(found)!;
        this.streams.delete(found);
        item.text.value = text;
        item.open.value = false;
        item.aborted = aborted;
      } else if (text.trim()) {
        thread.push({ key: ++keys, type: "said", thinking, text: signal(text), open: signal(false), aborted });
      }
    }
  }

  private card(thread: Thread, card: CardData, message: Message): void {
    if (card.steps.length) this.plan.value = card.steps;
    const known = this.cards.get(card.id);
    if (known) {
      known.card.value = card;
      const result = blocks(message).find((block) => block.tool_use_id === card.id);
      const content = Array.isArray(result?.content) ? (result.content as Block[]) : [];
      known.images.value = content.flatMap(imageOf);
      return;
    }
    const made: CardItem = {
      key: ++keys,
      type: "card",
      card: signal(card),
      preview: signal(""),
      images: signal([]),
      thread: new Thread(),
    };
    this.cards.set(card.id, made);
    thread.push(made);
  }

  private opened(request: Request): void {
    if (this.pending.value.some((each) => each.request_id === request.request_id)) return;
    this.pending.value = [...this.pending.value, request];
    this.markWaiting();
  }

  private closed(thread: Thread, { message, outcome = "", answered_by: by = null }: Told): void {
    const id = String(message["request_id"]);
    const asked = this.pending.value.find((each) => each.request_id === id);
    const request = asked ?? this.answered.get(id);
    this.answered.delete(id);
    this.pending.value = this.pending.value.filter((each) => each.request_id !== id);
    if (asked) this.resolved(asked, by, outcome);
    const use = request && toolOf(request);
    const item = use ? this.cards.get(use) : undefined;
    if (item && item.card.value.state === "waiting") item.card.value = { ...item.card.value, state: this.stood.get(item.card.value.id) ?? "running" };
    const what = aboutOf(request);
    const why = outcome === "expired" ? (EXPIRED[String(message["by"])] ?? "") : "";
    const text = `${OUTCOMES[outcome] ?? outcome}${why}${what ? `: ${plain(what)}` : ""}`;
    thread.push({ key: ++keys, type: "answered", text, allowed: outcome === "allowed" || outcome === "answered" });
  }

  private markWaiting(): void {
    for (const request of this.pending.value) {
      const item = this.cards.get(toolOf(request) ?? "");
      if (!item || item.card.value.state === "waiting") continue;
      this.stood.set(item.card.value.id, item.card.value.state);
      item.card.value = { ...item.card.value, state: "waiting" };
    }
  }
}

function useOf(message: Message): TurnUse {
  const used = (message["usage"] ?? {}) as Record<string, number | null | undefined>;
  const input = (used["input_tokens"] ?? 0) + (used["cache_read_input_tokens"] ?? 0) + (used["cache_creation_input_tokens"] ?? 0);
  const cost = message["total_cost_usd"];
  return { input, output: used["output_tokens"] ?? 0, cost: typeof cost === "number" ? cost : null };
}

/** What a request is about, in one line. */
export function aboutOf(request: Request | undefined): string {
  const { asked, request: given, tool_name: tool } = request ?? {};
  const line = (asked?.command || asked?.diffs[0]?.path || asked?.subject || given?.questions?.[0]?.text || "").split("\n")[0]!.slice(0, 120);
  if (tool && /^\w+: [[{]$/.test(line)) return tool; // The first line of its arguments, which says nothing.
  return line.replace(/^#+ /, "");
}

/** The use of a tool that a request is about. */
function toolOf(request: Request): string | null | undefined {
  return request.asked?.tool_use_id ?? request.request?.tool_use_id;
}

function streamKey(message: Message, id: string | null | undefined, thinking: boolean): string {
  return `${message.parent_tool_use_id ?? ""}|${id ?? ""}|${thinking ? "thinking" : "text"}`;
}

function blocks(message: Message): Block[] {
  const content = message.message?.content;
  return Array.isArray(content) ? content : [];
}

const SHOWN = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

function imageOf(block: Block): string[] {
  const source = block.source;
  if (block.type !== "image" || !source?.data || !SHOWN.has(source.media_type ?? "")) return [];
  return [`data:${source.media_type};base64,${source.data}`];
}
