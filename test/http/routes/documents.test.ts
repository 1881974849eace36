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

  it("the document is the same in JSON and in YAML", async () => {
    const json = await (await get("/swagger/json")).json();
    expect(Bun.YAML.parse(await (await get("/openapi.yaml")).text())).toEqual(json);
  });
});
