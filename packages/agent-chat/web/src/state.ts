// The state of the page: what is served, the chats, the one that is shown, and what went wrong.

import { batch, computed, effect, signal } from "@preact/signals";
import { ApiError, call, isMine, persistently, Stream, type ChatTold } from "./api";
import { draftKeeper, inserted } from "./drafts";
import { host } from "./host";
import { keep, kept } from "./memory";
import { ChatModel } from "./model";
import { plain } from "./plain";
import { settled } from "./trust";
import type { About, ChatView, Cursor, Draft, ModelList, Request } from "./types";

export const about = signal<About | null>(null);
/** The chats of the list; null: they are not known yet. */
export const chats = signal<ChatView[] | null>(null);
export const archived = signal(false);
/** Whether there are chats beyond those of the list. */
export const more = signal(false);
export const current = signal<ChatModel | null>(null);
export const connected = signal(true);
export const problem = signal<string | null>(null);
export const closed = signal<string | null>(null);
export const toast = signal<string | null>(null);
export const models = signal<Record<string, ModelList>>({});
export const sidebar = signal(false);
/** Whether the settings page is shown, and how often settings were changed elsewhere. */
export const settingsShown = signal(false);
export const settingsChanged = signal(0);
let stream: Stream<ChatTold> | null = null;
let told = 0;

export const waiting = computed(() => (chats.value ?? []).reduce((sum, chat) => sum + (chat.waiting || 0), 0));

export function say(text: string): void {
  toast.value = text;
  clearTimeout(told);
  told = window.setTimeout(() => (toast.value = null), 6000);
}

/** Do something that may fail, and say so if it does. What is done in the background takes no word away about what failed before. */
export async function attempt<T>(work: () => Promise<T>, isBackground = false): Promise<T | undefined> {
  try {
    const done = await work();
    if (!isBackground) problem.value = null;
    return done;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) closed.value = error.message;
    problem.value = error instanceof Error ? error.message : String(error);
    return undefined;
  }
}

let starting = false;

/** Ask what is served, until there is an answer, and show the place that the page was opened at. */
export async function start(): Promise<void> {
  if (starting || about.value) return;
  starting = true;
  const found = await attempt(() => call<About>("GET", ""));
  starting = false;
  if (!found) {
    if (closed.value === null) setTimeout(() => void start(), 1500);
    return;
  }
  const embedding = host();
  // Both at once: what is typed into a place that is shown for a moment would be lost.
  batch(() => {
    about.value = found;
    show(embedding ? hashOf(embedding.chat ?? null) : location.hash);
  });
  if (!embedding) addEventListener("hashchange", () => show(location.hash));
  new Stream<{ type: string; event?: string; chat_id?: string; state?: string; outcome?: string | null }>(
    () => "/events",
    (event) => {
      if (event.type === "ready") void refresh();
      if (event.event === "ChatStateChanged") void attend(event.chat_id ?? "", event.state ?? "", event.outcome ?? null);
      if (event.event === "SettingsChanged") settingsChanged.value++;
      else if (event.event && event.event !== "MessageArrived") soon();
    },
    () => {},
  );
  void refresh();
}

/** Chats that are listed at first, and by how many the list grows. */
export const PAGE = 100;
/** The most that the server lists at once. */
const MOST_LISTED = 500;

let timer = 0;
let listing = 0;

/** List the chats anew in a moment, and not while they are being listed: a long list takes longer than the next change. */
function soon(): void {
  clearTimeout(timer);
  timer = window.setTimeout(() => (listing ? soon() : void refresh()), 120);
}

let asked = 0;
let answered = 0;
let depth = PAGE;
let isWhole = false;
let whole: Promise<void> = Promise.resolve();

