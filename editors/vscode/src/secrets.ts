// Secrets in the editor's secret storage: never in settings, never on a command line. Codex keeps its login itself.

import { window, type SecretStorage } from "vscode";
import type { Log } from "./log";

interface Key {
  agent: string;
  label: string;
  variables: string[];
}

export const KEYS: readonly Key[] = [
  { agent: "claude", label: "Claude: an Anthropic API key", variables: ["ANTHROPIC_API_KEY"] },
  { agent: "store", label: "Chats: the address of their database, with its password", variables: ["AGENT_SDK_STORE_URL"] },
];

export class Secrets {
  constructor(
    private readonly storage: Pick<SecretStorage, "get" | "store" | "delete">,
    private readonly log: Log,
  ) {}

  /** The variables that hold the keys which are known. */
  async variables(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const { agent, variables } of KEYS) {
      const key = await this.storage.get(nameOf(agent));
      if (!key) continue;
      this.log.hide(key);
      for (const variable of variables) found[variable] = key;
    }
    return found;
  }

  /** Ask for a key, and keep it; returns whether there is another one now. */
  async set(): Promise<boolean> {
    const chosen = await this.choose("What is the secret for?", KEYS);
    if (!chosen) return false;
    const key = await window.showInputBox({ title: chosen.label, password: true, ignoreFocusOut: true, prompt: "It is kept in the editor's secret storage, and given to the server alone." });
    if (!key?.trim()) return false;
    this.log.hide(key.trim());
    await this.storage.store(nameOf(chosen.agent), key.trim());
    return true;
  }

  async forget(): Promise<boolean> {
    const known: Key[] = [];
    for (const key of KEYS) if (await this.storage.get(nameOf(key.agent))) known.push(key);
    if (!known.length) {
      void window.showInformationMessage("No secret is kept here.");
      return false;
    }
    const chosen = await this.choose("Which secret is to be forgotten?", known);
    if (chosen) await this.storage.delete(nameOf(chosen.agent));
    return chosen !== undefined;
  }

  private async choose(title: string, keys: readonly Key[]): Promise<Key | undefined> {
    return window.showQuickPick(
      keys.map((key) => ({ ...key, description: key.variables.join(", ") })),
      { title },
    );
  }
}

function nameOf(agent: string): string {
  return `agentSdk.key.${agent}`;
}
