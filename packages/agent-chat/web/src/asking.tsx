// What waits for an answer: permissions, questions, forms of MCP servers. The server keeps them, so a reload loses none.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ExternalLink, ShieldAlert } from "./icons";
import { ApiError, call, isMine, persistently } from "./api";
import { Diff } from "./diff";
import { isHosted, tell } from "./host";
import { StillMarkdown } from "./markdown";
import { aboutOf } from "./model";
import { plain } from "./plain";
import { current, problem, say } from "./state";
import type { Json, Option, Question, Request } from "./types";

/** Answer; false where that can be tried again. What is answered goes when the chat tells of it. */
async function answer(request: Request, body: Json): Promise<boolean> {
  const id = current.value?.id;
  try {
    await persistently(() => call("POST", `/chats/${id}/requests/${request.request_id}`, body));
    problem.value = null;
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) {
      if (!isMine(error.details["by"] as string | undefined)) say(error.message); // Else it had arrived, and its receipt was lost.
      return true;
    }
    problem.value = error instanceof Error ? error.message : String(error);
    return false;
  }
}

/** Have an answer on its way once at a time. */
function useAnswer(request: Request): [boolean, (body: Json) => void] {
  const [busy, setBusy] = useState(false);
  const given = (body: Json) => {
    if (busy) return;
    setBusy(true);
    void answer(request, body).then((done) => done || setBusy(false));
  };
  return [busy, given];
}

/** What is pressed in the first moment of a request was meant for what stood there before. */
const UNARMED_MS = 400;

function useArmed(): boolean {
  const [armed, setArmed] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setArmed(true), UNARMED_MS);
    return () => clearTimeout(timer);
  }, []);
  return armed;
}

export function Asking({ requests }: { requests: Request[] }) {
  const request = requests[0];
  if (!request) return null;
  const count = requests.length;
  return (
    <div class="asking">
      {count > 1 ? <p class="count">1 of {count} that wait for an answer</p> : null}
      {request.kind === "permission" ? (
        <Permission key={request.request_id} request={request} />
      ) : request.kind === "question" ? (
        <Questions key={request.request_id} request={request} />
      ) : (
        <Elicitation key={request.request_id} request={request} />
      )}
    </div>
  );
}

function useFocus() {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // Who is typing goes on typing.
    const active = document.activeElement;
    const typing = (active instanceof HTMLTextAreaElement || active instanceof HTMLInputElement) && active.value !== "";
    if (!typing) place.current?.focus();
  }, []);
  return place;
}

const LETTERS: Record<string, string> = {
  "Allow once": "y",
  "Allow for this session": "s",
  "Always allow": "a",
  Deny: "n",
  "Deny and stop": "x",
};

/** The letter of an option, or its number where its kind has none, or another has it. */
function keyed(option: Option): Option & { key: string } {
  return { ...option, key: LETTERS[option.name] ?? option.id };
}

/** What an option grants, where its name does not say it, and where that is kept. */
function Grants({ option, id }: { option: Option; id: string }) {
  if (!option.effect && !option.stored) return null;
  const effect = option.effect.charAt(0).toUpperCase() + option.effect.slice(1);
  return (
    <small id={id}>
      {effect.split("`").map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part))}
      {effect && option.stored ? ", " : ""}
      {option.stored}
    </small>
  );
}

/** Of a request whose agent is gone: what an answer does. */
const KEPT = "The server was started again since. Once you allow this the agent goes on and asks again: your answer counts for exactly this, once.";
const UNSURE = "The server was started again since, and what it kept of this has secrets taken out: the agent goes on when you allow it, and you are asked again.";

