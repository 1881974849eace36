import { expect, it } from "bun:test";
import { databaseMetrics } from "../../../src/ops/metrics/database-metrics.ts";
import { measured } from "../../../src/storage/measured-database.ts";
import { twoKinds } from "../../support/databases.ts";

it.each(twoKinds.filter(({ isHere }) => isHere))(
  "tells which lanes are out ($name)",
  async (kind) => {
    const own = await kind.open();
    const database = measured(own.database);
    const metrics = databaseMetrics({
      database,
      isOut: (lane) => lane === "write",
      size: () => null,
    });
    const out = metrics.find(({ name }) => name === "registry.database.out");
    expect(out?.points).toEqual([
      { attributes: { lane: "read" }, value: 0 },
      { attributes: { lane: "write" }, value: 1 },
      { attributes: { lane: "stream" }, value: 0 },
      { attributes: { lane: "health" }, value: 0 },
    ]);
    await own.remove();
  },
);
