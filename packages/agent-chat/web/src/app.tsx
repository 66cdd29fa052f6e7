// The page: the list of chats, and beside it a new chat or the one that is shown.

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import {
  Archive, ArrowDown, Braces, ChevronRight, FileDiff as FileDiffIcon, FileText, FoldVertical, Gauge, GitBranch, ListTree, Menu, Pencil, Trash2, X,
} from "./icons";
import { call } from "./api";
import { Asking } from "./asking";
import { Composer } from "./composer";
import { useFollow } from "./follow";
import { History } from "./history";
import { confirmed, download, host } from "./host";
import type { ChatModel } from "./model";
import { Panel } from "./panel";
import { plain } from "./plain";
import { Review } from "./review";
import { Sandbox, Settings, type Choice } from "./settings";
import { SettingsPage } from "./settings_page";
import { Sidebar, STATES } from "./sidebar";
import {
  about, attempt, change, chats, closed, connected, current, deleting, go, lastChoice, problem, refresh, rememberChoice, send, settingsShown, sidebar,
  toast,
} from "./state";
import { Steps } from "./transcript";
import { TrustQuestion } from "./trust";
import { TextEditor } from "./typed";
import { short, sourceOf, Usage } from "./usage";
import type { ChatView, Message, Told, Unsent } from "./types";

export function App() {
  if (closed.value !== null) return <Closed />;
  if (!about.value) return <p class="splash" role="status">{problem.value ?? "Opening the chats …"}</p>;
  const model = current.value;
  return (
    <div
      class={sidebar.value ? "layout open" : "layout"}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !sidebar.value) return;
        event.stopPropagation();
        sidebar.value = false;
        document.querySelector<HTMLElement>("button.menu")?.focus();
      }}
    >
      <Sidebar />
      <div class="shade" onClick={() => (sidebar.value = false)} />
      <main>
        {settingsShown.value ? <SettingsPage menu={<MenuButton />} /> : model ? <Chat key={model.id} model={model} /> : <NewChat key="new" />}
        <Problem />
      </main>
      <TrustQuestion />
      <div class="toast" role="status" aria-live="polite">
        {toast.value ? <span>{toast.value}</span> : null}
      </div>
    </div>
  );
}

function Closed() {
  return (
    <main class="closed">
      <h1>This page is not connected to a server</h1>
      <p>{closed.value}</p>
      <p>Each start of the server prints a new link. Drafts are kept.</p>
      <button type="button" class="primary" onClick={() => location.reload()}>
        Try again
      </button>
    </main>
  );
}

function Problem() {
  if (!problem.value) return null;
  return (
    <div class="problem" role="alert">
      <span>{problem.value}</span>
      <button type="button" class="quiet" aria-label="Dismiss" onClick={() => (problem.value = null)}>
        <X size={14} />
      </button>
    </div>
  );
}

function MenuButton() {
  return (
    <button type="button" class="quiet menu" aria-label="Chats" aria-expanded={sidebar.value} onClick={() => (sidebar.value = !sidebar.value)}>
      <Menu size={18} />
    </button>
  );
}

function NewChat() {
  const known = about.value!;
  const last = lastChoice("backend");
  const [worktree, setWorktree] = useState(false);
  const [choice, setChoice] = useState<Choice>({
    backend: known.backends.includes(last) ? last : (known.backends[0] ?? ""),
    model: "",
    effort: "",
    permission_mode: "",
    sandbox: "",
    cwd: known.cwd,
  });
  const change = (changes: Partial<Choice>) => {
    if (changes.backend) rememberChoice("backend", changes.backend);
    // A sandbox is chosen of those that the agent can keep to.
    setChoice((known) => ({ ...known, ...(changes.backend ? { sandbox: "" } : {}), ...changes }));
  };
  return (
    <section class="new-chat" aria-label="New chat settings">
      <header class="bar">
        <MenuButton />
        <h1>New chat</h1>
      </header>
      {known.read_only ? (
        <p class="offline" role="status">
          {known.read_only}
        </p>
      ) : null}
      <div class="welcome">
        <h2>What shall be done?</h2>
        <p class="dim">
          {known.demo ? "A scripted model answers here; the agents are the real ones. Whatever you send, it plays the demo." : "The agent works in the folder below and asks before it acts."}
        </p>
        <Composer
          chatId={null}
          settings={() => ({ ...Object.fromEntries(Object.entries(choice).filter(([, value]) => value !== "")), ...(worktree ? { worktree } : {}) })}
        />
        <Settings choice={choice} change={change} live />
        <div class="settings">
          <label class="wide">
            <span>Folder</span>
            <input aria-label="Folder" value={choice.cwd} spellcheck={false} onInput={(event) => change({ cwd: event.currentTarget.value })} />
          </label>
          <Sandbox choice={choice} change={change} />
        </div>
        <label class="inline worktree">
          <input type="checkbox" checked={worktree} onChange={(event) => setWorktree(event.currentTarget.checked)} />
          <GitBranch size={14} /> In a git worktree of its own, on a branch of its own
        </label>
      </div>
    </section>
  );
}

