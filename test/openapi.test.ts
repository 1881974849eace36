import { beforeAll, describe, expect, it } from "bun:test";
import { join } from "node:path";
import type { ErrorCode } from "../src/domain/errors.ts";
import { describeApi, toYaml } from "../src/http/documents/document.ts";
import { statusOf } from "../src/http/problem.ts";

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, unknown>>;
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

const committed = join(import.meta.dir, "../openapi.yaml");
const blob = "/api/v1/metadata/{hash}";

/** What only a request without a route gets, so that no operation can tell of it. */
const codesOfNoOperation: readonly ErrorCode[] = ["route_not_found", "method_not_allowed"];

let paths: Paths;
let text: string;
beforeAll(async () => {
  const document = await describeApi();
  paths = document["paths"] as Paths;
  text = toYaml(document);
});

describe("openapi.yaml", () => {
  it("is what the routes say of themselves", async () => {
    if ((await Bun.file(committed).text()) === text) return;
    throw new Error("openapi.yaml is stale: run `bun run openapi` and commit what it writes");
  });

  it("holds the same as YAML as it does as JSON", async () => {
    expect(Bun.YAML.parse(text)).toEqual(await describeApi());
  });

  it.each([
    ["/api/v1/metadata", "post", "saveMetadata"],
    [blob, "get", "loadMetadata"],
    [blob, "head", "headMetadata"],
    ["/healthz", "get", "health"],
    ["/readyz", "get", "ready"],
  ])("%s %s is the operation %s", (path, method, operationId) => {
    expect(paths[path]?.[method]?.operationId).toBe(operationId);
  });

  it("tells of these operations and no other", () => {
    const methods = Object.entries(paths).map(([path, item]) => [
      path,
      Object.keys(item).toSorted(),
    ]);
    expect(Object.fromEntries(methods)).toEqual({
      "/api/v1/metadata": ["post"],
      [blob]: ["get", "head"],
      "/healthz": ["get"],
      "/readyz": ["get"],
    });
  });

  it.each([
    ["/api/v1/metadata", "post", ["200", "400", "408", "413", "415", "500", "503", "507"]],
    [blob, "get", ["200", "400", "404", "500", "503"]],
    [blob, "head", ["200", "400", "404", "500", "503"]],
    ["/healthz", "get", ["200"]],
    ["/readyz", "get", ["200", "503"]],
  ])("%s %s tells of every status it can give", (path, method, statuses) => {
    expect(Object.keys(paths[path]?.[method]?.responses ?? {})).toEqual(statuses);
  });

  it.each(Object.keys(statusOf).filter((code) => !codesOfNoOperation.includes(code as ErrorCode)))(
    "mentions the code %s",
    (code) => {
      expect(text).toContain(`\`${code}\``);
    },
  );

  it("refers to nothing that is not there", async () => {
    const { components } = (await describeApi()) as {
      readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
    };
    const names = [...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(
      ([, name]) => name ?? "",
    );
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) expect(Object.keys(components.schemas)).toContain(name);
  });

  it("names no host: it holds wherever it is served", async () => {
    expect((await describeApi())["servers"]).toEqual([{ url: "/" }]);
    expect(text).not.toMatch(/https?:\/\//);
  });
});
