import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createBearers } from "../../../src/auth/bearers.ts";
import { hashFormOf, parseTokenFile } from "../../../src/auth/token-file.ts";
import { toHex } from "../../../src/domain/bytes.ts";
import { bearerOf, createTokenGuard } from "../../../src/http/guards/tokens.ts";
import { hashing, randomBlob } from "../../support/blobs.ts";
import { codeThrownBy } from "../../support/error-code.ts";
import { utf8 } from "../../support/form.ts";
import { connectRaw } from "../../support/raw-http.ts";
import {
  answerOn,
  headOf,
  jsonOf,
  postOf,
  putOf,
  send,
  type RawUpload,
} from "../../support/raw-upload.ts";
import {
  eventually,
  nothingStored,
  startRegistry,
  temporaryDirectory,
  type TestRegistry,
  type TestRegistryOptions,
} from "../../support/registry.ts";

const alices = "alices-token-of-november";
const expired = "carols-token-of-october";
const text = `${hashFormOf(alices)} alice\n${expired} carol 2026-11-01T00:00:00Z\n`;
const bearer = (token: string): string => `Authorization: Bearer ${token}`;

describe("the token guard", () => {
  let nowMs = Date.UTC(2026, 9, 1);
  const guard = createTokenGuard({
    bearers: createBearers(parseTokenFile(text)),
    nowMs: () => nowMs,
  });
  const requestWith = (authorization?: string): Request =>
    new Request("http://r/", authorization === undefined ? {} : { headers: { authorization } });

  it("gives the name of the bearer, and remembers it for the log", () => {
    const request = requestWith(`Bearer ${alices}`);
    expect(bearerOf(request)).toBeNull();
    expect(guard(request)).toBe("alice");
    expect(bearerOf(request)).toBe("alice");
  });

  it("refuses a token from the moment on at which it expires, and still knows whose it is", () => {
    const request = requestWith(`Bearer ${expired}`);
    nowMs = Date.UTC(2026, 10, 1) - 1;
    expect(guard(request)).toBe("carol");
    nowMs += 1;
    expect(codeThrownBy(() => guard(request))).toBe("token_expired");
    expect(bearerOf(request)).toBe("carol");
  });

  it("refuses a request with no token, or with one that nobody has", () => {
    expect(codeThrownBy(() => guard(requestWith()))).toBe("token_required");
    expect(codeThrownBy(() => guard(requestWith("Basic eDp5")))).toBe("token_required");
    const request = requestWith(`Bearer ${alices}x`);
    expect(codeThrownBy(() => guard(request))).toBe("token_invalid");
    expect(bearerOf(request)).toBeNull();
  });
});

