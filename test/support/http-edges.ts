/** What the rows speak of: a blob that is stored and at hand, and a form that holds it. */
export interface EdgeSubject {
  /** 64 digits, in lower case. */
  readonly hash: string;
  readonly data: string;
  /** One that is not stored: its bytes, and their hash. */
  readonly fresh: { readonly hash: string; readonly data: string };
  readonly form: { readonly contentType: string; readonly body: string };
}

/**
 * Requests by the row of a table of docs/http.md, each character a byte. Every one of a row must
 * get what the row says.
 */
export type EdgeRequests = Readonly<Record<string, readonly string[]>>;

/** How an upload is framed and what is said of it, in header lines. */
type Fields = readonly string[];

const host = "Host: r";
const chunks = "Transfer-Encoding: chunked";
const unknown = `/api/v1/metadata/${"0".repeat(64)}`;
const paths = ["/api/v1/metadata", "/api/v1/metadata/exists", unknown, "/healthz", "/readyz"];
const documents = ["/swagger", "/swagger/json", "/openapi.yaml"];

/** The rows of what the registry decides, but for those that are more than bytes. */
export function decidedEdges({ hash, data, form }: EdgeSubject): EdgeRequests {
  const blob = `/api/v1/metadata/${hash}`;
  const formFields = [host, `Content-Type: ${form.contentType}`];
  const post = (fields: Fields, body = form.body): string =>
    request("POST /api/v1/metadata HTTP/1.1", [...formFields, ...fields], body);
  const formLength = `Content-Length: ${form.body.length}`;
  const encodedDigit = `%${(hash.codePointAt(0) ?? 0).toString(16)}`;
  return {
    "a method that the path does not take": [
      ...[...paths, ...documents].flatMap((path) =>
        ["DELETE", "PATCH", "TRACE", "PROPFIND"].map((method) => ask(path, method)),
      ),
      ...paths.slice(0, 2).flatMap((path) => [ask(path), ask(path, "HEAD"), ask(path, "PUT")]),
      ...[...paths.slice(2), ...documents].map((path) => ask(path, "POST")),
    ],
    "a method that the path does not take, with a body": [
      request("DELETE /healthz HTTP/1.1", [host, "Content-Length: 4"], "body"),
      request(`POST ${blob} HTTP/1.1`, [host, "Content-Length: 4"], "body"),
      request("PATCH /api/v1/metadata HTTP/1.1", [host, chunks], chunked("body")),
    ],
    "`CONNECT`": ["r:80", "http://r/healthz", "/healthz", "/nowhere"].map((target) =>
      ask(target, "CONNECT"),
    ),
    "`OPTIONS` of a path": [...paths, ...documents].map((path) => ask(path, "OPTIONS")),
    "a path that is not there, whatever the method": [
      ...["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"].map((method) =>
        ask("/nowhere", method),
      ),
      ...["/api/v1", "/api/v2/metadata", "/api/v1/metadatax", "/metrics"].map((path) => ask(path)),
    ],
    "a slash at the end, or two of them": [
      "/healthz/",
      "//healthz",
      "/api/v1/metadata/",
      "/api/v1//metadata",
      `${blob}/`,
      `/api/v1/metadata//${hash}`,
      `//api/v1/metadata/${hash}`,
      "/swagger/",
    ].map((path) => ask(path)),
    "a path in upper case, or percent-encoded but for its key": [
      "/HEALTHZ",
      "/%68ealthz",
      "/healthz%00",
      `/API/v1/metadata/${hash}`,
      `/api/v1%2Fmetadata/${hash}`,
      `/api/v1/metadata%2F${hash}`,
    ].map((path) => ask(path)),
    "a byte in a path that is not ASCII": [ask("/\u00E9"), ask("/healthz\u00FF")],
    "percent-encoded digits of a key": [
      ask(`/api/v1/metadata/${encodedDigit}${hash.slice(1)}`),
      ask(`/api/v1/metadata/${encodedDigit}${hash.slice(1, 32)}`, "HEAD"),
    ],
    "a key with `%2F`, `%00` or a broken encoding": [
      "a%2Fb",
      `%2F${hash}`,
      `..%2Fmetadata%2F${hash}`,
      "%00",
      `${hash}%00`,
      "%zz",
      "%",
      "%ff",
    ].map((key) => ask(`/api/v1/metadata/${key}`)),
    "`#` behind a key": [ask(`${blob}#x`), ask(`${blob}#x`, "HEAD")],
    "`#` behind another path": [ask("/healthz#x"), ask("/#/healthz")],
    "a query": [`${blob}?`, `${blob}?x=/y`, "/healthz?x", "/healthz?x#y"].map((path) => ask(path)),
    "two `Host`, one with a comma, or one that is no host": [
      `${host}\r\n${host}`,
      `${host}\r\nHost: s`,
      "Host: r,s",
      "Host: r s",
      "Host: r/s",
      "Host: u@r",
      "Host: http://r",
      "Host: r:x",
      "Host: [::1",
      "Host: \u00E9",
      "Host: %",
    ].flatMap((field) => [
      request(`GET ${blob} HTTP/1.1`, [field]),
      request("HEAD /healthz HTTP/1.1", [field]),
      request(
        "POST /api/v1/metadata HTTP/1.1",
        [field, ...formFields.slice(1), formLength],
        form.body,
      ),
    ]),
    "an empty `Host`": [
      request(`GET ${blob} HTTP/1.1`, ["Host:"]),
      request("GET /healthz HTTP/1.1", ["Host: "]),
      request(
        "POST /api/v1/metadata HTTP/1.1",
        ["Host:", ...formFields.slice(1), formLength],
        form.body,
      ),
    ],
    "HTTP/1.0, with `Host` or without": [[host], []].flatMap((fields) => [
      request(`GET ${blob} HTTP/1.0`, fields),
      request(`HEAD ${blob} HTTP/1.0`, fields),
      request("GET /healthz HTTP/1.0", fields),
      request(
        "POST /api/v1/metadata HTTP/1.0",
        [...fields, ...formFields.slice(1), formLength],
        form.body,
      ),
    ]),
    "`Connection: close`": [
      request(`GET ${blob} HTTP/1.1`, [host, "Connection: close"]),
      request("GET /healthz HTTP/1.1", [host, "Connection: x, Close"]),
    ],
    "`Upgrade` to HTTP/2 or WebSocket": [
      request("GET /healthz HTTP/1.1", [
        host,
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAAQAAP__",
      ]),
      request(`GET ${blob} HTTP/1.1`, [
        host,
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
      ]),
    ],
    "an upload in chunks": [
      post([chunks], chunked(form.body)),
      post(["transfer-encoding: Chunked"], chunked(form.body)),
      request(`PUT ${blob} HTTP/1.1`, [host, chunks], chunked(data)),
      request(`PUT ${blob} HTTP/1.1`, [host, chunks], `0004\r\n${data}\r\n000\r\n\r\n`),
    ],
    "a POST without `Content-Length` and chunks": [post([], "")],
    "a PUT without `Content-Length` and chunks": [ask(blob, "PUT")],
    "`GET` or `HEAD` with a body": [blob, "/healthz"].flatMap((path) =>
      ["GET", "HEAD"].flatMap((method) => [
        request(`${method} ${path} HTTP/1.1`, [host, "Content-Length: 4"], "body"),
        request(`${method} ${path} HTTP/1.1`, [host, chunks], chunked("body")),
      ]),
    ),
    "`Expect: 100-continue`": [
      post([formLength, "Expect: 100-continue"]),
      post([chunks, "Expect: 100-continue"], chunked(form.body)),
      request(`PUT ${blob} HTTP/1.1`, [host, "Expect: 100-continue", "Content-Length: 4"], data),
    ],
    "`Expect: 100-continue` with an upload that is refused": [
      post(["Content-Length: 999999999", "Expect: 100-continue"], ""),
      request(
        `PUT ${blob} HTTP/1.1`,
        [host, "Content-Length: 999999999", "Expect: 100-continue"],
        "",
      ),
    ],
    "any other `Expect`": [
      post([formLength, "Expect: x"]),
      post([formLength, "Expect: 100-continue, x"]),
      request("GET /healthz HTTP/1.1", [host, "Expect: x"]),
    ],
    "pipelined requests that are answered at once: cached blobs, `/healthz`, refusals without a body":
      [
        ask(blob) + ask("/healthz") + ask("/nowhere"),
        ask("/healthz") + ask(blob) + ask("/nowhere", "DELETE"),
      ],
    "a request pipelined behind an upload that is refused": [
      request("POST /api/v1/metadata HTTP/1.1", [host, "Content-Length: 4"], "body") + ask(blob),
      request("POST /api/v1/metadata HTTP/1.1", [host, chunks], chunked("body")) + ask(blob),
    ],
  };
}

