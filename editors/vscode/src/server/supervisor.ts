// The supervisor of the server: one at a time, started when it is needed, started again when it dies, with a word.

import type { Address, Held } from "./child";

export type ServerState =
  | { is: "stopped" }
  | { is: "starting" }
  | { is: "running"; address: Address }
  | { is: "failed"; reason: string; proposed?: string; isMissing: boolean };

/** Why a server cannot be started, and whether that is for want of the package. */
export class CannotStart extends Error {
  constructor(
    message: string,
    readonly isMissing: boolean,
    readonly proposed?: string,
  ) {
    super(message);
  }
}

export interface Surroundings {
  open: () => Promise<Held>;
  changed: (state: ServerState) => void;
  /** Say that the server was started again, and why. */
  restarted: (why: string) => void;
  wait: (milliseconds: number) => Promise<void>;
  now: () => number;
}

const RESTARTS = 5;
const STABLE_MS = 30_000;
const FIRST_WAIT_MS = 250;

export class Supervisor {
  private held: Held | undefined;
  private opening: Promise<Held> | undefined;
  private told: ServerState = { is: "stopped" };
  private deaths: number[] = [];
  private isClosed = false;

  constructor(private readonly around: Surroundings) {}

  get state(): ServerState {
    return this.told;
  }

  get server(): Held | undefined {
    return this.held;
  }

  /** Return the server that runs, started if need be. */
  ensure(): Promise<Held> {
    if (this.isClosed) return Promise.reject(new Error("The window is being closed."));
    if (this.held) return Promise.resolve(this.held);
    this.opening ??= this.open().finally(() => (this.opening = undefined));
    return this.opening;
  }

  /** End the server that runs, and start another. */
  async restart(): Promise<void> {
    this.deaths = [];
    await this.stop();
    await this.ensure();
  }

  async stop(): Promise<void> {
    await this.opening?.catch(() => {});
    const held = this.held;
    this.held = undefined;
    this.tell({ is: "stopped" });
    await held?.release(10);
  }

  /** Start no server any more; returns the one that runs, which is now the caller's. */
  close(): Held | undefined {
    this.isClosed = true;
    const held = this.held;
    this.held = undefined;
    return held;
  }

  private async open(): Promise<Held> {
    this.tell({ is: "starting" });
    try {
      const held = await this.around.open();
      if (this.isClosed) {
        await held.release(1);
        throw new Error("The window is being closed.");
      }
      this.held = held;
      this.tell({ is: "running", address: held.address });
      void held.ended.then((why) => this.ended(held, why));
      return held;
    } catch (error) {
      const isMissing = error instanceof CannotStart && error.isMissing;
      const proposed = error instanceof CannotStart ? error.proposed : undefined;
      const reason = error instanceof Error ? error.message : String(error);
      this.tell({ is: "failed", reason, isMissing, ...(proposed ? { proposed } : {}) });
      throw error;
    }
  }

  private async ended(held: Held, why: string): Promise<void> {
    if (this.held !== held || this.isClosed) return;
    this.held = undefined;
    const now = this.around.now();
    this.deaths = [...this.deaths.filter((at) => now - at < STABLE_MS), now];
    if (this.deaths.length > RESTARTS) {
      this.tell({ is: "failed", reason: `The server has ended ${this.deaths.length} times in a row; the last time ${why}.`, isMissing: false });
      return;
    }
    this.tell({ is: "starting" });
    await this.around.wait(FIRST_WAIT_MS * 2 ** (this.deaths.length - 1));
    if (this.isClosed) return;
    try {
      await this.ensure();
      this.around.restarted(why);
    } catch {
      // The state says why.
    }
  }

  private tell(state: ServerState): void {
    this.told = state;
    if (!this.isClosed) this.around.changed(state);
  }
}
