import { retrievalRows, type Retrieval } from "./conformance-retrieval.ts";
import { withoutContent, notFound } from "./conformance-answers.ts";
import { get, head, type Row } from "./conformance-row.ts";

const digits30 = "9".repeat(30);

/** Parts of any blob; both of ours are longer than 100 bytes. HEAD has no parts. */
const satisfiable: readonly Retrieval[] = [
  ["the first byte", "RFC 9110 14.1.2", { Range: "bytes=0-0" }, [0, 0]],
  ["the first 100 bytes", "RFC 9110 14.1.2", { Range: "bytes=0-99" }, [0, 99]],
  ["bytes from the middle", "RFC 9110 14.1.2", { Range: "bytes=10-19" }, [10, 19]],
  ["all from a byte on", "RFC 9110 14.1.2", { Range: "bytes=10-" }, [10, -1]],
  ["all, as a part", "RFC 9110 14.1.2", { Range: "bytes=0-" }, [0, -1]],
  ["all, to the last byte", "RFC 9110 14.1.2", { Range: "bytes=0-{blob:last}" }, [0, -1]],
  ["the last byte by number", "RFC 9110 14.1.2", { Range: "bytes={blob:last}-" }, [-1, -1]],
  ["the last byte as a suffix", "RFC 9110 14.1.2", { Range: "bytes=-1" }, [-1, -1]],
  ["the last 100 bytes", "RFC 9110 14.1.2", { Range: "bytes=-100" }, [-100, -1]],
  ["a suffix of all bytes", "RFC 9110 14.1.2", { Range: "bytes=-{blob:size}" }, [0, -1]],
  ["a suffix of more than all", "RFC 9110 14.1.2", { Range: "bytes=-99999999" }, [0, -1]],
  ["a suffix of very many", "RFC 9110 14.1.2", { Range: `bytes=-${digits30}` }, [0, -1]],
  ["one byte past the end", "RFC 9110 14.1.2", { Range: "bytes=10-{blob:size}" }, [10, -1]],
  ["far past the end", "RFC 9110 14.1.2", { Range: "bytes=10-99999999" }, [10, -1]],
  ["very far past the end", "RFC 9110 14.1.2", { Range: `bytes=10-${digits30}` }, [10, -1]],
  ["leading zeros", "RFC 9110 14.1.1", { Range: "bytes=0010-00019" }, [10, 19]],
  ["the unit in upper case", "RFC 9110 14.1", { Range: "BYTES=10-19" }, [10, 19]],
  ["empty elements", "RFC 9110 5.6.1.2", { Range: "bytes=,10-19 ," }, [10, 19]],
  ["blanks around", "RFC 9110 5.5", { Range: " \tbytes=10-19 \t" }, [10, 19]],
];

const unsatisfiable: readonly Retrieval[] = [
  ["from the end on", "RFC 9110 14.1.2", { Range: "bytes={blob:size}-" }, "unsatisfiable"],
  [
    "the byte behind the last",
    "RFC 9110 14.1.2",
    { Range: "bytes={blob:size}-{blob:size}" },
    "unsatisfiable",
  ],
  ["far behind the end", "RFC 9110 14.1.2", { Range: "bytes=99999999-" }, "unsatisfiable"],
  ["very far behind it", "RFC 9110 15.5.17", { Range: `bytes=${digits30}-` }, "unsatisfiable"],
  ["a suffix of nothing", "RFC 9110 14.1.2", { Range: "bytes=-0" }, "unsatisfiable"],
];

