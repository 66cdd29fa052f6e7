// Combo boxes of a chat's settings: for a new chat, and for the one that is shown.

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { RefreshCw } from "./icons";
import { about, models, modelsOf } from "./state";
import { TypedField } from "./typed";

export interface Choice {
  backend: string;
  model: string;
  effort: string;
  permission_mode: string;
  sandbox: string;
  cwd: string;
}

const MODES: Record<string, string> = {
  default: "Ask first",
  accept_edits: "Edit without asking",
  plan: "Plan only",
  auto: "The agent decides",
  dont_ask: "Never ask, refuse instead",
  bypass: "Do everything unasked",
};

export function modeName(mode: string): string {
  return MODES[mode] ?? mode;
}

export function agentName(backend: string | null): string {
  return backend ? backend.charAt(0).toUpperCase() + backend.slice(1) : "No agent";
}

interface Props {
  choice: Choice;
  change: (changes: Partial<Choice>) => unknown;
  modes?: string[];
  disabled?: boolean;
  busy?: boolean;
  /** Whether each letter of the model counts at once, and not only what it ends as. */
  live?: boolean;
  children?: ComponentChildren;
}

interface SandboxProps {
  choice: Choice;
  change: (changes: Partial<Choice>) => unknown;
  disabled?: boolean;
}

/** What tools may touch, where the agent can keep to that, and where one was chosen with another agent. */
export function Sandbox({ choice, change, disabled }: SandboxProps) {
  const offered = models.value[choice.backend]?.sandboxes ?? [];
  const names = [...new Set([...offered, ...(choice.sandbox ? [choice.sandbox] : [])])];
  if (!names.length) return null;
  return (
    <label>
      <span>Sandbox</span>
      <select aria-label="Sandbox" value={choice.sandbox} disabled={disabled} onChange={(event) => change({ sandbox: event.currentTarget.value })}>
        <option value="">Default sandbox</option>
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** How long ago something was, in words. */
function ageOf(seconds: number): string {
  const minutes = Math.max(0, Math.round((Date.now() / 1000 - seconds) / 60));
  if (minutes < 1) return "just now";
  const [count, unit] = minutes < 60 ? [minutes, "minute"] : minutes < 48 * 60 ? [Math.round(minutes / 60), "hour"] : [Math.round(minutes / 1440), "day"];
  return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
}

/** Say that a model is the default one, unless its name does. */
const asDefault = (name: string) => (/default/i.test(name) ? name : `${name} (default)`);

export function Settings({ choice, change, modes, disabled, busy, live, children }: Props) {
  const backends = about.value?.backends ?? [];
  const listed = models.value[choice.backend];
  useEffect(() => {
    if (choice.backend) void modelsOf(choice.backend);
  }, [choice.backend]);
  const model = listed?.models.find((each) => (choice.model ? each.id === choice.model : each.is_default));
  const efforts = [...new Set([...(model?.efforts ?? []), ...(choice.effort ? [choice.effort] : [])])];
  const offered = modes?.length ? modes : (about.value?.permission_modes ?? []);
  return (
    <div class="settings">
      <label>
        <span>Agent</span>
        <select
          aria-label="Agent"
          value={choice.backend}
          disabled={disabled || busy}
          onChange={(event) => change({ backend: event.currentTarget.value, model: "", effort: "" })}
        >
          {[...new Set([...backends, ...(choice.backend ? [choice.backend] : [])])].map((name) => (
            <option key={name} value={name}>
              {agentName(name)}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>Model</span>
        <span class="model">
          <TypedField
            label="Model"
            list={`models-${choice.backend}`}
            value={choice.model}
            placeholder={model ? asDefault(model.label || model.id) : "The agent's choice"}
            title={listed ? `${listed.models.length} models, asked for ${ageOf(listed.at)}; any other name may be typed` : "The models are being asked for"}
            disabled={disabled}
            live={live ? (model) => change({ model }) : undefined}
            commit={(model) => change({ model })}
          />
          <button type="button" class="quiet" aria-label="Ask for the models again" title={listed ? `Asked for ${ageOf(listed.at)}: ask again` : undefined} onClick={() => void modelsOf(choice.backend, true)}>
            <RefreshCw size={12} />
          </button>
        </span>
        <datalist id={`models-${choice.backend}`}>
          {(listed?.models ?? []).map((each) => (
            <option key={each.id} value={each.id}>
              {each.label}
            </option>
          ))}
        </datalist>
      </label>
      <label>
        <span>Effort</span>
        <select aria-label="Effort" value={choice.effort} disabled={disabled} onChange={(event) => change({ effort: event.currentTarget.value })}>
          <option value="">Default effort</option>
          {efforts.map((effort) => (
            <option key={effort} value={effort}>
              {effort}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>Permissions</span>
        <select
          aria-label="Permissions"
          value={choice.permission_mode}
          disabled={disabled}
          onChange={(event) => change({ permission_mode: event.currentTarget.value })}
        >
          <option value="">As configured</option>
          {offered.map((mode) => (
            <option key={mode} value={mode}>
              {modeName(mode)}
            </option>
          ))}
        </select>
      </label>
      {children}
    </div>
  );
}
