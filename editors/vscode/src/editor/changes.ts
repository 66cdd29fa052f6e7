// Diff editors of changes that wait for an answer: opened before it, closed after it; files opened once they are edited.

import { isAbsolute, join } from "node:path";
import { EventEmitter, Position, Range, TabInputTextDiff, Uri, ViewColumn, commands, window, workspace, type Disposable, type TextDocumentContentProvider } from "vscode";
import { named } from "../status";
import type { Watch, Waiting } from "../server/watch";
import type { FileDiff } from "../server/types";
import { patch } from "./patch";

const SCHEME = "agent-sdk-changes";
const MAX_BYTES = 5 * 2 ** 20;

export class Changes implements TextDocumentContentProvider, Disposable {
  private readonly texts = new Map<string, string>();
  private readonly shown = new Set<string>();
  private readonly changed = new EventEmitter<Uri>();
  private readonly subscriptions: Disposable[];
  readonly onDidChange = this.changed.event;

  constructor(private readonly watch: Watch) {
    this.subscriptions = [this.changed, workspace.registerTextDocumentContentProvider(SCHEME, this), watch.onDidChange(() => void this.closeAnswered())];
  }

  provideTextDocumentContent(uri: Uri): string {
    return this.texts.get(uri.toString()) ?? "";
  }

  /** Whether the changes of a request are open in a diff editor. */
  isShown(request: string): boolean {
    return this.shown.has(request);
  }

  /** Show the changes that a request is about, a diff editor a file; returns how many. */
  async show({ chat, request }: Waiting, focus: boolean): Promise<number> {
    const files = new Map<string, FileDiff[]>();
    for (const diff of request.asked?.diffs ?? []) files.set(diff.path, [...(files.get(diff.path) ?? []), diff]);
    if (files.size) this.shown.add(request.request_id);
    for (const [path, diffs] of files) {
      const file = fileOf(path, chat.cwd);
      const { before, after, isWhole } = patch(await read(file), diffs);
      const left = this.keep(file, request.request_id, "before", before);
      const right = this.keep(file, request.request_id, "after", after);
      const name = path.split("/").at(-1) || "changes";
      const title = `${name}: ${named(chat.backend)} asks${isWhole ? "" : " (the changed lines alone)"}`;
      await commands.executeCommand("vscode.diff", left, right, title, { preview: false, preserveFocus: !focus, viewColumn: ViewColumn.Active });
    }
    return files.size;
  }

  /** Open a file that an agent has edited, where it was edited, without taking the keyboard. */
  async open(path: string, cwd: string | null, line: number | null, focus: boolean): Promise<void> {
    const file = fileOf(path, cwd);
    const at = new Position(Math.max(0, (line ?? 1) - 1), 0);
    await window.showTextDocument(await workspace.openTextDocument(file), { preview: true, preserveFocus: !focus, selection: new Range(at, at) });
  }

  dispose(): void {
    for (const each of this.subscriptions) each.dispose();
  }

  private keep(file: Uri, request: string, side: "before" | "after", text: string): Uri {
    const uri = Uri.from({ scheme: SCHEME, path: file.path, query: `${request}/${side}` });
    this.texts.set(uri.toString(), text);
    this.changed.fire(uri);
    return uri;
  }

  private async closeAnswered(): Promise<void> {
    const open = new Set(this.watch.waiting.map(({ request }) => request.request_id));
    const done = [...this.shown].filter((request) => !open.has(request));
    for (const request of done) this.shown.delete(request);
    if (!done.length) return;
    const isDone = (uri: Uri): boolean => uri.scheme === SCHEME && done.includes(uri.query.split("/")[0] ?? "");
    for (const tab of window.tabGroups.all.flatMap((group) => group.tabs)) {
      if (tab.input instanceof TabInputTextDiff && isDone(tab.input.modified)) await window.tabGroups.close(tab, true);
    }
    for (const uri of this.texts.keys()) if (isDone(Uri.parse(uri))) this.texts.delete(uri);
  }
}

function fileOf(path: string, cwd: string | null): Uri {
  const base = cwd ?? workspace.workspaceFolders?.[0]?.uri.fsPath ?? "/";
  return Uri.file(isAbsolute(path) ? path : join(base, path));
}

async function read(file: Uri): Promise<string> {
  const open = workspace.textDocuments.find((document) => document.uri.toString() === file.toString() && !document.isDirty);
  if (open) return open.getText();
  try {
    if ((await workspace.fs.stat(file)).size > MAX_BYTES) return "";
    return new TextDecoder().decode(await workspace.fs.readFile(file));
  } catch {
    return ""; // It is made by the change.
  }
}
