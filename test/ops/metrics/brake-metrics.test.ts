import { expect, it } from "bun:test";
import { createDeniedKeys } from "../../../src/domain/denied-keys.ts";
import { brakeMetrics } from "../../../src/ops/metrics/brake-metrics.ts";
import { randomBlob } from "../../support/blobs.ts";

it("tell what is held back, and by how much", () => {
  const denied = createDeniedKeys();
  denied.takedowns.add(randomBlob(1).hash);
  const quota = { bytesMax: 100, bytesUsed: () => 40, refuse() {} };
  const state = { isReadOnly: true, quota, denied, takedownAgeMs: () => 1500 };
  const clients = () => ({ uploads: 3, "upload-bytes": 0, reads: 2 });
  const values = brakeMetrics(state, { clients }).map(({ name, points }) => [
    name,
    points.map(({ value }) => value),
  ]);
  expect(Object.fromEntries(values)).toEqual({
    "registry.read_only": [1],
    "registry.quota.limit": [100],
    "registry.quota.used": [40],
    "registry.denied.keys": [1, 0],
    "registry.takedowns.age": [1.5],
    "registry.rate_limit.clients": [3, 0, 2],
  });
});