/** Nothing that may be answered by a part is refused for it: the whole is always right. */
const ignored: readonly Retrieval[] = [
  ["the end before the start", "RFC 9110 14.1.1", { Range: "bytes=20-10" }, "whole"],
  ["no range", "RFC 9110 14.2", { Range: "bytes=" }, "whole"],
  ["the unit alone", "RFC 9110 14.2", { Range: "bytes" }, "whole"],
  ["nothing", "RFC 9110 14.2", { Range: "" }, "whole"],
  ["a dash alone", "RFC 9110 14.1.1", { Range: "bytes=-" }, "whole"],
  ["letters", "RFC 9110 14.1.1", { Range: "bytes=a-b" }, "whole"],
  ["a letter at the end", "RFC 9110 14.1.1", { Range: "bytes=1-b" }, "whole"],
  ["three numbers", "RFC 9110 14.1.1", { Range: "bytes=0-9-19" }, "whole"],
  ["a number alone", "RFC 9110 14.1.1", { Range: "bytes=10" }, "whole"],
  ["a sign", "RFC 9110 14.1.1", { Range: "bytes=+0-9" }, "whole"],
  ["hexadecimal digits", "RFC 9110 14.1.1", { Range: "bytes=0x0-0x9" }, "whole"],
  ["a fraction", "RFC 9110 14.1.1", { Range: "bytes=0.0-9" }, "whole"],
  ["blanks around the dash", "RFC 9110 14.1.1", { Range: "bytes=0 - 9" }, "whole"],
  ["blanks around the sign of equality", "RFC 9110 14.2", { Range: "bytes = 0-9" }, "whole"],
  ["the form of Content-Range", "RFC 9110 14.4", { Range: "bytes 0-9/100" }, "whole"],
  ["another unit", "RFC 9110 14.2", { Range: "items=0-9" }, "whole"],
  ["a unit that begins like ours", "RFC 9110 14.2", { Range: "bytesx=0-9" }, "whole"],
  ["the unit none", "RFC 9110 14.3", { Range: "none=0-9" }, "whole"],
  ["two ranges", "RFC 9110 14.2", { Range: "bytes=0-9,20-29" }, "whole"],
  ["two ranges and a blank", "RFC 9110 14.2", { Range: "bytes=0-9, 20-29" }, "whole"],
  ["the first and the last byte", "RFC 9110 14.2", { Range: "bytes=0-0,-1" }, "whole"],
  ["ranges that overlap", "RFC 9110 14.2", { Range: "bytes=0-,0-,0-,0-,0-" }, "whole"],
  ["two ranges, one behind the end", "RFC 9110 14.2", { Range: "bytes=0-9,99999999-" }, "whole"],
  ["two ranges behind the end", "RFC 9110 14.2", { Range: "bytes=99999999-,-0" }, "whole"],
  ["two lines", "RFC 9110 5.3", { Range: ["bytes=0-9", "bytes=20-29"] }, "whole"],
];

const ifRange: readonly Retrieval[] = [
  ["if its tag", "RFC 9110 13.1.5", { Range: "bytes=10-19", "If-Range": '"{blob}"' }, [10, 19]],
  ["if another tag", "RFC 9110 13.1.5", { Range: "bytes=10-19", "If-Range": '"a"' }, "whole"],
  [
    "if its tag as a weak one",
    "RFC 9110 13.1.5",
    { Range: "bytes=10-19", "If-Range": 'W/"{blob}"' },
    "whole",
  ],
  [
    "if its tag in upper case",
    "RFC 9110 8.8.3",
    { Range: "bytes=10-19", "If-Range": '"{blob:upper}"' },
    "whole",
  ],
  [
    "if one of a list",
    "RFC 9110 13.1.5",
    { Range: "bytes=10-19", "If-Range": '"{blob}", "{blob}"' },
    "whole",
  ],
  ["if any", "RFC 9110 13.1.5", { Range: "bytes=10-19", "If-Range": "*" }, "whole"],
  ["if its bare hash", "RFC 9110 13.1.5", { Range: "bytes=10-19", "If-Range": "{blob}" }, "whole"],
  [
    "if its date",
    "RFC 9110 13.1.5",
    { Range: "bytes=10-19", "If-Range": "{blob:modified}" },
    [10, 19],
  ],
  [
    "if its date as asctime has it",
    "RFC 9110 5.6.7",
    { Range: "bytes=10-19", "If-Range": "{blob:asctime}" },
    [10, 19],
  ],
  [
    "if an earlier date",
    "RFC 9110 13.1.5",
    { Range: "bytes=10-19", "If-Range": "{blob:before}" },
    "whole",
  ],
  [
    "if a later date, which is not its own",
    "RFC 9110 13.1.5",
    { Range: "bytes=10-19", "If-Range": "{blob:after}" },
    "whole",
  ],
  ["if no date", "RFC 9110 13.1.5", { Range: "bytes=10-19", "If-Range": "today" }, "whole"],
  ["without a range", "RFC 9110 13.1.5", { "If-Range": '"a"' }, "whole"],
  [
    "behind the end, if its tag",
    "RFC 9110 13.1.5",
    { Range: "bytes=99999999-", "If-Range": '"{blob}"' },
    "unsatisfiable",
  ],
  [
    "behind the end, if another tag",
    "RFC 9110 13.1.5",
    { Range: "bytes=99999999-", "If-Range": '"a"' },
    "whole",
  ],
];

