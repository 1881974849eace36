import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { freePort } from "../../test/support/ports.ts";
import { type TestDatabase } from "../../test/support/postgres.ts";
import { type Bench, type Product, type Server } from "./bench.ts";
import { spawnChild } from "./child.ts";

/** How the product is run for a row. */
export interface ProductOptions {
  /** A database, or the directory of an embedded one. */
  readonly keeps: TestDatabase | string;
  /** Without any cache; else with the default's. */
  readonly isUncached?: boolean;
  /** Left out: metrics are on, as they are by default. */
  readonly hasMetrics?: boolean;
  /** Besides what is needed to reach the database. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Instead of a free one. */
  readonly port?: number;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Connections to the database, of the product and of the plain handler alike. */
export const poolMax = 8;

/**
 * The product from its source, or `binary` when it is given; its flags are read from its help.
 * @throws Error when it cannot be run
 */
export function findProduct(binary: string | null): Product {
  const built = `${root}dist/registry`;
  const command = binary === null ? [process.execPath, `${root}src/main.ts`] : [binary];
  const help = Bun.spawnSync([...command, "serve", "--help"], { stderr: "pipe" });
  if (help.exitCode !== 0) {
    throw new Error(`${command.join(" ")} serve --help failed\n${help.stderr.toString()}`);
  }
  const names = Array.from(
    help.stdout.toString().matchAll(/^\s+--([a-z-]+)/gm),
    ([, name]) => name,
  );
  return {
    command,
    flags: new Set(names.filter((name) => name !== undefined)),
    binary: binary ?? (existsSync(built) ? built : null),
  };
}

/** Starts the product and waits until it listens. */
export async function startProduct(bench: Bench, options: ProductOptions): Promise<Server> {
  const { keeps, environment = {} } = options;
  const child = spawnChild({
    command: [...bench.product.command, ...(await productArguments(bench, options))],
    environment: {
      ...environment,
      ...(typeof keeps === "string" ? {} : { REGISTRY_DB_PASSWORD: keeps.password }),
    },
  });
  for (;;) {
    const line = JSON.parse(await child.line()) as Record<string, unknown>;
    if (line["message"] !== "listening") continue;
    const port = Number(new URL(String(line["url"])).port);
    return { name: "registry", port, pids: () => [child.pid], stop: () => child.stop() };
  }
}

/** The words after the program's name. */
export async function productArguments(
  { product: { flags } }: Bench,
  { keeps, isUncached = false, hasMetrics = true, port = 0 }: ProductOptions,
): Promise<string[]> {
  const words = ["serve", "--host", "127.0.0.1", "--port", String(port), "--log-format", "json"];
  if (typeof keeps === "string") {
    words.push("--embedded", keeps);
  } else {
    words.push("--db-user", keeps.user, "--db-name", keeps.name, "--db-pool", String(poolMax));
    words.push("--db-host", keeps.host, "--db-port", String(keeps.port), "--db-tls", "disable");
  }
  if (isUncached && flags.has("cache-size")) words.push("--cache-size", "0");
  if (flags.has("metrics-port")) {
    words.push("--metrics-port", hasMetrics ? String(await freePort()) : "0");
  }
  return words;
}
