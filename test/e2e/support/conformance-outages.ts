import { described, problem, whole, withFields, withoutContent } from "./conformance-answers.ts";
import { get, head, pathOf, put, post, type Ask, type Expected } from "./conformance-row.ts";

/** RFC 9110 section 15.6.4; section 10.2.3: in seconds, as an integer. */
const unavailable = withFields(problem(503, "database_unavailable"), {
  "Retry-After": /^[1-9]\d*$/,
});

const exists: Ask = {
  method: "POST",
  target: "/api/v1/metadata/exists",
  fields: { "Content-Type": "application/json" },
  content: { text: '{"hashes":["{unknown}"]}' },
};

/** What is answered while the database is away; the small blob has been read before. */
export const outages: readonly (readonly [name: string, ask: Ask, expected: Expected])[] = [
  ["GET of what is not in memory", get("/api/v1/metadata/{unknown}"), unavailable],
  ["HEAD of it", head("/api/v1/metadata/{unknown}"), withoutContent(unavailable)],
  ["GET of segments", get(pathOf("large")), unavailable],
  [
    "GET with a condition, of what is not in memory",
    get("/api/v1/metadata/{unknown}", { "If-None-Match": "*" }),
    unavailable,
  ],
  ["PUT", put("new"), unavailable],
  ["POST", post("new"), unavailable],
  ["which are missing", exists, unavailable],
  ["GET of what is in memory", get(pathOf("small")), whole("small")],
  ["HEAD of what is in memory", head(pathOf("small")), described("small")],
];
