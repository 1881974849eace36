import { describe, expect, it } from "bun:test";
import { explain } from "../../src/cli/remote.ts";
import { RegistryClientError } from "../../src/client.ts";

describe("explain", () => {
  it("tells the registry's refusal in its words, on one line", () => {
    const error = new RegistryClientError("not_found", "No blob\nhas this key.", { status: 404 });
    expect(explain(error)).toEqual({ code: "not_found", detail: "No blob\\nhas this key." });
  });

  it("tells the failure of a system call in plain words", () => {
    const error = Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" });
    expect(explain(error)).toEqual({ code: "EACCES", detail: "this user may not do that" });
    const rare = Object.assign(new Error("ELOOP: too many links"), { code: "ELOOP" });
    expect(explain(rare)).toEqual({ code: "ELOOP", detail: "ELOOP: too many links" });
  });

  it("does not hide a bug of ours", () => {
    const bug = new TypeError("undefined is not a function");
    expect(() => explain(bug)).toThrow(bug);
    expect(() => explain("text")).toThrow("text");
  });
});
