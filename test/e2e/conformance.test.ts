import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { databaseFlags, startPostgres, type PostgresServer } from "../support/postgres.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { notFound, toExpected } from "./support/conformance-answers.ts";
import { complaintsOf } from "./support/conformance-check.ts";
import { conditionRows } from "./support/conformance-conditions.ts";
import { digestRows } from "./support/conformance-digests.ts";
import { existsRows } from "./support/conformance-exists.ts";
import { outages } from "./support/conformance-outages.ts";
import {
  combinationsOf,
  essentials,
  everything,
  fieldsOf,
  outcomeOf,
  type Dimensions,
} from "./support/conformance-precedence.ts";
import { rangeRows } from "./support/conformance-ranges.ts";
import { resourceRows } from "./support/conformance-resources.ts";
import { aboutBlob, retrievalMethods } from "./support/conformance-retrieval.ts";
import {
  blobSizes,
  get,
  pathOf,
  put,
  type BlobName,
  type Expected,
  type Row,
} from "./support/conformance-row.ts";
import {
  blobOf,
  createSubject,
  createTarget,
  send,
  subjectOf,
  warm,
  type Target,
} from "./support/conformance-subject.ts";
import { uploadRows } from "./support/conformance-uploads.ts";
import { ask, hasTwin, twinComplaints, walk } from "./support/conformance-walk.ts";
import { parseAnswer, type Answer } from "./support/conformance-wire.ts";

const rows: readonly Row[] = [
  ...resourceRows,
  ...conditionRows,
  ...rangeRows,
  ...digestRows,
  ...uploadRows,
  ...existsRows,
];

const titled = (row: Row): [title: string, row: Row] => [`${row.section}: ${row.name}`, row];

let home: BinaryHome;
let server: PostgresServer;

beforeAll(async () => {
  home = createBinaryHome();
  server = await startPostgres();
});

afterAll(async () => {
  await home.remove();
  await server.remove();
});

/** The words that choose a store of one's own. */
type ChooseStore = () => Promise<readonly string[]>;

async function onPostgres(): Promise<readonly string[]> {
  return databaseFlags(await server.createDatabase());
}

const stores: [name: string, choose: ChooseStore][] = [
  ["SQLite", async () => ["--embedded", "data"]],
  ["PostgreSQL", onPostgres],
];

async function start(choose: ChooseStore, more: readonly string[] = []): Promise<Target> {
  const sizeMax = ["--max-blob-size", String(blobSizes.largest)];
  const registry = await home.start([...anyPort, ...sizeMax, ...more, ...(await choose())]);
  return await createTarget(registry.port());
}

describe.each(stores)("HTTP on %s", (_, choose) => {
  let target: Target;

  beforeAll(async () => {
    target = await start(choose);
  });

  it.each(rows.map(titled))("%s", async (_title, row) => {
    expect(await walk(row, target)).toEqual([]);
  });

  it.each(rows.filter(hasTwin).map(titled))("HEAD says what GET says: %s", async (_title, row) => {
    expect(await twinComplaints(row, target)).toEqual([]);
  });

  it.each(["new", "new-large"] as const)(
    "RFC 9110 13.1.2: of many that PUT a blob only if it is not here (%s), one does",
    async (blob) => {
      const subject = await createSubject(target);
      const request = put(blob, { "If-None-Match": "*" });
      const answers = await Promise.all(Array.from({ length: 8 }, () => send(request, subject)));
      const done = answers.filter(({ status }) => status === 201);
      const refused = answers.filter(({ status }) => status === 412);
      expect([done.length, refused.length]).toEqual([1, 7]);
    },
  );

  it("sees when an answer is not as a row has it", async () => {
    const section = "RFC 9110 9.3.1";
    const wrong: Row = { name: "", section, ask: get(pathOf("small")), expected: notFound };
    expect(await walk(wrong, target)).toEqual([
      expect.stringContaining("first: the status is 200, not 404"),
      expect.stringContaining("again: the status is 200, not 404"),
    ]);
  });
});

describe.each(stores)("precedence (RFC 9110 13.2.2) on %s", (_, choose) => {
  const moments: [moment: string, more: readonly string[]][] = [
    ["cached", []],
    ["read afresh", ["--cache-size", "0"]],
  ];
  const blobs: [BlobName, Dimensions][] = [
    ["small", everything],
    ["large", essentials],
  ];

  describe.each(moments)("%s", (_moment, more) => {
    let target: Target;

    beforeAll(async () => {
      target = await start(choose, more);
    });

    for (const method of retrievalMethods) {
      it.each(blobs)(`${method} of a %s blob`, async (blob, dimensions) => {
        const subject = await createSubject(target);
        await warm(subject);
        const complaints: string[] = [];
        for (const combination of combinationsOf(dimensions)) {
          const fields = aboutBlob(fieldsOf(combination), blob);
          const expected = toExpected(outcomeOf(method, combination), method, blob);
          const found = await ask({ method, target: pathOf(blob), fields }, expected, subject);
          complaints.push(...found.map((each) => `${JSON.stringify(fields)}: ${each}`));
        }
        expect(complaints.slice(0, 10)).toEqual([]);
      });
    }
  });
});

