// The document of a webview: the page's own bundle, under a policy that lets it load and reach nothing else.

export interface Parts {
  /** The source that VS Code serves files of the extension from. */
  source: string;
  /** Addresses of the files, which carry a hash or the version, so that none is of yesterday. */
  boot: string;
  theme: string;
  script: string;
  style: string;
  /** The server's address, such as http://127.0.0.1:8000; undefined while none runs. */
  endpoint: string | undefined;
}

export function documentOf(parts: Parts): string {
  const policy = [
    "default-src 'none'",
    `script-src ${parts.source}`,
    `style-src ${parts.source}`,
    `img-src ${parts.source} data: blob:`,
    `font-src ${parts.source}`,
    `connect-src ${parts.endpoint ? `${parts.endpoint} ${parts.endpoint.replace(/^http/, "ws")}` : "'none'"}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${escaped(policy)}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Chats</title>
    <link rel="stylesheet" href="${escaped(parts.style)}">
    <link rel="stylesheet" href="${escaped(parts.theme)}">
    <script src="${escaped(parts.boot)}"></script>
    <script type="module" src="${escaped(parts.script)}"></script>
  </head>
  <body>
    <div id="app"></div>
    <div id="notice" role="status" hidden></div>
  </body>
</html>`;
}

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
