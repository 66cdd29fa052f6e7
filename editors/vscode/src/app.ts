// The parts of the extension, and how they hear of each other.

import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Uri, commands, env, window, workspace, StatusBarAlignment, ThemeColor, ViewColumn, type Disposable, type ExtensionContext, type StatusBarItem } from "vscode";
import { act, registerCommands, showChat } from "./commands";
import { setKeys } from "./contextKeys";
import { Changes } from "./editor/changes";
import { firstChange } from "./editor/patch";
import { Launcher, inspect } from "./launch";
import { Log } from "./log";
import { SHOW, notificationOf } from "./notifications";
import { Panels, type Heard } from "./panel/panels";
import { Secrets } from "./secrets";
import { Api } from "./server/api";
import { ServerChild } from "./server/child";
import { Supervisor, type ServerState } from "./server/supervisor";
import { LINGER_SECONDS, leaveNote } from "./server/takeover";
import type { FileDiff } from "./server/types";
import { Watch, type Waiting } from "./server/watch";
import { isOn } from "./settings";
import { statusOf } from "./status";
import { wordsOf } from "./text";

const RESTARTING = /^agentSdk\.(?!openEditedFiles|showChangesFirst|notify)/;

export class App implements Disposable {
  readonly manifest: Record<string, unknown>;
  readonly version: string;
  readonly log: Log;
  readonly secrets: Secrets;
  readonly launcher: Launcher;
  readonly server: Supervisor;
  readonly api: Api;
  readonly watch: Watch;
  readonly panels: Panels;
  readonly changes: Changes;
  private readonly bar: StatusBarItem;
  private readonly told = new Set<string>();
  private readonly subscriptions: Disposable[];

  constructor(context: ExtensionContext) {
    this.manifest = context.extension.packageJSON as Record<string, unknown>;
    this.version = String(this.manifest["version"]);
    this.log = new Log(window.createOutputChannel("Agents", { log: true }));
    this.secrets = new Secrets(context.secrets, this.log);
    this.launcher = new Launcher(context, this.log, this.secrets);
    this.server = new Supervisor({
      open: () => this.launcher.open(),
      changed: (state) => this.serverChanged(state),
      restarted: (why) => this.serverRestarted(why),
      wait: (milliseconds) => new Promise((done) => setTimeout(done, milliseconds)),
      now: () => Date.now(),
    });
    this.api = new Api(() => this.server.server?.address);
    this.watch = new Watch(this.api, this.log);
    this.changes = new Changes(this.watch);
    const external = async (url: string): Promise<string> => (env.remoteName && env.uiKind === 1 ? (await env.asExternalUri(Uri.parse(url))).toString().replace(/\/$/, "") : url);
    this.panels = new Panels({ extension: context.extensionUri, version: this.version, server: this.server, log: this.log, external }, context);
    this.bar = window.createStatusBarItem("agentSdk.status", StatusBarAlignment.Right, 100);
    this.bar.name = "Agents";
    this.bar.command = "agentSdk.open";
    this.bar.show();
    this.subscriptions = [
      this.bar,
      this.watch,
      this.changes,
      this.panels,
      this.watch.onDidChange(() => this.refresh()),
      this.watch.onDidEdit(({ chat, diffs }) => void this.edited(chat?.cwd ?? null, diffs)),
      this.panels.onDidHear((heard) => void this.hear(heard)),
      this.panels.onDidChange(() => this.refresh()),
      workspace.onDidGrantWorkspaceTrust(() => void this.trusted()),
      workspace.onDidChangeConfiguration((event) => event.affectsConfiguration("agentSdk") && this.configured(event.affectsConfiguration.bind(event))),
      ...registerCommands(this),
    ];
    this.refresh();
  }

  /** The request that a command means: of the chat in sight first, the oldest first. */
  oldest(fits: (waiting: Waiting) => boolean = () => true): Waiting | undefined {
    const waiting = this.watch.waiting.filter(fits);
    return waiting.find((each) => each.chat.id === this.watch.shownChat) ?? waiting[0];
  }

  /** End with the window. A server in which something runs or waits is left to the window that may follow. */
  async close(): Promise<void> {
    const held = this.server.close();
    this.watch.stop();
    if (!held) return;
    const note = this.launcher.note;
    const isBusy = this.watch.chats.some((chat) => ["opening", "running", "requires_action"].includes(chat.state));
    if (!isBusy || !note || !workspace.isTrusted) {
      await held.release(3);
      return;
    }
    try {
      mkdirSync(dirname(note), { recursive: true }); // Not by the editor: its window may be gone already.
      await held.say({ linger: LINGER_SECONDS });
      leaveNote(note, held.address);
    } catch (error) {
      this.log.error(`The server could not be left to the next window: ${wordsOf(error)}`);
    }
    if (held instanceof ServerChild) held.abandon();
    else await held.release(0);
  }

  dispose(): void {
    for (const each of this.subscriptions) each.dispose();
    this.log.dispose();
  }

