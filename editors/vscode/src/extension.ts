// Activation and its end. Nothing is started here: the server waits for a view or a command.

import type { ExtensionContext } from "vscode";
import { App } from "./app";
import { knownKeys } from "./contextKeys";

let app: App | undefined;

/** What tests look at. */
export interface Exported {
  activationMs: number;
  contextKeys: () => Record<string, boolean>;
  status: () => string;
}

export function activate(context: ExtensionContext): Exported {
  const begun = performance.now();
  app = new App(context);
  context.subscriptions.push(app);
  const made = app;
  return { activationMs: performance.now() - begun, contextKeys: knownKeys, status: () => made.server.state.is };
}

export async function deactivate(): Promise<void> {
  await app?.close();
  app = undefined;
}
