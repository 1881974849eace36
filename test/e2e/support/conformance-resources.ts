import {
  described,
  noRoute,
  notAllowed,
  notFound,
  notModified,
  options,
  part,
  problem,
  whole,
  withoutContent,
} from "./conformance-answers.ts";
import { get, head, pathOf, type Ask, type Expected, type Row } from "./conformance-row.ts";

type Entry = readonly [name: string, section: string, ask: Ask, expected: Expected];

const blobAllow = "GET, HEAD, PUT, OPTIONS";
const postAllow = "POST, OPTIONS";
const readAllow = "GET, HEAD, OPTIONS";

const blobs: readonly Entry[] = [
  ["a small blob", "RFC 9110 9.3.1", get(pathOf("small")), whole("small")],
  ["a blob of segments", "RFC 9110 9.3.1", get(pathOf("large")), whole("large")],
  ["the empty blob", "RFC 9110 9.3.1", get(pathOf("empty")), whole("empty")],
  ["a small blob by HEAD", "RFC 9110 9.3.2", head(pathOf("small")), described("small")],
  ["a blob of segments by HEAD", "RFC 9110 9.3.2", head(pathOf("large")), described("large")],
  ["the empty blob by HEAD", "RFC 9110 9.3.2", head(pathOf("empty")), described("empty")],
  ["by its first 32 digits", "openapi.yaml", get(pathOf("small:32")), whole("small")],
  ["segments by 32 digits", "openapi.yaml", get(pathOf("large:32")), whole("large")],
  ["HEAD by 32 digits", "openapi.yaml", head(pathOf("small:32")), described("small")],
  [
    "a part by 32 digits",
    "RFC 9110 14.2",
    get(pathOf("small:32"), { Range: "bytes=10-19" }),
    part("small", [10, 19]),
  ],
  [
    "by 32 digits, and the client has it",
    "RFC 9110 13.1.2",
    get(pathOf("small:32"), { "If-None-Match": '"{small}"' }),
    notModified("small"),
  ],
  [
    "by 32 digits, which are not its tag",
    "RFC 9110 8.8.3",
    get(pathOf("small:32"), { "If-None-Match": '"{small:32}"' }),
    whole("small"),
  ],
  ["in upper case", "openapi.yaml", get(pathOf("small:upper")), whole("small")],
  ["a digit percent-encoded", "RFC 3986 6.2.2.2", get(pathOf("small:encoded")), whole("small")],
  ["with a query", "RFC 3986 3.4", get(`${pathOf("small")}?key=0`), whole("small")],
  [
    "in absolute form",
    "RFC 9112 3.2.2",
    get(`http://registry.test${pathOf("small")}`),
    whole("small"),
  ],
  [
    "a client that takes other codings",
    "RFC 9110 12.5.3",
    get(pathOf("small"), { "Accept-Encoding": "gzip, br, zstd" }),
    whole("small"),
  ],
  [
    "a client that takes other types",
    "RFC 9110 12.5.1",
    get(pathOf("small"), { Accept: "text/html" }),
    whole("small"),
  ],
  [
    "a client that wants no cache to answer",
    "RFC 9111 5.2.1.4",
    get(pathOf("small"), { "Cache-Control": "no-cache", Pragma: "no-cache" }),
    whole("small"),
  ],
  [
    "a page of another origin",
    "Fetch #http-cors-protocol",
    get(pathOf("small"), { Origin: "https://example.org" }),
    whole("small"),
  ],
  [
    "a client that would like another protocol",
    "RFC 9110 7.8",
    get(pathOf("small"), { Upgrade: "h2c" }),
    whole("small"),
  ],
  [
    "an expectation that is none of GET",
    "RFC 9110 10.1.1",
    get(pathOf("small"), { Expect: "100-continue" }),
    whole("small"),
  ],
];

const missing: readonly Entry[] = [
  ["an unknown hash", "RFC 9110 15.5.5", get("/api/v1/metadata/{unknown}"), notFound],
  ["32 unknown digits", "RFC 9110 15.5.5", get("/api/v1/metadata/{unknown:32}"), notFound],
  [
    "the first half of one, the second of another",
    "openapi.yaml",
    get("/api/v1/metadata/{small:32}{unknown:32}"),
    notFound,
  ],
  [
    "an unknown hash by HEAD",
    "RFC 9110 9.3.2",
    head("/api/v1/metadata/{unknown}"),
    withoutContent(notFound),
  ],
];

