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

  it("the page asks no other host for anything, and is not allowed to", async () => {
    const response = await get("/swagger");
    const page = await response.text();
    expect(page).not.toMatch(/https?:|\/\//);
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/https?:|\*/);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("everything that the page refers to is here", async () => {
    const page = await (await get("/swagger")).text();
    const paths = [...page.matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(([, path]) => path ?? "");
    expect(paths.length).toBe(3);
    for (const path of paths) expect((await get(path)).status).toBe(200);
  });

  it("the document is the same in JSON and in YAML, and the one that is committed", async () => {
    const json = await (await get("/swagger/json")).json();
    const yaml = await (await get("/openapi.yaml")).text();
    expect(Bun.YAML.parse(yaml)).toEqual(json);
    const committed = Bun.file(`${import.meta.dir}/../../../openapi.yaml`);
    expect(yaml).toBe(await committed.text());
  });

  it.each(["/swagger", "/swagger/json", "/openapi.yaml"])(
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
