import { responseHeaders } from "./fields.ts";

/** What the operations for supervisors say of themselves in the OpenAPI document (3.0.3). */

/** GET /healthz */
export const healthDetail = {
  operationId: "health",
  tags: ["Health"],
  summary: "Whether the process serves",
  description: "Also while the registry is starting, and when its database is out.",
  responses: {
    200: {
      description: "It does",
      headers: responseHeaders("CacheNever"),
      content: { "application/json": { schema: { $ref: "#/components/schemas/Health" } } },
    },
  },
};

const readinessContent = {
  "application/json": { schema: { $ref: "#/components/schemas/Readiness" } },
};

/** GET /readyz */
export const readyDetail = {
  operationId: "ready",
  tags: ["Health"],
  summary: "Whether the registry can do its work",
  description: "For load balancers. 503 has the same shape as 200, and is no problem document.",
  responses: {
    200: {
      description: "Send it requests",
      headers: responseHeaders("CacheNever"),
      content: readinessContent,
    },
    503: {
      description: "The database is out, or the registry is starting or stopping",
      headers: responseHeaders("CacheNever", "RetryAfter"),
      content: readinessContent,
    },
  },
};
