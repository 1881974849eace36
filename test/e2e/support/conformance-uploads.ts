import {
  created,
  described,
  failed,
  notFound,
  problem,
  receipt,
  whole,
  withFields,
  withoutContent,
} from "./conformance-answers.ts";
import { get, head, pathOf, post, put, type Ask, type Row } from "./conformance-row.ts";

/** A refused upload has its connection closed: the rest of it is not read. */
const closing = { Connection: "close" };

const stored = (blob: "new" | "new-large" | "largest") =>
  [
    get(pathOf(blob)),
    // When that was, nobody knew when the row was written.
    withFields(whole(blob), { "Last-Modified": / GMT$/ }),
  ] as const;

const notStored = [head(pathOf("new")), withoutContent(notFound)] as const;

const wrongHash = withFields(problem(422, "hash_mismatch", ["{small}", "{new}"]), closing);

const putting: readonly Row[] = [
  {
    name: "PUT of a new blob",
    section: "RFC 9110 9.3.4",
    ask: put("new"),
    expected: created("new"),
    again: receipt("new"),
    after: stored("new"),
  },
  {
    name: "PUT of a new blob of segments",
    section: "RFC 9110 9.3.4",
    ask: put("new-large"),
    expected: created("new-large"),
    again: receipt("new-large"),
    after: stored("new-large"),
  },
  {
    name: "PUT of the largest blob",
    section: "RFC 9110 9.3.4",
    ask: put("largest"),
    expected: created("largest"),
    again: receipt("largest"),
    after: stored("largest"),
  },
  {
    name: "PUT of a known blob",
    section: "RFC 9110 9.3.4",
    ask: put("small"),
    expected: receipt("small"),
    after: [head(pathOf("small")), described("small")],
  },
  {
    name: "PUT of a known blob of segments",
    section: "RFC 9110 9.3.4",
    ask: put("large"),
    expected: receipt("large"),
  },
  {
    name: "PUT of the empty blob",
    section: "RFC 9110 9.3.4",
    ask: put("empty"),
    expected: receipt("empty"),
  },
  {
    name: "PUT under digits of upper case",
    section: "openapi.yaml",
    ask: { ...put("new"), target: pathOf("new:upper") },
    expected: created("new"),
    again: receipt("new"),
    after: stored("new"),
  },
  {
    name: "PUT of a type",
    section: "RFC 9110 9.3.4",
    ask: put("new", { "Content-Type": "text/plain" }),
    expected: created("new"),
    again: receipt("new"),
    after: stored("new"),
  },
  {
    name: "PUT in chunks",
    section: "RFC 9112 7.1",
    ask: { ...put("new"), isChunked: true },
    expected: created("new"),
    again: receipt("new"),
    after: stored("new"),
  },
  {
    name: "PUT of segments in chunks",
    section: "RFC 9112 7.1",
    ask: { ...put("new-large"), isChunked: true },
    expected: created("new-large"),
    again: receipt("new-large"),
    after: stored("new-large"),
  },
  {
    name: "PUT that waits to be told to go on",
    section: "RFC 9110 10.1.1",
    ask: put("new", { Expect: "100-continue" }),
    expected: created("new"),
    again: receipt("new"),
  },
  {
    name: "PUT knows no ranges",
    section: "RFC 9110 14.2",
    ask: put("new", { Range: "bytes=0-9" }),
    expected: created("new"),
    again: receipt("new"),
    after: stored("new"),
  },
  {
    name: "PUT of what hashes to another key",
    section: "RFC 9110 15.5.21",
    ask: { ...put("small"), target: pathOf("new") },
    expected: wrongHash,
    after: notStored,
  },
  {
    name: "PUT of other bytes under a known key",
    section: "RFC 9110 15.5.21",
    ask: { ...put("new"), target: pathOf("small") },
    expected: wrongHash,
    after: [get(pathOf("small")), whole("small")],
  },
  {
    name: "PUT of segments that hash to another key",
    section: "RFC 9110 15.5.21",
    ask: { ...put("new-large"), target: pathOf("new") },
    expected: withFields(problem(422, "hash_mismatch", ["{new}", "{new-large}"]), closing),
    after: [head(pathOf("new-large")), withoutContent(notFound)],
  },
  {
    name: "PUT under 32 digits",
    section: "openapi.yaml",
    ask: { ...put("new"), target: pathOf("new:32") },
    expected: withFields(problem(400, "invalid_key_length"), closing),
    after: notStored,
  },
  {
    name: "PUT under 63 digits",
    section: "RFC 9110 15.5.1",
    ask: { ...put("new"), target: pathOf("new:63") },
    expected: withFields(problem(400, "invalid_key_length"), closing),
    after: notStored,
  },
  {
    name: "PUT of a part",
    section: "RFC 9110 14.5",
    ask: put("new", { "Content-Range": "bytes 0-699/1400" }),
    expected: withFields(problem(400, "partial_upload"), closing),
    after: notStored,
  },
  {
    name: "PUT of a coding",
    section: "RFC 9110 15.5.16",
    ask: put("new", { "Content-Encoding": "gzip" }),
    expected: withFields(problem(415, "unsupported_content_encoding"), closing),
    after: notStored,
  },
  {
    name: "PUT of a byte too many",
    section: "RFC 9110 15.5.14",
    ask: put("too-large"),
    expected: withFields(problem(413, "blob_too_large"), closing),
    after: [head(pathOf("too-large")), withoutContent(notFound)],
  },
  {
    name: "PUT of a byte too many, in chunks",
    section: "RFC 9110 15.5.14",
    ask: { ...put("too-large"), isChunked: true },
    expected: withFields(problem(413, "blob_too_large"), closing),
    after: [head(pathOf("too-large")), withoutContent(notFound)],
  },
];

