// The review: every change of the chat in one place, file by file, with comments that become a prompt.

import { useMemo, useState } from "preact/hooks";
import { Undo2 } from "./icons";
import { call } from "./api";
import { inserted } from "./drafts";
import { counts, Diff, type Remarks } from "./diff";
import { keep, kept } from "./memory";
import type { CardItem, ChatModel, Thread } from "./model";
import { Panel } from "./panel";
import { attempt, send } from "./state";
import type { FileDiff } from "./types";

function cardsOf(thread: Thread): CardItem[] {
  return thread.items.value.flatMap((item) => (item.type === "card" ? [item, ...cardsOf(item.thread)] : []));
}

export function changesOf(model: ChatModel, lastTurn: boolean): Map<string, FileDiff[]> {
  const files = new Map<string, FileDiff[]>();
  const items = model.thread.value.items.value;
  const from = lastTurn ? items.findLastIndex((item) => item.type === "prompt") : 0;
  for (const item of items.slice(Math.max(0, from))) {
    if (item.type !== "card") continue;
    for (const each of [item, ...cardsOf(item.thread)]) {
      const card = each.card.value;
      if (card.state !== "completed") continue;
      for (const diff of card.diffs) files.set(diff.path, [...(files.get(diff.path) ?? []), diff]);
    }
  }
  return files;
}

/** A comment: on a line of one of a file's diffs, or on the file where there is no place. */
interface Comment {
  path: string;
  place: string;
  quote: string;
  text: string;
}

function worded({ path, place, quote, text }: Comment): string {
  const about = place === "" ? "" : place.startsWith("-") ? `, removed line ${place.slice(1)}` : `, line ${place.slice(1)}`;
  return `On ${path}${about}:\n${place === "" ? "" : `> ${quote}\n\n`}${text.trim()}`;
}

/** What was commented and not sent yet, also before the panel or the page was closed. */
function keptComments(chat: string): Record<string, Comment> {
  try {
    return JSON.parse(kept(`comments:${chat}`) ?? "{}") as Record<string, Comment>;
  } catch {
    return {}; // Cut off, or of another version.
  }
}

export function Review({ model, close }: { model: ChatModel; close: () => void }) {
  const [lastTurn, setLastTurn] = useState(false);
  const [comments, setComments] = useState(() => keptComments(model.id));
  const [sending, setSending] = useState(false);
  const files = useMemo(() => changesOf(model, lastTurn), [model, lastTurn, model.thread.value.items.value]);
  const given = Object.values(comments).filter(({ text }) => text.trim());
  const many = `${given.length} comment${given.length > 1 ? "s" : ""}`;
  const keepAll = (change: (known: Record<string, Comment>) => Record<string, Comment>) =>
    setComments((known) => {
      const all = change(known);
      keep(`comments:${model.id}`, Object.keys(all).length ? JSON.stringify(all) : null);
      return all;
    });
  const write = (key: string, comment: Comment | null) =>
    keepAll(({ [key]: _, ...others }) => (comment === null ? others : { ...others, [key]: comment }));
  const done = () => {
    keepAll(() => ({}));
    close();
  };
  const put = () => {
    inserted.value = { text: given.map(worded).join("\n\n"), images: [] };
    done();
  };
  const submit = async () => {
    setSending(true);
    if (await send({ text: given.map(worded).join("\n\n"), images: [] }, "queue", {})) done();
    setSending(false);
  };
  return (
    <Panel
      label="Review of changes"
      title="Changes"
      closing="Close the review"
      close={close}
      beside={
        <label class="inline">
          <input type="checkbox" checked={lastTurn} onChange={(event) => setLastTurn(event.currentTarget.checked)} /> last turn only
        </label>
      }
    >
      {model.view.value?.undo ? <Undo key={model.view.value.undo} chat={model.id} turn={model.view.value.undo} /> : null}
      {files.size === 0 ? <p class="dim">Nothing was changed{lastTurn ? " in the last turn" : ""}.</p> : <p class="dim">A line's number begins a comment on it.</p>}
      {[...files].map(([path, diffs]) => {
        const added = diffs.reduce((sum, diff) => sum + counts(diff).added, 0);
        const removed = diffs.reduce((sum, diff) => sum + counts(diff).removed, 0);
        return (
          <details key={path} open>
            <summary>
              {path || "changes"} <span class="added">+{added}</span> <span class="removed">−{removed}</span>
            </summary>
            {diffs.map((diff, index) => (
              <Diff key={index} diff={diff} remarks={remarksOn(path, `${index} ${path}`, comments, write)} />
            ))}
            <textarea
              rows={1}
              aria-label={`Comment on ${path}`}
              placeholder="Comment on this file"
              value={comments[path]?.text ?? ""}
              onInput={(event) => write(path, { path, place: "", quote: "", text: event.currentTarget.value })}
            />
          </details>
        );
      })}
      {given.length ? (
        <div class="options given">
          <button type="button" class="primary" disabled={sending || model.view.value?.state === "read_only"} onClick={() => void submit()}>
            Send {many}
          </button>
          <button type="button" onClick={put}>
            Put {many} into the message
          </button>
        </div>
      ) : null}
    </Panel>
  );
}

/** The comments on one diff, by their places in it. */
function remarksOn(path: string, diff: string, comments: Record<string, Comment>, write: (key: string, comment: Comment | null) => void): Remarks {
  const start = `${diff} `;
  const mine = Object.entries(comments).filter(([key]) => key.startsWith(start));
  return {
    texts: Object.fromEntries(mine.map(([, { place, text }]) => [place, text])),
    write: (place, text, quote) => write(start + place, text === null ? null : { path, place, quote, text }),
  };
}

interface Undone {
  path: string;
  change: "added" | "changed" | "deleted" | "touched";
  conflict: boolean;
}

const BACK: Record<Undone["change"], string> = { added: "is removed", changed: "is put back", deleted: "comes back", touched: "goes back to before the turn" };

/** What the last turn did to files, undone after it was shown what that would touch. */
function Undo({ chat, turn }: { chat: string; turn: string }) {
  const [plan, setPlan] = useState<Undone[] | null>(null);
  const [busy, setBusy] = useState(false);
  const path = `/chats/${chat}/turns/${turn}`;
  const look = async () => {
    const told = await attempt(() => call<{ files: Undone[] }>("GET", path));
    if (told) setPlan(told.files);
  };
  const undo = async () => {
    setBusy(true);
    await attempt(() => call("DELETE", path));
    setBusy(false);
    setPlan(null);
  };
  if (plan === null) {
    return (
      <button type="button" class="undo" onClick={() => void look()}>
        <Undo2 size={14} /> Undo the last turn
      </button>
    );
  }
  const conflicts = plan.some((file) => file.conflict);
  return (
    <section class="undoing" aria-label="Undo the last turn">
      <p>{conflicts ? "Something was changed again since, so nothing can be undone:" : "This would happen to files; the agent is not told:"}</p>
      <ul>
        {plan.map((file) => (
          <li key={file.path} class={file.conflict ? "conflict" : ""}>
            <code>{file.path}</code> {file.conflict ? "was changed again" : BACK[file.change]}
          </li>
        ))}
      </ul>
      <div class="options">
        <button type="button" class="primary" disabled={conflicts || busy} onClick={() => void undo()}>
          Undo {plan.length} file{plan.length === 1 ? "" : "s"}
        </button>
        <button type="button" onClick={() => setPlan(null)}>
          Keep
        </button>
      </div>
    </section>
  );
}
