// Context keys: what keybindings and menus can ask about.

import { commands } from "vscode";

export interface Keys {
  /** Whether the server answers. */
  "agentSdk.serverRunning": boolean;
  /** Whether a chat, and not an empty new one, is the active one. */
  "agentSdk.chatShown": boolean;
  /** Whether the view or a tab with a chat is in sight. */
  "agentSdk.chatVisible": boolean;
  /** Whether a turn of the active chat runs. */
  "agentSdk.running": boolean;
  /** Whether something waits for an answer, in any chat. */
  "agentSdk.waiting": boolean;
  /** Whether the message is being typed. */
  "agentSdk.typing": boolean;
}

const told = new Map<string, boolean>();

/** Set those that are otherwise than before. */
export function setKeys(keys: Partial<Keys>): void {
  for (const [name, value] of Object.entries(keys)) {
    if (told.get(name) === value) continue;
    told.set(name, value);
    void commands.executeCommand("setContext", name, value);
  }
}

/** What the keys are, for tests and reports. */
export function knownKeys(): Record<string, boolean> {
  return Object.fromEntries(told);
}