  private serverChanged(state: ServerState): void {
    if (state.is === "running") this.watch.start();
    else this.watch.stop();
    if (state.is === "failed") this.log.error(state.reason);
    this.panels.meet();
    this.refresh();
  }

  private serverRestarted(why: string): void {
    this.log.warn(`The server was started again: ${why}.`);
    void window.showWarningMessage(`The agents' server was started again: ${why}. A turn that ran has ended; the chat goes on.`, "Show Log").then((chosen) => chosen && this.log.show());
  }

  private refresh(): void {
    const chat = this.panels.active?.chat ?? undefined;
    this.watch.show(chat);
    const { shown, waiting } = this.watch;
    setKeys({
      "agentSdk.serverRunning": this.server.state.is === "running",
      "agentSdk.chatShown": chat !== undefined,
      "agentSdk.chatVisible": this.panels.isAnyVisible,
      "agentSdk.running": shown?.state === "running" || shown?.state === "requires_action" || shown?.state === "opening",
      "agentSdk.waiting": waiting.length > 0,
    });
    const status = statusOf(this.server.state, shown, waiting.length);
    this.bar.text = status.text;
    this.bar.tooltip = status.tooltip;
    this.bar.backgroundColor = status.isWarning ? new ThemeColor("statusBarItem.warningBackground") : undefined;
    const open = new Set(waiting.map(({ request }) => request.request_id));
    for (const known of this.told) if (!open.has(known)) this.told.delete(known);
    for (const each of waiting) {
      if (this.told.has(each.request.request_id)) continue;
      this.told.add(each.request.request_id);
      void this.attend(each);
    }
  }

  /** Tell of a request that has just come: by its changes, and by a notification where no chat is in sight. */
  private async attend(waiting: Waiting): Promise<void> {
    const isMine = waiting.chat.id === this.watch.shownChat;
    if (isMine && waiting.request.asked?.diffs.length && isOn(inspect, "showChangesFirst", true)) await this.changes.show(waiting, false);
    if (this.panels.shows(waiting.chat.id) || !isOn(inspect, "notify", true)) return;
    const { text, choices } = notificationOf(waiting);
    const chosen = await window.showWarningMessage(this.log.clean(text), ...choices.map((option) => option.name), SHOW);
    const option = choices.find((each) => each.name === chosen);
    try {
      if (option) await this.api.answer(waiting.chat.id, waiting.request.request_id, option.id);
      else if (chosen) await showChat(this, waiting);
    } catch (error) {
      void window.showInformationMessage(wordsOf(error));
    }
  }

  private async edited(cwd: string | null, diffs: readonly FileDiff[]): Promise<void> {
    if (!isOn(inspect, "openEditedFiles", true) || !this.panels.isAnyVisible) return;
    for (const { path, hunks } of diffs) {
      if (path) await this.changes.open(path, cwd, hunks[0] ? firstChange(hunks[0]) : null, false).catch((error: unknown) => this.log.debug(`${path} was not opened: ${wordsOf(error)}`));
    }
  }

  private async hear({ host, message }: Heard): Promise<void> {
    switch (message.type) {
      case "typing":
        setKeys({ "agentSdk.typing": message.is });
        return;
      case "confirm": {
        const chosen = await window.showWarningMessage(message.question, { modal: true }, message.yes);
        host.say({ type: "confirmed", id: message.id, is: chosen === message.yes });
        return;
      }
      case "save": {
        const folder = workspace.workspaceFolders?.[0]?.uri;
        const target = await window.showSaveDialog(folder ? { defaultUri: Uri.joinPath(folder, message.name.replaceAll("/", "_")) } : {});
        if (!target) return;
        await workspace.fs.writeFile(target, new TextEncoder().encode(message.text));
        await window.showTextDocument(target, { viewColumn: ViewColumn.Active });
        return;
      }
      case "diff": {
        const waiting = this.watch.waiting.find((each) => each.request.request_id === message.request);
        if (waiting) await this.changes.show(waiting, true);
        return;
      }
      case "open": {
        const cwd = this.watch.chats.find((chat) => chat.id === message.chat)?.cwd ?? null;
        await this.changes.open(message.path, cwd, message.line, true).catch((error: unknown) => void window.showWarningMessage(wordsOf(error)));
        return;
      }
      case "act":
        await act(this, message.action);
        return;
      default:
        return;
    }
  }

  private async trusted(): Promise<void> {
    this.log.info("The workspace is trusted now.");
    if (this.server.state.is !== "stopped") await this.server.restart().catch(() => {});
  }

  private configured(affects: (name: string) => boolean): void {
    const properties = Object.keys((this.manifest["contributes"] as { configuration: { properties: object } }).configuration.properties);
    if (!properties.some((name) => RESTARTING.test(name) && affects(name)) || this.server.state.is === "stopped") return;
    void window.showInformationMessage("These settings count once the server is started again.", "Restart the Server").then((chosen) => chosen && commands.executeCommand("agentSdk.restart"));
  }
}