export async function refresh(): Promise<void> {
  const turn = ++asked;
  const wanted = archived.value;
  const found: ChatView[] = [];
  let cursor: string | null = null;
  listing++;
  try {
    do {
      const limit: number = isWhole ? MOST_LISTED : Math.min(MOST_LISTED, depth - found.length);
      const place: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
      const page: { chats: ChatView[]; cursor: string | null } | null = await call<{ chats: ChatView[]; cursor: string | null }>(
        "GET", `/chats?${wanted ? "archived=true&" : ""}limit=${limit}${place}`,
      ).catch(() => null);
      // Answers may come in another order, and to what is not asked any more.
      if (!page || turn < answered || wanted !== archived.value) return;
      found.push(...page.chats);
      cursor = page.cursor;
    } while (cursor !== null && (isWhole || found.length < depth));
  } finally {
    listing--;
  }
  answered = turn;
  const listed = isWhole ? found : found.slice(0, depth); // Meanwhile the search may have ended.
  batch(() => {
    chats.value = listed;
    more.value = cursor !== null || listed.length < found.length;
  });
}

/** List more chats, as far as somebody has looked. */
export function listMore(): Promise<void> {
  depth = Math.max(depth, chats.value?.length ?? 0) + PAGE;
  return refresh();
}

/** List all chats for as long as some of them are looked for by their titles. */
export async function listAll(is: boolean): Promise<void> {
  if (is === isWhole) return whole;
  isWhole = is;
  whole = is && (more.value || chats.value === null) ? refresh() : Promise.resolve();
  const listed = chats.value ?? [];
  if (!is && listed.length > depth) {
    chats.value = listed.slice(0, depth);
    more.value = true;
  }
  return whole;
}

export function showArchived(is: boolean): void {
  archived.value = is;
  chats.value = null;
  depth = PAGE;
  void refresh();
}

export function show(hash: string): void {
  const id = /^#\/chat\/([\w-]+)$/.exec(hash)?.[1];
  sidebar.value = false;
  settingsShown.value = hash === "#/settings";
  if (id === current.value?.id && id !== undefined) return;
  stream?.close();
  stream = null;
  if (!id) {
    current.value = null;
    connected.value = true;
    return;
  }
  const model = new ChatModel(id, answeredElsewhere);
  current.value = model;
  stream = new Stream<ChatTold>(
    () => `/chats/${id}/events${model.cursor}`,
    (event) => {
      if (event.type === "snapshot") model.snapshot(event);
      else if (event.type === "events") model.events(event.epoch, event.events);
      else problem.value = event.error.message;
    },
    (is) => (connected.value = is),
    (code) => {
      if (code === 4404) leave(id);
    },
  );
}

/** Chats that are deleted here: that they are gone is no news. */
export const deleting = new Set<string>();

/** Go on without a chat that is gone; what was being typed and attached in it goes along. */
function leave(id: string): void {
  const left = kept(`draft:${id}`);
  keep(`draft:${id}`, null);
  keep(`settled:${id}`, null);
  if (!deleting.has(id)) {
    problem.value = "This chat is not there any more.";
    const { images } = draftKeeper(id, "");
    if (left || images.length) inserted.value = { text: left ?? "", images };
  }
  go(null);
}

export function hashOf(id: string | null): string {
  return id === null ? "#/new" : `#/chat/${id}`;
}

export function go(id: string | null): void {
  visit(hashOf(id));
}

/** Show a place at once: an address tells the page of its change only later, and what is typed until then would go to the place before. */
export function visit(hash: string): void {
  show(hash);
  if (!host()) location.hash = hash;
}

/** What a link to a place does when it is followed here; in another tab or window it is the browser's. */
export function follow(event: MouseEvent, hash: string): void {
  if (!host() && (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)) return;
  event.preventDefault();
  visit(hash);
}

function answeredElsewhere(request: Request, by: string | null, outcome: string): void {
  if (by !== null && !isMine(by)) say(`${by} has answered (${outcome}): ${request.asked?.command || request.asked?.heading || "a question"}`);
}

async function attend(id: string, state: string, outcome: string | null): Promise<void> {
  if (state !== "requires_action" && outcome === null) return;
  if (!document.hidden || typeof Notification === "undefined" || Notification.permission !== "granted") return;
  const titled = () => chats.value?.find((chat) => chat.id === id)?.title;
  if (!titled()) await refresh(); // A new chat is told of before the list has it.
  const title = plain(titled() ?? "") || "A chat";
  if (state === "requires_action") notify(id, `${title} waits for your answer`);
  else if (outcome === "failed") notify(id, `${title} has failed`);
  else if (outcome === "completed") notify(id, `${title} has finished`);
}

