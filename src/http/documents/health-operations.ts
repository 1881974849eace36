import { readable, responseHeaders } from "./fields.ts";

/** What the operations for supervisors say of themselves in the OpenAPI document (3.0.3). */

const healthResponses = {
  200: {
    description: "It does",
    headers: responseHeaders("CacheNever", ...readable),
    content: { "application/json": { schema: { $ref: "#/components/schemas/Health" } } },
  },
};

/** GET /healthz */
export const healthDetail = {
  operationId: "health",
  tags: ["Health"],
  summary: "Whether the process serves",
  description:
    "Also while the registry is starting, and when its database is out: for those who start it " +
    "again when it hangs.",
  responses: healthResponses,
};

/** GET /livez */
export const liveDetail = {
  operationId: "live",
  tags: ["Health"],
  summary: "Whether the process serves, by another name",
  description: "The same as /healthz.",
  responses: healthResponses,
};

const readinessContent = {
  "application/json": { schema: { $ref: "#/components/schemas/Readiness" } },
};

/** GET /readyz */
export const readyDetail = {
  operationId: "ready",
  tags: ["Health"],
  summary: "Whether the registry can do its work",
  description:
    "For load balancers. Each check tells what it found and how long ago. Answered within two " +
    "seconds, whatever the database does. 503 has the same shape as 200, and is no problem " +
    "document.",
  responses: {
    200: {
      description: "Send it requests",
      headers: responseHeaders("CacheNever", ...readable),
      content: readinessContent,
    },
    503: {
      description: "The database is out, or the registry is starting or stopping",
      headers: responseHeaders("CacheNever", "RetryAfter", ...readable),
      content: readinessContent,
    },
  },
};
