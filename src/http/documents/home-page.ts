import { ownHostPolicy, type PageAsset } from "./page-asset.ts";

const policy = ownHostPolicy("style-src 'self'; form-action 'self'");

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>Mycelium CDN Registry</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/home.css" />
    <script src="/home.js" defer></script>
  </head>
  <body>
    <header>
      <h1>Mycelium CDN Registry</h1>
      <p>
        Keeps metadata blobs, encrypted by their owners, under the BLAKE3 hash of their bytes, and
        hands them out again. Blobs never change: what a key means never changes.
      </p>
    </header>
    <main>
      <h2 id="upload">Upload a blob</h2>
      <form
        aria-labelledby="upload"
        action="/api/v1/metadata"
        method="post"
        enctype="multipart/form-data"
      >
        <label for="data">File</label>
        <input id="data" name="data" type="file" required />
        <button>Upload</button>
        <p class="hint">
          Whoever has the key can read the blob: encrypt what is not for everybody. Nobody can change
          it.
        </p>
      </form>
      <div id="outcome" role="status"></div>
      <h2>For programs</h2>
      <ul>
        <li><a href="/swagger">Try the interface out</a> (Swagger UI)</li>
        <li><a href="/openapi.yaml">The OpenAPI document</a></li>
        <li><a href="/readyz">Whether this registry is ready</a></li>
      </ul>
      <pre tabindex="0" aria-label="How to upload with curl"><code>curl -F data=@FILE <span
        id="origin"
      >http://localhost:8080</span>/api/v1/metadata</code></pre>
    </main>
  </body>
</html>
`;

const style = `:root {
  color-scheme: light dark;
  --ink: light-dark(#1b1f24, #e8eaed);
  --paper: light-dark(#ffffff, #16181c);
  --quiet: light-dark(#50565e, #aab1ba);
  --line: light-dark(#c9ced6, #3c424b);
  --accent: light-dark(#0a5c36, #6fd6a1);
  --on-accent: light-dark(#ffffff, #0b1a12);
  --wrong: light-dark(#a1121f, #ff9aa2);
}
* {
  box-sizing: border-box;
}
body {
  margin: 0 auto;
  max-width: 42rem;
  padding: 1.5rem 1rem 3rem;
  background: var(--paper);
  color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif;
}
h1 {
  font-size: 1.6rem;
  line-height: 1.2;
}
h2 {
  margin-top: 2rem;
  font-size: 1.15rem;
}
a {
  color: var(--accent);
}
form,
#outcome:not(:empty) {
  display: grid;
  gap: 0.6rem;
  padding: 1rem;
  border: 1px solid var(--line);
  border-radius: 0.5rem;
}
#outcome:not(:empty) {
  margin-top: 1rem;
}
label,
dt {
  font-weight: 600;
}
input,
button {
  font: inherit;
  max-width: 100%;
  min-height: 2.75rem;
}
button {
  justify-self: start;
  padding: 0 1.5rem;
  border: 0;
  border-radius: 0.4rem;
  background: var(--accent);
  color: var(--on-accent);
  font-weight: 600;
  cursor: pointer;
}
button:disabled {
  opacity: 0.7;
  cursor: progress;
}
:focus-visible {
  outline: 3px solid var(--accent);
  outline-offset: 2px;
}
.hint {
  margin: 0;
  color: var(--quiet);
}
.wrong {
  margin: 0;
  color: var(--wrong);
}
dl,
dd {
  margin: 0;
}
code {
  font: 0.9rem/1.5 ui-monospace, monospace;
  overflow-wrap: anywhere;
}
pre {
  padding: 0.75rem 1rem;
  border: 1px solid var(--line);
  border-radius: 0.5rem;
  white-space: pre-wrap;
}
`;

/** Makes the form answer on the page; without it, a browser sends it all the same. */
const script = `"use strict";
const form = document.querySelector("form");
const button = form.querySelector("button");
const outcome = document.querySelector("#outcome");
document.querySelector("#origin").textContent = location.origin;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  button.disabled = true;
  show(paragraph("hint", "Uploading\\u2026"));
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form) });
    const answer = await response.json();
    show(response.ok ? receipt(answer) : paragraph("wrong", answer.detail));
  } catch {
    show(paragraph("wrong", "The upload broke off. Check the connection and try again."));
  }
  button.disabled = false;
});

function receipt({ hash, size, created, url }) {
  const list = document.createElement("dl");
  const path = "/api/v1/metadata/" + hash;
  add(list, created ? "Key" : "Key (the blob was there already)", text("code", hash));
  add(list, "Size", text("span", size.toLocaleString("en") + " bytes"));
  add(list, "Link", link(location.origin + path));
  if (url !== undefined) add(list, "By name", link(url));
  return list;
}

function add(list, term, detail) {
  list.append(text("dt", term));
  const cell = document.createElement("dd");
  cell.append(detail);
  list.append(cell);
}

function text(name, content) {
  const element = document.createElement(name);
  element.textContent = content;
  return element;
}

function link(href) {
  const anchor = text("a", "");
  anchor.append(text("code", href));
  anchor.href = href;
  return anchor;
}

function paragraph(kind, content) {
  const element = text("p", content);
  element.className = kind;
  return element;
}

function show(element) {
  outcome.replaceChildren(element);
}
`;

/** The page at the root of the registry: what it is, and a form to try it. */
export const homeAssets: Readonly<Record<string, PageAsset>> = {
  "/": { type: "text/html; charset=utf-8", policy, body: () => page },
  "/home.css": { type: "text/css; charset=utf-8", policy, body: () => style },
  "/home.js": { type: "text/javascript; charset=utf-8", policy, body: () => script },
};
