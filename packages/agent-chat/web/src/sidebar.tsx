// The list of chats: those used last first, as far down as one looks; all of them where one looks for something.

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { Bell, MessageSquarePlus, Search, Settings2 } from "./icons";
import { call } from "./api";
import { host } from "./host";
import { plain } from "./plain";
import { agentName } from "./settings";
import { archived, attempt, chats, current, follow, go, hashOf, listAll, listMore, more, PAGE, showArchived, visit } from "./state";
import type { ChatView } from "./types";

export const STATES: Record<string, string> = {
  closed: "asleep",
  opening: "starting",
  idle: "ready",
  running: "working",
  requires_action: "waits for your answer",
  disconnected: "the agent is gone",
  read_only: "can only be read",
};

export function Sidebar() {
  const wanted = useSignal("");
  const found = useSignal<Record<string, string>>({});
  const searching = useSignal(false);
  const rows = useSignal(PAGE); // Of what is found; without a search the list itself grows.
  const list = useRef<HTMLUListElement>(null);
  useLayoutEffect(() => {
    const text = wanted.value.trim();
    found.value = {};
    rows.value = PAGE;
    list.current?.scrollTo({ top: 0 }); // Before it is looked at whether its end is in sight.
    let gone = false; // What was found of another text is of no use.
    const work = [listAll(text !== "")];
    searching.value = text !== "";
    const timer = setTimeout(() => {
      if (text.length > 2) work.push(inMessages(text).then((hits) => void (gone || (found.value = hits))));
      void Promise.allSettled(work).then(() => gone || (searching.value = false));
    }, 200);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [wanted.value]);
  const text = wanted.value.trim().toLowerCase();
  const all = (chats.value ?? []).filter((chat) => !text || chat.title.toLowerCase().includes(text) || chat.id in found.value);
  const shown = text ? all.slice(0, rows.value) : all;
  const goesOn = text ? all.length > shown.length : more.value;
  const grow = () => (text ? Promise.resolve(void (rows.value += PAGE)) : attempt(listMore));
  const none =
    chats.value === null ? "The chats are being listed …" :
    searching.value ? "Searching …" :
    text ? "Nothing found." : archived.value ? "Nothing is archived." : "No chats yet.";
  const canNotify = !host() && typeof Notification !== "undefined" && Notification.permission === "default";
  const stop = shown.find((chat) => chat.id === current.value?.id) ?? shown[0]; // Tab comes here, the arrows go on.
  return (
    <nav class="sidebar" aria-label="Chats">
      <button type="button" class="new" onClick={() => go(null)}>
        <MessageSquarePlus size={15} /> New chat
      </button>
      <label class="search">
        <Search size={14} />
        <input
          type="search"
          aria-label="Search chats"
          placeholder="Search"
          value={wanted.value}
          onInput={(event) => (wanted.value = event.currentTarget.value)}
          onKeyDown={(event) => {
            const first = linksOf(list.current)[0];
            if (event.key !== "ArrowDown" || !first) return;
            event.preventDefault();
            first.focus();
          }}
        />
      </label>
      <ul ref={list} onKeyDown={(event) => walk(event, list.current)}>
        {shown.flatMap((chat, index) => {
          const when = whenOf(chat.last_active_at);
          const before = shown[index - 1];
          const entry = <Entry key={chat.id} chat={chat} isStop={chat === stop} snippet={found.value[chat.id]} />;
          if (before && whenOf(before.last_active_at) === when) return [entry];
          return [<li key={when} class="when">{when}</li>, entry];
        })}
        {shown.length === 0 ? <li class="dim none">{none}</li> : null}
        {goesOn ? <More grow={grow} /> : null}
      </ul>
      <footer>
        <label class="inline">
          <input type="checkbox" checked={archived.value} onChange={(event) => showArchived(event.currentTarget.checked)} /> Archived
        </label>
        {canNotify ? (
          <button type="button" class="quiet" onClick={() => void Notification.requestPermission()}>
            <Bell size={13} /> Notify me
          </button>
        ) : null}
        <button type="button" class="quiet" aria-label="Settings" title="Settings" onClick={() => visit("#/settings")}>
          <Settings2 size={15} />
        </button>
      </footer>
    </nav>
  );
}

function Entry({ chat, isStop, snippet }: { chat: ChatView; isStop: boolean; snippet: string | undefined }) {
  return (
    <li>
      <a
        href={hashOf(chat.id)}
        tabIndex={isStop ? 0 : -1}
        aria-current={current.value?.id === chat.id ? "page" : undefined}
        onClick={(event) => follow(event, hashOf(chat.id))}
      >
        <span class={`dot ${chat.state}`} role="img" aria-label={STATES[chat.state] ?? chat.state} title={STATES[chat.state]} />
        <span class="name" title={plain(chat.title) || undefined}>
          {plain(chat.title) || "Untitled"}
        </span>
        {chat.waiting ? <span class="count" aria-label={`${chat.waiting} waiting`}>{chat.waiting}</span> : null}
        <span class="badge">{agentName(chat.backend)}</span>
        {snippet ? <small>{plain(snippet)}</small> : null}
      </a>
    </li>
  );
}

/** What goes on with the list: by itself where one scrolls there, and as a button. */
function More({ grow }: { grow: () => Promise<unknown> }) {
  const button = useRef<HTMLButtonElement>(null);
  const latest = useRef(grow);
  latest.current = grow;
  const busy = useRef(false);
  const pressed = useRef(false);
  const work = async () => {
    if (busy.current) return;
    busy.current = true;
    const list = button.current?.closest("ul") ?? null;
    const count = linksOf(list).length;
    await latest.current();
    busy.current = false;
    requestAnimationFrame(() => {
      if (pressed.current) linksOf(list)[count]?.focus(); // The keyboard goes on with the first that has come.
      pressed.current = false;
    });
  };
  useEffect(() => {
    const place = button.current!;
    const seen = new IntersectionObserver(
      // Who comes to the button by Tab is on the way to what follows the list.
      (entries) => entries.some((entry) => entry.isIntersecting) && document.activeElement !== place && void work(),
      { root: place.closest("ul"), rootMargin: "300px" },
    );
    seen.observe(place);
    return () => seen.disconnect();
  }, []);
  return (
    <li class="more">
      <button
        ref={button}
        type="button"
        class="quiet"
        onClick={() => {
          pressed.current = true;
          void work();
        }}
      >
        Show more chats
      </button>
    </li>
  );
}

/** About when something was, for the headings of the list. */
function whenOf(seconds: number): string {
  const today = new Date().setHours(0, 0, 0, 0);
  const day = 86_400_000;
  const at = seconds * 1000;
  if (at >= today) return "Today";
  if (at >= today - day) return "Yesterday";
  if (at >= today - 6 * day) return "Last 7 days";
  return at >= today - 29 * day ? "Last 30 days" : "Earlier";
}

/** Newest first, one snippet for each chat. */
async function inMessages(text: string): Promise<Record<string, string>> {
  const page = await call<{ hits: { chat_id: string; snippet: string }[] }>("GET", `/search?limit=200&q=${encodeURIComponent(text)}`);
  return Object.fromEntries(page.hits.map((hit) => [hit.chat_id, hit.snippet]).reverse());
}

function linksOf(list: HTMLUListElement | null): HTMLElement[] {
  return [...(list?.querySelectorAll<HTMLElement>("a") ?? [])];
}

/** Go through the list by the arrows, Home and End; up from its first chat is the search. */
function walk(event: KeyboardEvent, list: HTMLUListElement | null): void {
  const links = linksOf(list);
  const at = links.indexOf(document.activeElement as HTMLElement);
  if (at < 0 || event.metaKey || event.ctrlKey || event.altKey || event.shiftKey) return;
  const next =
    event.key === "ArrowDown" ? (links[at + 1] ?? list?.querySelector<HTMLElement>(".more button")) :
    event.key === "ArrowUp" ? (links[at - 1] ?? list?.parentElement?.querySelector("input")) :
    event.key === "Home" ? links[0] :
    event.key === "End" ? links.at(-1) : null;
  if (!next) return;
  event.preventDefault();
  next.focus();
}
