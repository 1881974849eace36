import {
  created,
  described,
  notFound,
  notModified,
  part,
  problem,
  receipt,
  whole,
  withFields,
  withoutContent,
} from "./conformance-answers.ts";
import {
  get,
  head,
  pathOf,
  post,
  put,
  type Ask,
  type AskedFields,
  type Expected,
  type Row,
} from "./conformance-row.ts";

const sha256 = "sha-256=:{new:sha-256}:";
const sha512 = "sha-512=:{new:sha-512}:";
/** The digest of other bytes. */
const wrong256 = "sha-256=:{small:sha-256}:";
const wrong512 = "sha-512=:{small:sha-512}:";
const closing = { Connection: "close" };
const mismatch = withFields(problem(400, "digest_mismatch"), closing);
const unreadable = withFields(problem(400, "invalid_digest"), closing);

type Announcement = readonly [name: string, section: string, fields: AskedFields];

const right: readonly Announcement[] = [
  ["Content-Digest", "RFC 9530 2", { "Content-Digest": sha256 }],
  ["Repr-Digest", "RFC 9530 3", { "Repr-Digest": sha256 }],
  ["both", "RFC 9530 3", { "Content-Digest": sha256, "Repr-Digest": sha256 }],
  ["of two algorithms", "RFC 9530 2", { "Content-Digest": `${sha256}, ${sha512}` }],
  ["over two lines", "RFC 9110 5.3", { "Content-Digest": [sha256, sha512] }],
  ["with a parameter", "RFC 9651 3.1.2", { "Content-Digest": `${sha256};a=1` }],
  [
    "beside an algorithm that nobody knows",
    "RFC 9530 2",
    { "Content-Digest": `whirl=:AAAA:, ${sha256}` },
  ],
  [
    "only of algorithms that are not known",
    "RFC 9530 5",
    { "Content-Digest": "md5=:AAAA:, unixsum=:AAAA:" },
  ],
  ["of nothing", "RFC 9530 2", { "Content-Digest": "" }],
];

const otherwise: readonly Announcement[] = [
  ["Content-Digest of other bytes", "RFC 9530 2", { "Content-Digest": wrong256 }],
  ["Repr-Digest of other bytes", "RFC 9530 3", { "Repr-Digest": wrong256 }],
  [
    "Repr-Digest of other bytes beside a right one",
    "RFC 9530 3",
    { "Content-Digest": sha256, "Repr-Digest": wrong256 },
  ],
  [
    "Content-Digest of other bytes by another algorithm",
    "RFC 9530 2",
    { "Content-Digest": wrong512 },
  ],
  ["one right, one of other bytes", "RFC 9530 2", { "Content-Digest": `${sha256}, ${wrong512}` }],
];

/** Who announces a digest wants it compared: what cannot be read is refused. */
const malformed: readonly Announcement[] = [
  ["no dictionary", "RFC 9651 4.2", { "Content-Digest": "sha-256=:" }],
  ["too short", "RFC 9530 2", { "Content-Digest": "sha-256=:AAAA:" }],
  ["of no bytes", "RFC 9530 2", { "Content-Digest": "sha-256=::" }],
  ["no bytes", "RFC 9530 2", { "Content-Digest": "sha-256=abc" }],
  ["a string", "RFC 9530 2", { "Repr-Digest": 'sha-256="{new:sha-256}"' }],
  ["the form of RFC 3230", "RFC 9530 2", { "Content-Digest": "sha-256={new:sha-256}" }],
];

const uploads: readonly Row[] = [
  ...right.map(([name, section, fields]) => ({
    name: `a right digest, ${name}`,
    section,
    ask: put("new", fields),
    expected: created("new"),
    again: receipt("new"),
  })),
  ...otherwise.map(([name, section, fields]) => ({
    name: `a wrong digest, ${name}`,
    section,
    ask: put("new", fields),
    expected: mismatch,
    after: [head(pathOf("new")), withoutContent(notFound)] as const,
  })),
  ...malformed.map(([name, section, fields]) => ({
    name: `an unreadable digest, ${name}`,
    section,
    ask: put("new", fields),
    expected: unreadable,
    after: [head(pathOf("new")), withoutContent(notFound)] as const,
  })),
  {
    name: "a right digest of segments",
    section: "RFC 9530 2",
    ask: put("new-large", { "Content-Digest": "sha-256=:{new-large:sha-256}:" }),
    expected: created("new-large"),
    again: receipt("new-large"),
  },
  {
    name: "a wrong digest of segments",
    section: "RFC 9530 2",
    ask: put("new-large", { "Content-Digest": wrong256 }),
    expected: mismatch,
    after: [head(pathOf("new-large")), withoutContent(notFound)],
  },
  {
    name: "a wrong digest of a known blob",
    section: "RFC 9530 2",
    ask: put("small", { "Content-Digest": sha256 }),
    expected: mismatch,
    after: [get(pathOf("small")), whole("small")],
  },
  {
    name: "a right digest of a form, not of the blob in it",
    section: "RFC 9530 2",
    ask: post("new", { "Content-Digest": "sha-256=:{new:form-sha-256}:" }),
    expected: receipt("new", { isNew: true }),
    again: receipt("new"),
  },
  {
    name: "a wrong digest of a form",
    section: "RFC 9530 2",
    ask: post("new", { "Content-Digest": sha256 }),
    expected: mismatch,
    after: [head(pathOf("new")), withoutContent(notFound)],
  },
];

