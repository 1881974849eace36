import { describe, expect, test } from "bun:test";

import { isRetryable, RegistryError, type ErrorCode } from "../../src/domain/errors.ts";
import { statusOf, toProblem, toRegistryError } from "../../src/http/problem.ts";

const codes = Object.keys(statusOf) as ErrorCode[];

describe.each(codes)("the problem of %s", (code) => {
  const response = (): Response => toProblem(new RegistryError(code, "What to do."));

  test("is a problem document of RFC 9457", async () => {
    const { status, headers } = response();
    const body = (await response().json()) as Record<string, unknown>;
    expect(headers.get("content-type")).toBe("application/problem+json");
    expect(body).toEqual({
      type: `urn:mycelium-registry:${code}`,
      title: expect.stringMatching(/^[A-Z][A-Za-z ]+$/),
      status,
      code,
      detail: "What to do.",
    });
    expect(status).toBe(statusOf[code]);
  });

  test("is not kept by caches", () => {
    expect(response().headers.get("cache-control")).toBe("no-store");
  });

  test("says when to come again if that helps", () => {
    expect(response().headers.get("retry-after")).toBe(isRetryable(code) ? "1" : null);
  });
});

test("every 503 may be tried again, but one whose end nobody knows, and 429; nothing else", () => {
  for (const code of codes) {
    const isPassing = statusOf[code] === 503 || statusOf[code] === 429;
    expect(isRetryable(code)).toBe(isPassing && code !== "read_only");
  }
});

test.each<[code: ErrorCode, status: number]>([
  ["invalid_key_length", 400],
  ["token_required", 401],
  ["not_found", 404],
  ["method_not_allowed", 405],
  ["request_timeout", 408],
  ["blob_too_large", 413],
  ["unsupported_media_type", 415],
  ["unsupported_content_encoding", 415],
  ["truncated_body", 400],
  ["corrupt_blob", 500],
  ["database_unavailable", 503],
  ["storage_full", 507],
])("%s is %d", (code, status) => {
  expect(toProblem(new RegistryError(code, "")).status).toBe(status);
});

test("every 401 asks for a token, and says what was wrong with one (RFC 6750 section 3)", () => {
  const challenges = codes.map((code) => {
    const { headers } = toProblem(new RegistryError(code, ""));
    return [code, headers.get("www-authenticate")] as const;
  });
  const realm = 'Bearer realm="mycelium-cdn-registry"';
  const told = 'error="invalid_token", error_description="The token ';
  expect(challenges.filter(([, challenge]) => challenge !== null)).toEqual([
    ["token_required", realm],
    ["token_invalid", `${realm}, ${told}is not known"`],
    ["token_expired", `${realm}, ${told}has expired"`],
  ]);
});

test("a problem takes further fields", () => {
  const { headers } = toProblem(new RegistryError("method_not_allowed", ""), { Allow: "GET" });
  expect(headers.get("allow")).toBe("GET");
  expect(headers.get("cache-control")).toBe("no-store");
});

describe("toRegistryError", () => {
  test("gives a RegistryError back as it is", () => {
    const error = new RegistryError("not_found", "");
    expect(toRegistryError(error)).toBe(error);
  });

  test.each([
    ["an error", new Error("password=secret")],
    ["a text", "secret"],
    ["null", null],
    ["nothing", undefined],
    ["what only looks like one", { code: "not_found", message: "secret" }],
  ])("lets nothing of a stranger out: %s", async (_, thrown) => {
    const error = toRegistryError(thrown);
    expect(error.code).toBe("internal_error");
    expect(error.cause).toBe(thrown);
    expect(await toProblem(error).text()).not.toContain("secret");
  });
});
