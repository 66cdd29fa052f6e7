// As much of VS Code as the parts under test touch.

export class EventEmitter<T> {
  private listeners: ((value: T) => void)[] = [];
  readonly event = (listener: (value: T) => void): { dispose(): void } => {
    this.listeners.push(listener);
    return { dispose: () => (this.listeners = this.listeners.filter((each) => each !== listener)) };
  };
  fire(value: T): void {
    for (const each of this.listeners) each(value);
  }
  dispose(): void {
    this.listeners = [];
  }
}

export const contexts: Record<string, unknown> = {};
export const commands = {
  executeCommand: async (_command: string, name: string, value: unknown) => {
    contexts[name] = value;
  },
};
export const answers: unknown[] = [];
export const told: string[] = [];
export const window = {
  showQuickPick: async (items: unknown[]) => (answers.shift() as (items: unknown[]) => unknown)(items),
  showInputBox: async () => answers.shift(),
  showInformationMessage: async (text: string) => void told.push(text),
};
