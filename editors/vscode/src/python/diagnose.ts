// What `agent-sdk doctor` says, for a report.

import { execFile } from "node:child_process";
import type { Program } from "./find";

const SECONDS = 30;

export function diagnose(program: Program, cwd: string): Promise<string> {
  return new Promise((done) => {
    execFile(program.command, [...program.prefix, "doctor"], { cwd, timeout: SECONDS * 1000, windowsHide: true, env: { ...process.env, NO_COLOR: "1" } }, (error, stdout, stderr) =>
      done(stdout.trim() || stderr.trim() || String(error ?? "")),
    );
  });
}
