// Settings, and what of them the server gets: a workspace may choose and tighten, and names no executable.

export interface Inspected {
  globalValue?: unknown;
  workspaceValue?: unknown;
  workspaceFolderValue?: unknown;
}

/** Reads one setting below `agentSdk`, each layer apart. */
export type Inspect = (name: string) => Inspected | undefined;

const MODES: Record<string, number> = { plan: 0, dont_ask: 0, default: 1, accept_edits: 2, auto: 3, bypass: 4 };
const SANDBOXES: Record<string, number> = { "read-only": 0, "workspace-write": 1, "danger-full-access": 2 };
const CHOICES = { backend: "AGENT_SDK_BACKEND", model: "AGENT_SDK_MODEL", reasoningEffort: "AGENT_SDK_REASONING_EFFORT" };
const OF_ONE_AGENT = { models: "MODEL", reasoningEfforts: "REASONING_EFFORT" };
const NAME = /^[a-z][a-z0-9_-]*$/i;
const MACHINE = { claudePath: "AGENT_SDK_CLAUDE_PATH", codexPath: "AGENT_SDK_CODEX_PATH", store: "AGENT_SDK_STORE_URL" };

export interface Environment {
  variables: Record<string, string>;
  /** Sentences about settings of the workspace that do not count. */
  refused: string[];
}

/** The variables by which the server gets the settings; they rank above its own files. */
export function environmentOf(inspect: Inspect): Environment {
  const variables: Record<string, string> = {};
  const refused: string[] = [];
  const set = (variable: string, value: string): void => {
    if (value) variables[variable] = value;
  };
  for (const [name, variable] of Object.entries(CHOICES)) set(variable, text(workspaceOf(inspect(name))) || ofUser(inspect, name));
  for (const [name, variable] of Object.entries(MACHINE)) set(variable, ofUser(inspect, name));
  set("AGENT_SDK_PERMISSION_MODE", tighter("permissionMode", "default", MODES));
  set("AGENT_SDK_SANDBOX", sandbox());
  set("AGENT_SDK_REQUEST_TIMEOUT", timeout());
  for (const [name, variable] of Object.entries(OF_ONE_AGENT)) {
    for (const [agent, value] of Object.entries({ ...table(inspect(name)?.globalValue), ...table(workspaceOf(inspect(name))) })) {
      if (NAME.test(agent)) set(`AGENT_SDK_BACKENDS__${agent.toUpperCase().replaceAll("-", "_")}__${variable}`, text(value));
    }
  }
  set("AGENT_SDK_FLAGS__REDACT_STORE", workspaceOf(inspect("redactStore")) === true ? "true" : flag("redactStore"));
  set("AGENT_SDK_FLAGS__WATCH_SETTINGS", flag("watchSettings"));
  return { variables, refused };

  function flag(name: string): string {
    const own = inspect(name)?.globalValue;
    return typeof own === "boolean" ? String(own) : "";
  }

  /** The sandbox as one value, for that is how it is compared: its mode alone, or with what stands beside it. */
  function sandbox(): string {
    const mode = tighter("sandbox", "read-only", SANDBOXES);
    const own = inspect("sandboxNetwork")?.globalValue;
    const network = workspaceOf(inspect("sandboxNetwork")) === false ? false : own;
    const roots = lines(inspect("sandboxWritableRoots")?.globalValue);
    const theirs = workspaceOf(inspect("sandboxWritableRoots"));
    const kept = Array.isArray(theirs) ? roots.filter((root) => lines(theirs).includes(root)) : roots;
    if (!mode || (typeof network !== "boolean" && !kept.length)) return mode;
    return JSON.stringify({ mode, ...(typeof network === "boolean" ? { network } : {}), ...(kept.length ? { writable_roots: kept } : {}) });
  }

  function tighter(name: string, absent: string, ranks: Record<string, number>): string {
    const own = ofUser(inspect, name);
    const theirs = text(workspaceOf(inspect(name)));
    if (!theirs || theirs === own) return own;
    const limit = ranks[own || absent] ?? 0;
    const rank = ranks[theirs];
    if (rank !== undefined && (rank < limit || theirs === (own || absent))) return theirs;
    refused.push(`agentSdk.${name} of the workspace, ${JSON.stringify(theirs)}, is not stricter than yours, ${JSON.stringify(own || absent)}: yours counts.`);
    return own;
  }

  function timeout(): string {
    const found = inspect("requestTimeout");
    const own = seconds(found?.globalValue);
    const theirs = seconds(workspaceOf(found));
    return String(Math.min(theirs ?? Infinity, own ?? Infinity)).replace("Infinity", "");
  }
}

/** The rules of user and workspace together, as a file of TOML; "" where there are none. Refusals add up, the tightest limit counts. */
export function policyOf(inspect: Inspect): string {
  const layers = (name: string): unknown[] => {
    const found = inspect(`policy.${name}`);
    return [found?.globalValue, found?.workspaceValue, found?.workspaceFolderValue];
  };
  const told: string[] = [];
  for (const name of ["deny", "ask"]) {
    const rules = [...new Set(layers(name).flatMap(lines))];
    if (rules.length) told.push(`${name} = ${JSON.stringify(rules)}`);
  }
  const limits: Record<string, number> = {};
  for (const [name, most] of layers("limits").flatMap((layer) => Object.entries(table(layer)))) {
    if (/^[a-z_]+$/.test(name) && typeof most === "number" && Number.isFinite(most)) limits[name] = Math.min(most, limits[name] ?? Infinity);
  }
  for (const [name, most] of Object.entries(limits)) told.push(`limits.${name} = ${most}`);
  return told.length ? `[policy]\n${told.join("\n")}\n` : "";
}

/** A setting of the user or the machine alone, whatever the workspace says. */
export function ofUser(inspect: Inspect, name: string): string {
  return text(inspect(name)?.globalValue);
}

/** Whether something is on for the user, or off for the workspace. */
export function isOn(inspect: Inspect, name: string, absent: boolean): boolean {
  const found = inspect(name);
  const value = workspaceOf(found) ?? found?.globalValue;
  return typeof value === "boolean" ? value : absent;
}

function workspaceOf(found: Inspected | undefined): unknown {
  return found?.workspaceFolderValue ?? found?.workspaceValue;
}

function table(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function lines(value: unknown): string[] {
  return Array.isArray(value) ? value.map(text).filter(Boolean) : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value.trim() : "";
}

function seconds(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 && Number.isFinite(value) ? value : undefined;
}
