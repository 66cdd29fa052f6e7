// The transcript: items of a chat, each drawn once and again only when it changes itself.

import { useComputed, useSignal, type Signal } from "@preact/signals";
import type { VNode } from "preact";
import {
  Bot, Brain, Check, ChevronRight, Circle, CircleCheck, CircleDot, CircleSlash, CircleX, ClipboardList, FileMinus, FilePenLine, FileSearch, FileSymlink, Globe, Hand, ListChecks,
  LoaderCircle, MessageCircleQuestionMark, Plug, Search, SquareTerminal, Wrench, type Icon,
} from "./icons";
import { counts, Diff } from "./diff";
import { Ending } from "./ending";
import { Markdown, StillMarkdown } from "./markdown";
import type { CardItem, Item, PromptItem, SaidItem, Thread } from "./model";
import { plain } from "./plain";
import type { CardData } from "./types";

const ICONS: Record<string, Icon> = {
  execute: SquareTerminal,
  read: FileSearch,
  edit: FilePenLine,
  delete: FileMinus,
  move: FileSymlink,
  search: Search,
  fetch: Globe,
  think: ListChecks,
  ask: MessageCircleQuestionMark,
  plan: ClipboardList,
  agent: Bot,
  mcp: Plug,
  other: Wrench,
};

const STATES: Record<CardData["state"], string> = {
  running: "running",
  waiting: "waits for your answer",
  completed: "done",
  failed: "failed",
  declined: "declined",
  stopped: "stopped",
  background: "in the background",
};

/** States that say themselves in words as well: their signs alone are not told apart at a glance. */
const SPOKEN = new Set<CardData["state"]>(["waiting", "failed", "declined", "stopped"]);

/** What a card without anything to show says of how it stands. */
const EMPTY: Record<CardData["state"], string> = {
  running: "Nothing yet.",
  waiting: "Waits for your answer.",
  completed: "It returned nothing.",
  failed: "It failed, and said nothing.",
  declined: "It did not run.",
  stopped: "It was stopped before it was done.",
  background: "It goes on in the background.",
};

const drawn = new WeakMap<Item, VNode>();

/** The same node for the same item: then what is drawn is not looked at again. */
export function draw(item: Item): VNode {
  let node = drawn.get(item);
  if (!node) {
    node = <ItemView key={item.key} item={item} />;
    drawn.set(item, node);
  }
  return node;
}

export function Items({ thread }: { thread: Thread }) {
  return <>{thread.items.value.map(draw)}</>;
}

function ItemView({ item }: { item: Item }) {
  switch (item.type) {
    case "prompt":
      return <Prompt item={item} />;
    case "said":
      return item.thinking ? <Thinking item={item} /> : <Said item={item} />;
    case "card":
      return <Card item={item} />;
    case "notice":
      return <p class={`item notice ${item.level}`}>{item.text}</p>;
    case "answered":
      return (
        <p class="item answered">
          {item.allowed ? <Check size={13} /> : <CircleSlash size={13} aria-hidden="true" />} <span title={item.text}>{item.text}</span>
        </p>
      );
    case "ending":
      return <Ending item={item} />;
  }
}

const LONG_LINES = 16;
const LONG_TEXT = 2000;

function Prompt({ item }: { item: PromptItem }) {
  const all = useSignal(false);
  const text = plain(item.text);
  const lines = text.split("\n");
  const long = lines.length > LONG_LINES || text.length > LONG_TEXT;
  const folded = long && !all.value;
  return (
    <div class="item prompt">
      {item.images.map((image, index) => (
        <img key={index} src={image} alt={`Image ${index + 1} of the prompt`} />
      ))}
      {text ? <div class="bubble">{folded ? `${lines.slice(0, LONG_LINES).join("\n").slice(0, LONG_TEXT)} …` : text}</div> : null}
      {long ? (
        <button type="button" class="quiet more" aria-expanded={all.value} onClick={() => (all.value = !all.value)}>
          {all.value ? "Show less" : lines.length > LONG_LINES ? `Show all ${lines.length} lines` : "Show all of it"}
        </button>
      ) : null}
    </div>
  );
}

function Said({ item }: { item: SaidItem }) {
  return (
    <div class={item.open.value ? "item said open" : "item said"}>
      <Markdown text={item.text} open={item.open} />
      {item.aborted && !item.open.value ? <small class="cut">cut off here</small> : null}
    </div>
  );
}

