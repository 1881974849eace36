import type { Log } from "../domain/log.ts";
import { createBreaker, type Breaker, type Trouble } from "./breaker.ts";
import type { Database, Lane } from "./database.ts";

/** A database that is not asked while it is out. */
export interface GuardedDatabase extends Database {
  /** Whether it is out, as far as a lane knows. */
  isOut(lane: Lane): boolean;
  /** Why the last call in a lane failed; null when it did not, or for what it asked. */
  trouble(lane: Lane): Trouble | null;
}

/** A skin around a database: a circuit breaker for each lane, for one may be out alone. */
export function guarded(database: Database, log: Log): GuardedDatabase {
  const breakerOf = (lane: Lane): Breaker => createBreaker({ database, lane, log });
  const breakers: Readonly<Record<Lane, Breaker>> = {
    read: breakerOf("read"),
    write: breakerOf("write"),
    stream: breakerOf("stream"),
    health: breakerOf("health"),
  };
  return {
    dialect: database.dialect,
    connections: database.connections,
    isOut: (lane) => breakers[lane].isOut(),
    trouble: (lane) => breakers[lane].trouble(),
    query: (lane, text, params) => breakers[lane].guard(() => database.query(lane, text, params)),
    transaction: (lane, work, options) =>
      breakers[lane].guard(() => database.transaction(lane, work, options)),
    renew: (lane) => database.renew(lane),
    async close() {
      for (const breaker of Object.values(breakers)) breaker.stop();
      await database.close();
    },
  };
}
