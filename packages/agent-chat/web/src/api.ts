// Calls of the server's API, and its streams: a socket that comes back by itself, with its cursor.

import { address, authorization, protocols } from "./host";
import type { Event, Snapshot } from "./types";

const CLIENT = `tab ${Math.random().toString(36).slice(2, 6)}`;

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { "x-client": CLIENT, ...authorization() };
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(address(path), { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  } catch {
    throw new ApiError(0, "unreachable", "The server cannot be reached; it may have ended. Try again in a moment.");
  }
  if (answer.status === 204) return undefined as T;
  const told = await answer.json().catch(() => null);
  if (!answer.ok) {
    const error = told?.error ?? {};
    throw new ApiError(answer.status, error.code ?? "failed", error.message ?? answer.statusText, error.details ?? {});
  }
  return told as T;
}

/** Do what may be done twice, again and again for some seconds where the server cannot be reached. */
export async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempts = 0; ; attempts++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 0) || attempts > 4) throw error;
      await new Promise((done) => setTimeout(done, 300 * 2 ** attempts));
    }
  }
}

export function isMine(client: string | null | undefined): boolean {
  return client === CLIENT;
}

type Told = Snapshot | { type: "events"; epoch: string; events: Event[] } | { type: "error"; error: { message: string } };

/** A socket that is opened again whenever it is lost, sooner at first and then at most every five seconds. */
export class Stream<T> {
  private socket: WebSocket | null = null;
  private attempts = 0;
  private timer = 0;
  private ended = false;

  constructor(
    private readonly path: () => string,
    private readonly take: (told: T) => void,
    private readonly connected: (is: boolean) => void,
    private readonly finished: (code: number) => void = () => {},
  ) {
    this.open();
    addEventListener("online", this.retry);
  }

  close(): void {
    this.ended = true;
    clearTimeout(this.timer);
    removeEventListener("online", this.retry);
    this.socket?.close();
  }

  /** Begin anew at once, where the path says now. */
  anew(): void {
    const old = this.socket;
    clearTimeout(this.timer);
    this.open();
    old?.close();
  }

  private readonly retry = (): void => {
    if (this.socket === null && !this.ended) {
      clearTimeout(this.timer);
      this.open();
    }
  };

  private open(): void {
    const base = address(this.path());
    base.protocol = base.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(base, protocols());
    this.socket = socket;
    socket.onopen = () => {
      if (!this.ended && this.socket === socket) this.connected(true); // Where nothing happens, nothing is told.
    };
    socket.onmessage = (message) => {
      if (this.ended || this.socket !== socket) return;
      if (this.attempts >= 0) {
        this.attempts = -1;
        this.connected(true);
      }
      this.take(JSON.parse(String(message.data)) as T);
    };
    socket.onclose = (closed) => {
      if (this.ended || this.socket !== socket) return;
      this.socket = null;
      if (closed.code === 4404 || closed.code === 4410) {
        this.finished(closed.code);
        if (closed.code === 4404) return;
      }
      this.connected(false);
      this.attempts = Math.max(0, this.attempts) + 1;
      const wait = Math.min(5000, 150 * 2 ** this.attempts) * (0.7 + Math.random() * 0.6);
      this.timer = window.setTimeout(() => this.open(), wait);
    };
  }
}

export type ChatTold = Told;
