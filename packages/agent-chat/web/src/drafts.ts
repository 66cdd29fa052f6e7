// Drafts beside their text in the browser: those of a chat are on its server, with their images; what is attached to a new chat is
// in the database of the browser, for there is no chat yet that it could be kept with. Within another program its text is there
// too: such a program may write what it keeps only now and then.

import { signal } from "@preact/signals";
import { call } from "./api";
import { host } from "./host";
import { keep, kept } from "./memory";
import type { Draft, Image } from "./types";

/** What another part of the page puts into the composer, such as comments of a review. */
export const inserted = signal<Draft | null>(null);

const PAUSE = 600;
/** After how long what could not be written is tried again; twice as long each time. */
const AGAIN = 3_000;
const AGAIN_AT_MOST = 60_000;

/** What is kept of one composer: the newest state, one write at a time, also after the composer is gone. */
export class DraftKeeper {
  /** What is attached, as it was last told or loaded. */
  images: Image[] = [];
  /** Whether what is attached is nowhere but in the composer, for it could not be written. */
  readonly unkept = signal(false);
  private text = "";
  private timer = 0;
  private hasText = false;
  private hasImages = false;
  private writing: Promise<void> | null = null;
  private again = AGAIN;

  constructor(
    private readonly place: Place,
    /** Hears which text is kept. */
    private readonly kept: (text: string) => void = () => {},
  ) {}

  /** Return what is kept, after what is still being written. */
  async load(): Promise<Draft> {
    await this.writing;
    const found = await this.place.load().catch(() => ({ text: "", images: [] }));
    if (!this.hasImages && !this.writing) this.images = found.images;
    return { text: found.text, images: this.images };
  }

  /** Keep a text, at the next pause. */
  setText(text: string): void {
    this.text = text;
    this.hasText = true;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.flush(), PAUSE);
  }

  /** Keep images at once, with the text beside them. */
  setImages(images: Image[], text: string): void {
    this.images = images;
    this.text = text;
    this.hasImages = true;
    this.flush();
  }

  /** Leave the text as it is kept: it is on its way. */
  sends(): void {
    clearTimeout(this.timer);
    this.text = "";
    this.hasText = false;
  }

  /** Forget what was sent; what was typed or attached since then stays. */
  sent(images: Image[]): void {
    this.hasText = true;
    if (images.length && images === this.images) {
      this.images = [];
      this.hasImages = true;
    }
    this.flush();
  }

  /** Write what is not written yet. */
  flush(): void {
    clearTimeout(this.timer);
    if (!this.writing && (this.hasText || this.hasImages)) this.writing = this.write();
  }

  private async write(): Promise<void> {
    while (this.hasText || this.hasImages) {
      const images = this.hasImages ? this.images : null;
      const text = this.text;
      this.hasText = this.hasImages = false;
      try {
        await this.place.save(text, images);
        this.kept(text);
        this.again = AGAIN;
        if (images) this.unkept.value = false;
      } catch {
        this.hasImages ||= images !== null; // They go with what is written next.
        break;
      }
    }
    this.writing = null;
    if (!this.hasImages) return;
    this.unkept.value = this.images.length > 0;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.flush(), this.again);
    this.again = Math.min(AGAIN_AT_MOST, 2 * this.again);
  }
}

interface Place {
  load(): Promise<Draft>;
  /** Keep a text, and images unless they are as they were. */
  save(text: string, images: Image[] | null): Promise<void>;
}

/** Note that the keeper has the text that is kept here too: from then on its own is the newer one, if they differ. */
function settleDraft(name: string, text: string): void {
  if (kept(`draft:${name}`) === text) keep(`settled:${name}`, "1");
}

/** Keep the text of a draft beside its keeper; false where nothing keeps it. */
export function keepText(chat: string | null, text: string): boolean {
  const name = chat ?? "new";
  if (kept(`settled:${name}`) !== null) keep(`settled:${name}`, null);
  return keep(`draft:${name}`, text);
}

/** Whether what the keeper has of a draft counts: here is none, or one that the keeper had. */
export function isSettled(chat: string | null): boolean {
  const name = chat ?? "new";
  return kept(`draft:${name}`) === null || kept(`settled:${name}`) !== null;
}

const keepers = new Map<string, DraftKeeper>();

/** The one that keeps the draft of a chat; of a new one in a folder, where no chat is named. */
export function draftKeeper(chat: string | null, folder: string): DraftKeeper {
  const name = chat ?? `new in ${folder}`;
  let keeper = keepers.get(name);
  if (!keeper) {
    const place = chat === null ? inBrowser(name) : onServer(`/chats/${chat}/draft`);
    keeper = new DraftKeeper(place, (text) => {
      if (chat !== null || keepsTexts()) settleDraft(chat ?? "new", text);
    });
    keepers.set(name, keeper);
  }
  return keeper;
}

function onServer(path: string): Place {
  return {
    load: () => call<Draft>("GET", path),
    save: (text, images) => call("PUT", path, images ? { text, images } : { text }),
  };
}

/** Whether the texts of new chats are in the browser's database: its own small store keeps them at once, a program's may not. */
function keepsTexts(): boolean {
  return host()?.keep !== undefined;
}

function inBrowser(name: string): Place {
  const read = async (): Promise<Draft> => {
    const found = (await inStore("readonly", (store) => store.get(name))) as Draft | Image[] | undefined;
    return Array.isArray(found) ? { text: "", images: found } : (found ?? { text: "", images: [] });
  };
  return {
    load: read,
    save: async (text, images) => {
      if (!images && !keepsTexts()) return;
      const draft = { text: keepsTexts() ? text : "", images: images ?? (await read()).images };
      const isEmpty = !draft.text && !draft.images.length;
      await inStore("readwrite", (store) => (isEmpty ? store.delete(name) : store.put(draft, name)));
    },
  };
}

/** Do something with the drafts in the browser's database; a browser that has none keeps none. */
function inStore(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
  return new Promise((done, failed) => {
    const opened = indexedDB.open("agent-sdk", 1);
    opened.onupgradeneeded = () => opened.result.createObjectStore("images");
    opened.onerror = () => failed(opened.error);
    opened.onsuccess = () => {
      try {
        const transaction = opened.result.transaction("images", mode);
        const asked = work(transaction.objectStore("images"));
        transaction.oncomplete = () => done(asked.result);
        transaction.onabort = () => failed(transaction.error);
      } catch (error) {
        failed(error);
      }
      opened.result.close(); // It waits for its transactions.
    };
  });
}
