// Notifications of what waits while no chat is in sight: with the choice to answer there, if all of it can be read there.

import { named } from "./status";
import { short } from "./text";
import type { Waiting } from "./server/watch";
import type { Option, PendingRequest } from "./server/types";

export const SHOW = "Show";
const READABLE = 160;

/** The option that allows once, or denies: what a key or a notification may choose. */
export function optionNamed(request: PendingRequest, name: "Allow once" | "Deny"): Option | undefined {
  return request.options?.find((option) => option.name === name);
}

export interface Notification {
  text: string;
  /** Names of options that it offers, beside showing the chat. */
  choices: Option[];
}

/** What a notification says. Who cannot read all of what is asked there is offered to see it, and not to allow it. */
export function notificationOf({ chat, request }: Waiting): Notification {
  const agent = named(chat.backend);
  const title = short(chat.title || "a chat", 40);
  if (request.kind !== "permission" || !request.asked) {
    const question = request.request?.questions?.[0]?.text ?? request.request?.message ?? "a question";
    return { text: `${agent} asks in “${title}”: ${short(question, READABLE)}`, choices: [] };
  }
  const { heading, command, diffs, subject } = request.asked;
  const what = command || diffs.map((diff) => diff.path).join(", ") || subject;
  const lifts = request.escalates?.length ? ` This lifts: ${request.escalates.join(", ")}.` : "";
  const isWhole = Boolean(command) && diffs.length === 0 && command === short(command, READABLE);
  const names: ("Allow once" | "Deny")[] = isWhole ? ["Allow once", "Deny"] : ["Deny"];
  const choices = names.flatMap((name) => optionNamed(request, name) ?? []);
  return { text: `${agent} asks in “${title}”: ${heading}: ${short(what, READABLE)}${lifts}`, choices };
}
