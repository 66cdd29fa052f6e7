// The log: an output channel whose lines hold no secret, and the last errors for a report.

import type { LogOutputChannel } from "vscode";

const KEPT = 20;
const HIDDEN = "[redacted]";
const SECRETS = [
  /\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}/g,
  /\bgh[pousr]_[A-Za-z0-9]{20,}/g,
  /\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*/g,
  /(?<=\b(?:bearer|basic)\s)[A-Za-z0-9._~+/=-]{8,}/gi,
  /(?<=\b[\w-]*(?:token|secret|password|passwd|api[_-]?key)["']?\s*[=:]\s*["']?)[^\s"',;&]{4,}/gi,
  /(?<=\/\/[^\s/:@]*:)[^\s/@]+(?=@)/g,
];

/** Text without what looks like a secret, and without those that are known. */
export function redact(text: string, known: Iterable<string> = []): string {
  let shown = text;
  for (const secret of known) if (secret.length >= 4) shown = shown.replaceAll(secret, HIDDEN);
  for (const pattern of SECRETS) shown = shown.replace(pattern, HIDDEN);
  return shown;
}

type Level = "debug" | "info" | "warn" | "error";

export class Log {
  readonly errors: string[] = [];
  private readonly secrets = new Set<string>();

  constructor(private readonly channel: Pick<LogOutputChannel, Level | "show" | "dispose">) {}

  /** Never write this text. */
  hide(secret: string): void {
    if (secret) this.secrets.add(secret);
  }

  clean(text: string): string {
    return redact(text, this.secrets);
  }

  debug(text: string): void {
    this.write("debug", text);
  }

  info(text: string): void {
    this.write("info", text);
  }

  warn(text: string): void {
    this.write("warn", text);
  }

  error(text: string): void {
    this.write("error", text);
  }

  show(): void {
    this.channel.show();
  }

  dispose(): void {
    this.channel.dispose();
  }

  private write(level: Level, text: string): void {
    const shown = this.clean(text);
    this.channel[level](shown);
    if (level === "error" || level === "warn") {
      this.errors.push(`${new Date().toISOString()} ${level}: ${shown}`);
      this.errors.splice(0, this.errors.length - KEPT);
    }
  }
}