describe("a registry with tokens", () => {
  let directory: string;
  let registry: TestRegistry;
  beforeAll(async () => {
    directory = temporaryDirectory();
    registry = await start({ accessLog: true });
  });
  afterAll(async () => {
    await registry.stop();
    rmSync(directory, { recursive: true });
  });

  async function start(options: TestRegistryOptions): Promise<TestRegistry> {
    const uploadTokenFile = join(directory, "tokens");
    writeFileSync(uploadTokenFile, text);
    return await startRegistry({ ...options, uploadTokenFile });
  }

  const { data } = randomBlob(400);
  const question: RawUpload = {
    method: "POST",
    path: "/api/v1/metadata/exists",
    fields: ["Content-Type: application/json"],
    body: utf8(JSON.stringify({ hashes: [toHex(hashing.hash(data))] })),
  };
  const guarded: readonly (readonly [string, RawUpload])[] = [
    ["POST", postOf(data)],
    ["PUT", putOf(data)],
    ["exists", question],
    ["a PUT of what is no key", { ...putOf(data), path: "/api/v1/metadata/xyz" }],
    ["a POST of no form", { ...postOf(data), fields: ["Content-Type: text/plain"] }],
    ["a PUT that is encoded", putOf(data, "Content-Encoding: gzip")],
  ];
  const refused: readonly (readonly [code: string, fields: readonly string[]])[] = [
    ["token_required", []],
    ["token_required", ["Authorization: Bearer"]],
    ["token_required", [`Authorization: ${alices}`]],
    ["token_required", [bearer(hashFormOf(alices))]],
    ["token_required", [bearer(alices), bearer(alices)]],
    ["token_required", [`Cookie: token=${alices}`]],
    ["token_required", [`Proxy-Authorization: Bearer ${alices}`]],
    ["token_required", [bearer("\u00ff".repeat(40))]],
    ["token_required", [bearer(" ".repeat(12_000))]],
    ["token_invalid", [bearer("a".repeat(12_000))]],
    ["token_invalid", [bearer(`${"a".repeat(6000)}${"=".repeat(6000)}`)]],
    ["token_invalid", [bearer(`${alices}=`)]],
    ["token_invalid", [bearer(hashFormOf(alices).slice(7))]],
    ["token_expired", [bearer(expired)]],
  ];

  it.each(guarded)(
    "refuses %s to all without a good one, and stores nothing",
    async (_, upload) => {
      for (const [code, fields] of refused) {
        const with401 = { ...upload, fields: [...upload.fields, ...fields] };
        const answer = await send(registry.port, with401);
        expect([answer.status, jsonOf(answer)["code"]]).toEqual([401, code]);
        expect(answer.headers["connection"]).toBe("close");
        expect(answer.headers["www-authenticate"]).toStartWith("Bearer realm=");
      }
      expect(await registry.rowCounts()).toEqual(nothingStored);
    },
  );

  it("takes no token in a URL", async () => {
    const path = `${postOf(data).path}?access_token=${alices}`;
    expect((await send(registry.port, { ...postOf(data), path })).status).toBe(401);
  });

  it("answers before the body: not a byte of 64 MiB need be sent", async () => {
    for (const expect100 of [[], ["Expect: 100-continue"]]) {
      const connection = await connectRaw(registry.port);
      await connection.send(headOf(putOf(data, ...expect100), 64 * 1024 ** 2));
      if (expect100.length > 0) expect((await connection.response()).status).toBe(100);
      expect((await answerOn(connection)).status).toBe(401);
    }
    expect(registry.app.measures.inFlight.bytesTaken).toBe(0);
  });

  it("takes what comes with a token, and lets everybody read and look", async () => {
    const upload = postOf(data, bearer(alices));
    expect((await send(registry.port, upload)).status).toBe(200);
    expect(
      (await send(registry.port, putOf(data, `authorization: bearer  ${alices}`))).status,
    ).toBe(200);
    const asked = { ...question, fields: [...question.fields, bearer(alices)] };
    expect(jsonOf(await send(registry.port, asked))).toEqual({ missing: [] });
    const url = `${registry.url}${putOf(data).path}`;
    for (const method of ["GET", "HEAD", "OPTIONS"]) {
      expect((await fetch(url, { method })).ok).toBe(true);
    }
    for (const path of ["/", "/healthz", "/readyz", "/swagger"]) {
      expect((await fetch(`${registry.url}${path}`)).status).toBe(200);
    }
  });

  it("lets pages ask whether they may send one", async () => {
    const response = await fetch(registry.api, { method: "OPTIONS" });
    expect(response.headers.get("access-control-allow-headers")).toContain("Authorization");
  });

  it("tells the access log whose token came, and the token nowhere", async () => {
    const told = (): unknown[] => registry.lines.map(({ bearer: name }) => name);
    await send(registry.port, postOf(data, bearer(alices)));
    await send(registry.port, postOf(data, bearer(expired)));
    await send(registry.port, postOf(data, bearer("unheard-of-by-anybody")));
    await eventually(() => registry.lines.at(-1)?.["status"] === 401 && told().includes("carol"));
    expect(told()).toContain("alice");
    const log = JSON.stringify(registry.lines);
    for (const token of [alices, expired, "unheard-of"]) expect(log).not.toContain(token);
  });

  it("counts refusals by their codes", () => {
    const { refusals } = registry.counters;
    for (const code of ["token_required", "token_invalid", "token_expired"] as const) {
      expect(refusals[code]).toBeGreaterThan(0);
    }
  });

  it("looks first at the page, then at the token, then whether uploads are taken", async () => {
    const full = await start({ storedBytesMax: 1 });
    const codeOf = async (...fields: string[]): Promise<unknown> =>
      jsonOf(await send(full.port, postOf(data, ...fields)))["code"];
    expect(await codeOf("Origin: https://other.test", bearer(alices))).toBe("origin_not_allowed");
    expect(await codeOf()).toBe("token_required");
    expect(await codeOf(bearer(alices))).toBe("quota_exceeded");
    await full.stop();
  });
});

describe("a registry without tokens", () => {
  it("takes uploads from everybody, and looks at no token", async () => {
    const registry = await startRegistry({ accessLog: true });
    const { data } = randomBlob(400);
    expect((await send(registry.port, postOf(data))).status).toBe(200);
    expect((await send(registry.port, putOf(data, bearer("x")))).status).toBe(200);
    await eventually(() => registry.lines.filter((line) => "status" in line).length === 2);
    expect(JSON.stringify(registry.lines)).not.toContain('"bearer"');
    await registry.stop();
  });
});
