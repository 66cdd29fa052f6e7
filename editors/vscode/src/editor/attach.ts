// What the editor can add to a message: a selection, a file, its problems, the changes that git sees.

import { relative } from "node:path";
import { DiagnosticSeverity, extensions, languages, window, workspace, type Diagnostic, type Event, type Uri } from "vscode";
import { fenced } from "./fence";

const MAX_DIFF = 60_000;
const SEVERITIES: Record<number, string> = {
  [DiagnosticSeverity.Error]: "error",
  [DiagnosticSeverity.Warning]: "warning",
  [DiagnosticSeverity.Information]: "information",
  [DiagnosticSeverity.Hint]: "hint",
};

export function pathOf(uri: Uri): string {
  const folder = workspace.getWorkspaceFolder(uri);
  return folder ? relative(folder.uri.fsPath, uri.fsPath) : uri.fsPath;
}

/** The selected lines, with where they stand; undefined where nothing is selected. */
export function selectionText(): string | undefined {
  const editor = window.activeTextEditor;
  if (!editor || editor.selection.isEmpty) return undefined;
  const { start, end } = editor.selection;
  const last = end.character === 0 && end.line > start.line ? end.line : end.line + 1;
  const lines = start.line + 1 === last ? `line ${last}` : `lines ${start.line + 1}-${last}`;
  return `@${pathOf(editor.document.uri)} ${lines}:\n${fenced(editor.document.getText(editor.selection), editor.document.languageId)}\n`;
}

/** A mention of a file, which the agent then reads. */
export function fileText(uri: Uri | undefined): string | undefined {
  const file = uri ?? window.activeTextEditor?.document.uri;
  return file?.scheme === "file" ? `@${pathOf(file)} ` : undefined;
}

/** The problems of the file that is edited; undefined where there are none. */
export function problemsText(): string | undefined {
  const uri = window.activeTextEditor?.document.uri;
  if (!uri) return undefined;
  const problems = languages.getDiagnostics(uri);
  return problems.length ? `Problems in @${pathOf(uri)}:\n${problems.map(problemLine).join("\n")}\n` : undefined;
}

function problemLine(problem: Diagnostic): string {
  const source = problem.source ? `${problem.source}: ` : "";
  return `- line ${problem.range.start.line + 1}: ${SEVERITIES[problem.severity]}: ${source}${problem.message.replace(/\s+/g, " ")}`;
}

interface Repository {
  diff(cached?: boolean): Promise<string>;
}

interface GitApi {
  state: "uninitialized" | "initialized";
  onDidChangeState: Event<unknown>;
  repositories: Repository[];
  getRepository(uri: Uri): Repository | null;
}

const PATIENCE_MS = 10_000;

/** Wait until git has looked for repositories, which it does for a while after a window was opened. */
async function initialized(git: GitApi): Promise<void> {
  if (git.state === "initialized") return;
  await new Promise<void>((done) => {
    const end = (): void => {
      clearTimeout(timer);
      listening.dispose();
      done();
    };
    const timer = setTimeout(end, PATIENCE_MS);
    const listening = git.onDidChangeState(() => git.state === "initialized" && end());
  });
}

/** What git sees as changed, staged or not; undefined where nothing is, or there is no repository. */
export async function gitText(): Promise<string | undefined> {
  const extension = extensions.getExtension<{ getAPI(version: 1): GitApi }>("vscode.git");
  if (!extension) return undefined;
  const git = (await extension.activate()).getAPI(1);
  await initialized(git);
  const here = window.activeTextEditor?.document.uri ?? workspace.workspaceFolders?.[0]?.uri;
  const repository = (here && git.getRepository(here)) ?? git.repositories[0];
  if (!repository) return undefined;
  const diff = [await repository.diff(true), await repository.diff(false)].filter((part) => part.trim()).join("\n");
  if (!diff.trim()) return undefined;
  const cut = diff.length > MAX_DIFF ? `${diff.slice(0, MAX_DIFF)}\n… cut: ${diff.length - MAX_DIFF} more characters` : diff;
  return `The uncommitted changes:\n${fenced(cut, "diff")}\n`;
}
