import { withoutContent, notFound, problem } from "./conformance-answers.ts";
import { retrievalRows, type Retrieval } from "./conformance-retrieval.ts";
import { get, head, type Row } from "./conformance-row.ts";

const ifNoneMatch: readonly Retrieval[] = [
  ["its tag", "RFC 9110 13.1.2", { "If-None-Match": '"{blob}"' }, "not-modified"],
  ["its tag as a weak one", "RFC 9110 8.8.3.2", { "If-None-Match": 'W/"{blob}"' }, "not-modified"],
  ["another tag", "RFC 9110 13.1.2", { "If-None-Match": '"{unknown}"' }, "whole"],
  ["any", "RFC 9110 13.1.2", { "If-None-Match": "*" }, "not-modified"],
  ["a list with it", "RFC 9110 13.1.2", { "If-None-Match": '"a", "{blob}"' }, "not-modified"],
  [
    "a list with it as a weak one",
    "RFC 9110 13.1.2",
    { "If-None-Match": '"a", W/"{blob}", "b"' },
    "not-modified",
  ],
  ["a list without it", "RFC 9110 13.1.2", { "If-None-Match": '"a", W/"b", ""' }, "whole"],
  [
    "a list without blanks",
    "RFC 9110 5.6.1.2",
    { "If-None-Match": '"a","{blob}"' },
    "not-modified",
  ],
  [
    "a list with empty elements",
    "RFC 9110 5.6.1.2",
    { "If-None-Match": ', "a" ,, "{blob}" ,' },
    "not-modified",
  ],
  [
    "a list over two lines",
    "RFC 9110 5.3",
    { "If-None-Match": ['"a"', '"{blob}"'] },
    "not-modified",
  ],
  ["two lines without it", "RFC 9110 5.3", { "If-None-Match": ['"a"', '"b"'] }, "whole"],
  ["blanks around it", "RFC 9110 5.5", { "If-None-Match": ' \t"{blob}" \t' }, "not-modified"],
  [
    "behind a tag with commas",
    "RFC 9110 8.8.3",
    { "If-None-Match": '"a,b,", "{blob}"' },
    "not-modified",
  ],
  [
    "behind a tag of other bytes than ASCII",
    "RFC 9110 8.8.3",
    { "If-None-Match": '"\u00e9\u00ff", "{blob}"' },
    "not-modified",
  ],
  ["inside of another tag", "RFC 9110 8.8.3", { "If-None-Match": '"a{blob}"' }, "whole"],
  ["its tag in upper case", "RFC 9110 8.8.3", { "If-None-Match": '"{blob:upper}"' }, "whole"],
  ["its first 32 digits as a tag", "RFC 9110 8.8.3", { "If-None-Match": '"{blob:32}"' }, "whole"],
  ["a tag that is an asterisk", "RFC 9110 8.8.3", { "If-None-Match": '"*"' }, "whole"],
  ["its hash without quotes", "RFC 9110 8.8.3", { "If-None-Match": "{blob}" }, "whole"],
  ["a small w", "RFC 9110 8.8.3", { "If-None-Match": 'w/"{blob}"' }, "whole"],
];

const ifMatch: readonly Retrieval[] = [
  ["must be its tag", "RFC 9110 13.1.1", { "If-Match": '"{blob}"' }, "whole"],
  ["must be another tag", "RFC 9110 13.1.1", { "If-Match": '"{unknown}"' }, "failed"],
  ["must be there", "RFC 9110 13.1.1", { "If-Match": "*" }, "whole"],
  ["must be its tag as a weak one", "RFC 9110 8.8.3.2", { "If-Match": 'W/"{blob}"' }, "failed"],
  ["must be of a list with it", "RFC 9110 13.1.1", { "If-Match": '"a", "{blob}", "b"' }, "whole"],
  [
    "must be of a list with it as a weak one",
    "RFC 9110 8.8.3.2",
    { "If-Match": '"a", W/"{blob}"' },
    "failed",
  ],
  ["must be of a list without it", "RFC 9110 13.1.1", { "If-Match": '"a", "b"' }, "failed"],
  ["must be of two lines", "RFC 9110 5.3", { "If-Match": ['"a"', '"{blob}"'] }, "whole"],
  ["must be its tag in upper case", "RFC 9110 8.8.3", { "If-Match": '"{blob:upper}"' }, "failed"],
];

