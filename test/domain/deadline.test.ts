import { describe, expect, test } from "bun:test";

import { databaseTimeout, withDeadline } from "../../src/domain/deadline.ts";
import { RegistryError } from "../../src/domain/errors.ts";
import { codeRejectedBy } from "../support/error-code.ts";

const never = new Promise<string>(() => {});
const hourMs = 3_600_000;

describe("withDeadline", () => {
  test("gives what the work gives in time", async () => {
    expect(await withDeadline(Promise.resolve("done"), hourMs, databaseTimeoutOfTest)).toBe("done");
  });

  test("fails as the work fails in time", async () => {
    const failure = new RegistryError("storage_full", "full");
    const work = withDeadline(Promise.reject(failure), hourMs, databaseTimeoutOfTest);
    expect(await work.catch((error: unknown) => error)).toBe(failure);
  });

  test("fails as told when the work takes too long", async () => {
    const work = withDeadline(never, 1, databaseTimeoutOfTest);
    expect(await codeRejectedBy(work)).toBe("database_timeout");
  });

  test("makes the failure only when it is needed", async () => {
    let made = 0;
    const late = (): RegistryError => {
      made += 1;
      return databaseTimeout(1);
    };
    await withDeadline(Promise.resolve(), 1, late);
    await withDeadline(never, 2, late).catch(() => {});
    expect(made).toBe(1);
  });

  test("lets work fail after its deadline without a word", async () => {
    const { promise, reject } = Promise.withResolvers<string>();
    await withDeadline(promise, 1, databaseTimeoutOfTest).catch(() => {});
    reject(new Error("late"));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  });

  test("leaves no timer that would keep the process", async () => {
    const deadline = new URL("../../src/domain/deadline.ts", import.meta.url).pathname;
    const script = `import { withDeadline } from ${JSON.stringify(deadline)};
      await withDeadline(Promise.resolve(), ${hourMs}, () => new Error());
      await withDeadline(Promise.reject(), ${hourMs}, () => new Error()).catch(() => {});`;
    const { exited } = Bun.spawn([process.execPath, "-e", script], { stderr: "inherit" });
    expect(await exited).toBe(0);
  });
});

test("databaseTimeout says how long was waited, and keeps the cause", () => {
  const error = databaseTimeout(5_000, "below");
  expect(error.code).toBe("database_timeout");
  expect(error.message).toContain("5000 ms");
  expect(error.cause).toBe("below");
});

function databaseTimeoutOfTest(): RegistryError {
  return databaseTimeout(1);
}
