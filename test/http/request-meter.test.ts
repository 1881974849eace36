import { describe, expect, it } from "bun:test";
import { RegistryError } from "../../src/domain/errors.ts";
import { createRequestMeter, routes, type RequestMeter } from "../../src/http/request-meter.ts";

const hash = "ab".repeat(32);
const api = "http://r/api/v1/metadata";

function createMeter(labelOf: (request: Request) => string | null = () => null): RequestMeter {
  return createRequestMeter({ labelOf });
}

/** What was counted, as `method route status: count`, but what stayed at zero. */
function counted(meter: RequestMeter): string[] {
  return Array.from(meter.series(), ({ method, route, status, durations }) => {
    const count = durations.counts.reduce((total, each) => total + each, 0);
    return count === 0 ? "" : `${method} ${route} ${status}: ${count}`;
  }).filter((text) => text !== "");
}

describe("a request meter", () => {
  it("counts by method, route and status", () => {
    const meter = createMeter();
    meter.answered(new Request(api, { method: "POST" }), 200, 1);
    meter.answered(new Request(`${api}/exists`, { method: "POST" }), 200, 1);
    meter.answered(new Request(`${api}/${hash}?x`, { method: "HEAD" }), 404, 1);
    meter.answered(new Request("http://r/healthz"), 200, 1);
    meter.answered(new Request("http://r/"), 200, 1);
    expect(counted(meter)).toEqual([
      "POST /api/v1/metadata 200: 1",
      "POST /api/v1/metadata/exists 200: 1",
      "HEAD /api/v1/metadata/{hash} 404: 1",
      "GET other 200: 2",
    ]);
  });

  it("counts what was at hand with what was not", () => {
    const meter = createMeter();
    meter.atHand(0.02);
    meter.answered(new Request(`${api}/${hash}`), 200, 30);
    expect(counted(meter)).toEqual(["GET /api/v1/metadata/{hash} 200: 2"]);
    const [series] = meter.series();
    expect(series?.durations.sum).toBeCloseTo(0.03002);
  });

  it("takes a host that names a blob for the blob's path, and a bad one for another", () => {
    const named = createMeter(() => "label");
    named.answered(new Request("http://label.cdn/"), 200, 1);
    expect(counted(named)).toEqual(["GET /api/v1/metadata/{hash} 200: 1"]);
    const bad = createMeter(() => {
      throw new RegistryError("invalid_host", "");
    });
    bad.answered(new Request("http://x/"), 400, 1);
    expect(counted(bad)).toEqual(["GET other 400: 1"]);
  });

  it("tells how many requests under way have which method; the rest are GETs", () => {
    const meter = createMeter();
    const asked = ["POST", "POST", "PUT", "PROPFIND", "LOCK"].map(
      (method) => ({ method, url: api }) as Request,
    );
    for (const request of asked) meter.began(request);
    expect(Object.fromEntries(meter.active(7))).toEqual({ GET: 2, POST: 2, PUT: 1, _OTHER: 2 });
    for (const request of asked) meter.ended(request);
    expect(Object.fromEntries(meter.active(1))).toEqual({ GET: 1, POST: 0, PUT: 0, _OTHER: 0 });
  });

  it("tells of no GETs below none, where the client of another request has gone", () => {
    const meter = createMeter();
    meter.began(new Request(api, { method: "POST" }));
    expect(Object.fromEntries(meter.active(0))).toEqual({ GET: 0, POST: 1 });
  });

  it("knows the path of a request without a host", () => {
    const meter = createMeter();
    const request = { url: `/api/v1/metadata/${hash}`, method: "GET" } as Request;
    meter.answered(request, 200, 1);
    expect(counted(meter)).toEqual(["GET /api/v1/metadata/{hash} 200: 1"]);
  });

  it("has as many series after a flood of strange methods and paths as it has kinds", () => {
    const meter = createMeter();
    for (let index = 0; index < 2000; index += 1) {
      // A Request made here would have a strange method become GET; one from the network has it.
      const method = index % 2 === 0 ? `STRANGE${index}` : "PROPFIND";
      meter.answered({ method, url: `http://r/${index}/x` } as Request, 404, 1);
      meter.answered(new Request(`${api}/${index}`), 400, 1);
    }
    expect(counted(meter)).toEqual([
      "_OTHER other 404: 2000",
      "GET /api/v1/metadata/{hash} 400: 2000",
    ]);
    for (const { route } of meter.series()) expect(routes as readonly string[]).toContain(route);
  });
});
