import { SQL } from "bun";
import { describe, expect, it } from "bun:test";
import { RegistryError, type ErrorCode } from "../../../src/domain/errors.ts";
import { bodilessRefusals, meaningOf, refusals } from "../../../src/http/documents/refusals.ts";
import { statusOf, toProblem, toRegistryError } from "../../../src/http/problem.ts";
import { readWholeBody } from "../../../src/http/upload-body.ts";
import { toRegistryError as fromPostgres } from "../../../src/storage/postgres/errors.ts";

const anyTimeoutMs = 1;

describe("refusals", () => {
  it("are gathered by status, each with its meaning", () => {
    const found = refusals(["not_found", "no_parts", "truncated_body"]);
    expect(Object.keys(found)).toEqual(["400", "404"]);
    expect(found[404]?.description).toBe(`\`not_found\`: ${meaningOf.not_found}`);
    expect(found[400]?.description).toBe(
      `- \`no_parts\`: ${meaningOf.no_parts}\n- \`truncated_body\`: ${meaningOf.truncated_body}`,
    );
  });

  it("tell Retry-After where the same request may succeed later, and only there", () => {
    const found = refusals(["starting", "storage_full"]);
    expect(found[503]?.headers).toHaveProperty("Retry-After");
    expect(found[507]?.headers).not.toHaveProperty("Retry-After");
  });

  it("say nothing of a body to HEAD", () => {
    const found = bodilessRefusals(["not_found"]);
    expect(found[404]?.description).toBe(`\`not_found\`: ${meaningOf.not_found}`);
    expect(found[404]).not.toHaveProperty("content");
  });

  // What a request can bring about is compared in openapi.test.ts.
  it.each<[ErrorCode, () => unknown]>([
    ["internal_error", () => toRegistryError(new Error("anything"))],
    ["request_timeout", timeoutOfBody],
    ["database_unavailable", () => ofDriver("ERR_POSTGRES_CONNECTION_REFUSED")],
    ["storage_full", () => ofServer("53100")],
  ])("shows of %s what clients get", async (code, fail) => {
    const error = (await fail()) as RegistryError;
    const content = refusals([code])[statusOf[code]]?.content?.["application/problem+json"];
    expect(error).toBeInstanceOf(RegistryError);
    expect(content).toHaveProperty("example", await toProblem(error).json());
  });
});

// --- internal ---

async function timeoutOfBody(): Promise<unknown> {
  const body = new ReadableStream({});
  const request = new Request("http://registry.test", { method: "POST", body });
  const deadlines = {
    uploadStepBytes: 1,
    uploadStepMsMax: anyTimeoutMs,
  };
  return await readWholeBody(request, deadlines).catch((error: unknown) => error);
}

function ofServer(sqlState: string): unknown {
  return ofDriver("ERR_POSTGRES_SERVER_ERROR", sqlState);
}

function ofDriver(code: string, errno?: string): unknown {
  const thrown = new SQL.PostgresError("anything", { code, ...(errno && { errno }) });
  return fromPostgres(thrown, anyTimeoutMs);
}
