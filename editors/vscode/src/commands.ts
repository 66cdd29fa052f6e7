// The commands, each with what it does.

import { readFileSync } from "node:fs";
import { ConfigurationTarget, Uri, commands, env, version as editorVersion, window, workspace, type Disposable } from "vscode";
import type { App } from "./app";
import { fileText, gitText, problemsText, selectionText } from "./editor/attach";
import { install } from "./install";
import { optionNamed } from "./notifications";
import { reportOf, shownSetting } from "./report";
import { inspect } from "./launch";
import { named } from "./status";
import { short, wordsOf } from "./text";
import { diagnose } from "./python/diagnose";
import type { Action } from "./panel/protocol";
import type { Waiting } from "./server/watch";

type Command = (...given: unknown[]) => unknown;

/** Register every command; one that fails says so. */
export function registerCommands(app: App): Disposable[] {
  const table: Record<string, Command> = {
    open: async () => (await app.panels.open()).say({ type: "focus" }),
    openInEditor: () => void app.panels.openInEditor(),
    close: () => app.panels.close(),
    focusInput: async () => (await app.panels.open()).say({ type: "focus" }),
    newChat: async () => {
      const host = await app.panels.open();
      host.say({ type: "show", chat: null });
      host.say({ type: "focus" });
    },
    stop: async () => {
      const chat = app.watch.shownChat;
      if (chat) await app.api.interrupt(chat);
    },
    approve: () => answer(app, "Allow once"),
    deny: () => answer(app, "Deny"),
    showChanges: async () => {
      const waiting = app.oldest((each) => Boolean(each.request.asked?.diffs.length));
      if (!waiting || !(await app.changes.show(waiting, true))) void window.showInformationMessage("No agent asks for changes.");
    },
    switchBackend: () => switchBackend(app),
    switchModel: () => switchModel(app),
    sendSelection: () => send(app, selectionText(), "Nothing is selected."),
    sendFile: (uri) => send(app, fileText(uri instanceof Uri ? uri : undefined), "No file is open."),
    sendDiagnostics: () => send(app, problemsText(), "This file has no problems."),
    sendGitDiff: async () => send(app, await gitText(), "Git sees no changes here."),
    setSecret: async () => ((await app.secrets.set()) ? restarted(app, "The secret is kept.") : undefined),
    forgetSecret: async () => ((await app.secrets.forget()) ? restarted(app, "The secret is forgotten.") : undefined),
    selectPython: () => selectPython(app),
    install: async () => {
      const done = await install(app.launcher.installed, app.version, await app.launcher.neutralFolder(), app.log);
      if (done) await app.server.restart();
      return done;
    },
    restart: () => app.server.restart(),
    showLog: () => app.log.show(),
    reportProblem: () => report(app),
  };
  return Object.entries(table).map(([name, run]) =>
    commands.registerCommand(`agentSdk.${name}`, async (...given: unknown[]) => {
      try {
        return await run(...given);
      } catch (error) {
        app.log.error(`${name}: ${wordsOf(error)}`);
        void window.showErrorMessage(app.log.clean(wordsOf(error)));
        return undefined;
      }
    }),
  );
}

/** Do what a button of a notice says. */
export async function act(app: App, action: Action): Promise<void> {
  const state = app.server.state;
  if (action === "useProposed") {
    if (state.is === "failed" && state.proposed) {
      await app.launcher.agree(state.proposed);
      await app.server.restart().catch(() => {});
    }
    return;
  }
  await commands.executeCommand(`agentSdk.${action}`);
}

async function answer(app: App, name: "Allow once" | "Deny"): Promise<void> {
  await app.watch.refresh(); // The page may have shown a request before it was told of here.
  const waiting = app.oldest();
  if (!waiting) return void window.showInformationMessage("Nothing waits for an answer.");
  // A key allows only what is in sight; to deny is always safe.
  if (name === "Allow once" && !app.panels.asks(waiting.request.request_id) && !app.changes.isShown(waiting.request.request_id)) {
    await showChat(app, waiting);
    return void window.setStatusBarMessage("This is what is asked: approve once more.", 8000);
  }
  const option = optionNamed(waiting.request, name);
  if (!option) {
    await showChat(app, waiting);
    return void window.showInformationMessage(`This cannot be answered with “${name}”: the chat shows the choices.`);
  }
  await app.api.answer(waiting.chat.id, waiting.request.request_id, option.id);
}