const refused = withFields(failed, closing);
const old = "Sun, 06 Nov 1994 08:49:37 GMT";

/** What conditions make of a PUT. */
const conditional: readonly Row[] = [
  {
    name: "PUT only if it is not here, a new blob",
    section: "RFC 9110 13.1.2",
    ask: put("new", { "If-None-Match": "*" }),
    expected: created("new"),
    again: refused,
    after: stored("new"),
  },
  {
    name: "PUT only if it is not here, new segments",
    section: "RFC 9110 13.1.2",
    ask: put("new-large", { "If-None-Match": "*" }),
    expected: created("new-large"),
    again: refused,
    after: stored("new-large"),
  },
  {
    name: "PUT only if it is not here, a known blob",
    section: "RFC 9110 13.1.2",
    ask: put("small", { "If-None-Match": "*" }),
    expected: refused,
    after: [get(pathOf("small")), whole("small")],
  },
  {
    name: "PUT only if it is not here, known segments",
    section: "RFC 9110 13.1.2",
    ask: put("large", { "If-None-Match": "*" }),
    expected: refused,
  },
  {
    name: "PUT only if it is not of its tag, a known blob",
    section: "RFC 9110 13.1.2",
    ask: put("small", { "If-None-Match": 'W/"{small}"' }),
    expected: refused,
  },
  {
    name: "PUT only if it is not of another tag",
    section: "RFC 9110 13.1.2",
    ask: put("small", { "If-None-Match": '"a"' }),
    expected: receipt("small"),
  },
  {
    name: "PUT only if it is here, a new blob",
    section: "RFC 9110 13.1.1",
    ask: put("new", { "If-Match": "*" }),
    expected: refused,
    after: notStored,
  },
  {
    name: "PUT only if it is of its tag, a new blob",
    section: "RFC 9110 13.1.1",
    ask: put("new", { "If-Match": '"{new}"' }),
    expected: refused,
    after: notStored,
  },
  {
    name: "PUT only if it is of its tag",
    section: "RFC 9110 13.1.1",
    ask: put("small", { "If-Match": '"{small}"' }),
    expected: receipt("small"),
  },
  {
    name: "PUT only if it is of another tag",
    section: "RFC 9110 13.1.1",
    ask: put("small", { "If-Match": '"a"' }),
    expected: refused,
  },
  {
    name: "PUT only if it is older",
    section: "RFC 9110 13.1.4",
    ask: put("small", { "If-Unmodified-Since": "{small:before}" }),
    expected: refused,
  },
  {
    name: "PUT only if it is not newer",
    section: "RFC 9110 13.1.4",
    ask: put("small", { "If-Unmodified-Since": "{small:modified}" }),
    expected: receipt("small"),
  },
  {
    name: "PUT of what has no date yet",
    section: "RFC 9110 13.1.4",
    ask: put("new", { "If-Unmodified-Since": old }),
    expected: created("new"),
    again: refused,
  },
  {
    name: "PUT knows no If-Modified-Since",
    section: "RFC 9110 13.1.3",
    ask: put("small", { "If-Modified-Since": "{small:after}" }),
    expected: receipt("small"),
  },
  {
    name: "PUT under no key, with a condition",
    section: "RFC 9110 13.2.1",
    ask: { ...put("new", { "If-Match": "*" }), target: pathOf("new:63") },
    expected: withFields(problem(400, "invalid_key_length"), closing),
  },
  {
    name: "PUT that fails before its body is looked at",
    section: "RFC 9110 13.2.1",
    ask: { ...put("new", { "If-None-Match": "*" }), target: pathOf("small") },
    expected: refused,
  },
];

const empty: Ask = {
  method: "POST",
  target: "/api/v1/metadata",
  fields: {},
  content: { text: "" },
};

const posting: readonly Row[] = [
  {
    name: "POST of a new blob",
    section: "RFC 9110 9.3.3",
    ask: post("new"),
    expected: receipt("new", { isNew: true }),
    again: receipt("new"),
    after: stored("new"),
  },
  {
    name: "POST of a new blob of segments",
    section: "RFC 9110 9.3.3",
    ask: post("new-large"),
    expected: receipt("new-large", { isNew: true }),
    again: receipt("new-large"),
    after: stored("new-large"),
  },
  {
    name: "POST in chunks",
    section: "RFC 9112 7.1",
    ask: { ...post("new"), isChunked: true },
    expected: receipt("new", { isNew: true }),
    again: receipt("new"),
    after: stored("new"),
  },
  {
    name: "POST of a known blob",
    section: "RFC 9110 9.3.3",
    ask: post("small"),
    expected: receipt("small"),
  },
  {
    name: "POST of no form",
    section: "RFC 9110 15.5.16",
    ask: { ...post("new", { "Content-Type": "application/octet-stream" }) },
    expected: withFields(problem(415, "unsupported_media_type"), closing),
    after: notStored,
  },
  {
    name: "POST of no type",
    section: "RFC 9110 15.5.16",
    ask: empty,
    expected: problem(415, "unsupported_media_type"),
  },
  {
    name: "POST of a coding",
    section: "RFC 9110 15.5.16",
    ask: post("new", { "Content-Encoding": "gzip" }),
    expected: withFields(problem(415, "unsupported_content_encoding"), closing),
    after: notStored,
  },
  {
    name: "POST of a byte too many",
    section: "RFC 9110 15.5.14",
    ask: post("too-large"),
    expected: withFields(problem(413, "blob_too_large"), closing),
    after: [head(pathOf("too-large")), withoutContent(notFound)],
  },
];

/** Uploads, as PUT and in forms. */
export const uploadRows: readonly Row[] = [...putting, ...conditional, ...posting];
