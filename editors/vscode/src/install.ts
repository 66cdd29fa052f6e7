// The one-click fix: an environment of our own with agent-sdk in it, made by a Python of this machine.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { ProgressLocation, window, workspace, type CancellationToken } from "vscode";
import type { Log } from "./log";
import { isWithin } from "./python/find";
import { isExecutable } from "./python/look";

const NAMES = ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];
const IS_FIT = ["-I", "-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"];

/** The steps of an installation, each a command. */
export function stepsOf(python: string, folder: string, version: string): string[][] {
  const own = join(folder, "bin", "python");
  return [
    [python, "-I", "-m", "venv", "--clear", folder],
    [own, "-I", "-m", "pip", "install", "--disable-pip-version-check", `agent-sdk[all]==${version}`],
  ];
}

/** Make the environment, with its progress shown; returns whether it is there. */
export async function install(interpreter: string, version: string, cwd: string, log: Log): Promise<boolean> {
  const folder = join(interpreter, "..", "..");
  const python = await basePython(cwd);
  if (!python) {
    void window.showErrorMessage("No Python of version 3.11 or later, with venv, was found on the PATH. Install one, then try again.");
    return false;
  }
  return window.withProgress({ location: ProgressLocation.Notification, title: "Installing agent-sdk", cancellable: true }, async (progress, cancel) => {
    for (const step of stepsOf(python, folder, version)) {
      progress.report({ message: step.includes("pip") ? "fetching packages …" : "making an environment …" });
      log.info(`$ ${step.join(" ")}`);
      const code = await run(step, cwd, (line) => log.info(line), cancel);
      if (cancel.isCancellationRequested) return false;
      if (code !== 0) {
        log.error(`The installation ended with exit code ${code}.`);
        const chosen = await window.showErrorMessage("agent-sdk could not be installed; the log says why.", "Show Log");
        if (chosen) log.show();
        return false;
      }
    }
    return true;
  });
}

async function basePython(cwd: string): Promise<string | undefined> {
  const folders = (workspace.workspaceFolders ?? []).map((each) => each.uri.fsPath);
  for (const name of NAMES) {
    for (const folder of (process.env["PATH"] ?? "").split(":")) {
      const python = join(folder, name);
      if (!folder.startsWith("/") || isWithin(python, folders) || !(await isExecutable(python))) continue;
      if ((await run([python, ...IS_FIT], cwd, () => {})) === 0) return python;
    }
  }
  return undefined;
}

function run(command: string[], cwd: string, line: (text: string) => void, cancel?: CancellationToken): Promise<number | null> {
  return new Promise((done) => {
    const child = spawn(command[0]!, command.slice(1), { cwd, stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
    const stop = cancel?.onCancellationRequested(() => child.kill("SIGTERM"));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => text.split("\n").filter(Boolean).forEach(line));
    }
    child.once("error", () => done(null));
    child.once("close", (code) => {
      stop?.dispose();
      done(code);
    });
  });
}