/** A chat, also before it is known how that stands: what is typed meanwhile is kept. */
function Chat({ model }: { model: ChatModel }) {
  const view = model.view.value;
  const listed = view ?? chats.value?.find((chat) => chat.id === model.id);
  const follow = useFollow(model.id);
  model.isFollowed = () => follow.following.value;
  model.toEnd = follow.toEnd;
  model.keepPlace = follow.keepPlace;
  const panel = useSignal<"review" | "raw" | "usage" | null>(null);
  const toggle = (name: "review" | "raw" | "usage") => (panel.value = panel.value === name ? null : name);
  const close = () => (panel.value = null);
  const loading = useSignal(false);
  const earlier = async () => {
    if (model.before.value === null || loading.value) return;
    loading.value = true;
    follow.following.value = false;
    const page = await attempt(() =>
      call<{ messages: Told[]; before: number | null }>("GET", `/chats/${model.id}/messages?limit=100&before=${model.before.value}`),
    );
    if (page) {
      follow.keepPlace(); // Who went to the end stays there.
      model.earlier(page.messages, page.before);
    }
    loading.value = false;
  };
  return (
    <section class="chat">
      {view ? (
        <ChatHeader model={model} view={view} review={() => toggle("review")} raw={() => toggle("raw")} usage={() => toggle("usage")} />
      ) : (
        <header class="bar">
          <MenuButton />
          <h1>
            <span class="name">{plain(listed?.title ?? "") || " "}</span>
          </h1>
        </header>
      )}
      {connected.value ? null : (
        <p class="offline" role="status">
          The connection is lost. It is made again by itself; nothing is missed.
        </p>
      )}
      {view?.reason ? (
        <p class="offline" role="status">
          {view.reason}
        </p>
      ) : null}
      <div class="columns">
        <div class="column">
          <div class="stage">
            <div class="scroller" ref={follow.scroller} tabIndex={0} role="group" aria-label="Conversation, scrollable">
              <div class="content" ref={follow.content} role="log" aria-label="Conversation" aria-live="off">
                {model.before.value !== null ? (
                  <button type="button" class="quiet more" disabled={loading.value} onClick={() => void earlier()}>
                    Show earlier messages
                  </button>
                ) : null}
                {view && isEmpty(model, view) ? <p class="nothing">Nothing was said here yet.</p> : null}
                <History thread={model.thread.value} scroller={follow.scroller} />
                <Working view={view} isSending={model.sending.value > 0} hasEnded={model.last.value !== null} />
              </div>
            </div>
            {follow.following.value ? null : (
              <button type="button" class="to-end" aria-label="To the end" onClick={follow.toEnd}>
                <ArrowDown size={16} />
              </button>
            )}
          </div>
          <div class="dock">
            <Plan model={model} />
            {view ? <Waiting view={view} model={model} /> : null}
            <Asking requests={model.pending.value} />
            <Composer chatId={model.id} settings={() => ({})} onSend={follow.toEnd}>
              {listed ? <ChatSettings view={listed} isKnown={view !== null} /> : null}
            </Composer>
          </div>
        </div>
        {panel.value === "review" ? <Review model={model} close={close} /> : null}
        {panel.value === "usage" && view ? <Usage model={model} view={view} close={close} /> : null}
        {panel.value === "raw" ? <Raw model={model} close={close} /> : null}
      </div>
    </section>
  );
}

/** What goes on, which screen readers are told; that it is over they are told as well, for the answer itself is too long. */
function Working({ view, isSending, hasEnded }: { view: ChatView | null; isSending: boolean; hasEnded: boolean }) {
  const state = view?.state;
  const text =
    !view ? (connected.value ? "Opening the chat …" : "Connecting …") :
    state === "opening" ? "Starting the agent …" :
    state === "running" ? "Working …" :
    isSending && state !== "requires_action" ? "Sending …" : null;
  return (
    <p class="working" role="status">
      {text ? <span><i /> {text}</span> : view && hasEnded ? <span class="unseen">The turn has ended.</span> : null}
    </p>
  );
}

function isEmpty(model: ChatModel, view: ChatView): boolean {
  return !model.thread.value.items.value.length && model.before.value === null && !model.sending.value && !isBusy(view);
}

function isBusy(view: ChatView): boolean {
  return view.state === "running" || view.state === "requires_action" || view.state === "opening";
}

