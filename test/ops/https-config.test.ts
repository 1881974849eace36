import { describe, expect, it } from "bun:test";
import type { FlagValues } from "../../src/ops/flags.ts";
import { readHttpsConfig, type HttpsConfig } from "../../src/ops/https-config.ts";
import { createSettings } from "../../src/ops/settings.ts";
import { UsageError } from "../../src/ops/usage-error.ts";

const read = (values: FlagValues, environment = {}): HttpsConfig | null =>
  readHttpsConfig(createSettings(values, environment));

const both = { "tls-cert": "/c", "tls-key": "/k" };

describe("readHttpsConfig", () => {
  it("is plain HTTP without flags", () => {
    expect(read({})).toBeNull();
  });

  it("takes a certificate and its key, wherever each comes from", () => {
    const files = { certFile: "/c", keyFile: "/k" };
    expect(read(both)).toEqual({ ...files, hstsSeconds: null });
    const environment = { REGISTRY_TLS_KEY: "/k", REGISTRY_HSTS: "8760h" };
    expect(read({ "tls-cert": "/c" }, environment)).toEqual({
      ...files,
      hstsSeconds: 31_536_000,
    });
  });

  it.each([
    ["0s", 0],
    ["1999ms", 1],
    ["87600h", 315_360_000],
  ])("tells --hsts %s in whole seconds", (hsts, hstsSeconds) => {
    expect(read({ ...both, hsts })).toMatchObject({ hstsSeconds });
  });

  it("refuses one without the other, naming what was given", () => {
    for (const [values, environment, message] of [
      [{ "tls-cert": "/c" }, {}, "--tls-cert has no use without --tls-key"],
      [{}, { REGISTRY_TLS_KEY: "/k" }, "REGISTRY_TLS_KEY has no use without --tls-cert"],
      [{ hsts: "1h" }, {}, "--hsts has no use without --tls-cert and --tls-key"],
    ] as const) {
      expect(() => read(values, environment)).toThrow(UsageError);
      expect(() => read(values, environment)).toThrow(message);
    }
    expect(() => read({ ...both, hsts: "87601h" })).toThrow("out of bounds");
  });
});
