import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { startPostgres, type PostgresServer, type TestDatabase } from "../support/postgres.ts";
import {
  anyPort,
  asNobody,
  createBinaryHome,
  type BinaryHome,
  type RunOptions,
} from "./support/binary.ts";
import { missingBlobs, mebibyte, randomBlob, upload } from "./support/blobs.ts";
import type { Registry } from "./support/observation.ts";
import { canHideCheckout, withoutCheckout } from "./support/sandbox.ts";

const isRoot = process.getuid?.() === 0;
/** Everything that a URL, a shell or an SQL literal would take for something else. */
const password = `p@ss:w/ö#r d?&"'%41$`;

let home: BinaryHome;
let server: PostgresServer;
let database: TestDatabase;

beforeAll(async () => {
  home = createBinaryHome();
  server = await startPostgres();
  database = await server.createDatabase();
  const literal = password.replaceAll("'", "''");
  await server.query(`ALTER ROLE ${database.user} PASSWORD '${literal}'`);
});

afterAll(async () => {
  await home.remove();
  await server.remove();
});

function fieldFlags(): string[] {
  const { user, name, host, port } = database;
  return [`--db-user=${user}`, `--db-name=${name}`, `--db-host=${host}`, `--db-port=${port}`];
}

/** Stores and reads a blob; whatever else is wrong, a registry that does this has its database. */
async function expectToServe(registry: Registry): Promise<void> {
  const blob = await upload(registry.api(), randomBlob(600));
  expect(await missingBlobs(registry.api(), [blob])).toEqual([]);
}

function commandLine(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8");
}

describe("the password", () => {
  async function passwordFile(): Promise<string> {
    const file = join(home.newDirectory(), "password");
    await Bun.write(file, `${password}\n`);
    return file;
  }

  function url(): string {
    const { user, name, host, port } = database;
    return `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/${name}`;
  }

  type Way = readonly [string, () => Promise<readonly [string[], Record<string, string>]>];
  const ways: Way[] = [
    ["--db-password", async () => [[...fieldFlags(), "--db-password", password], {}]],
    ["--db-password=", async () => [[...fieldFlags(), `--db-password=${password}`], {}]],
    [
      "--db-password-file",
      async () => [[...fieldFlags(), "--db-password-file", await passwordFile()], {}],
    ],
    ["REGISTRY_DB_PASSWORD", async () => [fieldFlags(), { REGISTRY_DB_PASSWORD: password }]],
    ["--db-url", async () => [["--db-url", url()], {}]],
    ["REGISTRY_DB_URL", async () => [[], { REGISTRY_DB_URL: url() }]],
  ];

  it.each(ways)("given by %s lets it in, and shows nowhere", async (_, way) => {
    const [args, environment] = await way();
    const registry = await home.start([...anyPort, ...args, "--log-level=debug"], { environment });
    await expectToServe(registry);
    const shown = commandLine(registry.pid);
    await registry.kill();
    for (const form of [password, encodeURIComponent(password)]) {
      expect(shown).not.toContain(form);
      expect(registry.stdout()).not.toContain(form);
      expect(registry.stderr()).not.toContain(form);
    }
  });

  it("is gone from the list of processes before the registry listens", async () => {
    const args = [...anyPort, ...fieldFlags(), "--db-password", password];
    const registry = home.launch(args);
    let seen = true;
    while (!registry.stdout().includes("listening")) {
      seen = commandLine(registry.pid).includes(password);
      await Bun.sleep(1);
    }
    expect(seen).toBe(false);
    await registry.kill();
  });
});

