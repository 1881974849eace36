import { lanes, type Lane } from "../../storage/database.ts";
import type { DatabaseSize } from "../../storage/database-size.ts";
import type { MeasuredDatabase } from "../../storage/measured-database.ts";
import { atMostOne, type Attributes, type Metric } from "./metric.ts";

/** What the database did, and what it holds. */
export interface DatabaseSources {
  readonly database: Pick<MeasuredDatabase, "dialect" | "connections" | "counts">;
  /** Whether it is not asked in a lane, since it is out. */
  readonly isOut: (lane: Lane) => boolean;
  /** What was found last; null: nothing yet. */
  readonly size: () => DatabaseSize | null;
}

/** The metrics of the database, by the semantic conventions for database clients. */
export function databaseMetrics({ database, isOut, size }: DatabaseSources): Metric[] {
  const { connections, counts } = database;
  const system = database.dialect.name === "postgres" ? "postgresql" : "sqlite";
  const used = (lane: Lane): number => Math.min(counts.pending[lane], connections[lane]);
  return [
    {
      name: "db.client.operation.duration",
      unit: "s",
      description: "From when a statement or a transaction is asked for until it has ended",
      kind: "histogram",
      points: Array.from(counts.series(), ({ lane, operation, error, durations }) => ({
        attributes: {
          "db.system.name": system,
          "db.operation.name": operation,
          lane,
          ...(error === null ? {} : { "error.type": error }),
        },
        value: durations,
      })),
    },
    {
      name: "db.client.connection.count",
      unit: "{connection}",
      description: "Connections by state: at work (used) or not (idle)",
      kind: "level",
      points: lanes.flatMap((lane) => [
        { attributes: { ...pool(lane), "db.client.connection.state": "used" }, value: used(lane) },
        {
          attributes: { ...pool(lane), "db.client.connection.state": "idle" },
          value: connections[lane] - used(lane),
        },
      ]),
    },
    {
      name: "db.client.connection.max",
      unit: "{connection}",
      description: "Connections that there may be",
      kind: "level",
      points: lanes.map((lane) => ({ attributes: pool(lane), value: connections[lane] })),
    },
    {
      name: "db.client.connection.pending_requests",
      unit: "{request}",
      description: "Statements beyond what the connections can have at work at once",
      kind: "level",
      points: lanes.map((lane) => ({
        attributes: pool(lane),
        value: counts.pending[lane] - used(lane),
      })),
    },
    ...registryMetrics(isOut, size()),
  ];
}

// --- internal ---

/** What only this registry tells of its database. */
function registryMetrics(isOut: DatabaseSources["isOut"], found: DatabaseSize | null): Metric[] {
  return [
    {
      name: "registry.database.out",
      unit: "",
      description: "1 where a lane is not asked since the database is out, else 0",
      kind: "gauge",
      points: lanes.map((lane) => ({ attributes: { lane }, value: isOut(lane) ? 1 : 0 })),
    },
    {
      name: "registry.database.size",
      unit: "By",
      description: "What the tables take on the database's disk, asked every 30 s",
      kind: "gauge",
      points: atMostOne(found?.bytes ?? null),
    },
    {
      name: "registry.database.blobs",
      unit: "{blob}",
      description: "Blobs in the database, as it estimates them, asked every 30 s",
      kind: "gauge",
      points: atMostOne(found?.blobs ?? null),
    },
  ];
}

function pool(lane: Lane): Attributes {
  return { "db.client.connection.pool.name": lane };
}
