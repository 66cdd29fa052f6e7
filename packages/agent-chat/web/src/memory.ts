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

/** Keep a value, or forget it; false where the browser refuses. */
export function keep(name: string, value: string | null): boolean {
  const embedding = host();
  if (embedding?.keep) {
    embedding.keep(name, value || null);
    return true;
  }
  try {
    if (value === null || value === "") localStorage.removeItem(`agent-sdk:${name}`);
    else localStorage.setItem(`agent-sdk:${name}`, value);
    return true;
  } catch {
    return false; // A full or forbidden store.
  }
}