const ifModifiedSince: readonly Retrieval[] = [
  ["its date", "RFC 9110 13.1.3", { "If-Modified-Since": "{blob:modified}" }, "not-modified"],
  ["a later date", "RFC 9110 13.1.3", { "If-Modified-Since": "{blob:after}" }, "not-modified"],
  ["an earlier date", "RFC 9110 13.1.3", { "If-Modified-Since": "{blob:before}" }, "whole"],
  [
    "a date of 1994",
    "RFC 9110 13.1.3",
    { "If-Modified-Since": "Sun, 06 Nov 1994 08:49:37 GMT" },
    "whole",
  ],
  [
    "a date of 2100",
    "RFC 9110 13.1.3",
    { "If-Modified-Since": "Fri, 31 Dec 2100 23:59:59 GMT" },
    "not-modified",
  ],
  [
    "its date as RFC 850 has it",
    "RFC 9110 5.6.7",
    { "If-Modified-Since": "{blob:rfc850}" },
    "not-modified",
  ],
  [
    "its date as asctime has it",
    "RFC 9110 5.6.7",
    { "If-Modified-Since": "{blob:asctime}" },
    "not-modified",
  ],
  [
    "an old date as RFC 850 has it",
    "RFC 9110 5.6.7",
    { "If-Modified-Since": "Sunday, 06-Nov-94 08:49:37 GMT" },
    "whole",
  ],
  ["no date", "RFC 9110 13.1.3", { "If-Modified-Since": "tomorrow" }, "whole"],
  ["nothing", "RFC 9110 13.1.3", { "If-Modified-Since": "" }, "whole"],
  [
    "a date without a zone",
    "RFC 9110 5.6.7",
    { "If-Modified-Since": "Fri, 31 Dec 2100 23:59:59" },
    "whole",
  ],
  [
    "a date of another zone",
    "RFC 9110 5.6.7",
    { "If-Modified-Since": "Fri, 31 Dec 2100 23:59:59 +0000" },
    "whole",
  ],
  [
    "a date in lower case",
    "RFC 9110 5.6.7",
    { "If-Modified-Since": "fri, 31 dec 2100 23:59:59 gmt" },
    "whole",
  ],
  [
    "a date as ISO 8601 has it",
    "RFC 9110 5.6.7",
    { "If-Modified-Since": "2100-12-31T23:59:59Z" },
    "whole",
  ],
  [
    "a day that there is not",
    "RFC 9110 5.6.7",
    { "If-Modified-Since": "Wed, 31 Feb 2100 00:00:00 GMT" },
    "whole",
  ],
  [
    "two dates",
    "RFC 9110 13.1.3",
    { "If-Modified-Since": ["{blob:modified}", "{blob:modified}"] },
    "whole",
  ],
];

const ifUnmodifiedSince: readonly Retrieval[] = [
  ["not since its date", "RFC 9110 13.1.4", { "If-Unmodified-Since": "{blob:modified}" }, "whole"],
  ["not since later", "RFC 9110 13.1.4", { "If-Unmodified-Since": "{blob:after}" }, "whole"],
  ["not since before", "RFC 9110 13.1.4", { "If-Unmodified-Since": "{blob:before}" }, "failed"],
  [
    "not since 1994 as RFC 850 has it",
    "RFC 9110 5.6.7",
    { "If-Unmodified-Since": "Sunday, 06-Nov-94 08:49:37 GMT" },
    "failed",
  ],
  [
    "not since 1994 as asctime has it",
    "RFC 9110 5.6.7",
    { "If-Unmodified-Since": "Sun Nov  6 08:49:37 1994" },
    "failed",
  ],
  ["not since no date", "RFC 9110 13.1.4", { "If-Unmodified-Since": "yesterday" }, "whole"],
  [
    "not since two dates",
    "RFC 9110 13.1.4",
    { "If-Unmodified-Since": ["{blob:before}", "{blob:before}"] },
    "whole",
  ],
];

