/** What the operations for supervisors say of themselves in the OpenAPI document (3.0.3). */

/** GET /healthz */
export const healthDetail = {
  operationId: "health",
  tags: ["Health"],
  summary: "The process serves",
  responses: {
    200: {
      description: "It does",
      content: {
        "application/json": {
          schema: {
            type: "object" as const,
            required: ["status"],
            properties: { status: { type: "string" as const, enum: ["ok"] } },
          },
        },
      },
    },
  },
};

const readiness = (description: string) => ({
  description,
  content: { "application/json": { schema: { $ref: "#/components/schemas/Readiness" } } },
});

/** GET /readyz */
export const readyDetail = {
  operationId: "ready",
  tags: ["Health"],
  summary: "The registry can do its work",
  responses: {
    200: readiness("Send it requests"),
    503: readiness("The database is out, or the registry is starting or stopping"),
  },
};