/** A range is looked at last (RFC 9110 section 14.2). */
const conditional: readonly Retrieval[] = [
  [
    "a part that must be of its tag",
    "RFC 9110 13.2.2",
    { Range: "bytes=10-19", "If-Match": '"{blob}"' },
    [10, 19],
  ],
  [
    "a part that must be of another tag",
    "RFC 9110 13.2.2",
    { Range: "bytes=10-19", "If-Match": '"a"' },
    "failed",
  ],
  [
    "a part that the client has",
    "RFC 9110 13.2.2",
    { Range: "bytes=10-19", "If-None-Match": '"{blob}"' },
    "not-modified",
  ],
  [
    "a part that the client has not",
    "RFC 9110 13.2.2",
    { Range: "bytes=10-19", "If-None-Match": '"a"' },
    [10, 19],
  ],
  [
    "a part since its date",
    "RFC 9110 13.2.2",
    { Range: "bytes=10-19", "If-Modified-Since": "{blob:modified}" },
    "not-modified",
  ],
  [
    "a part not since before",
    "RFC 9110 13.2.2",
    { Range: "bytes=10-19", "If-Unmodified-Since": "{blob:before}" },
    "failed",
  ],
  [
    "behind the end, and the client has it",
    "RFC 9110 14.2",
    { Range: "bytes=99999999-", "If-None-Match": '"{blob}"' },
    "not-modified",
  ],
  [
    "behind the end, of another tag",
    "RFC 9110 14.2",
    { Range: "bytes=99999999-", "If-Match": '"a"' },
    "failed",
  ],
];

const mebibyte = 1024 * 1024;

/** The large blob is kept in segments of 1 MiB. */
const acrossSegments: readonly Retrieval[] = [
  [
    "the end of a segment and the start of the next",
    "RFC 9110 14.1.2",
    { Range: `bytes=${mebibyte - 1}-${mebibyte}` },
    [mebibyte - 1, mebibyte],
  ],
  [
    "exactly a segment",
    "RFC 9110 14.1.2",
    { Range: `bytes=${mebibyte}-${2 * mebibyte - 1}` },
    [mebibyte, 2 * mebibyte - 1],
  ],
  [
    "a segment and a byte on each side",
    "RFC 9110 14.1.2",
    { Range: `bytes=${mebibyte - 1}-${2 * mebibyte}` },
    [mebibyte - 1, 2 * mebibyte],
  ],
  [
    "a suffix of a segment and a byte",
    "RFC 9110 14.1.2",
    { Range: `bytes=-${mebibyte + 1}` },
    [-mebibyte - 1, -1],
  ],
];

const ofNothing: readonly Retrieval[] = [
  ["from the start on", "RFC 9110 14.1.2", { Range: "bytes=0-" }, "unsatisfiable"],
  ["its first byte", "RFC 9110 15.5.17", { Range: "bytes=0-0" }, "unsatisfiable"],
  ["a suffix of nothing", "RFC 9110 14.1.2", { Range: "bytes=-0" }, "unsatisfiable"],
  // Satisfiable, but no Content-Range could say so (section 14.4).
  ["a suffix", "RFC 9110 14.2", { Range: "bytes=-1" }, "whole"],
];

const elsewhere: readonly Row[] = [
  {
    name: "a part of what there is not",
    section: "RFC 9110 14.2",
    ask: get("/api/v1/metadata/{unknown}", { Range: "bytes=0-9" }),
    expected: notFound,
  },
  {
    name: "HEAD of a part of what there is not",
    section: "RFC 9110 14.2",
    ask: head("/api/v1/metadata/{unknown}", { Range: "bytes=0-9" }),
    expected: withoutContent(notFound),
  },
];

/** Ranges (RFC 9110 section 14). */
export const rangeRows: readonly Row[] = [
  ...retrievalRows([...satisfiable, ...unsatisfiable, ...ignored, ...ifRange, ...conditional]),
  ...retrievalRows(acrossSegments, ["large"]),
  ...retrievalRows(ofNothing, ["empty"]),
  ...elsewhere,
];