export async function showChat(app: App, { chat }: Waiting): Promise<void> {
  const host = await app.panels.open();
  host.say({ type: "show", chat: chat.id });
}

async function send(app: App, text: string | undefined, otherwise: string): Promise<void> {
  if (text === undefined) return void window.showInformationMessage(otherwise);
  const host = await app.panels.open();
  host.say({ type: "insert", text });
}

async function switchBackend(app: App): Promise<void> {
  const chat = app.watch.shown;
  if (!chat) return;
  const { backends } = await app.api.about();
  const chosen = await window.showQuickPick(
    backends.map((backend) => ({ label: named(backend), description: backend === chat.backend ? "now" : "", backend })),
    { title: "Which agent goes on with this chat?" },
  );
  if (chosen && chosen.backend !== chat.backend) await app.api.change(chat.id, { backend: chosen.backend });
}

async function switchModel(app: App): Promise<void> {
  const chat = app.watch.shown;
  if (!chat?.backend) return;
  const models = app.api.models(chat.backend).then((listed) => [
    { label: "The agent's choice", description: "", detail: "", model: null as string | null },
    ...listed.map((model) => ({ label: model.label || model.id, description: model.id, detail: model.description ?? "", model: model.id })),
  ]);
  const chosen = await window.showQuickPick(models, { title: `Which model of ${named(chat.backend)}?`, matchOnDescription: true });
  if (chosen) await app.api.change(chat.id, { model: chosen.model });
}

async function selectPython(app: App): Promise<void> {
  const chosen = await window.showOpenDialog({ title: "Choose a Python interpreter that has agent-sdk, or the agent-sdk command", canSelectMany: false, openLabel: "Use it" });
  const file = chosen?.[0];
  if (!file) return;
  const isCommand = /agent-sdk[^/]*$/.test(file.path);
  const settings = workspace.getConfiguration("agentSdk");
  await settings.update("command", isCommand ? file.fsPath : undefined, ConfigurationTarget.Global);
  await settings.update("python", isCommand ? undefined : file.fsPath, ConfigurationTarget.Global);
  await app.server.restart();
}

async function restarted(app: App, words: string): Promise<void> {
  await app.server.restart();
  void window.showInformationMessage(words);
}

async function report(app: App): Promise<void> {
  const properties = Object.keys((app.manifest["contributes"] as { configuration: { properties: object } }).configuration.properties);
  const names = properties.map((name) => name.replace("agentSdk.", ""));
  const settings = names.map((name) => [name, shownSetting(name, inspect(name)?.workspaceValue ?? inspect(name)?.globalValue)] as const);
  const program = app.launcher.program;
  const state = app.server.state;
  const text = reportOf(
    {
      versions: {
        extension: app.version,
        editor: `${env.appName} ${editorVersion} (${env.appHost})`,
        "agent-sdk": state.is === "running" ? state.address.version : "does not run",
        platform: `${process.platform} ${process.arch}`,
        node: process.version,
        system: osRelease(),
      },
      settings: Object.fromEntries(settings.filter(([, value]) => value !== undefined && value !== "not set")),
      state: {
        server: state.is === "failed" ? `failed: ${state.reason}` : state.is,
        "chosen by": program?.from ?? "nothing was started",
        trusted: workspace.isTrusted,
        remote: env.remoteName ?? "no",
        chat: app.watch.shown ? `${named(app.watch.shown.backend)}, ${app.watch.shown.state}` : "none",
        waiting: app.watch.waiting.length,
      },
      diagnosis: program && workspace.isTrusted ? await diagnose(program, await app.launcher.neutralFolder()) : "",
      errors: app.log.errors.map((line) => short(line, 600)),
    },
    (shown) => app.log.clean(shown),
  );
  await window.showTextDocument(await workspace.openTextDocument({ language: "markdown", content: text }));
}

function osRelease(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "";
  } catch {
    return "";
  }
}
