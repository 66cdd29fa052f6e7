// The places of the chat: a view in the side bar, and tabs of the editor. One of them is the active one.

import { EventEmitter, Uri, ViewColumn, commands, window, type Disposable, type ExtensionContext, type WebviewPanel, type WebviewView } from "vscode";
import { PageHost, type House } from "./host";
import type { FromPage } from "./protocol";

export const VIEW = "agentSdk.chat";
export const PANEL = "agentSdk.panel";
/** The chat that was shown last anywhere, and in the view: kept at once, which what a webview keeps of itself is not. */
const LAST = "agentSdk.lastChat";
const IN_VIEW = "agentSdk.chatInView";
const PATIENCE_MS = 20_000;

interface Place {
  host: PageHost;
  isVisible: () => boolean;
  reveal: () => void;
  close: () => void;
}

export interface Heard {
  host: PageHost;
  message: FromPage;
}

export class Panels implements Disposable {
  private readonly places = new Set<Place>();
  private view: Place | undefined;
  private last: Place | undefined;
  private readonly subscriptions: Disposable[] = [];
  private readonly heard = new EventEmitter<Heard>();
  private readonly changes = new EventEmitter<void>();
  /** A page said something. */
  readonly onDidHear = this.heard.event;
  /** Another place is active, visible, or shows another chat. */
  readonly onDidChange = this.changes.event;

  constructor(
    private readonly house: House,
    private readonly context: ExtensionContext,
  ) {
    const options = { webviewOptions: { retainContextWhenHidden: true } };
    this.subscriptions.push(
      this.heard,
      this.changes,
      window.registerWebviewViewProvider(VIEW, { resolveWebviewView: (view) => this.resolveView(view) }, options),
      window.registerWebviewPanelSerializer(PANEL, { deserializeWebviewPanel: async (panel, state: unknown) => void this.adopt(panel, chatOf(state)) }),
    );
  }

  /** The place that commands mean: the visible one that was used last. */
  get active(): PageHost | undefined {
    return this.place()?.host;
  }

  get isAnyVisible(): boolean {
    return [...this.places].some((place) => place.isVisible());
  }

  /** Whether a chat is in sight. */
  shows(chat: string): boolean {
    return [...this.places].some((place) => place.isVisible() && place.host.chat === chat);
  }

  /** Whether a request is the one that a chat in sight asks. */
  asks(request: string): boolean {
    return [...this.places].some((place) => place.isVisible() && place.host.asking === request);
  }

  /** Show the chat, in the side bar unless it is open elsewhere, and return its host. */
  async open(): Promise<PageHost> {
    const place = this.place();
    if (place) {
      place.reveal();
      return place.host;
    }
    await commands.executeCommand(`${VIEW}.focus`);
    return (this.view ?? (await this.resolved())).host;
  }

  /** The view, once VS Code has made it: after a reload with a closed side bar that is later than its focus. */
  private resolved(): Promise<Place> {
    return new Promise((done, failed) => {
      const timer = setTimeout(() => {
        listening.dispose();
        failed(new Error("The view of the chat did not open."));
      }, PATIENCE_MS);
      const listening = this.changes.event(() => {
        if (!this.view) return;
        clearTimeout(timer);
        listening.dispose();
        done(this.view);
      });
    });
  }

  openInEditor(): PageHost {
    const panel = window.createWebviewPanel(PANEL, "Chat", { viewColumn: ViewColumn.Active }, { enableScripts: true, retainContextWhenHidden: true });
    return this.adopt(panel, this.active?.chat ?? this.lastChat);
  }

  async close(): Promise<void> {
    const visible = [...this.places].filter((place) => place.isVisible());
    for (const place of visible) place.close();
    if (visible.includes(this.view!)) await commands.executeCommand("workbench.action.closeSidebar");
  }

  /** Tell every page how the server is. */
  meet(): void {
    for (const place of this.places) void place.host.meet();
  }

  dispose(): void {
    for (const place of this.places) place.host.dispose();
    for (const each of this.subscriptions) each.dispose();
  }

  private get lastChat(): string | null {
    return this.context.workspaceState.get<string | null>(LAST) ?? null;
  }

  private place(): Place | undefined {
    const visible = [...this.places].filter((place) => place.isVisible());
    return visible.find((place) => place === this.last) ?? visible[0] ?? this.last ?? [...this.places][0];
  }

  private resolveView(view: WebviewView): void {
    const place: Place = {
      host: new PageHost(view.webview, this.house, this.context.workspaceState.get<string | null>(IN_VIEW, this.lastChat)),
      isVisible: () => view.visible,
      reveal: () => view.show(false),
      close: () => {},
    };
    this.view = place;
    this.add(place, view.onDidDispose);
    view.onDidChangeVisibility(() => this.changes.fire());
  }

  private adopt(panel: WebviewPanel, chat: string | null): PageHost {
    panel.iconPath = Uri.joinPath(this.house.extension, "media", "icon.png");
    const place: Place = {
      host: new PageHost(panel.webview, this.house, chat),
      isVisible: () => panel.visible,
      reveal: () => panel.reveal(),
      close: () => panel.dispose(),
    };
    this.add(place, panel.onDidDispose);
    panel.onDidChangeViewState(() => {
      if (panel.active) this.last = place;
      this.changes.fire();
    });
    return place.host;
  }

  private keep(place: Place, chat: string | null): void {
    void this.context.workspaceState.update(LAST, chat);
    if (place === this.view) void this.context.workspaceState.update(IN_VIEW, chat);
  }

  private add(place: Place, ended: (listener: () => void) => Disposable): void {
    this.places.add(place);
    this.last = place;
    place.host.onDidHear((message) => {
      if (message.type === "typing" && message.is) this.last = place;
      if (message.type === "shown") this.keep(place, message.chat);
      this.heard.fire({ host: place.host, message });
      if (message.type === "shown" || message.type === "typing") this.changes.fire();
    });
    ended(() => {
      place.host.dispose();
      this.places.delete(place);
      if (this.last === place) this.last = undefined;
      if (this.view === place) this.view = undefined;
      this.changes.fire();
    });
    this.changes.fire();
  }
}

function chatOf(state: unknown): string | null {
  const chat = typeof state === "object" && state !== null && "chat" in state ? state.chat : null;
  return typeof chat === "string" && /^[\w-]{1,100}$/.test(chat) ? chat : null;
}
