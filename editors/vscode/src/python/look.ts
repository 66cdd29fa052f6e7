// Looking at this machine: what can be run, what an interpreter has, what the Python extension has chosen.

import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, realpath, stat } from "node:fs/promises";
import { extensions, type Uri } from "vscode";

const PROBE = "import importlib.util, sys; sys.exit(sys.version_info < (3, 11) or importlib.util.find_spec('agent_chat') is None)";
const SECONDS = 20;

export async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

/** Whether an interpreter is of a version that we take, and has agent-sdk. */
export function hasPackage(interpreter: string, cwd: string): Promise<boolean> {
  return new Promise((done) => {
    execFile(interpreter, ["-P", "-c", PROBE], { cwd, timeout: SECONDS * 1000, windowsHide: true }, (error) => done(error === null));
  });
}

interface PythonApi {
  environments?: {
    getActiveEnvironmentPath(resource?: Uri): { path: string };
    resolveEnvironment(environment: { path: string }): Promise<{ executable: { uri?: Uri } } | undefined>;
  };
}

/** The interpreter that the Python extension has chosen, if it is there. */
export async function chosenInterpreter(resource?: Uri): Promise<string | undefined> {
  const extension = extensions.getExtension<PythonApi>("ms-python.python");
  if (!extension) return undefined;
  try {
    const api = await extension.activate();
    const active = api.environments?.getActiveEnvironmentPath(resource);
    if (!api.environments || !active) return undefined;
    const resolved = await api.environments.resolveEnvironment(active);
    return resolved?.executable.uri?.fsPath ?? active.path;
  } catch {
    return undefined; // It is another program, which may fail; others are found without it.
  }
}

export async function realPath(file: string): Promise<string> {
  return realpath(file).catch(() => file);
}
