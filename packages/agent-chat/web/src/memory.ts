// What a browser keeps for the page: it may refuse, and then nothing is kept.

import { host } from "./host";

export function kept(name: string): string | null {
  const embedding = host();
  if (embedding?.kept) return embedding.kept(name);
  try {
    return localStorage.getItem(`agent-sdk:${name}`);
  } catch {
    return null;
  }
}

export function keep(name: string, value: string | null): void {
  const embedding = host();
  if (embedding?.keep) {
    embedding.keep(name, value || null);
    return;
  }
  try {
    if (value === null || value === "") localStorage.removeItem(`agent-sdk:${name}`);
    else localStorage.setItem(`agent-sdk:${name}`, value);
  } catch {
    // A full or forbidden store: the server keeps drafts too.
  }
}