/** The rows of what Bun answers by itself, but for those that are more than bytes. */
export function bunEdges({ hash, data, fresh, form }: EdgeSubject): EdgeRequests {
  const blob = `/api/v1/metadata/${hash}`;
  const put = (fields: Fields, body = data): string =>
    request(`PUT ${blob} HTTP/1.1`, [host, ...fields], body);
  const putFresh = (body: string): string =>
    request(`PUT /api/v1/metadata/${fresh.hash} HTTP/1.1`, [host, chunks], body);
  const chunkSizes = ["x", "0x4", "-4", "+4", "", " 4", "4 ", "4 4", "f".repeat(18)];
  const field = (line: string): string => request("GET /healthz HTTP/1.1", [host, line]);
  const fields = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => `X-${index}: x`);
  return {
    "`*` as the target, of `OPTIONS` too": [ask("*", "OPTIONS"), ask("*")],
    "a target that is neither a path nor a URL": ["healthz", "r:80", "?x", "\\healthz", ""].map(
      (target) => ask(target),
    ),
    "a URL as the target, whatever its host, its user or the case of its scheme": [
      "http://r",
      "http://other.example:8080",
      "http://user:password@r",
      "HTTP://R",
      "https://r",
      "http://",
    ].flatMap((base) => [ask(`${base}${blob}`), ask(`${base}/healthz?x`, "HEAD")]),
    "a URL of another scheme as the target": [ask(`ftp://r${blob}`), ask("file:///healthz")],
    "dot segments, percent-encoded too, or `\\` for `/`": [
      "/../healthz",
      "/x/../healthz",
      "/./healthz",
      `/api/v1/x/..\\metadata/${hash}`,
      `/api/v1/metadata/%2e%2E/metadata/${hash}`,
      `/api\\v1\\metadata\\${hash}`,
      `http://r/x/..${blob}`,
    ].map((target) => ask(target)),
    "a control character or a blank in the target": [
      "/health z",
      "/healthz\t",
      "/healthz\0",
      "/healthz\u0001",
      "/healthz?\0",
    ].map((target) => ask(target)),
    "a method that Bun does not know (`FOO`, `get`)": ["FOO", "get", "Get", "GETS"].map((method) =>
      ask("/healthz", method),
    ),
    "no method, or a blank in it": [ask("/healthz", ""), ask("/healthz", "G ET")],
    "no `Host` in HTTP/1.1": [
      request("GET /healthz HTTP/1.1", []),
      request("GET http://r/healthz HTTP/1.1", []),
    ],
    "another version, or none (HTTP/0.9)": [
      " HTTP/1.2",
      " HTTP/2.0",
      " HTTP/2",
      " HTTP/0.9",
      " http/1.1",
      " HTTP/1.10",
      " HTTPS/1.1",
      "",
    ].map((version) => request(`GET /healthz${version}`, [host])),
    "what begins otherwise: TLS, HTTP/2, the PROXY protocol": [
      "\u0016\u0003\u0001\u0000\u00A5\u0001\u0000",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      `PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n${ask("/healthz")}`,
    ],
    "a blank line before the request": [`\r\n${ask("/healthz")}`, `\n${ask("/healthz")}`],
    "a bare LF at the end of the request line": ["GET /healthz HTTP/1.1\nHost: r\n\n"],
    "a bare LF, a bare CR or a control character in a field": [
      ...["X: a\nY: b", "X: a\rb", "X: a\0b", "X: a\u0001b", "X: a\n"].map(field),
      "GET /healthz HTTP/1.1\r\nHost: r\r\n\n",
    ],
    "a folded field": [
      field("X: a\r\n b"),
      field("X: a\r\n\tb"),
      put([chunks.replace(" ", "\r\n ")]),
    ],
    "a blank before the colon, no colon, a name that is none": [
      ...["X : a", "Xa", ": a", "X(y): a", "X y: a", "\u00E9: a"].map(field),
      put(["Transfer-Encoding : chunked"], chunked(data)),
      put(["Content-Length : 4"]),
    ],
    "more than 16 KiB in front of the body": [
      field(`X: ${"x".repeat(17_000)}`),
      ask(`/${"x".repeat(17_000)}`),
    ],
    "nearly 16 KiB in front of the body, and 198 fields": [
      request("GET /healthz HTTP/1.1", [host, ...fields(196), `X: ${"x".repeat(14_000)}`]),
    ],
    "more than 198 fields": [request("GET /healthz HTTP/1.1", [host, ...fields(198)])],
    "`Content-Length` with a sign, a list, or no decimal number at all": [
      "+4",
      "-4",
      "4 4",
      "4, 4",
      "4.0",
      "0x4",
      "a",
      "",
      "1e0",
      "9".repeat(30),
    ].map((length) => put([`Content-Length: ${length}`])),
    "`Content-Length` above 2^53": [put(["Content-Length: 9007199254740993"])],
    "two different `Content-Length`": [put(["Content-Length: 4", "Content-Length: 5"])],
    "`Content-Length` twice the same, with zeros before it or blanks around it": [
      put(["Content-Length: 4", "Content-Length: 4"]),
      put(["Content-Length: 0004"]),
      put(["Content-Length: \t 4 "]),
    ],
    "`Content-Length` and `Transfer-Encoding`": [
      put(["Content-Length: 4", chunks], chunked(data)),
      put([chunks, "Content-Length: 4"], chunked(data)),
    ],
    "`Transfer-Encoding` other than `chunked`, or two of them": [
      "gzip",
      "gzip, chunked",
      "identity",
      "chunked, identity",
      "chunked, chunked",
      "xchunked",
      "chunked;q=1",
      '"chunked"',
      "\u000Bchunked",
      "",
      `gzip\r\n${chunks}`,
      `chunked\r\n${chunks}`,
    ].map((coding) => put([`Transfer-Encoding: ${coding}`], chunked(data))),
    "`Transfer-Encoding` in HTTP/1.0": [
      request(`PUT ${blob} HTTP/1.0`, [host, chunks], chunked(data)),
    ],
    "a chunk with an extension": [";a", ";a=b", ';a="b"'].map((extension) =>
      put([chunks], `4${extension}\r\n${data}\r\n0${extension}\r\n\r\n`),
    ),
    "a chunk extension with blanks": [" ;a", "; a", ';a="b c"'].map((extension) =>
      put([chunks], `4${extension}\r\n${data}\r\n0\r\n\r\n`),
    ),
    "a chunk extension above 16 KiB": [
      put([chunks], `4;${"x".repeat(20_000)}\r\n${data}\r\n0\r\n\r\n`),
    ],
    "a chunk whose size or end is wrong": [
      ...chunkSizes.map((size) => putFresh(`${size}\r\n${fresh.data}\r\n0\r\n\r\n`)),
      putFresh(`4\n${fresh.data}\n0\n\n`),
      putFresh(`4\r\n${fresh.data}\n0\r\n\r\n`),
      putFresh(`4\r\n${fresh.data}xx0\r\n\r\n`),
    ],
    "`Expect: 100-continue` in HTTP/1.0": [
      request(`PUT ${blob} HTTP/1.0`, [host, "Content-Length: 4", "Expect: 100-continue"], data),
    ],
    "`Expect: 100-continue` without a body": [
      request("GET /healthz HTTP/1.1", [host, "Expect: 100-continue"]),
      request(`GET ${blob} HTTP/1.1`, [host, "Expect: 100-continue"]),
    ],
    "`Expect: 100-continue` in upper case": [
      put(["Content-Length: 4", "Expect: 100-CONTINUE"]),
      request(
        "POST /api/v1/metadata HTTP/1.1",
        [
          host,
          `Content-Type: ${form.contentType}`,
          `Content-Length: ${form.body.length}`,
          "Expect: 100-Continue",
        ],
        form.body,
      ),
    ],
    "`Connection: keep-alive` in HTTP/1.0": [
      request(`GET ${blob} HTTP/1.0`, [host, "Connection: keep-alive"]),
      request("GET /healthz HTTP/1.0", ["Connection: Keep-Alive"]) + ask("/healthz"),
    ],
  };
}

/** A request: its first line, its header lines, and what stands behind them. */
export function request(line: string, fields: Fields, body = ""): string {
  return `${[line, ...fields].join("\r\n")}\r\n\r\n${body}`;
}

/** A request of HTTP/1.1 without a body. */
export function ask(target: string, method = "GET"): string {
  return request(`${method} ${target} HTTP/1.1`, [host]);
}

/** A body in one chunk. */
export function chunked(body: string): string {
  return `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}
