// The server as a child: started with pipes, of which the first line out brings its address and a token of this launch.

import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";

/** A server that is held, by pipes or by a socket. */
export interface Held {
  readonly address: Address;
  /** Resolves with a word about why, when the server or the hold on it is gone. */
  readonly ended: Promise<string>;
  /** Say something to the server, and wait until it has heard it. */
  say(told: object): Promise<void>;
  /** Let it go; resolves when it has ended, or goes on by itself. */
  release(patience: number): Promise<void>;
}

export interface Address {
  url: string;
  token: string;
  version: string;
  pid: number;
}

export interface Launch {
  command: string;
  arguments: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
}

export const START_SECONDS = 60;
const TERM_SECONDS = 3;
const TAIL = 40;

export class ServerFailed extends Error {
  constructor(
    message: string,
    readonly stderr: string,
  ) {
    super(message);
  }
}

export class ServerChild implements Held {
  readonly ended: Promise<string>;
  readonly tail: string[] = [];
  private said: { done: () => void; failed: (error: Error) => void }[] = [];
  private opened!: Address;
  private isOver = false;

  private constructor(
    private readonly process: ChildProcessWithoutNullStreams,
    private readonly line: (text: string) => void,
  ) {
    this.ended = new Promise((done) => {
      process.once("error", (error) => done(`it could not be started: ${error.message}`));
      process.once("close", (code, signal) => done(signal ? `it was ended by ${signal}` : `it ended with exit code ${code}`));
    });
    void this.ended.then(() => {
      this.isOver = true;
      for (const each of this.said.splice(0)) each.failed(new Error("The server has ended."));
    });
    process.stdin.on("error", () => {}); // It has ended; `ended` says so.
    createInterface(process.stderr).on("line", (text) => {
      this.tail.push(text);
      this.tail.splice(0, this.tail.length - TAIL);
      this.line(text);
    });
  }

  /** Start a server, and return when it answers. */
  static async start(launch: Launch, line: (text: string) => void, seconds = START_SECONDS): Promise<ServerChild> {
    const child = new ServerChild(spawn(launch.command, launch.arguments, { cwd: launch.cwd, env: launch.env, stdio: "pipe", windowsHide: true }), line);
    let timer: NodeJS.Timeout | undefined;
    const first = new Promise<Address>((done, failed) => {
      createInterface(child.process.stdout).on("line", (text) => child.heard(text, done));
      void child.ended.then((why) => failed(new ServerFailed(`The server did not start: ${why}.`, child.tail.join("\n"))));
      timer = setTimeout(() => failed(new ServerFailed(`The server did not start within ${seconds} seconds.`, child.tail.join("\n"))), seconds * 1000);
    });
    try {
      child.opened = await first;
      return child;
    } catch (error) {
      await child.release(0);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get address(): Address {
    return this.opened;
  }

  say(told: object): Promise<void> {
    if (this.isOver) return Promise.reject(new Error("The server has ended."));
    return new Promise((done, failed) => {
      this.said.push({ done, failed });
      this.process.stdin.write(`${JSON.stringify(told)}\n`);
    });
  }

  async release(patience: number): Promise<void> {
    this.process.stdin.end();
    if (await this.isGoneWithin(patience)) return;
    this.process.kill("SIGTERM");
    if (await this.isGoneWithin(TERM_SECONDS)) return;
    this.process.kill("SIGKILL");
    await this.ended;
  }

  /** Let it go without waiting for its end. */
  abandon(): void {
    this.process.stdin.end();
  }

  private heard(text: string, opened: (address: Address) => void): void {
    let told: unknown;
    try {
      told = JSON.parse(text);
    } catch {
      this.line(text);
      return;
    }
    if (isAddress(told)) opened(told);
    else if (typeof told === "object" && told !== null && "error" in told) this.said.shift()?.failed(new Error(JSON.stringify(told.error)));
    else this.said.shift()?.done();
  }

  private async isGoneWithin(seconds: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((done) => {
      timer = setTimeout(() => done(false), seconds * 1000);
    });
    const gone = await Promise.race([this.ended.then(() => true), late]);
    clearTimeout(timer);
    return gone;
  }
}

/** Whether something is the first line of a server on this machine. */
export function isAddress(told: unknown): told is Address {
  if (typeof told !== "object" || told === null) return false;
  const { url, token, version, pid } = told as Record<string, unknown>;
  return typeof url === "string" && /^http:\/\/127\.0\.0\.1:\d+$/.test(url) && typeof token === "string" && token.length > 20 && typeof version === "string" && typeof pid === "number";
}
