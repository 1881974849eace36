import { describe, expect, it } from "bun:test";
import { RegistryError } from "../../src/domain/errors.ts";
import { createReadiness, uploadChecks, type Phase } from "../../src/ops/readiness.ts";

const serving = (): Phase => "serving";

describe("createReadiness", () => {
  it("asks nobody before there is a database", async () => {
    const probe = (): Promise<never> => Promise.reject(new Error("asked"));
    const checks = createReadiness({ phase: () => "starting", probe });
    expect(await checks()).toEqual({
      database: { status: "unavailable", detail: "not connected yet", ageMs: 0 },
    });
  });

  it("is well while the database answers", async () => {
    const checks = createReadiness({ phase: serving, probe: async () => {} });
    expect(await checks()).toEqual({
      database: { status: "ok", detail: "answers", ageMs: expect.any(Number) },
    });
  });

  it("tells why the database does not answer", async () => {
    const probe = (): Promise<never> => Promise.reject(new Error("refused"));
    const checks = createReadiness({ phase: serving, probe });
    expect(await checks()).toMatchObject({
      database: { status: "unavailable", detail: "refused" },
    });
  });

  it("tells operators what clients are told, but for the advice", async () => {
    const message = "The database refuses connections at the moment; try again later.";
    const probe = (): Promise<never> =>
      Promise.reject(new RegistryError("database_unavailable", message));
    const checks = createReadiness({ phase: serving, probe });
    expect((await checks())["database"]?.detail).toBe(
      "The database refuses connections at the moment",
    );
  });

  it("says that it is stopping, whatever the database does", async () => {
    const checks = createReadiness({ phase: () => "stopping", probe: async () => {} });
    expect(await checks()).toMatchObject({
      database: { status: "ok" },
      lifecycle: { status: "unavailable", detail: "stopping", ageMs: 0 },
    });
  });

  it("looks once a second at most, and tells how old what it knows is", async () => {
    let nowMs = 5000;
    let looks = 0;
    const probe = async (): Promise<void> => {
      looks += 1;
    };
    const checks = createReadiness({ phase: serving, probe, now: () => nowMs });
    await checks();
    nowMs += 400;
    expect((await checks())["database"]?.ageMs).toBe(400);
    nowMs += 600;
    expect((await checks())["database"]?.ageMs).toBe(1000);
    expect(looks).toBe(1);
    nowMs += 1;
    expect((await checks())["database"]?.ageMs).toBe(0);
    expect(looks).toBe(2);
  });

  it("waits no longer than its bound for a database that hangs, and says so", async () => {
    let nowMs = 0;
    let looks = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const probe = async (): Promise<void> => {
      looks += 1;
      await promise;
    };
    const checks = createReadiness({ phase: serving, probe, now: () => nowMs, waitMsMax: 20 });
    const early = checks();
    nowMs += 20_000;
    const detail = "no answer for 20 s";
    const hangs = { status: "unavailable", detail, ageMs: 20_000 } as const;
    expect(await checks()).toEqual({ database: hangs });
    expect(await early).toEqual({ database: hangs });
    expect(looks).toBe(1);
    resolve();
    await promise;
    await Bun.sleep(0);
    expect(await checks()).toMatchObject({ database: { status: "ok", ageMs: 0 } });
    expect(looks).toBe(1);
  });

  it("looks once at a time, however long that takes", async () => {
    let nowMs = 0;
    let looks = 0;
    const { promise, resolve } = Promise.withResolvers<void>();
    const probe = async (): Promise<void> => {
      looks += 1;
      await promise;
    };
    const checks = createReadiness({ phase: serving, probe, now: () => nowMs, waitMsMax: 6000 });
    const first = checks();
    nowMs += 5000;
    const second = checks();
    resolve();
    expect(await first).toEqual(await second);
    expect(looks).toBe(1);
  });
});

describe("what /readyz tells of uploads", () => {
  it("is nothing while they work", () => {
    expect(uploadChecks(null)).toEqual({});
  });

  it("is why the last one failed, and when, which is no reason to go elsewhere", () => {
    const error = new RegistryError("storage_full", "The database's disk is full.");
    const sinceMs = performance.now() - 3000;
    const { uploads } = uploadChecks({ error, sinceMs });
    expect(uploads).toMatchObject({
      status: "degraded",
      detail: "the last one failed: The database's disk is full",
    });
    expect(uploads?.ageMs).toBeGreaterThanOrEqual(3000);
  });
});