const small256 = { "Repr-Digest": "sha-256=:{small:sha-256}:" };
const small512 = { "Repr-Digest": "sha-512=:{small:sha-512}:" };

function wanting(want: string, fields: AskedFields = {}): Ask {
  return get(pathOf("small"), { "Want-Repr-Digest": want, ...fields });
}

type Wanted = readonly [name: string, section: string, ask: Ask, expected: Expected];

const downloads: readonly Wanted[] = [
  ["wanted", "RFC 9530 4", wanting("sha-256=10"), withFields(whole("small"), small256)],
  ["wanted a little", "RFC 9530 4", wanting("sha-256=1"), withFields(whole("small"), small256)],
  [
    "wanted more than another",
    "RFC 9530 4",
    wanting("sha-512=3, sha-256=10, unixsum=0"),
    withFields(whole("small"), small256),
  ],
  [
    "another wanted more",
    "RFC 9530 4",
    wanting("sha-256=3, sha-512=10"),
    withFields(whole("small"), small512),
  ],
  [
    "wanted less than one that nobody knows",
    "RFC 9530 4",
    wanting("whirl=10, sha-256=1"),
    withFields(whole("small"), small256),
  ],
  [
    "wanted of a part: it is that of the whole",
    "RFC 9530 3",
    wanting("sha-256=10", { Range: "bytes=10-19" }),
    withFields(part("small", [10, 19]), small256),
  ],
  [
    "wanted with a condition that holds",
    "RFC 9530 3",
    wanting("sha-256=10", { "If-None-Match": '"a"' }),
    withFields(whole("small"), small256),
  ],
  [
    "wanted by a client that has it",
    "RFC 9110 15.4.5",
    wanting("sha-256=10", { "If-None-Match": '"{small}"' }),
    notModified("small"),
  ],
  [
    "wanted of the empty blob",
    "RFC 9530 3",
    get(pathOf("empty"), { "Want-Repr-Digest": "sha-256=10" }),
    withFields(whole("empty"), {
      "Repr-Digest": "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
    }),
  ],
  [
    "wanted by 32 digits",
    "RFC 9530 4",
    get(pathOf("small:32"), { "Want-Repr-Digest": "sha-256=10" }),
    withFields(whole("small"), small256),
  ],
  ["not wanted", "RFC 9530 4", wanting("sha-256=0"), whole("small")],
  ["of no known algorithm", "RFC 9530 4", wanting("md5=10, unixsum=1"), whole("small")],
  ["wanted by no number", "RFC 9530 4", wanting("sha-256=much"), whole("small")],
  ["wanted unreadably", "RFC 9530 4", wanting("sha-256=10,,"), whole("small")],
  ["wanted of nothing", "RFC 9530 4", wanting(""), whole("small")],
  [
    "of the content, which is not given",
    "RFC 9530 4",
    get(pathOf("small"), { "Want-Content-Digest": "sha-256=10" }),
    whole("small"),
  ],
  [
    "wanted of segments, which are not read for it",
    "RFC 9530 4",
    get(pathOf("large"), { "Want-Repr-Digest": "sha-256=10" }),
    whole("large"),
  ],
  [
    "wanted by HEAD, which reads no bytes",
    "RFC 9530 4",
    head(pathOf("small"), { "Want-Repr-Digest": "sha-256=10" }),
    described("small"),
  ],
  [
    "wanted of what there is not",
    "RFC 9530 4",
    get("/api/v1/metadata/{unknown}", { "Want-Repr-Digest": "sha-256=10" }),
    notFound,
  ],
];

/** Integrity fields (RFC 9530). */
export const digestRows: readonly Row[] = [
  ...uploads,
  ...downloads.map(([name, section, ask, expected]) => ({
    name: `a digest ${name}`,
    section,
    ask,
    expected,
  })),
];