function Permission({ request }: { request: Request }) {
  const place = useFocus();
  const armed = useArmed();
  const [busy, give] = useAnswer(request);
  const asked = request.asked!;
  const options = useMemo(() => (request.options ?? []).map(keyed), [request]);
  const subject = asked.command || asked.diffs.map((diff) => diff.path).join(", ") || aboutOf(request);
  const isPlan = request.tool_kind === "plan";
  const plan = isPlan ? asked.subject || current.value?.textOf(asked.tool_use_id) : "";
  const choose = (option: Option) => {
    if (armed) give({ option: option.id });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const option = options.find((each) => each.key === event.key || each.id === event.key);
    if (option) {
      event.preventDefault();
      choose(option);
    }
  };
  return (
    <div
      ref={place}
      class="ask"
      role="alertdialog"
      tabIndex={-1}
      aria-label={subject ? `${asked.heading}: ${subject.slice(0, 200)}` : asked.heading}
      aria-describedby={`what-${request.request_id}`}
      onKeyDown={onKeyDown}
    >
      <h2>
        <ShieldAlert size={16} /> {asked.heading}
      </h2>
      <div class="what" id={`what-${request.request_id}`} tabIndex={0} role="group" aria-label="What would happen">
        {asked.command ? <pre class="command">{asked.command}</pre> : null}
        {plan ? <StillMarkdown text={plan} /> : asked.subject ? <pre class="arguments">{asked.subject}</pre> : null}
        {asked.diffs.map((diff, index) => (
          <Diff key={index} diff={diff} />
        ))}
        {asked.facts.length ? (
          <dl class="facts">
            {asked.facts.map(([name, value], index) => (
              <div key={index} class={name === "lifts" ? "lifts" : ""}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        ) : null}
      </div>
      {request.kept ? <p class="kept">{request.kept.counts ? KEPT : UNSURE}</p> : null}
      {asked.diffs.length && isHosted() ? (
        <button type="button" class="quiet more" onClick={() => tell({ type: "diff", chat: current.value?.id ?? "", request: request.request_id })}>
          Open the changes in the editor
        </button>
      ) : null}
      <div class="options">
        {options.map((option) => (
          <div key={option.id} class={option.effect.length + option.stored.length > 60 ? "option long" : "option"}>
            <button
              type="button"
              class={option.name.startsWith("Deny") ? "deny" : option.name === "Allow once" ? "primary" : ""}
              aria-label={option.name}
              data-key={option.key}
              aria-keyshortcuts={option.key}
              aria-describedby={option.effect || option.stored ? `grants-${request.request_id}-${option.id}` : undefined}
              disabled={busy}
              aria-disabled={!armed || undefined}
              onClick={() => choose(option)}
            >
              {option.name}
            </button>
            <Grants option={option} id={`grants-${request.request_id}-${option.id}`} />
          </div>
        ))}
      </div>
    </div>
  );
}

function Questions({ request }: { request: Request }) {
  const place = useFocus();
  const [busy, give] = useAnswer(request);
  const questions = request.request?.questions ?? [];
  const [chosen, setChosen] = useState<Record<string, string[]>>({});
  const [others, setOthers] = useState<Record<string, string>>({});
  const given = (question: Question) => {
    const other = others[question.id]?.trim();
    return [...(chosen[question.id] ?? []), ...(other ? [other] : [])];
  };
  const complete = questions.every((question) => given(question).length);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (!complete) return;
    const answers = Object.fromEntries(questions.map((question) => [question.id, given(question)]));
    give({ answer: { kind: "answers", answers } });
  };
  return (
    <div ref={place} class="ask" role="dialog" tabIndex={-1} aria-label={plain(questions.map((question) => question.text).join(" "))}>
      <form onSubmit={submit}>
        {questions.map((question, index) => (
          <fieldset key={question.id}>
            <legend>
              {question.header ? <span class="badge">{plain(question.header)}</span> : null} {plain(question.text)}
            </legend>
            {(question.choices ?? []).map((choice) => (
              <label key={choice.label} class="choice">
                <input
                  type={question.multi_select ? "checkbox" : "radio"}
                  name={`question-${index}`}
                  checked={(chosen[question.id] ?? []).includes(choice.label)}
                  onChange={(event) => {
                    const known = chosen[question.id] ?? [];
                    const next = !question.multi_select
                      ? [choice.label]
                      : event.currentTarget.checked
                        ? [...known, choice.label]
                        : known.filter((label) => label !== choice.label);
                    setChosen({ ...chosen, [question.id]: next });
                    if (!question.multi_select) setOthers({ ...others, [question.id]: "" });
                  }}
                />
                <span>
                  {plain(choice.label)}
                  {choice.description ? <small>{plain(choice.description)}</small> : null}
                </span>
              </label>
            ))}
            {question.allow_other || !question.choices?.length ? (
              <input
                type={(question.secret ? "password" : "text") as "text"}
                autoComplete="off"
                aria-label={question.choices?.length ? "Another answer" : plain(question.text)}
                placeholder={question.choices?.length ? "Another answer" : "Your answer"}
                value={others[question.id] ?? ""}
                onInput={(event) => {
                  setOthers({ ...others, [question.id]: event.currentTarget.value });
                  if (!question.multi_select && event.currentTarget.value) setChosen({ ...chosen, [question.id]: [] });
                }}
              />
            ) : null}
          </fieldset>
        ))}
        <div class="options">
          <button type="submit" class="primary" disabled={!complete || busy}>
            Answer
          </button>
          <button type="button" class="deny" disabled={busy} onClick={() => give({ answer: { kind: "answers", answers: {} } })}>
            Decline
          </button>
        </div>
      </form>
    </div>
  );
}

interface Property {
  type?: string;
  title?: string;
  description?: string;
  enum?: string[];
  default?: unknown;
}

function Elicitation({ request }: { request: Request }) {
  const place = useFocus();
  const armed = useArmed();
  const [busy, give] = useAnswer(request);
  const asked = request.request ?? {};
  const properties = (asked.schema?.["properties"] ?? {}) as Record<string, Property>;
  const required = (asked.schema?.["required"] ?? []) as string[];
  const [content, setContent] = useState<Json>(() =>
    Object.fromEntries(Object.entries(properties).map(([name, each]) => [name, each.default ?? (each.type === "boolean" ? false : "")])),
  );
  const reply = (action: string) => {
    const given = Object.fromEntries(
      Object.entries(content)
        .filter(([name, value]) => value !== "" || required.includes(name))
        .map(([name, value]) => [name, ["number", "integer"].includes(properties[name]?.type ?? "") ? Number(value) : value]),
    );
    const accepted = action === "accept" && asked.mode !== "url" ? { content: given } : {};
    if (armed) give({ answer: { kind: "elicitation_answer", action, ...accepted } });
  };
  const safe = /^https?:/i.test(asked.url ?? "");
  return (
    <div ref={place} class="ask" role="dialog" tabIndex={-1} aria-label={plain(`${asked.server} asks: ${asked.message}`)}>
      <h2>
        <span class="badge">{plain(asked.server ?? "")}</span> asks
      </h2>
      <p>{plain(asked.message ?? "")}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          reply("accept");
        }}
      >
        {asked.mode === "url" ? (
          <p class="url">
            {safe ? (
              <a href={asked.url!} target="_blank" rel="noopener noreferrer nofollow">
                {plain(asked.url!)} <ExternalLink size={12} />
              </a>
            ) : (
              plain(asked.url ?? "")
            )}
          </p>
        ) : (
          Object.entries(properties).map(([name, each]) => (
            <label key={name} class={each.type === "boolean" ? "field yes-no" : "field"}>
              {each.type === "boolean" ? (
                <input type="checkbox" checked={content[name] === true} onChange={(event) => setContent({ ...content, [name]: event.currentTarget.checked })} />
              ) : null}
              <span>{plain(each.title ?? name)}</span>
              {each.enum ? (
                <select value={String(content[name] ?? "")} onChange={(event) => setContent({ ...content, [name]: event.currentTarget.value })}>
                  <option value="" />
                  {each.enum.map((value) => (
                    <option key={value} value={value}>
                      {plain(value)}
                    </option>
                  ))}
                </select>
              ) : each.type === "boolean" ? null : (
                <input
                  type={(each.type === "number" || each.type === "integer" ? "number" : "text") as "text"}
                  required={required.includes(name)}
                  value={String(content[name] ?? "")}
                  onInput={(event) => setContent({ ...content, [name]: event.currentTarget.value })}
                />
              )}
              {each.description ? <small>{plain(each.description)}</small> : null}
            </label>
          ))
        )}
        <div class="options">
          <button type="submit" class="primary" disabled={busy} aria-disabled={!armed || undefined}>
            Accept
          </button>
          <button type="button" class="deny" disabled={busy} aria-disabled={!armed || undefined} onClick={() => reply("decline")}>
            Decline
          </button>
          <button type="button" disabled={busy} aria-disabled={!armed || undefined} onClick={() => reply("cancel")}>
            Cancel
          </button>
        </div>
      </form>
    </div>
  );
}
