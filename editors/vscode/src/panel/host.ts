// The host of one webview: its document, the messages with its page, and what it shows.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { EventEmitter, Uri, type Disposable, type Webview } from "vscode";
import type { Log } from "../log";
import type { Supervisor } from "../server/supervisor";
import { wordsOf } from "../text";
import { documentOf } from "./html";
import { noticeOf } from "./notices";
import { PROTOCOL, read, type FromPage, type ToPage } from "./protocol";

/** What hosts have in common. */
export interface House {
  extension: Uri;
  version: string;
  server: Supervisor;
  log: Log;
  /** The address by which a webview reaches the server: another one where the window is on another machine. */
  external: (url: string) => Promise<string>;
}

export class PageHost implements Disposable {
  /** The chat that the page shows; undefined until it has said so. */
  chat: string | null | undefined;
  /** The request that the page asks its reader. */
  asking: string | null = null;
  private endpoint: string | undefined;
  private origin: string | undefined;
  private isStarted = false;
  private wanted: ToPage[] = [];
  private readonly subscriptions: Disposable[] = [];
  private readonly heard = new EventEmitter<FromPage>();
  readonly onDidHear = this.heard.event;

  constructor(
    readonly webview: Webview,
    private readonly house: House,
    private readonly first: string | null,
  ) {
    webview.options = { enableScripts: true, localResourceRoots: [Uri.joinPath(house.extension, "dist"), Uri.joinPath(house.extension, "media")] };
    this.subscriptions.push(
      this.heard,
      webview.onDidReceiveMessage((told: unknown) => void this.hear(told)),
    );
    this.load(undefined);
  }

  /** Tell the page something, once it listens. */
  say(told: ToPage): void {
    if (this.isStarted) void this.webview.postMessage(told);
    else this.wanted.push(told);
  }

  /** Show how the server is; give the page its address once there is one. */
  async meet(): Promise<void> {
    const state = this.house.server.state;
    if (state.is !== "running") {
      if (!this.isStarted || state.is !== "starting") void this.webview.postMessage({ type: "notice", notice: noticeOf(state) } satisfies ToPage);
      return;
    }
    try {
      const endpoint = await this.house.external(state.address.url);
      if (this.origin === undefined) return; // The document is being loaded, and says hello then.
      if (this.endpoint !== endpoint) {
        this.load(endpoint); // The policy names the address, so another address is another document.
        return;
      }
      await this.house.server.server?.say({ origins: [this.origin] });
      this.post({ type: "server", endpoint, token: state.address.token, chat: this.chat === undefined ? this.first : this.chat });
    } catch (error) {
      this.house.log.error(`The page could not be connected: ${wordsOf(error)}`);
    }
  }

  dispose(): void {
    for (const each of this.subscriptions) each.dispose();
  }

  private load(endpoint: string | undefined): void {
    this.endpoint = endpoint;
    this.isStarted = false;
    this.origin = undefined;
    this.asking = null;
    const at = (...path: string[]): string => this.webview.asWebviewUri(Uri.joinPath(this.house.extension, ...path)).toString();
    const page = JSON.parse(readFileSync(Uri.joinPath(this.house.extension, "dist", "page", "page.json").fsPath, "utf8")) as { script: string; style: string };
    const version = `?v=${this.house.version}`;
    const html = documentOf({
      source: this.webview.cspSource,
      boot: at("dist", "boot.js") + version,
      theme: at("media", "theme.css") + version,
      script: at("dist", "page", ...page.script.split("/")),
      style: at("dist", "page", ...page.style.split("/")),
      endpoint,
    });
    // VS Code loads a document anew only when it is another text.
    this.webview.html = html.replace("</html>", `<!-- ${randomBytes(8).toString("hex")} --></html>`);
  }

  private async hear(told: unknown): Promise<void> {
    const message = read(told);
    if (!message) {
      this.house.log.warn("A webview said something that it cannot say.");
      return;
    }
    switch (message.type) {
      case "hello":
        if (message.protocol !== PROTOCOL) {
          this.house.log.warn(`A webview of another version spoke (protocol ${message.protocol}); it is loaded anew.`);
          this.load(this.endpoint);
          return;
        }
        this.isStarted = false;
        this.origin = message.origin;
        await this.house.server.ensure().catch(() => {}); // The state says why not.
        await this.meet();
        return;
      case "started":
        this.isStarted = true;
        for (const each of this.wanted.splice(0)) this.post(each);
        break;
      case "shown":
        this.chat = message.chat;
        break;
      case "asking":
        this.asking = message.request;
        break;
      case "failed":
        this.house.log.error(`The page: ${message.text}`);
        break;
    }
    this.heard.fire(message);
  }

  private post(told: ToPage): void {
    void this.webview.postMessage(told);
  }
}
