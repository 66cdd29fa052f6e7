// A server that the window before this one has left: held by a socket from now on, so that what waits there is not lost.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { isAddress, type Address, type Held } from "./child";

const SECONDS = 5;

/** For how long a server waits for the window that comes after this one, if something runs or waits there. */
export const LINGER_SECONDS = 30;

/** Note where a server is left. The file is the user's alone, and taken away by who reads it. */
export function leaveNote(file: string, address: Address): void {
  rmSync(file, { force: true });
  writeFileSync(file, JSON.stringify(address), { mode: 0o600 });
}

/** Read a note once. */
export function takeNote(file: string): Address | undefined {
  try {
    const told: unknown = JSON.parse(readFileSync(file, "utf8"));
    return isAddress(told) ? told : undefined;
  } catch {
    return undefined;
  } finally {
    rmSync(file, { force: true });
  }
}

export class HeldServer implements Held {
  readonly ended: Promise<string>;
  private waiting: ((told: { error?: unknown }) => void)[] = [];

  private constructor(
    readonly address: Address,
    private readonly socket: WebSocket,
  ) {
    this.ended = new Promise((done) => socket.addEventListener("close", () => done("it is gone")));
    socket.addEventListener("message", (message) => this.waiting.shift()?.(JSON.parse(String(message.data))));
    void this.ended.then(() => {
      for (const each of this.waiting.splice(0)) each({ error: "The server is gone." });
    });
  }

  /** Hold a server that nobody holds any more; undefined when there is none, or another window was faster. */
  static async take(address: Address): Promise<HeldServer | undefined> {
    let socket: WebSocket;
    try {
      socket = new WebSocket(`${address.url.replace(/^http/, "ws")}/api/hold`, [`agent-sdk.token.${address.token}`]);
    } catch {
      return undefined;
    }
    const held = new HeldServer(address, socket);
    const first = new Promise<boolean>((done) => {
      held.waiting.push((told) => done(told.error === undefined));
      setTimeout(() => done(false), SECONDS * 1000);
    });
    if (await first) return held;
    socket.close();
    return undefined;
  }

  say(told: object): Promise<void> {
    return new Promise((done, failed) => {
      this.waiting.push((answer) => (answer.error === undefined ? done() : failed(new Error(JSON.stringify(answer.error)))));
      this.socket.send(JSON.stringify(told));
    });
  }

  async release(): Promise<void> {
    this.socket.close();
    await this.ended;
  }
}
