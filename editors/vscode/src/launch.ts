// The launch of the server: which program, with which settings and keys, in which folder.

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { type ExtensionContext, Uri, env, window, workspace } from "vscode";
import type { Log } from "./log";
import { findProgram, type Program } from "./python/find";
import { chosenInterpreter, hasPackage, isExecutable } from "./python/look";
import type { Secrets } from "./secrets";
import { ServerChild, ServerFailed, type Held, type Launch } from "./server/child";
import { CannotStart } from "./server/supervisor";
import { HeldServer, takeNote } from "./server/takeover";
import { environmentOf, isOn, ofUser, policyOf, type Inspect } from "./settings";
import { telemetryVariables } from "./telemetry";

const AGREED = "agentSdk.agreedInterpreters";
const ABSENT = /No module named '?agent_chat|No such option: --embed|ENOENT/;

export const inspect: Inspect = (name) => workspace.getConfiguration("agentSdk").inspect(name);

export class Launcher {
  /** What was started last, for a report. */
  program: Program | undefined;
  private port = 0;

  constructor(
    private readonly context: ExtensionContext,
    private readonly log: Log,
    private readonly secrets: Secrets,
  ) {}

  /** Where a window that is reloaded notes its server. */
  get note(): string | undefined {
    return this.context.storageUri && Uri.joinPath(this.context.storageUri, "server.json").fsPath;
  }

  get installed(): string {
    return Uri.joinPath(this.context.globalStorageUri, "env", "bin", "python").fsPath;
  }

  /** The folder that nothing of a workspace lies in; made when it is needed. */
  async neutralFolder(): Promise<string> {
    await workspace.fs.createDirectory(this.context.globalStorageUri);
    return this.context.globalStorageUri.fsPath;
  }

  /** Use an interpreter of the workspace from now on. */
  async agree(interpreter: string): Promise<void> {
    const agreed = this.context.globalState.get<string[]>(AGREED) ?? [];
    await this.context.globalState.update(AGREED, [...new Set([...agreed, interpreter])]);
  }

  async open(): Promise<Held> {
    return (await this.takeOver()) ?? (await this.start());
  }

  private async takeOver(): Promise<Held | undefined> {
    const note = this.note && takeNote(this.note);
    if (!note || !workspace.isTrusted) return undefined;
    this.log.hide(note.token);
    const held = await HeldServer.take(note);
    if (held) {
      this.log.info(`The server of this window (process ${note.pid}) goes on.`);
      this.port = Number(new URL(note.url).port);
    }
    return held;
  }

  private async start(): Promise<Held> {
    const neutral = await this.neutralFolder();
    const program = await this.find(neutral);
    this.program = program;
    const folder = workspace.workspaceFolders?.find((each) => each.uri.scheme === "file")?.uri.fsPath ?? homedir();
    const shown = workspace.isTrusted ? ["--cwd", folder] : ["--read-only", "--cwd", neutral];
    const launch: Launch = {
      command: program.command,
      arguments: [...program.prefix, "serve", "--embed", "--port", String(this.port), ...shown, ...this.policy(neutral)],
      cwd: neutral,
      env: await this.environment(),
    };
    this.log.info(`Starting ${[launch.command, ...launch.arguments].join(" ")} (chosen by: ${program.from})`);
    try {
      return await this.started(launch);
    } catch (error) {
      if (error instanceof ServerFailed && this.port && /cannot be listened/.test(error.stderr)) {
        this.port = 0;
        return this.start();
      }
      if (!(error instanceof ServerFailed)) throw error;
      const last = error.stderr.trim().split("\n").at(-1) ?? "";
      const isMissing = ABSENT.test(`${error.stderr}${error.message}`);
      throw new CannotStart(this.log.clean(`${error.message}${last ? `\n${last}` : ""}`), isMissing);
    }
  }

  /** Where the rules of the settings stand: a file, for no variable holds rules. */
  private policy(neutral: string): string[] {
    const rules = workspace.isTrusted ? policyOf(inspect) : "";
    if (!rules) return [];
    const folder = join(neutral, "policies");
    const file = join(folder, `${createHash("sha256").update(rules).digest("hex").slice(0, 16)}.toml`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, rules, { mode: 0o600 });
    return ["--policy", file];
  }

  private async started(launch: Launch): Promise<Held> {
    const child = await ServerChild.start(launch, (line) => this.log.info(`server: ${line}`));
    const { url, token, version, pid } = child.address;
    this.log.hide(token);
    this.log.info(`The server of agent-sdk ${version} answers at ${url}, process ${pid}.`);
    const own = String(this.context.extension.packageJSON.version);
    if (minor(version) !== minor(own)) void window.showWarningMessage(`agent-sdk ${version} and this extension, ${own}, are of different versions: update the older one.`);
    this.port = Number(new URL(url).port);
    return child;
  }

  private async find(neutral: string): Promise<Program> {
    const agreed = new Set(this.context.globalState.get<string[]>(AGREED) ?? []);
    const found = await findProgram({
      python: ofUser(inspect, "python"),
      command: ofUser(inspect, "command"),
      chosen: () => chosenInterpreter(workspace.workspaceFolders?.[0]?.uri),
      installed: this.installed,
      isAgreed: (interpreter) => agreed.has(interpreter),
      isTrusted: workspace.isTrusted,
      path: process.env["PATH"] ?? "",
      folders: (workspace.workspaceFolders ?? []).map((each) => each.uri.fsPath),
      isExecutable,
      hasPackage: (interpreter) => hasPackage(interpreter, neutral),
    });
    if ("reason" in found) throw new CannotStart(found.reason, true, found.proposed);
    return found;
  }

  private async environment(): Promise<NodeJS.ProcessEnv> {
    const { variables, refused } = environmentOf(inspect);
    for (const sentence of refused) this.log.warn(sentence);
    const kept = Object.entries(process.env).filter(([name]) => !/^(VSCODE_|ELECTRON_|PYTHONPATH$|PYTHONSTARTUP$|PYTHONHOME$)/.test(name));
    return {
      ...Object.fromEntries(kept),
      ...telemetryVariables(env.isTelemetryEnabled, isOn((name) => ({ globalValue: inspect(name)?.globalValue }), "telemetry", false)),
      ...(workspace.isTrusted ? variables : {}),
      ...(await this.secrets.variables()),
    };
  }
}

function minor(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