function ChatSettings({ view, isKnown }: { view: ChatView; isKnown: boolean }) {
  const choice: Choice = {
    backend: view.backend ?? "",
    model: view.model ?? "",
    effort: view.effort ?? "",
    permission_mode: view.permission_mode ?? "",
    sandbox: view.sandbox ?? "",
    cwd: view.cwd ?? "",
  };
  const [, settle] = useState(0);
  const set = (changes: Partial<Choice>) => {
    const given: Record<string, unknown> = "backend" in changes ? { backend: changes.backend } : { ...changes };
    for (const [name, value] of Object.entries(given)) if (value === "") given[name] = null;
    return change(given).finally(() => settle((count) => count + 1)); // A box shows what holds, also where that is refused.
  };
  return (
    <Settings choice={choice} change={set} modes={view.can?.permission_modes} disabled={!isKnown || view.state === "read_only"} busy={isBusy(view)}>
      <Sandbox choice={choice} change={set} disabled={!isKnown || view.state === "read_only" || isBusy(view)} />
    </Settings>
  );
}

function ChatHeader({ model, view, review, raw, usage }: { model: ChatModel; view: ChatView; review: () => void; raw: () => void; usage: () => void }) {
  const renaming = useSignal(false);
  const busy = isBusy(view);
  const id = model.id;
  const remove = async () => {
    if (!(await confirmed(`Delete “${plain(view.title) || "this chat"}” for good?`, "Delete"))) return;
    deleting.add(id);
    const done = await attempt(async () => {
      await call("DELETE", `/chats/${id}`);
      if (current.value === model) go(null);
      return true;
    });
    if (!done) deleting.delete(id);
    void refresh();
  };
  return (
    <header class="bar">
      <MenuButton />
      {renaming.value ? (
        <TextEditor class="title" label="Title" value={view.title} commit={(title) => void change({ title })} done={() => (renaming.value = false)} />
      ) : (
        <h1>
          <span class="name">{plain(view.title) || "Untitled"}</span>
          <button type="button" class="quiet" aria-label="Rename" onClick={() => (renaming.value = true)}>
            <Pencil size={13} />
          </button>
        </h1>
      )}
      <span class={`state-text ${view.state}`}>{model.sending.value && !busy ? "sending" : (STATES[view.state] ?? view.state)}</span>
      <Meter view={view} open={usage} />
      <button type="button" class="quiet" onClick={review}>
        <FileDiffIcon size={15} /> <span class="word">Review</span>
      </button>
      <More>
        <button type="button" onClick={() => void change({ archived: !view.archived })}>
          <Archive size={14} /> {view.archived ? "Put back into the list" : "Archive"}
        </button>
        <Export chat={id} format="markdown" name="chat.md">
          <FileText size={14} /> Export as Markdown
        </Export>
        <Export chat={id} format="ndjson" name="chat.ndjson">
          <Braces size={14} /> Export as NDJSON
        </Export>
        <button type="button" disabled={busy || !view.can?.compact} onClick={() => void attempt(() => call("POST", `/chats/${id}/compact`))}>
          <FoldVertical size={14} /> Compact
        </button>
        <button type="button" onClick={raw}>
          <ListTree size={14} /> Raw messages
        </button>
        <button type="button" class="deny" onClick={() => void remove()}>
          <Trash2 size={14} /> Delete
        </button>
      </More>
    </header>
  );
}

/** A menu of what is needed seldom: it closes when something of it is chosen, by Escape, and when one goes elsewhere. */
function More({ children }: { children: ComponentChildren }) {
  const place = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const left = (event: Event) => {
      if (place.current && !place.current.contains(event.target as Node)) place.current.open = false;
    };
    document.addEventListener("pointerdown", left);
    document.addEventListener("focusin", left);
    return () => {
      document.removeEventListener("pointerdown", left);
      document.removeEventListener("focusin", left);
    };
  }, []);
  return (
    <details
      class="actions"
      ref={place}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !place.current?.open) return;
        event.stopPropagation();
        place.current.open = false;
        place.current.querySelector("summary")?.focus();
      }}
    >
      <summary aria-label="More" title="More">
        ⋯
      </summary>
      <div onClick={() => place.current && (place.current.open = false)}>{children}</div>
    </details>
  );
}

function Export({ chat, format, name, children }: { chat: string; format: string; name: string; children: ComponentChildren }) {
  const path = `/chats/${chat}/export?format=${format}`;
  if (!host()) {
    return (
      <a href={`api${path}`} download>
        {children}
      </a>
    );
  }
  return (
    <button type="button" onClick={() => void attempt(() => download(path, name))}>
      {children}
    </button>
  );
}

