// The composer: what is typed, completed and attached. It stands outside of the transcript, so that typing is never slow.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { CornerDownRight, ImagePlus, ListPlus, SendHorizontal, Square, X } from "./icons";
import { call } from "./api";
import { draftKeeper, inserted, isSettled, keepText } from "./drafts";
import { kept } from "./memory";
import { plain } from "./plain";
import { about, attempt, current, go, say, send } from "./state";
import type { ComponentChildren } from "preact";
import type { Image } from "./types";

/** Commands that are there with every agent. */
const OURS = [
  { name: "compact", description: "Replace the conversation by a summary" },
  { name: "new", description: "Begin a new chat" },
];
const IMAGE_TYPES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
const MAX_IMAGE = 8 * 2 ** 20;
const MAX_IMAGES = 10;
/** Characters of all images of a prompt, in base64: what a request may hold, and room for the text. */
const MAX_DATA = 22 * 2 ** 20;

/** After how long of stopping one may do without the agent's word on it. */
const SLOW_MS = 1_000;

/** Drafts on their way to the server: kept until they are there, and not shown as still to be sent. */
const underway = new Set<string>();

interface Completion {
  from: number;
  options: { value: string; hint: string }[];
  chosen: number;
}

interface Props {
  chatId: string | null;
  settings: () => Record<string, unknown>;
  /** Hears that something goes into the conversation at once. */
  onSend?: () => void;
  children?: ComponentChildren;
}