/** Refused as what no key looks like; 63, 65 and 31 digits, and others than digits. */
const badKeys: readonly Entry[] = [
  ["{small:63}", "invalid_key_length"],
  ["{small}0", "invalid_key_length"],
  ["{small:32}0", "invalid_key_length"],
  ["0", "invalid_key_length"],
  ["{small}{small}", "invalid_key_length"],
  ["a".repeat(52), "invalid_key_length"],
  ["{small:63}g", "invalid_key_digit"],
  ["{small:63}%20", "invalid_key_digit"],
  [`${"0".repeat(31)}-`, "invalid_key_digit"],
].flatMap(([key = "", code = ""]) => {
  const refused = problem(400, code);
  const target = `/api/v1/metadata/${key}`;
  return [
    [`the key ${key}`, "RFC 9110 15.5.1", get(target), refused] as const,
    [`the key ${key} by HEAD`, "RFC 9110 9.3.2", head(target), withoutContent(refused)] as const,
  ];
});

const noPaths: readonly Entry[] = [
  ["/api", "RFC 9110 15.5.5"],
  ["/api/v1", "RFC 9110 15.5.5"],
  ["/api/v1/metadata/", "RFC 3986 3.3"],
  [`${pathOf("small")}/`, "RFC 3986 3.3"],
  [`${pathOf("small")}/data`, "RFC 3986 3.3"],
  ["/api/v1//metadata/{small}", "RFC 3986 3.3"],
  ["/api/v1/metadata//{small}", "RFC 3986 3.3"],
  ["//api/v1/metadata/{small}", "RFC 3986 3.3"],
  ["/API/v1/metadata/{small}", "RFC 3986 6.2.2.1"],
  ["/api/v2/metadata/{small}", "RFC 9110 15.5.5"],
  ["/api/v1/metadata/exists/", "RFC 3986 3.3"],
  ["/{small}", "RFC 9110 15.5.5"],
  ["/healthz/", "RFC 3986 3.3"],
  ["/metrics", "openapi.yaml"],
].map(([path = "", section = ""]) => [`the path ${path}`, section, get(path), noRoute] as const);

const wrongMethods: readonly Entry[] = [
  ["DELETE", pathOf("small"), blobAllow],
  ["PATCH", pathOf("small"), blobAllow],
  ["POST", pathOf("small"), blobAllow],
  ["TRACE", pathOf("small"), blobAllow],
  ["PROPFIND", pathOf("small"), blobAllow],
  ["DELETE", "/api/v1/metadata/{unknown}", blobAllow],
  ["GET", "/api/v1/metadata", postAllow],
  ["PUT", "/api/v1/metadata", postAllow],
  ["DELETE", "/api/v1/metadata", postAllow],
  ["GET", "/api/v1/metadata/exists", postAllow],
  ["PUT", "/api/v1/metadata/exists", postAllow],
  ["POST", "/healthz", readAllow],
  ["DELETE", "/readyz", readAllow],
  ["PUT", "/openapi.yaml", readAllow],
].map(([method = "", target = "", allow = ""]) => [
  `${method} ${target}`,
  "RFC 9110 15.5.6",
  { method, target, fields: {} },
  notAllowed(allow),
]);

const optionsRows: readonly Entry[] = [
  [pathOf("small"), blobAllow],
  ["/api/v1/metadata/{unknown}", blobAllow],
  ["/api/v1/metadata", postAllow],
  ["/api/v1/metadata/exists", postAllow],
  ["/healthz", readAllow],
  ["/readyz", readAllow],
  ["/openapi.yaml", readAllow],
].map(([target = "", allow = ""]) => [
  `OPTIONS ${target}`,
  "RFC 9110 9.3.7",
  { method: "OPTIONS", target, fields: {} },
  options(allow),
]);

const others: readonly Entry[] = [
  [
    "HEAD where only POST is",
    "RFC 9110 15.5.6",
    head("/api/v1/metadata"),
    withoutContent(notAllowed(postAllow)),
  ],
  [
    "HEAD where there is no path",
    "RFC 9110 9.3.2",
    head("/api/v1/metadata/"),
    withoutContent(noRoute),
  ],
  [
    "OPTIONS where there is no path",
    "RFC 9110 15.5.5",
    { method: "OPTIONS", target: "/api/v1/metadata/", fields: {} },
    noRoute,
  ],
  [
    "DELETE where there is no path",
    "RFC 9110 15.5.5",
    { method: "DELETE", target: "/api/v1", fields: {} },
    noRoute,
  ],
  [
    "OPTIONS with conditions",
    "RFC 9110 13.2.1",
    {
      method: "OPTIONS",
      target: pathOf("small"),
      fields: { "If-Match": '"a"', Range: "bytes=0-" },
    },
    options(blobAllow),
  ],
  [
    "DELETE with conditions",
    "RFC 9110 13.2.1",
    { method: "DELETE", target: pathOf("small"), fields: { "If-Match": '"a"' } },
    notAllowed(blobAllow),
  ],
];

/** What there is to be read, and what there is not: methods and paths. */
export const resourceRows: readonly Row[] = [
  ...blobs,
  ...missing,
  ...badKeys,
  ...noPaths,
  ...wrongMethods,
  ...optionsRows,
  ...others,
].map(([name, section, ask, expected]) => ({ name, section, ask, expected }));
