import { ownHostPolicy, type PageAsset } from "./page-asset.ts";

const policy = ownHostPolicy("style-src 'self'; form-action 'self'");

/** Where the page is, once its script has filled that in. */
const origin = '<span class="origin">http://localhost:8080</span>';

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
        hands them out again. A blob never changes, so what a key means never changes.
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
        <input id="data" name="data" type="file" required aria-describedby="hint" />
        <p id="hint" class="quiet">
          Whoever has its key can read it: encrypt what is not for everybody.
        </p>
        <div id="access" hidden>
          <label for="token">Token</label>
          <input
            id="token"
            type="password"
            autocomplete="off"
            spellcheck="false"
            aria-describedby="custody"
          />
          <p id="custody" class="quiet">
            From the operator of this registry. This page forgets it when it is closed.
          </p>
        </div>
        <button>Upload</button>
      </form>
      <div id="outcome" role="status"></div>
      <h2>For programs</h2>
      <ul>
        <li><a href="/swagger">The interface, to read and to try out</a> (Swagger UI)</li>
        <li><a href="/openapi.yaml">The same as an OpenAPI document</a></li>
        <li><a href="/readyz">Whether this registry is ready</a></li>
      </ul>
      <p>With curl, up and down again:</p>
      <pre><code>curl -F data=@FILE ${origin}/api/v1/metadata</code></pre>
      <pre><code>curl -o FILE ${origin}/api/v1/metadata/KEY</code></pre>
    </main>
  </body>
</html>
`;

const style = `:root {
  color-scheme: light dark;
  --ink: #1b1f24;
  --paper: #ffffff;
  --raised: #f4f6f5;
  --quiet: #50565e;
  --line: #c9ced6;
  --edge: #757c86;
  --accent: #0a5c36;
  --on-accent: #ffffff;
  --wrong: #a1121f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e8eaed;
    --paper: #16181c;
    --raised: #1f2227;
    --quiet: #aab1ba;
    --line: #3c424b;
    --edge: #868e99;
    --accent: #6fd6a1;
    --on-accent: #0b1a12;
    --wrong: #ff9aa2;
  }
}
* {
  box-sizing: border-box;
}
body {
  margin: 0 auto;
  max-width: 44rem;
  padding: 1.5rem 1rem 3rem;
  background: var(--paper);
  color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif;
  overflow-wrap: anywhere;
}
h1 {
  margin: 0 0 0.75rem;
  font-size: 1.6rem;
  line-height: 1.2;
}
h2 {
  margin: 2rem 0 0.75rem;
  font-size: 1.15rem;
}
p,
ul,
dl,
dd {
  margin: 0;
}
ul {
  margin-bottom: 1rem;
  padding-left: 1.25rem;
}
li {
  padding: 0.2rem 0;
}
a {
  color: var(--accent);
}
form,
pre,
#outcome:not(:empty) {
  padding: 1rem;
  border: 1px solid var(--line);
  border-radius: 0.5rem;
  background: var(--raised);
}
#outcome:not(:empty) {
  margin-top: 1rem;
}
label,
dt,
.outcome {
  font-weight: 600;
}
#access {
  margin-top: 1rem;
}
input,
button,
::file-selector-button {
  font: inherit;
  min-height: 2.75rem;
}
input {
  display: block;
  width: 100%;
  margin: 0.35rem 0;
}
button,
::file-selector-button {
  padding: 0 1.25rem;
  border: 1px solid var(--edge);
  border-radius: 0.4rem;
  background: var(--paper);
  color: var(--ink);
  cursor: pointer;
}
::file-selector-button {
  margin-right: 0.75rem;
}
button {
  margin-top: 1rem;
  border-color: transparent;
  background: var(--accent);
  color: var(--on-accent);
  font-weight: 600;
}
button[aria-disabled="true"] {
  cursor: progress;
}
:focus-visible {
  outline: 3px solid var(--accent);
  outline-offset: 2px;
}
.quiet,
dt {
  color: var(--quiet);
}
.wrong {
  color: var(--wrong);
}
dt {
  margin-top: 0.75rem;
  font-size: 0.9rem;
}
code {
  font: 0.9rem/1.5 ui-monospace, monospace;
}
pre {
  margin: 0.5rem 0 0;
  white-space: pre-wrap;
}
`;

/** Makes the form answer on the page; without it, a browser sends it all the same. */
const script = `"use strict";
const form = document.querySelector("form");
const button = form.querySelector("button");
const outcome = document.querySelector("#outcome");
const access = document.querySelector("#access");
const token = document.querySelector("#token"); // without a name: it is no part of the form
for (const place of document.querySelectorAll(".origin")) place.textContent = location.origin;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true"); // disabled, it would lose the focus
  outcome.replaceChildren(element("p", "quiet", "Uploading\\u2026"));
  outcome.replaceChildren(...(await send(token.value.trim())));
  button.removeAttribute("aria-disabled");
});

async function send(secret) {
  if (secret !== "" && !/^[A-Za-z0-9._~+/-]+=*$/.test(secret)) {
    return refusal("What is entered is no token: it holds characters that no token has.");
  }
  try {
    const headers = secret === "" ? {} : { Authorization: "Bearer " + secret };
    const body = new FormData(form);
    const response = await fetch(form.action, { method: "POST", body, headers });
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return receipt(answer);
    if (answer.code === "token_required") {
      return refusal("Uploading here takes a token. Enter yours, and upload again.");
    }
    if (answer.code?.startsWith("token_")) return refusal(answer.detail);
    const what = answer.detail ?? "The upload was refused with status " + response.status + ".";
    return [element("p", "wrong", what)];
  } catch {
    const what = "The upload broke off: check the connection and choose the file again.";
    return [element("p", "wrong", what)];
  }
}

/** Asks for a token: it was missing, or is not good. */
function refusal(what) {
  access.hidden = false;
  token.focus();
  return [element("p", "wrong", what)];
}

function receipt({ hash, size, created, url }) {
  const list = document.createElement("dl");
  add(list, "Key", element("code", "key", hash));
  add(list, "Size", size.toLocaleString("en") + (size === 1 ? " byte" : " bytes"));
  add(list, "Link", link(location.origin + "/api/v1/metadata/" + hash));
  if (url !== undefined) add(list, "Link by its own name", link(url));
  const what = created ? "The blob is stored." : "The blob was here already.";
  return [element("p", "outcome", what), list];
}

function add(list, term, detail) {
  const cell = document.createElement("dd");
  cell.append(detail);
  list.append(element("dt", "", term), cell);
}

function link(href) {
  const anchor = document.createElement("a");
  anchor.href = href;
  anchor.append(element("code", "", href));
  return anchor;
}

function element(name, kind, content) {
  const made = document.createElement(name);
  made.className = kind;
  made.textContent = content;
  return made;
}
`;

/** The page at the root of the registry: what it is, and a form to try it. */
export const homeAssets: Readonly<Record<string, PageAsset>> = {
  "/": { type: "text/html; charset=utf-8", policy, body: () => page },
  "/home.css": { type: "text/css; charset=utf-8", policy, body: () => style },
  "/home.js": { type: "text/javascript; charset=utf-8", policy, body: () => script },
};