function Meter({ view, open }: { view: ChatView; open: () => void }) {
  const context = view.used?.context ?? view.context;
  const total = view.used?.total;
  const cost = view.used?.cost_usd;
  const part = context?.max_tokens ? Math.min(1, context.used_tokens / context.max_tokens) : null;
  const tokens = (total?.input_tokens ?? 0) + (total?.output_tokens ?? 0);
  if (!context?.used_tokens && !tokens) return null;
  const title = [
    context ? `Context: ${short(context.used_tokens)}${context.max_tokens ? ` of ${short(context.max_tokens)}` : ""} tokens` : "",
    tokens ? `Used: ${short(tokens)} tokens` : "",
    cost ? `Cost: $${cost.toFixed(4)} (${sourceOf(view)})` : tokens ? "Cost: not told" : "",
  ];
  return (
    <button type="button" class="quiet meter" aria-label={`Tokens and cost. ${title.filter(Boolean).join(", ")}`} title={title.filter(Boolean).join(" · ")} onClick={open}>
      {part !== null ? <meter aria-label="Context used" min={0} max={1} high={0.8} value={part} /> : null}
      {part === null ? <Gauge size={14} /> : null}
      {short(context ? context.used_tokens : tokens)}{" "}
      <span class="unit">tokens</span>
      {cost ? ` · ${cost < 0.01 ? "<$0.01" : `$${cost.toFixed(2)}`}` : ""}
    </button>
  );
}

function Plan({ model }: { model: ChatModel }) {
  const steps = model.plan.value;
  const done = steps.filter((step) => step.status === "completed").length;
  if (!steps.length || done === steps.length) return null;
  const current = steps.find((step) => step.status === "in_progress");
  return (
    <details class="plan">
      <summary>
        <ChevronRight size={14} />
        <span>
          Plan: {done} of {steps.length} done{current ? ` · ${current.text}` : ""}
        </span>
      </summary>
      <Steps steps={steps} />
    </details>
  );
}

function Waiting({ view, model }: { view: ChatView; model: ChatModel }) {
  const editing = useSignal<string | null>(null);
  const again = useSignal<string | null>(null);
  const queue = view.queue ?? [];
  if (!queue.length && !model.unsent.value.length) return null;
  const path = (uuid: string) => `/chats/${model.id}/prompts/${uuid}`;
  const sendAgain = async ({ uuid, text, images }: Unsent) => {
    again.value = uuid;
    if (await send({ text, images: images ?? [] }, "queue", {})) await attempt(() => call("DELETE", path(uuid)));
    again.value = null;
  };
  return (
    <ul class="queue" aria-label="Prompts that wait">
      {queue.map((prompt, index) => (
        <li key={prompt.uuid}>
          <span class="badge">{index + 1}</span>
          {editing.value === prompt.uuid ? (
            <TextEditor
              label="Prompt that waits"
              value={prompt.text}
              commit={(text) => void (text && attempt(() => call("PATCH", path(prompt.uuid), { text })))}
              done={() => (editing.value = null)}
            />
          ) : (
            <span class="name">
              {plain(prompt.text)}
              {prompt.images ? ` (+${prompt.images} images)` : ""}
            </span>
          )}
          <button type="button" class="quiet" aria-label={`Edit prompt ${index + 1}`} onClick={() => (editing.value = prompt.uuid)}>
            <Pencil size={13} />
          </button>
          <button type="button" class="quiet" aria-label={`Remove prompt ${index + 1}`} onClick={() => void attempt(() => call("DELETE", path(prompt.uuid)))}>
            <X size={13} />
          </button>
        </li>
      ))}
      {model.unsent.value.map((prompt) => (
        <li key={prompt.uuid} class="unsent">
          <span class="badge">unsent</span>
          <span class="name">{plain(prompt.text)}</span>
          <button
            type="button"
            disabled={again.value === prompt.uuid}
            onClick={() => void sendAgain(prompt)}
          >
            Send again
          </button>
          <button type="button" class="quiet" aria-label="Forget it" onClick={() => void attempt(() => call("DELETE", path(prompt.uuid)))}>
            <X size={13} />
          </button>
        </li>
      ))}
    </ul>
  );
}

function Raw({ model, close }: { model: ChatModel; close: () => void }) {
  return (
    <Panel kind="raw" label="Raw messages" closing="Close the raw messages" close={close}>
      {model.raw.value.map((message, index) => (
        <details key={index}>
          <summary>
            <span>{message.subtype ? `${message.type} / ${message.subtype}` : message.type}</span> <span class="dim">{briefly(message)}</span>
          </summary>
          <pre tabIndex={0}>{JSON.stringify(message, null, 2)}</pre>
        </details>
      ))}
    </Panel>
  );
}

/** What a message is about, as far as one line tells it. */
function briefly(message: Message): string {
  const content = message.message?.content;
  const blocks = Array.isArray(content) ? content : [];
  return blocks.map((block) => block.text ?? block.thinking ?? block.name ?? block.type).join(" · ").slice(0, 120);
}
