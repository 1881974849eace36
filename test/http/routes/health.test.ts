import { describe, expect, it } from "bun:test";
import { health, ready, type Check } from "../../../src/http/routes/health.ts";

const ok: Check = { status: "ok", detail: "answers", ageMs: 12 };
const degraded: Check = { ...ok, status: "degraded" };
const out: Check = { status: "unavailable", detail: "refused", ageMs: 3 };

describe("health", () => {
  it("says that the process serves, for no cache to keep", async () => {
    const response = await health();
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual({ status: "ok" });
  });
});

describe("ready", () => {
  it("is 200 when all checks are well", async () => {
    const response = await ready(async () => ({ database: ok }));
    expect(response.status).toBe(200);
    expect(response.headers.get("retry-after")).toBeNull();
    expect(await response.json()).toEqual({
      status: "ok",
      checks: { database: { status: "ok", detail: "answers", age_ms: 12 } },
    });
  });

  it("is 200 while a part is out, and the rest works", async () => {
    const response = await ready(async () => ({ database: ok, uploads: degraded }));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      status: "ok",
      checks: { uploads: { status: "degraded" } },
    });
  });

  it("is 503 in the same shape when one check is not", async () => {
    const response = await ready(async () => ({ database: ok, lifecycle: out }));
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toEqual({
      status: "unavailable",
      checks: {
        database: { status: "ok", detail: "answers", age_ms: 12 },
        lifecycle: { status: "unavailable", detail: "refused", age_ms: 3 },
      },
    });
  });
});
