// The end of a turn: how it went, what went wrong, and ways on from there, which its error's code tells and no agent.

import { useSignal } from "@preact/signals";
import { call } from "./api";
import { inserted } from "./drafts";
import { CircleX, Cpu, FoldVertical, MessageSquarePlus, Pencil, Play, RotateCcw, Settings2, type Icon } from "./icons";
import type { ChatModel, EndingItem } from "./model";
import { about, attempt, current, go, send, visit } from "./state";
import type { Draft, Way } from "./types";

const ENDINGS: Record<string, string> = {
  interrupted: "Stopped",
  failed: "Failed",
  limit: "A limit was reached",
  cancelled: "Cancelled before it began",
};

const WAYS: Record<Way, { name: string; icon: Icon }> = {
  again: { name: "Try again", icon: RotateCcw },
  continue: { name: "Continue", icon: Play },
  edit: { name: "Edit the prompt", icon: Pencil },
  compact: { name: "Compact the conversation", icon: FoldVertical },
  model: { name: "Choose a model", icon: Cpu },
  settings: { name: "Open the settings", icon: Settings2 },
  new: { name: "Begin a new chat", icon: MessageSquarePlus },
};

export function Ending({ item }: { item: EndingItem }) {
  const model = current.value;
  const isLast = model?.last.value === item.key;
  const name = item.outcome === "completed" ? "" : (ENDINGS[item.outcome] ?? item.outcome);
  const ways = isLast ? <Ways item={item} model={model} /> : null;
  const facts = item.facts.length ? <span>{item.facts.join(" · ")}</span> : null;
  if (!item.errors.length) {
    return (
      <div class={`item ending ${item.outcome}`}>
        {name ? <strong>{name}</strong> : null}
        {facts}
        {ways}
      </div>
    );
  }
  return (
    <div class={`item ending ${item.outcome}`}>
      <div class="trouble" role={isLast ? "alert" : undefined}>
        <CircleX size={16} />
        <div>
          <strong>{name}</strong>
          {item.errors.map((error, index) => (
            <p key={index} class="error">
              {error}
            </p>
          ))}
          {item.advice ? <p class="advice">{item.advice}</p> : null}
          {ways}
        </div>
      </div>
      {facts}
    </div>
  );
}

function Ways({ item, model }: { item: EndingItem; model: ChatModel }) {
  const busy = useSignal(false);
  const view = model.view.value;
  const isIdle = view?.state === "idle" || view?.state === "closed" || view?.state === "disconnected";
  const ways = item.ways.filter((way) => way in WAYS && (way !== "compact" || view?.can?.compact !== false));
  // What waits since before the server was started again is the way on.
  if (!ways.length || !isIdle || model.pending.value.length || about.value?.read_only) return null;
  const take = async (way: Way) => {
    if (busy.value) return;
    busy.value = true;
    await goOn(way, item, model);
    busy.value = false;
  };
  return (
    <div class="ways" role="group" aria-label="What to do now">
      {ways.map((way, index) => {
        const { name, icon: Sign } = WAYS[way];
        return (
          <button key={way} type="button" class={index ? "quiet" : ""} disabled={busy.value} onClick={() => void take(way)}>
            <Sign size={14} /> {name}
          </button>
        );
      })}
    </div>
  );
}

async function goOn(way: Way, item: EndingItem, model: ChatModel): Promise<void> {
  switch (way) {
    case "again": {
      const draft = await said(item, model);
      if (draft && current.value === model) await start(draft, model);
      return;
    }
    case "continue":
      return start({ text: "Continue.", images: [] }, model);
    case "edit": {
      const draft = await said(item, model);
      if (draft && current.value === model) inserted.value = draft;
      return;
    }
    case "compact":
      await attempt(() => call("POST", `/chats/${model.id}/compact`));
      return;
    case "model": {
      const field = document.querySelector<HTMLInputElement>('.dock input[aria-label="Model"]');
      field?.focus();
      field?.select();
      return;
    }
    case "settings":
      return visit("#/settings");
    case "new":
      return go(null);
  }
}

/** Send what goes on; the button that did it goes, and the keyboard is where one types. */
async function start(draft: Draft, model: ChatModel): Promise<void> {
  model.toEnd();
  if (matchMedia("(min-width: 700px)").matches) document.querySelector<HTMLElement>('textarea[aria-label="Message"]')?.focus();
  await send(draft, "queue", {});
}

/** What the prompts of a turn said, as one; those that the page does not hold, the server has as they were sent. */
async function said(item: EndingItem, model: ChatModel): Promise<Draft | undefined> {
  const drafts = await attempt(() =>
    Promise.all(item.prompts.map((uuid) => model.promptOf(uuid) ?? call<Draft>("GET", `/chats/${model.id}/prompts/${uuid}`))),
  );
  return drafts && { text: drafts.map(({ text }) => text).join("\n\n"), images: drafts.flatMap(({ images }) => images) };
}