function Thinking({ item }: { item: SaidItem }) {
  const unfolded = useSignal(false);
  const line = useComputed(() => item.text.value.replace(/[*#\n]+/g, " ").trim().slice(0, 90));
  return (
    <div class="item thinking">
      <button type="button" class="fold" aria-expanded={unfolded.value} onClick={() => (unfolded.value = !unfolded.value)}>
        <ChevronRight size={14} class={unfolded.value ? "turned" : ""} />
        <Brain size={14} /> {item.open.value ? "Thinking" : "Thought"}
        {unfolded.value ? null : <span class="dim">{line}</span>}
      </button>
      {unfolded.value ? <Markdown text={item.text} open={item.open} /> : null}
    </div>
  );
}

function Card({ item }: { item: CardItem }) {
  const card = item.card.value;
  const touched = useSignal<boolean | null>(null);
  const title = plain(card.title || card.name);
  const summary = (card.command || card.subject).split("\n")[0] ?? "";
  const running = card.state === "running" || card.state === "waiting";
  // What waits for an answer is shown where that is given.
  const open = touched.value ?? (card.state !== "waiting" && card.kind !== "ask" && (running || card.state === "failed" || (card.state === "stopped" && card.output !== "") || card.diffs.length > 0 || card.steps.length > 0 || card.text !== ""));
  const Icon = ICONS[card.kind] ?? Wrench;
  return (
    <article class={`item card ${card.state}`} aria-label={summary ? `${title}: ${summary}` : title} aria-busy={running}>
      <button type="button" class="fold" aria-expanded={open} onClick={() => (touched.value = !open)}>
        <ChevronRight size={14} class={open ? "turned" : ""} />
        <Icon size={15} />
        <span class="title">{title}</span>
        <span class="summary">{summary}</span>
        <Facts card={card} />
        <State state={card.state} />
      </button>
      {open ? <Body item={item} card={card} /> : null}
    </article>
  );
}

function Facts({ card }: { card: CardData }) {
  let added = 0;
  let removed = 0;
  for (const diff of card.diffs) {
    const counted = counts(diff);
    added += counted.added;
    removed += counted.removed;
  }
  return (
    <span class="small">
      {added ? <span class="added">+{added}</span> : null} {removed ? <span class="removed">−{removed}</span> : null}
      {card.exit_code ? <span class="removed">exit {card.exit_code}</span> : null}
      {card.duration_ms !== null && card.duration_ms >= 1000 ? ` ${(card.duration_ms / 1000).toFixed(1)} s` : ""}
    </span>
  );
}

function State({ state }: { state: CardData["state"] }) {
  const label = STATES[state];
  const icon =
    state === "running" || state === "background" ? <LoaderCircle size={14} class="spin" /> :
    state === "waiting" ? <Hand size={14} /> :
    state === "completed" ? <Check size={14} /> :
    state === "failed" ? <CircleX size={14} /> : <CircleSlash size={14} />;
  return (
    <span class={`state ${state}`} role="img" aria-label={label} title={label}>
      {SPOKEN.has(state) ? label : null} {icon}
    </span>
  );
}

function Body({ item, card }: { item: CardItem; card: CardData }) {
  const running = card.state === "running" || card.state === "waiting";
  const output = running ? item.preview.value : card.output || (card.state === "stopped" ? item.preview.value : "");
  const children = item.thread.items.value.length > 0;
  const shows = output !== "" && (running || card.state === "failed" || card.state === "stopped" || (card.shows_output && card.state !== "declined"));
  return (
    <div class="body">
      {card.command && (card.command.includes("\n") || card.command.length > 60) ? <pre class="command" tabIndex={0}>{card.command}</pre> : null}
      {card.steps.length ? <Steps steps={card.steps} /> : null}
      {card.text ? <StillMarkdown text={card.text} /> : null}
      {card.diffs.map((diff, index) => (
        <Diff key={index} diff={diff} />
      ))}
      {children ? (
        <div class="nested">
          <Items thread={item.thread} />
        </div>
      ) : null}
      {shows ? <Output text={output} running={running} /> : null}
      {item.images.value.map((image, index) => (
        <img key={index} src={image} alt={`Image ${index + 1} of the result`} />
      ))}
      {!shows && !children && !card.diffs.length && !card.steps.length && !card.text && !item.images.value.length ? (
        <p class="dim">{output && card.state === "completed" ? <Hidden text={output} /> : EMPTY[card.state]}</p>
      ) : null}
    </div>
  );
}

function Hidden({ text }: { text: string }) {
  const shown = useSignal(false);
  return shown.value ? (
    <Output text={text} running={false} />
  ) : (
    <button type="button" class="quiet" onClick={() => (shown.value = true)}>
      Show what it returned
    </button>
  );
}

function Output({ text, running }: { text: string; running: boolean }) {
  const all = useSignal(false);
  const lines = text.split("\n");
  const long = lines.length > 24 || text.length > 4000;
  const shown = all.value || !long ? text : running ? lines.slice(-24).join("\n").slice(-4000) : lines.slice(0, 24).join("\n").slice(0, 4000);
  return (
    <>
      <pre class="output" tabIndex={0} aria-label="Output">{shown}</pre>
      {long && !all.value ? (
        <button type="button" class="quiet more" onClick={() => (all.value = true)}>
          Show all {lines.length} lines
        </button>
      ) : null}
    </>
  );
}

export function Steps({ steps }: { steps: CardData["steps"] }) {
  return (
    <ul class="steps">
      {steps.map((step, index) => (
        <li key={index} class={step.status}>
          {step.status === "completed" ? <CircleCheck size={14} /> : step.status === "in_progress" ? <CircleDot size={14} /> : <Circle size={14} />}
          <span>{step.text}</span>
          <span class="unseen">{step.status === "completed" ? " (done)" : step.status === "in_progress" ? " (under way)" : ""}</span>
        </li>
      ))}
    </ul>
  );
}

export type { Signal };
