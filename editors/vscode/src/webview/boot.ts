// The boot of the page in a webview: it says where the page is, waits for endpoint and token, and keeps what is to stay.

import type { FromPage, Notice, ToPage } from "../panel/protocol";

declare function acquireVsCodeApi(): {
  postMessage(message: FromPage): void;
  getState(): unknown;
  setState(state: Kept): void;
};

interface Kept {
  chat?: string | null;
  kept?: Record<string, string>;
}

interface Embedding {
  endpoint: string;
  token: string;
  chat: string | null;
  kept(name: string): string | null;
  keep(name: string, value: string | null): void;
  post(told: FromPage): void;
  listen(take: (heard: ToPage) => void): void;
}

const PROTOCOL = 2;
const vscode = acquireVsCodeApi();
const state: Kept = { ...(vscode.getState() as Kept | undefined) };
const waiting: ToPage[] = [];
let take: ((heard: ToPage) => void) | undefined;
let found: ((embedding: Embedding) => void) | undefined;

function remember(changes: Kept): void {
  Object.assign(state, changes);
  vscode.setState(state);
}

(globalThis as unknown as { agentSdk: Promise<Embedding> }).agentSdk = new Promise((done) => {
  found = done;
});

addEventListener("message", (message: MessageEvent<ToPage>) => {
  if (message.origin !== self.origin) return;
  const told = message.data;
  if (told.type === "notice") {
    show(told.notice);
    return;
  }
  if (told.type === "server") {
    show(null);
    if (found) {
      found({
        endpoint: told.endpoint,
        token: told.token,
        chat: told.chat, // What this document keeps of itself may be of a while ago.
        kept: (name) => state.kept?.[name] ?? null,
        keep: (name, value) => {
          const kept = { ...state.kept };
          if (value === null) delete kept[name];
          else kept[name] = value;
          remember({ kept });
        },
        post: (said) => {
          if (said.type === "shown") remember({ chat: said.chat });
          vscode.postMessage(said);
        },
        listen: (taken) => {
          take = taken;
          for (const each of waiting.splice(0)) taken(each);
        },
      });
      found = undefined;
      return;
    }
  }
  if (take) take(told);
  else waiting.push(told);
});

addEventListener("error", (failed) => vscode.postMessage({ type: "failed", text: `${failed.message} at ${failed.filename}:${failed.lineno}`.slice(0, 4000) }));
addEventListener("unhandledrejection", (failed) => vscode.postMessage({ type: "failed", text: String(failed.reason).slice(0, 4000) }));
addEventListener("securitypolicyviolation", (refused) => vscode.postMessage({ type: "failed", text: `The page may not ${refused.effectiveDirective}: ${refused.blockedURI}`.slice(0, 4000) }));

function show(notice: Notice | null): void {
  const place = document.getElementById("notice");
  if (!place) return;
  place.replaceChildren();
  place.hidden = notice === null;
  document.body.classList.toggle("noticed", notice !== null);
  if (notice === null) return;
  const title = document.createElement("h1");
  title.textContent = notice.title;
  const text = document.createElement("p");
  text.textContent = notice.text;
  const actions = document.createElement("div");
  for (const { label, action } of notice.actions) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = label;
    button.className = actions.childElementCount ? "" : "primary";
    button.addEventListener("click", () => vscode.postMessage({ type: "act", action }));
    actions.append(button);
  }
  place.classList.toggle("busy", notice.isBusy);
  place.append(title, text, actions);
}

function hello(): void {
  vscode.postMessage({ type: "hello", protocol: PROTOCOL, origin: self.origin });
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", hello);
else hello();