export function Composer({ chatId, settings, onSend, children }: Props) {
  const box = useRef<HTMLTextAreaElement>(null);
  const picker = useRef<HTMLInputElement>(null);
  const key = `draft:${chatId ?? "new"}`;
  const [text, setText] = useState(() => (underway.has(key) ? null : kept(key)) ?? (chatId === null ? (about.value?.demo ?? "") : ""));
  const [images, setImages] = useState<Image[]>([]);
  const [completion, setCompletion] = useState<Completion | null>(null);
  const [sending, setSending] = useState(false);
  const [stopping, setStopping] = useState<string | null>(null); // The chat, for this stands below each of them.
  const [isSlow, setSlow] = useState(false);
  const [unkept, setUnkept] = useState(false);
  const attached = useRef<Image[]>([]);
  const loaded = useRef<Promise<void>>(Promise.resolve());
  const asked = useRef(0);
  const form = useRef<HTMLFormElement>(null);
  const caret = useRef<number | null>(null);
  const touched = useRef(false);
  const early = useRef(false);
  const latest = useRef(text);
  latest.current = text;
  const keeper = draftKeeper(chatId, about.value?.cwd ?? "");

  const view = current.value?.view.value;
  const isKnown = chatId === null || !!view;
  const running = view?.state === "running" || view?.state === "requires_action" || view?.state === "opening";
  const readOnly = view?.state === "read_only" || !!about.value?.read_only;

  // A request that came while a prompt was sent, or while its chat was made, has the keyboard: it is not taken back.
  function focus() {
    if (!current.value?.pending.value.length) box.current?.focus();
  }

  // In the same task as it is drawn: what is typed right after that is for here.
  useLayoutEffect(() => {
    if (matchMedia("(min-width: 700px)").matches) focus();
  }, [key]);

  useEffect(() => {
    if (!underway.has(key)) {
      loaded.current = keeper.load().then((draft) => {
        if (draft.text && isSettled(chatId) && !touched.current) setText(draft.text);
        if (draft.images.length) attachOnly(draft.images);
      });
    }
    return () => keeper.flush();
  }, [key]);

  useEffect(() => {
    if (!isKnown || !early.current) return;
    early.current = false;
    void submit("queue");
  }, [isKnown]);

  useLayoutEffect(() => {
    const area = box.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 260)}px`;
    if (caret.current !== null) area.setSelectionRange(caret.current, caret.current);
    caret.current = null;
  }, [text]);

  useEffect(() => {
    if (inserted.value === null) return;
    const { text: more, images: others } = inserted.value;
    if (more) write(text ? `${text}\n\n${more}` : more);
    // After those that are kept here already.
    if (others.length) void loaded.current.then(() => keepImages([...attached.current, ...others].slice(0, MAX_IMAGES)));
    inserted.value = null;
    box.current?.focus();
  }, [inserted.value]);

  function write(value: string) {
    touched.current = true;
    setText(value);
    setUnkept(!keepText(chatId, value) && chatId === null); // That of a chat is with its server too.
    keeper.setText(value);
  }

  function attachOnly(list: Image[]) {
    attached.current = list;
    setImages(list);
  }

  function keepImages(list: Image[]) {
    attachOnly(list);
    keeper.setImages(list, latest.current);
  }

  function update(value: string) {
    write(value);
    void complete(value);
  }

  /** Offer nothing, also of what is still being looked for. */
  function endCompletion() {
    asked.current++;
    setCompletion(null);
  }

  async function complete(value: string) {
    const turn = ++asked.current;
    const at = box.current?.selectionStart ?? value.length;
    const word = /(?:^|\s)([@/$][^\s]*)$/.exec(value.slice(0, at))?.[1];
    if (!word || chatId === null || (word.startsWith("/") && at !== word.length)) {
      setCompletion(null);
      return;
    }
    const options = word.startsWith("@") ? await files(chatId, word.slice(1)) : await commands(chatId, word);
    if (turn !== asked.current) return;
    setCompletion(options.length ? { from: at - word.length, options, chosen: 0 } : null);
  }

  function accept(index: number) {
    const option = completion?.options[index];
    const at = box.current?.selectionStart ?? text.length;
    if (!completion || !option) return;
    caret.current = completion.from + option.value.length + 1;
    write(`${text.slice(0, completion.from)}${option.value} ${text.slice(at)}`);
    endCompletion();
    box.current?.focus();
  }

  async function submit(priority: "queue" | "steer") {
    // One chat is made, however often one sends; what is sent after that waits its turn.
    if ((!text.trim() && !images.length) || (sending && chatId === null) || readOnly) return;
    if (!isKnown) {
      early.current = true; // It is sent as soon as it is known how the chat stands.
      return;
    }
    if (chatId !== null && text.startsWith("/") && !images.length && (await ours(text.trim(), chatId))) return;
    if (!running || priority === "steer") onSend?.();
    const draft = { text, images };
    let place = chatId;
    let home = keeper;
    touched.current = true;
    setSending(true);
    setText("");
    attachOnly([]);
    endCompletion();
    keeper.sends();
    underway.add(key);
    const sent = await send(draft, priority, settings(), (id) => {
      place = id;
      home = draftKeeper(id, "");
      // What was typed and attached while the chat was made goes with it.
      if (attached.current.length) {
        home.setImages(attached.current, latest.current);
        keeper.setImages([], "");
      }
      if (!latest.current) return;
      keepText(place, latest.current);
      keepText(chatId, "");
    });
    underway.delete(key);
    setSending(false);
    if (sent) {
      if (kept(key) === draft.text) keepText(chatId, ""); // Else it is what was typed since then.
      keeper.sent(draft.images);
    } else if (box.current) {
      write(draft.text + (latest.current ? `\n${latest.current}` : ""));
      if (draft.images.length) keepImages([...draft.images, ...attached.current].slice(0, MAX_IMAGES));
    } else if (place === (current.value?.id ?? null)) {
      inserted.value = draft; // The chat is shown with another composer.
      if (home !== keeper) keeper.sent(draft.images);
    } else {
      const since = kept(`draft:${place ?? "new"}`); // One looks at something else: it is found where it belongs.
      const words = since && since !== draft.text ? `${draft.text}\n${since}` : draft.text;
      keepText(place, words);
      if (home !== keeper && draft.images.length) {
        home.setImages([...draft.images, ...home.images].slice(0, MAX_IMAGES), words);
        keeper.sent(draft.images);
      }
    }
    // Who has gone on to something else is not called back.
    const active = document.activeElement;
    if (!active || active === document.body || form.current?.contains(active)) focus();
  }

  /** Do what a command of the page says; false: it is none, or its agent's own. */
  async function ours(said: string, chat: string): Promise<boolean> {
    const command = OURS.find(({ name }) => said === `/${name}`);
    if (!command || (command.name === "compact" && !view?.can?.compact)) return false;
    endCompletion();
    write("");
    if (command.name === "new") go(null);
    else await attempt(() => call("POST", `/chats/${chat}/compact`));
    return true;
  }

  const isStopping = stopping !== null && stopping === chatId;

  useEffect(() => {
    if (!isStopping) return;
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => {
      clearTimeout(timer);
      setSlow(false);
    };
  }, [isStopping]);

  /** Stop what runs; where that takes long, do not wait for the agent any more. */
  function stop() {
    if (chatId === null || (isStopping && !isSlow)) return;
    const now = isStopping ? "?now=true" : "";
    setStopping(chatId);
    setSlow(false);
    void attempt(() => call("POST", `/chats/${chatId}/interrupt${now}`)).then(() => setStopping((place) => (place === chatId ? null : place)));
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.isComposing) return;
    if (completion) {
      const count = completion.options.length;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        const step = event.key === "ArrowDown" ? 1 : count - 1;
        setCompletion({ ...completion, chosen: (completion.chosen + step) % count });
        return;
      }
      if (event.key === "Tab" || event.key === "Enter") {
        event.preventDefault();
        accept(completion.chosen);
        return;
      }
      if (event.key === "Escape") {
        endCompletion();
        return;
      }
    }
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      void submit(running && (event.ctrlKey || event.metaKey) && view?.can?.steer ? "steer" : "queue");
    } else if (event.key === "Escape" && running) {
      event.preventDefault();
      stop();
    }
  }

  async function attach(list: Iterable<File>) {
    const files = [...list]; // A list of the browser's is emptied when its event has passed.
    await loaded.current;
    for (const file of files) {
      if (!IMAGE_TYPES.includes(file.type)) say(`${file.name || "This"} is no image of a kind that agents take.`);
      else if (file.size > MAX_IMAGE) say(`${file.name} is larger than 8 MB.`);
      else {
        const data = await read(file);
        const all = [...attached.current, { media_type: file.type, data }];
        if (all.length > MAX_IMAGES) say(`A message has at most ${MAX_IMAGES} images.`);
        else if (all.reduce((sum, image) => sum + image.data.length, 0) > MAX_DATA) say("Together the images are larger than 16 MB.");
        else keepImages(all);
      }
    }
  }

  const empty = !text.trim() && !images.length;
  const lost = [...(unkept && text ? ["the text"] : []), ...(keeper.unkept.value && images.length ? ["the images"] : [])].join(" and ");

  useEffect(() => {
    if (!lost) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [lost]);

  return (
    <form
      ref={form}
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void submit("queue");
      }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        void attach(event.dataTransfer?.files ?? []);
      }}
    >
      {completion ? (
        <ul class="completion" role="listbox" id="completions" aria-label="Completions">
          {completion.options.map((option, index) => (
            <li
              key={option.value}
              id={`completion-${index}`}
              role="option"
              aria-selected={index === completion.chosen}
              onMouseDown={(event) => {
                event.preventDefault();
                accept(index);
              }}
            >
              <span>{plain(option.value)}</span>
              <small>{plain(option.hint)}</small>
            </li>
          ))}
        </ul>
      ) : null}
      {images.length ? (
        <ul class="attached" aria-label="Attached images">
          {images.map((image, index) => (
            <li key={index}>
              <img src={`data:${image.media_type};base64,${image.data}`} alt={`Attached image ${index + 1}`} />
              <button
                type="button"
                aria-label={`Remove image ${index + 1}`}
                onClick={() => keepImages(images.filter((_, other) => other !== index))}
              >
                <X size={12} />
              </button>
            </li>
          ))}
        </ul>
      ) : null}
      <p class="unkept" role="status">
        {lost ? `A draft could not be kept: ${lost} will be lost if the page is closed before it is sent.` : null}
      </p>
      <textarea
        ref={box}
        aria-label="Message"
        rows={1}
        placeholder={readOnly ? "This chat can only be read" : running ? "Say what comes next" : "Ask for a change, or anything else"}
        disabled={readOnly}
        value={text}
        aria-autocomplete="list"
        aria-controls={completion ? "completions" : undefined}
        aria-activedescendant={completion ? `completion-${completion.chosen}` : undefined}
        onInput={(event) => update(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        onPaste={(event) => {
          const files = [...(event.clipboardData?.files ?? [])];
          if (files.length) {
            event.preventDefault();
            void attach(files);
          }
        }}
      />
      <div class="composer-foot">
        <input
          ref={picker}
          type="file"
          accept={IMAGE_TYPES.join(",")}
          multiple
          hidden
          onChange={(event) => {
            void attach(event.currentTarget.files ?? []);
            event.currentTarget.value = "";
          }}
        />
        <button type="button" class="quiet" aria-label="Attach images" disabled={readOnly} onClick={() => picker.current?.click()}>
          <ImagePlus size={16} />
        </button>
        <span class="keys" aria-hidden="true">
          {running ? "Enter queues · Ctrl+Enter steers · Esc stops" : "Enter sends · Shift+Enter for a line"}
        </span>
        {running ? (
          <>
            {view?.can?.steer ? (
              <button type="button" disabled={empty} onClick={() => void submit("steer")}>
                <CornerDownRight size={14} /> Steer
              </button>
            ) : null}
            <button type="button" disabled={empty} onClick={() => void submit("queue")}>
              <ListPlus size={14} /> Queue
            </button>
            <button
              type="button"
              class="stop"
              aria-disabled={(isStopping && !isSlow) || undefined}
              title={isStopping && isSlow ? "Do not wait for the agent, which may have to be started again" : undefined}
              onClick={stop}
            >
              <Square size={12} fill="currentColor" /> {!isStopping ? "Stop" : isSlow ? "Stop now" : "Stopping …"}
            </button>
          </>
        ) : (
          <button type="submit" class="primary" disabled={empty || (sending && chatId === null) || readOnly}>
            <SendHorizontal size={14} /> Send
          </button>
        )}
      </div>
      {children ? (
        <div class="composer-settings" onFocusIn={(event) => (event.target as HTMLElement).scrollIntoView({ block: "nearest", inline: "nearest" })}>
          {children}
        </div>
      ) : null}
    </form>
  );
}

async function files(chat: string, text: string): Promise<Completion["options"]> {
  const found = await call<{ files: string[] }>("GET", `/chats/${chat}/files?limit=8&q=${encodeURIComponent(text)}`).catch(() => null);
  return (found?.files ?? []).map((value) => ({ value: `@${value}`, hint: "" }));
}

/** What a prompt may begin with, and skills, which it may name anywhere: `/` offers both, `$` skills alone. */
async function commands(chat: string, word: string): Promise<Completion["options"]> {
  const found = await call<{ commands: { name: string; description?: string; kind?: string }[] }>("GET", `/chats/${chat}/commands`).catch(() => null);
  const told = found?.commands ?? [];
  const skills = told.filter(({ kind }) => kind === "skill").map((each) => ({ ...each, sign: "$" }));
  const theirs = told.filter(({ kind, name }) => kind !== "skill" && !OURS.some((own) => own.name === name));
  const all = [...[...OURS, ...theirs].map((each) => ({ ...each, sign: "/" })), ...skills];
  const wanted = word.slice(1).toLowerCase();
  return all
    .filter(({ name, sign }) => (word[0] === "/" || sign === "$") && name.toLowerCase().includes(wanted))
    .slice(0, 8)
    .map(({ name, sign, description }) => ({ value: sign + name, hint: description ?? "" }));
}

function read(file: File): Promise<string> {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result).split(",")[1] ?? "");
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(file);
  });
}
