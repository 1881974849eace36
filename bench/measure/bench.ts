import { type PostgresServer } from "../../test/support/postgres.ts";
import { type Generator } from "../load/generator.ts";

/** What every row is measured with. */
export interface Bench {
  readonly isQuick: boolean;
  /** How often the sides of a row are measured in turn. */
  readonly pairs: number;
  readonly sliceMs: number;
  /** Blobs of 600 bytes that random reads choose from. */
  readonly stockCount: number;
  readonly postgres: PostgresServer;
  readonly generator: Generator;
  readonly product: Product;
  /** An empty directory of our own. */
  readonly scratch: string;
}

/** How the product is run. */
export interface Product {
  readonly command: readonly string[];
  /** Its flags, without the dashes, as its help names them. */
  readonly flags: ReadonlySet<string>;
  /** The compiled binary, null when it is not built. */
  readonly binary: string | null;
}

/** A server under load. */
export interface Server {
  readonly name: string;
  readonly port: number;
  /** The processes whose CPU time and memory are the server's. */
  pids(): readonly number[];
  stop(): Promise<void>;
}

/** Numbers that no blob of this run has had: room for ten million each time. */
export function freshNumber(): number {
  numbers += 1;
  return numbers * 10_000_000;
}

// --- internal ---

let numbers = 0;
