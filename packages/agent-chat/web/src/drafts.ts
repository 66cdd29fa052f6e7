// Drafts beside their text in the browser: those of a chat are on its server, with their images; the images of a new chat are in
// the database of the browser, for there is no chat yet that they could be kept with.

import { signal } from "@preact/signals";
import { call } from "./api";
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

/** Note that the server has the text that is kept here too: from then on its own is the newer one, if they differ. */
function settleDraft(chat: string, text: string): void {
  if (kept(`draft:${chat}`) === text) keep(`settled:${chat}`, "1");
}

/** Keep the text of a draft beside its server; false where nothing keeps it. */
export function keepText(chat: string | null, text: string): boolean {
  if (chat !== null) keep(`settled:${chat}`, null);
  return keep(`draft:${chat ?? "new"}`, text);
}

/** Whether what the server keeps of a chat's draft counts: here is none, or one that the server had. */
export function isSettled(chat: string | null): boolean {
  return kept(`draft:${chat ?? "new"}`) === null || (chat !== null && kept(`settled:${chat}`) !== null);
}

const keepers = new Map<string, DraftKeeper>();

/** The one that keeps the draft of a chat; of a new one in a folder, where no chat is named. */
export function draftKeeper(chat: string | null, folder: string): DraftKeeper {
  const name = chat ?? `new in ${folder}`;
  let keeper = keepers.get(name);
  if (!keeper) {
    keeper = chat === null ? new DraftKeeper(inBrowser(name)) : new DraftKeeper(onServer(`/chats/${chat}/draft`), (text) => settleDraft(chat, text));
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

function inBrowser(name: string): Place {
  return {
    load: async () => ({ text: "", images: ((await inStore("readonly", (store) => store.get(name))) as Image[] | undefined) ?? [] }),
    save: async (_text, images) => {
      if (images) await inStore("readwrite", (store) => (images.length ? store.put(images, name) : store.delete(name)));
    },
  };
}

/** Do something with the images in the browser's database; a browser that has none keeps none. */
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
