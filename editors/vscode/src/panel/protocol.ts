// The messages between extension and webview. What comes from the webview is read, never trusted to be of its shape.

/** Grows whenever a message changes; both ends are of one build, so another number is a stale webview. */
export const PROTOCOL = 2;

/** What the webview says. */
export type FromPage =
  | { type: "hello"; protocol: number; origin: string }
  | { type: "started" }
  | { type: "shown"; chat: string | null }
  | { type: "asking"; request: string | null }
  | { type: "typing"; is: boolean }
  | { type: "confirm"; id: number; question: string; yes: string }
  | { type: "save"; name: string; text: string }
  | { type: "diff"; chat: string; request: string }
  | { type: "open"; chat: string; path: string; line: number | null }
  | { type: "act"; action: Action }
  | { type: "failed"; text: string };

/** What a button of a notice does. */
export type Action = "install" | "selectPython" | "useProposed" | "restart" | "showLog" | "reportProblem";
const ACTIONS: readonly Action[] = ["install", "selectPython", "useProposed", "restart", "showLog", "reportProblem"];

export interface Notice {
  title: string;
  text: string;
  isBusy: boolean;
  actions: { label: string; action: Action }[];
}

/** What the webview is told. */
export type ToPage =
  | { type: "server"; endpoint: string; token: string; chat: string | null }
  | { type: "notice"; notice: Notice }
  | { type: "show"; chat: string | null }
  | { type: "focus" }
  | { type: "insert"; text: string }
  | { type: "confirmed"; id: number; is: boolean };

const ID = /^[\w-]{1,100}$/;
const MAX_TEXT = 64 * 2 ** 20;

/** Read a message of the webview; undefined for one that is none. */
export function read(told: unknown): FromPage | undefined {
  if (typeof told !== "object" || told === null) return undefined;
  const it = told as Record<string, unknown>;
  const isText = (value: unknown, most = 4000): value is string => typeof value === "string" && value.length <= most;
  const isId = (value: unknown): value is string => typeof value === "string" && ID.test(value);
  switch (it["type"]) {
    case "hello":
      return typeof it["protocol"] === "number" && isText(it["origin"], 300) ? { type: "hello", protocol: it["protocol"], origin: it["origin"] } : undefined;
    case "started":
      return { type: "started" };
    case "shown":
      return it["chat"] === null || isId(it["chat"]) ? { type: "shown", chat: it["chat"] } : undefined;
    case "asking":
      return it["request"] === null || isId(it["request"]) ? { type: "asking", request: it["request"] } : undefined;
    case "typing":
      return { type: "typing", is: it["is"] === true };
    case "confirm":
      return typeof it["id"] === "number" && isText(it["question"]) && isText(it["yes"], 60) ? { type: "confirm", id: it["id"], question: it["question"], yes: it["yes"] } : undefined;
    case "save":
      return isText(it["name"], 200) && isText(it["text"], MAX_TEXT) ? { type: "save", name: it["name"], text: it["text"] } : undefined;
    case "diff":
      return isId(it["chat"]) && isId(it["request"]) ? { type: "diff", chat: it["chat"], request: it["request"] } : undefined;
    case "open": {
      const line = it["line"];
      return isId(it["chat"]) && isText(it["path"]) && (line === null || Number.isSafeInteger(line)) ? { type: "open", chat: it["chat"], path: it["path"], line: line as number | null } : undefined;
    }
    case "act": {
      const action = ACTIONS.find((each) => each === it["action"]);
      return action && { type: "act", action };
    }
    case "failed":
      return isText(it["text"]) ? { type: "failed", text: it["text"] } : undefined;
    default:
      return undefined;
  }
}
