// The settings page: every setting with what it decides, its value in force and where that comes from, changed in its file.

import { useEffect, useRef, useState } from "preact/hooks";
import { RefreshCw, Undo2 } from "./icons";
import { call } from "./api";
import { attempt, say, settingsChanged } from "./state";
import type { ComponentChildren } from "preact";

interface Setting {
  key: string;
  spec: { key: string; kind: string; text: string; choices: string[]; workspace: string; default: unknown };
  value: unknown;
  source: string;
  place: string;
  is_set: boolean;
}

interface Listed {
  settings: Record<string, Setting>;
  can_change: boolean;
  problem: string | null;
}

export function SettingsPage({ menu }: { menu: ComponentChildren }) {
  const [listed, setListed] = useState<Listed | null>(null);
  const [scope, setScope] = useState("user");
  const [wanted, setWanted] = useState("");
  const asked = useRef(0);
  const load = async () => {
    const turn = ++asked.current;
    const told = await attempt(() => call<Listed>("GET", "/settings"), true);
    if (told && turn === asked.current) setListed(told);
  };
  useEffect(() => void load(), [settingsChanged.value]);
  const change = async (key: string, value: unknown) => {
    const done = await attempt(() => call("PATCH", "/settings", { changes: { [key]: value }, scope }));
    if (done) say(value === null ? `${key} is as it was by default` : `${key} is saved`);
    await load();
  };
  const groups = new Map<string, Setting[]>();
  for (const setting of Object.values(listed?.settings ?? {})) {
    const text = `${setting.key} ${setting.spec.text}`.toLowerCase();
    if (!text.includes(wanted.trim().toLowerCase())) continue;
    const parts = setting.key.split(".");
    const group = parts[0] === "backends" ? `Agent: ${parts[1]}` : parts.length > 1 ? (parts[0] ?? "") : "General";
    groups.set(group, [...(groups.get(group) ?? []), setting]);
  }
  return (
    <section class="settings-page" aria-label="Settings">
      <header class="bar">
        {menu}
        <h1>Settings</h1>
        <button type="button" class="quiet" aria-label="Read the settings again" onClick={() => void load()}>
          <RefreshCw size={15} />
        </button>
      </header>
      <div class="settings-body">
        {listed?.problem ? <p class="offline" role="alert">{listed.problem}</p> : null}
        {listed && !listed.can_change ? <p class="dim">These settings are given by the program that serves this page, and can only be read.</p> : null}
        <div class="settings">
          <label class="wide">
            <span>Find</span>
            <input type="search" aria-label="Find a setting" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
          </label>
          <label hidden={!listed?.can_change}>
            <span>Written to</span>
            <select aria-label="Written to" value={scope} onChange={(event) => setScope(event.currentTarget.value)}>
              <option value="user">your own file</option>
              <option value="workspace">this folder's file</option>
            </select>
          </label>
        </div>
        {[...groups].map(([group, settings]) => (
          <section key={group} class="group">
            <h2>{group.charAt(0).toUpperCase() + group.slice(1)}</h2>
            {settings.map((setting) => (
              <Row key={setting.key} setting={setting} can={listed?.can_change ?? false} change={(value) => void change(setting.key, value)} />
            ))}
          </section>
        ))}
      </div>
    </section>
  );
}

function Row({ setting, can, change }: { setting: Setting; can: boolean; change: (value: unknown) => void }) {
  const { key, spec, value } = setting;
  const from = setting.is_set ? setting.place || setting.source : "default";
  return (
    <div class="row">
      <div>
        <label for={`setting-${key}`}>{key}</label>
        <small>{spec.text.split("`").map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part))}</small>
        <small class="place">{from}</small>
      </div>
      <div class="value">
        <Value setting={setting} disabled={!can} change={change} />
        {can && setting.is_set ? (
          <button type="button" class="quiet" aria-label={`Unset ${key}`} title="Take it out of the file" onClick={() => change(null)}>
            <Undo2 size={14} />
          </button>
        ) : null}
      </div>
      {value !== null && spec.kind === "table" ? <pre tabIndex={0}>{JSON.stringify(value, null, 2)}</pre> : null}
    </div>
  );
}

function Value({ setting, disabled, change }: { setting: Setting; disabled: boolean; change: (value: unknown) => void }) {
  // What is being typed stays when the settings are read again meanwhile.
  const [typed, setTyped] = useState<string | null>(null);
  const { key, spec, value } = setting;
  const id = `setting-${key}`;
  const fallback = spec.default === null || spec.default === undefined ? "not set" : String(spec.default);
  const choices = spec.kind === "boolean" ? ["true", "false"] : spec.kind === "text" ? spec.choices : [];
  if (choices.length) {
    return (
      <select
        id={id}
        value={value === null ? "" : String(value)}
        disabled={disabled}
        onChange={(event) => {
          const chosen = event.currentTarget.value;
          change(chosen === "" ? null : spec.kind === "boolean" ? chosen === "true" : chosen);
        }}
      >
        <option value="">{fallback}</option>
        {choices.map((choice) => (
          <option key={choice} value={choice}>
            {choice}
          </option>
        ))}
      </select>
    );
  }
  const shown = value === null ? "" : Array.isArray(value) ? value.join(", ") : typeof value === "object" ? "" : String(value);
  const number = spec.kind === "number" || spec.kind === "integer";
  return (
    <input
      id={id}
      type={(spec.kind === "secret" ? "password" : "text") as "text"}
      inputMode={number ? "decimal" : undefined}
      autoComplete="off"
      spellcheck={false}
      disabled={disabled || spec.kind === "table"}
      placeholder={spec.kind === "list" ? "separated by commas" : spec.kind === "table" ? "changed in its file" : fallback}
      value={typed ?? (spec.kind === "secret" ? "" : shown)}
      onInput={(event) => setTyped(event.currentTarget.value)}
      onChange={(event) => {
        const text = event.currentTarget.value.trim();
        setTyped(null);
        if (text === shown) return;
        if (text === "") change(null);
        else if (spec.kind === "list") change(text.split(",").map((each) => each.trim()).filter(Boolean));
        else change(number && !Number.isNaN(Number(text)) ? Number(text) : text);
      }}
    />
  );
}
