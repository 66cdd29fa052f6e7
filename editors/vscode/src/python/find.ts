// The command that serves: the setting's, the Python extension's choice, our own installation, or what is on the PATH.

import { isAbsolute, join, sep } from "node:path";

export interface Program {
  command: string;
  /** What stands before the arguments of `agent-sdk`. */
  prefix: string[];
  /** Who chose it, for the log and for a report. */
  from: "setting" | "python extension" | "installation" | "PATH";
}

export interface Missing {
  reason: string;
  /** An interpreter of the workspace that has agent-sdk perhaps, and that nobody has agreed to run. */
  proposed?: string;
}

/** What is looked at; each can be another in a test. */
export interface Surroundings {
  python: string;
  command: string;
  /** The interpreter that the Python extension has chosen. */
  chosen: () => Promise<string | undefined>;
  /** The interpreter of our own installation. */
  installed: string;
  isAgreed: (interpreter: string) => boolean;
  isTrusted: boolean;
  path: string;
  folders: readonly string[];
  isExecutable: (file: string) => Promise<boolean>;
  /** Whether an interpreter has agent-sdk; runs it. */
  hasPackage: (interpreter: string) => Promise<boolean>;
}

const MODULE = ["-P", "-m", "agent_chat"]; // -P: what lies in the current folder is not imported.

export async function findProgram(around: Surroundings): Promise<Program | Missing> {
  if (around.command) {
    const reason = await unusable(around.command, "agentSdk.command", around);
    return reason ? { reason } : { command: around.command, prefix: [], from: "setting" };
  }
  if (around.python) {
    const reason = await unusable(around.python, "agentSdk.python", around);
    if (reason) return { reason };
    if (!(await around.hasPackage(around.python))) return { reason: `${around.python}, of the setting agentSdk.python, has no agent-sdk. It takes Python 3.11 or later.` };
    return { command: around.python, prefix: MODULE, from: "setting" };
  }
  const chosen = around.isTrusted ? await around.chosen() : undefined;
  const isUsable = chosen !== undefined && isAbsolute(chosen) && (await around.isExecutable(chosen));
  const isOurs = isUsable && (around.isAgreed(chosen) || !isWithin(chosen, around.folders));
  if (isOurs && (await around.hasPackage(chosen))) return { command: chosen, prefix: MODULE, from: "python extension" };
  if ((await around.isExecutable(around.installed)) && (await around.hasPackage(around.installed)))
    return { command: around.installed, prefix: MODULE, from: "installation" };
  for (const folder of around.path.split(":")) {
    if (!isAbsolute(folder) || isWithin(folder, around.folders)) continue;
    const command = join(folder, "agent-sdk");
    if (await around.isExecutable(command)) return { command, prefix: [], from: "PATH" };
  }
  const reason = "No Python environment with agent-sdk was found: not in the settings, not in the environment that the Python extension has chosen, not on the PATH.";
  return isUsable && !isOurs ? { reason, proposed: chosen } : { reason };
}

/** Whether a file lies in one of the folders: it came with them, perhaps from a stranger. */
export function isWithin(file: string, folders: readonly string[]): boolean {
  return folders.some((folder) => file === folder || file.startsWith(folder.endsWith(sep) ? folder : folder + sep));
}

async function unusable(file: string, setting: string, around: Surroundings): Promise<string | undefined> {
  if (!isAbsolute(file)) return `The setting ${setting} is no absolute path: ${file}.`;
  if (!(await around.isExecutable(file))) return `The setting ${setting} names no program that can be run: ${file}.`;
  return undefined;
}