function notify(id: string, text: string): void {
  const note = new Notification(text, { tag: id });
  note.onclick = () => {
    window.focus();
    go(id);
  };
}

export async function modelsOf(backend: string, fresh = false): Promise<void> {
  if (!fresh && models.value[backend]) return;
  const query = `?backend=${encodeURIComponent(backend)}${fresh ? "&fresh=true" : ""}`;
  const ask = () => call<ModelList>("GET", `/models${query}`);
  const listed = fresh ? await attempt(ask) : await ask().catch(() => null);
  if (!listed) return;
  models.value = { ...models.value, [backend]: listed };
  if (fresh) say(`The agent was asked again: it has ${listed.models.length} models.`);
}

/** What is being sent in each chat: the next waits for it, so that prompts arrive in the order in which they were written. */
const lines = new Map<string, Promise<boolean>>();

/** Send a prompt, in a new chat if none is shown (`made` hears of it first). */
export function send(
  draft: Draft, priority: "queue" | "steer", settings: Record<string, unknown>, made: (id: string) => void = () => {},
): Promise<boolean> {
  const model = current.value;
  if (!model) return attempt(() => begin(draft, settings, made)).then((sent) => sent === true);
  const arrived = model.sends();
  const before = lines.get(model.id);
  const work = (async () => {
    await before;
    let cursor: Cursor | null = null;
    const sent = await attempt(async () => {
      const view = model.view.value;
      if ((view?.state === "closed" || view?.state === "disconnected") && !(await settled(view.cwd ?? ""))) return false;
      cursor = await post(model.id, draft, priority);
      return true;
    });
    arrived(cursor);
    return sent === true;
  })();
  lines.set(model.id, work);
  void work.then(() => lines.get(model.id) === work && lines.delete(model.id));
  return work;
}

async function begin(draft: Draft, settings: Record<string, unknown>, made: (id: string) => void): Promise<boolean> {
  if (!(await settled(String(settings["cwd"] ?? "")))) return false;
  const { id } = (await call<{ chat: ChatView }>("POST", "/chats", settings)).chat;
  made(id);
  if (current.value === null && !settingsShown.value) go(id); // Who went elsewhere meanwhile stays there.
  const arrived = current.value?.id === id ? current.value.sends() : () => {};
  let cursor: Cursor | null = null;
  try {
    cursor = await post(id, draft, "queue");
  } finally {
    arrived(cursor);
  }
  return true;
}

/** Send a prompt, repeated under one id until the server has it; returns what its chat had told by then. */
async function post(id: string, draft: Draft, priority: "queue" | "steer"): Promise<Cursor> {
  const uuid = crypto.randomUUID();
  return (await persistently(() => call<{ cursor: Cursor }>("POST", `/chats/${id}/prompts`, { ...draft, priority, uuid }))).cursor;
}

export function change(changes: Record<string, unknown>): Promise<unknown> {
  const id = current.value?.id;
  return id ? attempt(() => call("PATCH", `/chats/${id}`, changes)) : Promise.resolve();
}

effect(() => {
  const view = current.value?.view.value;
  const marks = waiting.value ? `(${waiting.value}) ` : "";
  const state = view?.state === "running" ? "… " : "";
  document.title = `${marks}${state}${plain(view?.title ?? "") || "Chats"}`;
});

// A chat that goes on for days is not held as a whole: what is far above is fetched again where somebody looks for it.
effect(() => {
  const model = current.value;
  if (!model?.isLong || !["idle", "closed"].includes(model.view.value?.state ?? "") || !model.isFollowed()) return;
  model.forget();
  stream?.anew();
});

export function lastChoice(name: string): string {
  return kept(`choice:${name}`) ?? "";
}

export function rememberChoice(name: string, value: string): void {
  keep(`choice:${name}`, value);
}

export { batch };
