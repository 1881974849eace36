import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { startRegistry, type TestRegistry } from "../../support/registry.ts";

describe("the documents", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry();
  });
  afterAll(() => registry.stop());

  const get = (path: string): Promise<Response> => fetch(`${registry.url}${path}`);

  it.each([
    ["/", "text/html; charset=utf-8"],
    ["/home.css", "text/css; charset=utf-8"],
    ["/home.js", "text/javascript; charset=utf-8"],
    ["/swagger", "text/html; charset=utf-8"],
    ["/swagger/swagger-ui.css", "text/css; charset=utf-8"],
    ["/swagger/swagger-ui-bundle.js", "text/javascript; charset=utf-8"],
    ["/swagger/start.js", "text/javascript; charset=utf-8"],
    ["/swagger/json", "application/json"],
    ["/openapi.yaml", "application/yaml"],
  ])("%s is served as %s", async (path, contentType) => {
    const response = await get(path);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe(contentType);
    expect((await response.text()).length).toBeGreaterThan(100);
  });

  it.each(["/", "/swagger"])(
    "the page at %s asks no other host for anything, and is not allowed to",
    async (path) => {
      const response = await get(path);
      expect(await response.text()).not.toMatch(/(?:src|href|action)="(?:https?:|\/\/)/);
      const policy = response.headers.get("content-security-policy") ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/https?:|\*/);
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    },
  );

  it.each([
    ["/", 5],
    ["/swagger", 3],
  ])("everything that the page at %s refers to is here", async (path, count) => {
    const page = await (await get(path)).text();
    const paths = [...page.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, found]) => found ?? "");
    expect(paths.length).toBe(count);
    for (const found of paths) expect((await get(found)).status).toBe(200);
  });

  it("the document is the same in JSON and in YAML, and the one that is committed", async () => {
    const json = await (await get("/swagger/json")).json();
    const yaml = await (await get("/openapi.yaml")).text();
    expect(Bun.YAML.parse(yaml)).toEqual(json);
    const committed = Bun.file(`${import.meta.dir}/../../../openapi.yaml`);
    expect(yaml).toBe(await committed.text());
  });

  it.each(["/", "/home.js", "/swagger", "/swagger/json", "/openapi.yaml"])(
    "%s is asked for again each time, and HEAD of it says so too",
    async (path) => {
      const answer = await get(path);
      const head = await fetch(`${registry.url}${path}`, { method: "HEAD" });
      expect(head.status).toBe(200);
      expect(await head.text()).toBe("");
      for (const name of ["cache-control", "content-type", "content-length"]) {
        expect([name, head.headers.get(name)]).toEqual([name, answer.headers.get(name)]);
      }
      expect(answer.headers.get("cache-control")).toBe("no-cache");
    },
  );
});
