// Tokens and cost of a chat over its turns: a chart, loaded when it is wanted, and the same as a table.

import { useEffect, useRef } from "preact/hooks";
import type { ChatModel } from "./model";
import { Panel } from "./panel";
import type { AccountLimit, ChatView } from "./types";

export function short(count: number): string {
  return count >= 1_000_000 ? `${(count / 1e6).toFixed(1)}M` : count >= 1000 ? `${(count / 1000).toFixed(1)}k` : String(count);
}

function Limits({ limits }: { limits: AccountLimit[] }) {
  return (
    <ul class="limits" aria-label="Limits of the account">
      {limits.map(({ name, used, resets_at }) => (
        <li key={name}>
          <span>{name}</span>
          {used === null ? null : <meter aria-label={`Used of ${name}`} min={0} max={1} high={0.8} value={used} />}
          <small>
            {used === null ? "" : `${Math.round(used * 100)} % used`}
            {resets_at === null ? "" : `${used === null ? "" : ", "}anew ${when(resets_at)}`}
          </small>
        </li>
      ))}
    </ul>
  );
}

/** When something is: a time of today, else a day. */
function when(seconds: number): string {
  const at = new Date(seconds * 1000);
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday
    ? `at ${at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`
    : `on ${at.toLocaleDateString([], { day: "numeric", month: "short" })}`;
}

/** Who says what a chat costs. */
export function sourceOf(view: ChatView): string {
  return view.used?.cost_source === "agent" ? "as the agent tells" : "estimated by a table of prices";
}

export function Usage({ model, view, close }: { model: ChatModel; view: ChatView; close: () => void }) {
  const place = useRef<HTMLDivElement>(null);
  const turns = model.turns.value;
  useEffect(() => {
    const area = place.current;
    if (!area || !turns.length) return;
    let chart: { destroy(): void } | null = null;
    let gone = false;
    const paint = () =>
      import("./chart").then(({ draw }) => {
        chart?.destroy();
        chart = gone ? null : draw(area, turns);
      });
    const scheme = matchMedia("(prefers-color-scheme: dark)"); // It is drawn with the colours of then.
    scheme.addEventListener("change", paint);
    void paint();
    return () => {
      gone = true;
      scheme.removeEventListener("change", paint);
      chart?.destroy();
    };
  }, [turns]);
  const cost = view.used?.cost_usd;
  return (
    <Panel kind="usage" label="Tokens and cost" closing="Close tokens and cost" close={close}>
      {turns.length ? <div class="chart" ref={place} role="img" aria-label={`Tokens${turns.some((turn) => turn.cost !== null) ? " and cost" : ""} of ${turns.length} turns; the table below has the numbers`} /> : <p class="dim">No turn has ended yet.</p>}
      {cost ? (
        <p class="dim">
          ${cost.toFixed(4)} in all, {sourceOf(view)}
        </p>
      ) : turns.length ? (
        <p class="dim">What this costs is not told: the agent does not say it, and no prices are configured for its model.</p>
      ) : null}
      {view.limits?.length ? <Limits limits={view.limits} /> : null}
      {turns.length ? (
        <table>
          <thead>
            <tr>
              <th scope="col">Turn</th>
              <th scope="col">In</th>
              <th scope="col">Out</th>
              <th scope="col">Cost so far</th>
            </tr>
          </thead>
          <tbody>
            {turns.map((turn, index) => (
              <tr key={index}>
                <th scope="row">{index + 1}</th>
                <td>{short(turn.input)}</td>
                <td>{short(turn.output)}</td>
                <td>{turn.cost === null ? "–" : `$${turn.cost.toFixed(4)}`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : null}
    </Panel>
  );
}
