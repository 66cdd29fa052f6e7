// Calls of the server's API, and its streams, with the token of the server that runs.

import type { Address } from "./child";
import type { ChatSummary, PendingRequest } from "./types";

const CLIENT = "VS Code";
const PROTOCOL = "agent-sdk.chat.v1";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export class Api {
  constructor(private readonly address: () => Address | undefined) {}

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const address = this.address();
    if (!address) throw new ApiError(0, "unreachable", "The server does not run.");
    const headers: Record<string, string> = { authorization: `Bearer ${address.token}`, "x-client": CLIENT };
    if (body !== undefined) headers["content-type"] = "application/json";
    const answer = await fetch(`${address.url}/api${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    if (answer.status === 204) return undefined as T;
    const told = (await answer.json().catch(() => null)) as { error?: { code?: string; message?: string } } | null;
    if (!answer.ok) throw new ApiError(answer.status, told?.error?.code ?? "failed", told?.error?.message ?? answer.statusText);
    return told as T;
  }

  about(): Promise<{ version: string; cwd: string; backends: string[]; read_only?: string }> {
    return this.call("GET", "");
  }

  async chats(): Promise<ChatSummary[]> {
    return (await this.call<{ chats: ChatSummary[] }>("GET", "/chats?limit=100")).chats;
  }

  async requests(chat: string): Promise<PendingRequest[]> {
    return (await this.call<{ pending: PendingRequest[] }>("GET", `/chats/${chat}/requests`)).pending;
  }

  async models(backend: string): Promise<{ id: string; label: string; description?: string }[]> {
    return (await this.call<{ models: { id: string; label: string }[] }>("GET", `/models?backend=${encodeURIComponent(backend)}`)).models;
  }

  answer(chat: string, request: string, option: string): Promise<void> {
    return this.call("POST", `/chats/${chat}/requests/${request}`, { option });
  }

  interrupt(chat: string): Promise<void> {
    return this.call("POST", `/chats/${chat}/interrupt`);
  }

  change(chat: string, changes: Record<string, unknown>): Promise<void> {
    return this.call("PATCH", `/chats/${chat}`, changes);
  }

  socket(path: string): WebSocket {
    const address = this.address();
    if (!address) throw new ApiError(0, "unreachable", "The server does not run.");
    return new WebSocket(`${address.url.replace(/^http/, "ws")}/api${path}`, [PROTOCOL, `agent-sdk.token.${address.token}`]);
  }
}
