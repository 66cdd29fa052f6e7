// The watch over all chats, and over the one that is shown: what runs, what waits, what was edited.

import { EventEmitter, type Disposable } from "vscode";
import type { Log } from "../log";
import { wordsOf } from "../text";
import type { Api } from "./api";
import type { Card, ChatSummary, ChatView, FileDiff, PendingRequest } from "./types";

export interface Waiting {
  chat: ChatSummary;
  request: PendingRequest;
}

interface Told {
  type: "ready" | "event" | "snapshot" | "events" | "error" | "held";
  event?: string;
  chat?: ChatView;
  pending?: PendingRequest[];
  events?: { kind: string; chat?: ChatView; cards?: Record<string, Card> }[];
}

const SOON_MS = 60;
const AGAIN_MS = 1000;

export class Watch implements Disposable {
  chats: ChatSummary[] = [];
  waiting: Waiting[] = [];
  /** The chat that is shown, as its own stream tells it. */
  shown: ChatView | undefined;
  private shownId: string | undefined;
  private sockets: { all?: WebSocket | undefined; shown?: WebSocket | undefined } = {};
  private timers = new Set<NodeJS.Timeout>();
  private soon: NodeJS.Timeout | undefined;
  private isOn = false;
  private asked = 0;
  private answered = 0;
  private readonly changes = new EventEmitter<void>();
  private readonly edits = new EventEmitter<{ chat: ChatView | undefined; diffs: FileDiff[] }>();
  readonly onDidChange = this.changes.event;
  readonly onDidEdit = this.edits.event;

  constructor(
    private readonly api: Api,
    private readonly log: Log,
  ) {}

  /** Begin to watch the server that runs, or begin anew. */
  start(): void {
    this.stop();
    this.isOn = true;
    this.openAll();
    if (this.shownId) this.openShown(this.shownId);
  }

  /** Forget what was known: no server runs. */
  stop(): void {
    this.isOn = false;
    for (const socket of Object.values(this.sockets)) socket?.close();
    for (const timer of this.timers) clearTimeout(timer);
    clearTimeout(this.soon);
    this.timers.clear();
    this.sockets = {};
    this.waiting = [];
    this.shown = undefined;
    this.changes.fire();
  }

  /** Look closer at one chat; undefined: at none. */
  show(chat: string | undefined): void {
    if (chat === this.shownId) return;
    this.shownId = chat;
    this.shown = undefined;
    this.sockets.shown?.close();
    this.sockets.shown = undefined;
    if (chat && this.isOn) this.openShown(chat);
    this.changes.fire();
  }

  get shownChat(): string | undefined {
    return this.shownId;
  }

  async refresh(): Promise<void> {
    const turn = ++this.asked;
    try {
      const chats = await this.api.chats();
      const waiting = await Promise.all(
        chats.filter((chat) => chat.waiting > 0).map(async (chat) => (await this.api.requests(chat.id)).map((request) => ({ chat, request }))),
      );
      // Answers may come in another order, or when no server runs any more.
      if (!this.isOn || turn < this.answered) return;
      this.answered = turn;
      this.chats = chats;
      this.waiting = waiting.flat();
      this.changes.fire();
    } catch (error) {
      if (this.isOn) this.log.debug(`The chats could not be listed: ${wordsOf(error)}`);
    }
  }

  dispose(): void {
    this.stop();
    this.changes.dispose();
    this.edits.dispose();
  }

  private openAll(): void {
    this.sockets.all = this.open("/events", (told) => (told.event === "MessageArrived" ? undefined : this.later()), () => this.openAll());
  }

  private openShown(chat: string): void {
    let first = true;
    this.sockets.shown = this.open(
      `/chats/${chat}/events`,
      (told) => {
        if (chat !== this.shownId) return;
        if (told.type === "snapshot") {
          this.shown = told.chat;
          if (first) this.changes.fire();
          first = false;
        }
        for (const event of told.events ?? []) {
          if (event.chat) {
            this.shown = event.chat;
            this.changes.fire();
          }
          const diffs = Object.values(event.cards ?? {}).flatMap((card) => (card.state === "completed" ? card.diffs : []));
          if (diffs.length) this.edits.fire({ chat: this.shown, diffs });
        }
      },
      () => {
        if (chat === this.shownId) this.openShown(chat);
      },
    );
  }

  /** Open a stream, and have it opened again when it is lost while a server runs. */
  private open(path: string, take: (told: Told) => void, again: () => void): WebSocket | undefined {
    let socket: WebSocket;
    try {
      socket = this.api.socket(path);
    } catch {
      return undefined;
    }
    socket.addEventListener("message", (message) => take(JSON.parse(String(message.data)) as Told));
    socket.addEventListener("error", () => {}); // Its end comes after it.
    socket.addEventListener("close", (closed) => {
      if (!this.isOn || !Object.values(this.sockets).includes(socket) || closed.code === 4404) return;
      const timer = setTimeout(() => {
        this.timers.delete(timer);
        if (this.isOn) again();
      }, AGAIN_MS);
      this.timers.add(timer);
    });
    return socket;
  }

  private later(): void {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => void this.refresh(), SOON_MS);
  }
}
