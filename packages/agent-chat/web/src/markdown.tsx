// Markdown of agents: lexed into blocks, each rendered once and frozen, and nothing of it trusted.

import DOMPurify from "dompurify";
import { Marked, type Token, type Tokens } from "marked";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Signal } from "@preact/signals";
import type { VNode } from "preact";
import { Check, Copy } from "./icons";

const SAFE_LINK = /^(https?:|mailto:)/i;

const marked = new Marked({
  gfm: true,
  renderer: {
    // Raw HTML is text: an agent has no reason to send any.
    html: ({ text }) => escape(text),
    image: ({ href, text }) => link(href, text || href),
    link({ href, tokens }) {
      return link(href, this.parser.parseInline(tokens), true);
    },
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

function link(href: string, text: string, isHtml = false): string {
  const shown = isHtml ? text : escape(text);
  if (!SAFE_LINK.test(href)) return shown;
  return `<a href="${escape(href)}" target="_blank" rel="noopener noreferrer nofollow">${shown}</a>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.tagName === "A") {
    if (!SAFE_LINK.test(node.getAttribute("href") ?? "")) node.removeAttribute("href");
    node.setAttribute("rel", "noopener noreferrer nofollow");
    node.setAttribute("target", "_blank");
  }
});

const TAGS = "a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i li ol p pre s span strong sub sup table tbody td th thead tr ul";

export function sanitized(html: string): string {
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS.split(" "),
    ALLOWED_ATTR: ["href", "target", "rel", "class", "start", "align"],
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
  });
}

/** Characters of Markdown and HTML that are remembered. */
const MOST_KEPT = 4_000_000;
const rendered = new Map<string, string>();
let kept = 0;

function html(token: Token): string {
  const known = rendered.get(token.raw);
  if (known !== undefined) return known;
  const made = sanitized(marked.parser([token]));
  if (kept > MOST_KEPT) {
    rendered.clear();
    kept = 0;
  }
  rendered.set(token.raw, made);
  kept += token.raw.length + made.length;
  return made;
}

interface Frozen {
  upTo: number;
  nodes: VNode[];
  text: string;
}

/** Characters that are lexed and drawn in one task of the browser: what is longer comes in steps, so that typing goes on. */
const STEP = 12_000;
const pending = new Set<object>();

/** Whether some text is not drawn to its end yet. */
export function isDrawing(): boolean {
  return pending.size > 0;
}

/** The next blocks of a text, and whether the text ends with them. What is cut is lexed as far as it is surely whole. */
function lexed(text: string): { tokens: Token[]; isAll: boolean } {
  for (let size = STEP; size < text.length; size *= 2) {
    const tokens = marked.lexer(text.slice(0, size));
    if (tokens.length > 1) return { tokens: tokens.slice(0, -1), isAll: false };
  }
  return { tokens: marked.lexer(text), isAll: true };
}

/** Text that may still grow: what lies before its last block is lexed and drawn once. */
export function Markdown({ text, open }: { text: Signal<string>; open: Signal<boolean> }) {
  const frozen = useRef<Frozen>({ upTo: 0, nodes: [], text: "" });
  const [, redraw] = useState(0);
  const state = frozen.current;
  const whole = text.value;
  if (!whole.startsWith(state.text)) {
    state.upTo = 0;
    state.nodes = [];
    state.text = "";
  }
  const { tokens: rest, isAll } = lexed(whole.slice(state.upTo));
  const last = Math.max(0, open.value && isAll ? rest.length - 1 : rest.length);
  if (last > 0) {
    const first = state.nodes.length;
    const closed = rest.slice(0, last);
    state.nodes = state.nodes.concat(closed.map((token, index) => <BlockView key={first + index} token={token} open={false} />));
    state.upTo += closed.reduce((length, token) => length + token.raw.length, 0);
    state.text = whole.slice(0, state.upTo);
  }
  useEffect(() => {
    if (isAll) return;
    pending.add(frozen);
    const timer = setTimeout(() => redraw((count) => count + 1));
    return () => {
      pending.delete(frozen);
      clearTimeout(timer);
    };
  });
  return (
    <div class="markdown">
      {state.nodes}
      {rest.slice(last).map((token, index) => (
        <BlockView key={state.nodes.length + index} token={token} open={open.value} />
      ))}
    </div>
  );
}

export function StillMarkdown({ text }: { text: string }) {
  const tokens = useMemo(() => marked.lexer(text), [text]);
  return (
    <div class="markdown">
      {tokens.map((token, index) => (
        <BlockView key={index} token={token} open={false} />
      ))}
    </div>
  );
}

function BlockView({ token, open }: { token: Token; open: boolean }) {
  if (token.type === "space") return null;
  if (token.type === "code") {
    const code = token as Tokens.Code;
    return <Code text={code.text} language={(code.lang ?? "").split(/\s/)[0] ?? ""} open={open} />;
  }
  if (isPlain(token)) {
    return (
      <div class="block">
        <p>{token.text}</p>
      </div>
    );
  }
  return <div class="block" dangerouslySetInnerHTML={{ __html: html(token) }} />;
}

/** Whether a paragraph is nothing but words, which need neither a parser nor a filter. */
function isPlain(token: Token): token is Tokens.Paragraph {
  if (token.type !== "paragraph") return false;
  const inline = (token as Tokens.Paragraph).tokens;
  return inline.length === 1 && inline[0]!.type === "text" && !/[&\\\n<]/.test(inline[0]!.raw);
}

export function Code({ text, language, open = false }: { text: string; language: string; open?: boolean }) {
  const [colored, setColored] = useState<{ text: string; html: string } | null>(null);
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (open || !language || text.length > 60_000) return;
    let alive = true;
    void import("./highlight").then(({ highlighted }) => {
      const made = highlighted(text, language);
      if (alive && made !== null) setColored({ text, html: sanitized(made) });
    });
    return () => {
      alive = false;
    };
  }, [text, language, open]);
  const copy = () => {
    void navigator.clipboard.writeText(text).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    });
  };
  return (
    <div class="code">
      <div class="code-head">
        <span>{language}</span>
        <button type="button" class="quiet" aria-label={copied ? "Copied" : "Copy code"} onClick={copy}>
          {copied ? <Check size={14} /> : <Copy size={14} />}
        </button>
      </div>
      <pre tabIndex={0}>
        {colored?.text === text ? (
          <code dangerouslySetInnerHTML={{ __html: colored.html }} />
        ) : (
          <code>{text}</code>
        )}
      </pre>
    </div>
  );
}