/** By hand; the product of all is in `conformance-precedence.ts`. */
const precedence: readonly Retrieval[] = [
  [
    "another tag makes a date void",
    "RFC 9110 13.2.2",
    { "If-None-Match": '"a"', "If-Modified-Since": "{blob:modified}" },
    "whole",
  ],
  [
    "its tag makes an earlier date void",
    "RFC 9110 13.2.2",
    { "If-None-Match": '"{blob}"', "If-Modified-Since": "{blob:before}" },
    "not-modified",
  ],
  [
    "If-Match makes If-Unmodified-Since void",
    "RFC 9110 13.2.2",
    { "If-Match": '"{blob}"', "If-Unmodified-Since": "{blob:before}" },
    "whole",
  ],
  [
    "If-Match fails though its date has not changed",
    "RFC 9110 13.2.2",
    { "If-Match": '"a"', "If-Unmodified-Since": "{blob:modified}" },
    "failed",
  ],
  [
    "If-Match fails before If-None-Match is asked",
    "RFC 9110 13.2.2",
    { "If-Match": '"a"', "If-None-Match": '"{blob}"' },
    "failed",
  ],
  [
    "If-Unmodified-Since fails before If-None-Match is asked",
    "RFC 9110 13.2.2",
    { "If-Unmodified-Since": "{blob:before}", "If-None-Match": '"{blob}"' },
    "failed",
  ],
  [
    "both name it",
    "RFC 9110 13.2.2",
    { "If-Match": '"{blob}"', "If-None-Match": '"{blob}"' },
    "not-modified",
  ],
  ["any, and any", "RFC 9110 13.2.2", { "If-Match": "*", "If-None-Match": "*" }, "not-modified"],
  [
    "both dates are its own",
    "RFC 9110 13.2.2",
    { "If-Unmodified-Since": "{blob:modified}", "If-Modified-Since": "{blob:modified}" },
    "not-modified",
  ],
  [
    "every condition holds",
    "RFC 9110 13.2.2",
    {
      "If-Match": '"{blob}"',
      "If-Unmodified-Since": "{blob:after}",
      "If-None-Match": '"a"',
      "If-Modified-Since": "{blob:before}",
    },
    "whole",
  ],
];

const conditions: readonly (readonly [name: string, name: string, value: string])[] = [
  ["any must be there", "If-Match", "*"],
  ["another must be there", "If-Match", '"a"'],
  ["none must be there", "If-None-Match", "*"],
  ["since 1994", "If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"],
  ["not since 1994", "If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"],
];

/** Where there is nothing but an error, conditions are not asked. */
const withoutBlob: readonly Row[] = conditions.flatMap(([name, field, value]) => {
  const section = "RFC 9110 13.2.1";
  const fields = { [field]: value };
  const unknown = "/api/v1/metadata/{unknown}";
  const wrong = "/api/v1/metadata/{small:63}";
  const expected = notFound;
  return [
    { name: `${name} (no blob)`, section, ask: get(unknown, fields), expected },
    {
      name: `${name} (no blob, HEAD)`,
      section,
      ask: head(unknown, fields),
      expected: withoutContent(expected),
    },
    {
      name: `${name} (no key)`,
      section,
      ask: get(wrong, fields),
      expected: problem(400, "invalid_key_length"),
    },
  ];
});

/** Conditional requests (RFC 9110 section 13). */
export const conditionRows: readonly Row[] = [
  ...retrievalRows([
    ...ifNoneMatch,
    ...ifMatch,
    ...ifModifiedSince,
    ...ifUnmodifiedSince,
    ...precedence,
  ]),
  ...withoutBlob,
];