describe("while the database is away (RFC 9110 10.2.3)", () => {
  it("who cannot be answered is told when to come back", async () => {
    const own = await startPostgres();
    try {
      const target = await start(async () => databaseFlags(await own.createDatabase()));
      const subject = await createSubject(target);
      await warm(subject);
      await own.stop("immediate");
      const complaints: string[] = [];
      for (const [title, request, expected] of outages) {
        const found = await ask(request, expected, subject);
        complaints.push(...found.map((each) => `${title}: ${each}`));
      }
      expect(complaints).toEqual([]);
    } finally {
      await own.remove();
    }
  });
});

describe("the table", () => {
  it("has rows enough, each with its section and a name of its own", () => {
    expect(rows.length).toBeGreaterThan(120);
    const sections = rows.map(({ section }) => section);
    const known = /^RFC \d{4} \d+(?:\.\d+)*$|^Fetch #[a-z-]+$|^openapi\.yaml$/;
    expect(sections.filter((section) => !known.test(section))).toEqual([]);
    const titles = rows.map((row) => titled(row)[0]);
    expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
  });

  it("has every outcome in the product of conditions", () => {
    const outcomes = combinationsOf(everything).map((each) => String(outcomeOf("GET", each)));
    const all = ["10,19", "failed", "not-modified", "unsatisfiable", "whole"];
    expect([...new Set(outcomes)].toSorted()).toEqual(all);
    expect(outcomes).toHaveLength(2160);
  });
});

