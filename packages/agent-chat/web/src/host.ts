// Where the page runs: in a browser of its own, or within another program that gives it an endpoint and a token.

export interface Server {
  /** Address of the server, such as http://127.0.0.1:8000. */
  endpoint: string;
  /** What `Authorization: Bearer` shows; the server admits the page's origin with it. */
  token: string;
}

/** What the page tells the program around it. */
export type Told =
  | { type: "started" }
  | { type: "shown"; chat: string | null }
  | { type: "asking"; request: string | null }
  | { type: "typing"; is: boolean }
  | { type: "confirm"; id: number; question: string; yes: string }
  | { type: "save"; name: string; text: string }
  | { type: "diff"; chat: string; request: string }
  | { type: "open"; chat: string; path: string; line: number | null };

/** What the program around it tells the page. */
export type Heard =
  | ({ type: "server" } & Server)
  | { type: "show"; chat: string | null }
  | { type: "focus" }
  | { type: "insert"; text: string }
  | { type: "confirmed"; id: number; is: boolean };

/** What a program sets as `globalThis.agentSdk`, or as a promise of it, before the page's script runs. */
export interface Embedding extends Server {
  /** The chat that is shown first. */
  chat?: string | null;
  /** Where drafts and choices are kept; absent: in the browser's own store. */
  kept?: (name: string) => string | null;
  keep?: (name: string, value: string | null) => void;
  post?: (told: Told) => void;
  listen?: (take: (heard: Heard) => void) => void;
}

declare global {
  var agentSdk: Embedding | Promise<Embedding> | undefined;
}

let embedding: Embedding | null = null;
const confirming = new Map<number, (is: boolean) => void>();

/** Wait for what the program around the page says of its server; null in a browser of its own. */
export async function findHost(): Promise<Embedding | null> {
  embedding = (await globalThis.agentSdk) ?? null;
  return embedding;
}

export function host(): Embedding | null {
  return embedding;
}

/** Whether the program around the page does what a browser does otherwise: opens files, saves, asks. */
export function isHosted(): boolean {
  return embedding?.post !== undefined;
}

export function tell(told: Told): void {
  embedding?.post?.(told);
}

export function moved(server: Server): void {
  if (embedding) Object.assign(embedding, { endpoint: server.endpoint, token: server.token });
}

/** The address of a path below `/api`. */
export function address(path: string): URL {
  return new URL(`api${path}`, embedding ? `${embedding.endpoint.replace(/\/$/, "")}/` : document.baseURI);
}

export function authorization(): Record<string, string> {
  return embedding ? { authorization: `Bearer ${embedding.token}` } : {};
}

/** The protocols of a socket: browsers let it set no header, so the token is one of them. */
export function protocols(): string[] {
  return embedding ? ["agent-sdk.chat.v1", `agent-sdk.token.${embedding.token}`] : [];
}

export function confirmed(question: string, yes: string): Promise<boolean> {
  if (!isHosted()) return Promise.resolve(confirm(question));
  const id = confirming.size + Date.now();
  return new Promise((done) => {
    confirming.set(id, done);
    tell({ type: "confirm", id, question, yes });
  });
}

export function settle(id: number, is: boolean): void {
  confirming.get(id)?.(is);
  confirming.delete(id);
}

/** Fetch what a link downloads in a browser, and have it saved; a link cannot show the token. */
export async function download(path: string, name: string): Promise<void> {
  const answer = await fetch(address(path), { headers: authorization() });
  if (!answer.ok) throw new Error(`It could not be fetched: ${answer.statusText}.`);
  const text = await answer.text();
  if (isHosted()) {
    tell({ type: "save", name, text });
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text]));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
