import { describe, expect, it } from "bun:test";
import { RegistryError, type ErrorCode } from "../../src/domain/errors.ts";
import { limits } from "../../src/domain/limits.ts";
import type { Log, LogFields } from "../../src/domain/log.ts";
import { createFailureLog } from "../../src/http/failure-log.ts";

function failureLog() {
  const lines: { readonly level: string; readonly fields: LogFields | undefined }[] = [];
  const at = (level: string) => (_: string, fields?: LogFields) =>
    void lines.push({ level, fields });
  const log: Log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  const clock = { nowMs: 5000 };
  const tell = createFailureLog(log, () => clock.nowMs);
  const request = new Request("http://localhost/api/v1/metadata/00");
  const fail = (code: ErrorCode, count = 1): void => {
    for (let n = 0; n < count; n += 1) tell(request, new RegistryError(code, "why"));
  };
  return { lines, clock, fail };
}

describe("a log of failures", () => {
  it("tells each failure of ours, with what was asked, its code and its cause", () => {
    const { lines, fail } = failureLog();
    fail("database_unavailable");
    fail("corrupt_blob");
    expect(lines.map(({ level }) => level)).toEqual(["warn", "error"]);
    expect(lines[0]?.fields).toMatchObject({
      method: "GET",
      code: "database_unavailable",
      error: expect.any(RegistryError),
    });
    expect(lines[0]?.fields).not.toHaveProperty("untold");
  });

  it("tells nothing of what is the client's fault, or the operator's wish", () => {
    const { lines, fail } = failureLog();
    for (const code of ["not_found", "blob_too_large", "starting", "read_only"] as const) {
      fail(code);
    }
    expect(lines).toEqual([]);
  });

  it("tells so many a second, and then how many it left out", () => {
    const { lines, clock, fail } = failureLog();
    fail("database_unavailable", limits.failureLinesPerSecondMax + 500);
    expect(lines).toHaveLength(limits.failureLinesPerSecondMax);
    clock.nowMs += 999;
    fail("database_unavailable");
    expect(lines).toHaveLength(limits.failureLinesPerSecondMax);
    clock.nowMs += 1;
    fail("database_unavailable", 2);
    expect(lines).toHaveLength(limits.failureLinesPerSecondMax + 2);
    expect(lines.slice(-2).map(({ fields }) => fields?.["untold"])).toEqual([501, undefined]);
  });

  it("lets a flood of one kind hide nothing of another", () => {
    const { lines, fail } = failureLog();
    fail("database_unavailable", limits.failureLinesPerSecondMax + 1);
    fail("corrupt_blob");
    expect(lines.at(-1)?.fields).toMatchObject({ code: "corrupt_blob" });
  });
});