describe("what lies around has no influence", () => {
  it("not the variables of libpq, nor DATABASE_URL", async () => {
    const environment = {
      PGHOST: "127.0.0.2",
      PGHOSTADDR: "127.0.0.2",
      PGPORT: "1",
      PGUSER: "nobody",
      PGPASSWORD: "wrong",
      PGDATABASE: "nowhere",
      PGSSLMODE: "require",
      PGOPTIONS: "-c search_path=nowhere -c default_transaction_read_only=on",
      PGSERVICE: "nowhere",
      DATABASE_URL: "postgres://nobody:wrong@127.0.0.2:1/nowhere",
      POSTGRES_URL: "postgres://nobody:wrong@127.0.0.2:1/nowhere",
      TLS_DATABASE_URL: "postgres://nobody:wrong@127.0.0.2:1/nowhere",
    };
    const args = [...anyPort, ...fieldFlags(), "--db-password", password];
    const registry = await home.start(args, { environment });
    await expectToServe(registry);
    await registry.kill();
  });

  it("not .env, nor Bun's and the compiler's configuration in the working directory", async () => {
    const directory = home.newDirectory();
    const trap = `require("fs").writeFileSync("sprung", "");`;
    const files = {
      ".env": "REGISTRY_PORT=none\n",
      ".env.local": "REGISTRY_PORT=none\n",
      ".env.production": "REGISTRY_PORT=none\n",
      "bunfig.toml": 'preload = ["./trap.ts"]\n[run]\npreload = ["./trap.ts"]\n',
      "trap.ts": trap,
      "package.json": "{ no JSON",
      "tsconfig.json": "{ no JSON",
      "node_modules/citty/index.js": trap,
    };
    for (const [name, text] of Object.entries(files)) await Bun.write(join(directory, name), text);
    const registry = await home.start(["--embedded", "data"], {
      directory,
      environment: { REGISTRY_HOST: "127.0.0.1", REGISTRY_PORT: "0" },
    });
    await expectToServe(registry);
    await registry.kill();
    expect(registry.stderr()).toBe("");
    expect(existsSync(join(directory, "sprung"))).toBe(false);
  });
});

describe("the binary by itself", () => {
  it.skipIf(!canHideCheckout)("needs nothing of the tree that it was built from", async () => {
    const options: RunOptions = { wrapper: withoutCheckout };
    const args = [...anyPort, ...fieldFlags(), "--db-password", password];
    const registry = await home.start(args, options);
    await expectToServe(registry);
    const large = await upload(registry.api(), randomBlob(3 * mebibyte));
    expect(await missingBlobs(registry.api(), [large])).toEqual([]);
    const origin = `http://localhost:${registry.port()}`;
    for (const path of ["/swagger", "/swagger/swagger-ui-bundle.js", "/openapi.yaml"]) {
      expect((await fetch(origin + path)).status).toBe(200);
    }
    await registry.kill();
    const tools = await home.run(["openapi"], options);
    expect(tools.stdout).toBe((await home.run(["openapi"])).stdout);
  });

  it("prints the OpenAPI document that it serves, and that is in the repository", async () => {
    const registry = await home.start([...anyPort, "--embedded", "data"]);
    const served = await (await fetch(`http://localhost:${registry.port()}/openapi.yaml`)).text();
    await registry.kill();
    const { stdout } = await home.run(["openapi"]);
    expect(served).toBe(stdout);
    expect(await Bun.file(join(import.meta.dir, "../../openapi.yaml")).text()).toBe(stdout);
  });

  it("hashes with the native addon, and the same without a place to unpack it to", async () => {
    const closed = home.newDirectory();
    await chmod(closed, 0o555);
    const wrapper = isRoot ? asNobody : [];
    const found: unknown[] = [];
    const bytes = randomBlob(100_000);
    for (const environment of [{}, { TMPDIR: closed }]) {
      const directory = home.newDirectory("nobody");
      const args = [...anyPort, "--embedded", "data"];
      const registry = await home.start(args, { wrapper, environment, directory });
      const { hash } = await upload(registry.api(), bytes);
      found.push([(await registry.listening)["hashing"], hash]);
      await registry.kill();
    }
    const [native, wasm] = found as [[string, string], [string, string]];
    expect([native[0], wasm[0]]).toEqual(["native", "wasm"]);
    expect(native[1]).toBe(wasm[1]);
  });
});
