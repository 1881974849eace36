import { expect, test } from "bun:test";

import { isRetryable, RegistryError, StartError } from "../../src/domain/errors.ts";

test("a RegistryError carries its code, its message and its cause", () => {
  const cause = new Error("below");
  const error = new RegistryError("storage_full", "The disk is full.", { cause });
  expect(error).toBeInstanceOf(Error);
  expect(error.name).toBe("RegistryError");
  expect(error.code).toBe("storage_full");
  expect(error.message).toBe("The disk is full.");
  expect(error.cause).toBe(cause);
});

test("a StartError carries its message and its cause", () => {
  const error = new StartError("Port 80 is taken.", { cause: "below" });
  expect(String(error)).toBe("StartError: Port 80 is taken.");
  expect(error.cause).toBe("below");
});

test.each(["database_unavailable", "database_timeout", "upload_expired", "starting"] as const)(
  "the same request may succeed later after %s",
  (code) => {
    expect(isRetryable(code)).toBe(true);
  },
);

test.each([
  "not_found",
  "blob_too_large",
  "corrupt_blob",
  "storage_full",
  "internal_error",
] as const)("the same request fails again after %s", (code) => {
  expect(isRetryable(code)).toBe(false);
});