describe("complaintsOf", () => {
  const date = "Sun, 06 Nov 1994 08:49:37 GMT";
  const small = { ...blobOf(new Uint8Array([1, 2, 3])), modifiedMs: Date.parse(date) };
  const subject = subjectOf(0, { small });
  const expected: Expected = {
    status: 200,
    fields: { ETag: '"{small}"', Server: /^b/ },
    absent: ["Vary"],
    content: { kind: "blob", blob: "small" },
  };
  const fields = { date, etag: `"${small.digits}"`, server: "bun", "content-type": "a/b" };

  function answer(changed: Readonly<Record<string, string>>, more: Partial<Answer> = {}): Answer {
    const all = Object.entries({ ...fields, ...changed }).filter(([, value]) => value !== "");
    return { status: 200, fields: all, content: Buffer.from(small.data), ...more };
  }

  const problem = { type: "urn:mycelium-registry:x", status: 400, code: "x" };
  const bad: [what: string, answer: Answer, complaint: RegExp][] = [
    ["another status", answer({}, { status: 206 }), /status is 206, not 200/],
    ["a field that is not there", answer({ etag: "" }), /ETag is not there/],
    ["another value", answer({ etag: '"a"' }), /ETag is "a", not "[0-9a-f]{64}"/],
    ["a value not of the pattern", answer({ server: "x" }), /Server is x, not \/\^b\//],
    ["a field that must not be there", answer({ vary: "*" }), /Vary is there: \*/],
    ["no Date", answer({ date: "" }), /Date is not there/],
    ["a Date of another form", answer({ date: "1994-11-06" }), /Date is 1994-11-06/],
    [
      "a Last-Modified later than Date",
      answer({ "last-modified": "Sun, 06 Nov 1994 08:49:38 GMT" }),
      /later than Date/,
    ],
    [
      "a Last-Modified of another form",
      answer({ "last-modified": "Sun Nov  6 08:49:37 1994" }),
      /Last-Modified is/,
    ],
    ["content of no type", answer({ "content-type": "" }), /Content-Type is not there/],
    ["other content", answer({}, { content: Buffer.from([1, 2, 4]) }), /is not small/],
    ["less content", answer({}, { content: Buffer.from([1, 2]) }), /of 2 bytes, is not small/],
    [
      "a field that is there twice",
      answer({}, { fields: [...Object.entries(fields), ["date", date]] }),
      /date is there twice/,
    ],
  ];

  it("is content with what is as it must be", () => {
    expect(complaintsOf(answer({}), expected, subject)).toEqual([]);
    const part: Expected = { ...expected, content: { kind: "blob", blob: "small", first: 1 } };
    const content = Buffer.from([2, 3]);
    expect(complaintsOf(answer({}, { content }), part, subject)).toEqual([]);
  });

  it.each(bad)("sees %s", (_what, given, complaint) => {
    expect(complaintsOf(given, expected, subject)).toEqual([expect.stringMatching(complaint)]);
  });

  interface Misfit {
    readonly content: Expected["content"];
    readonly text: string;
    readonly complaint: RegExp;
  }

  const contents: [what: string, found: Misfit][] = [
    [
      "content where none may be",
      { content: { kind: "none" }, text: "x", complaint: /content: "x"/ },
    ],
    [
      "another document",
      {
        content: { kind: "json", text: '{"a":"{small:size}"}' },
        text: '{"a":"4"}',
        complaint: /is not/,
      },
    ],
    [
      "what is no document",
      { content: { kind: "json", text: "{}" }, text: "x", complaint: /is not/ },
    ],
    [
      "no problem",
      { content: { kind: "problem", code: "x" }, text: "null", complaint: /no problem/ },
    ],
    [
      "a problem of another code",
      {
        content: { kind: "problem", code: "y" },
        text: JSON.stringify({ ...problem, title: "t", detail: "d" }),
        complaint: /the problem is .*, not /,
      },
    ],
    [
      "a problem of another status",
      {
        content: { kind: "problem", code: "x" },
        text: JSON.stringify({ ...problem, status: 401, title: "t", detail: "d" }),
        complaint: /the problem is .*, not /,
      },
    ],
    [
      "a problem without a detail",
      {
        content: { kind: "problem", code: "x" },
        text: JSON.stringify({ ...problem, title: "t" }),
        complaint: /has no detail/,
      },
    ],
    [
      "a detail that lacks something",
      {
        content: { kind: "problem", code: "x", details: ["{small}"] },
        text: JSON.stringify({ ...problem, title: "t", detail: "d" }),
        complaint: /"d" lacks [0-9a-f]{64}/,
      },
    ],
  ];

  it.each(contents)("sees %s", (_what, { content, text, complaint }) => {
    const given = answer({}, { status: 400, content: Buffer.from(text) });
    const found = complaintsOf(given, { ...expected, status: 400, content }, subject);
    expect(found).toEqual([expect.stringMatching(complaint)]);
  });

  it("does not take an unknown word for a text", () => {
    expect(() => subject.fill("{smal}")).toThrow("no word {smal}");
    expect(() => subject.fill("{small:siz}")).toThrow("no word {small:siz}");
    expect(() => subject.fill("{new:modified}")).toThrow("no date");
    expect(subject.fill('{"{small:size}":{}}')).toBe('{"3":{}}');
  });
});

describe("parseAnswer", () => {
  const parsed = (text: string, isToHead = false): Answer =>
    parseAnswer(Buffer.from(text.replaceAll("\n", "\r\n")), { isToHead });

  it("reads an answer, whatever comes before it", () => {
    const text = "HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nContent-Length: 2\nA:  b \n\nxy";
    expect(parsed(text)).toEqual({
      status: 200,
      fields: [
        ["content-length", "2"],
        ["a", "b"],
      ],
      content: Buffer.from("xy"),
    });
  });

  it.each([
    ["nothing", "", /no answer/],
    ["no status line", "HTTP/1.1 OK\n\n", /no status line/],
    ["no field", "HTTP/1.1 200 OK\nA b\n\n", /no field/],
    ["a body too short", "HTTP/1.1 200 OK\nContent-Length: 3\n\nxy", /is 3, but 2/],
    ["a body too long", "HTTP/1.1 200 OK\nContent-Length: 1\n\nxy", /is 1, but 2/],
    ["no length", "HTTP/1.1 200 OK\n\nxy", /by no field/],
    ["a body of 304", "HTTP/1.1 304 Not Modified\n\nxy", /2 bytes behind/],
    ["a body of 204", "HTTP/1.1 204 No Content\n\nxy", /2 bytes behind/],
    ["a broken chunk", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nx\n0\n\n", /broken/],
    ["no last chunk", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\nx\n", /broken/],
    ["more", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\nx\n0\n\nx", /1 bytes behind/],
  ])("refuses %s", (_what, text, complaint) => {
    expect(() => parsed(text)).toThrow(complaint);
  });

  it("refuses content that comes with HEAD", () => {
    const text = "HTTP/1.1 200 OK\nContent-Length: 2\n\n";
    expect(parsed(text, true).content).toHaveLength(0);
    expect(() => parsed(`${text}xy`, true)).toThrow("2 bytes behind");
  });
});
