import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { join } from "node:path";
import { clientTools, hasPostgres } from "../support/postgres-binaries.ts";
import { startPostgres, type PostgresServer } from "../support/postgres.ts";
import { asNobody, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import {
  keepUploading,
  mebibyte,
  missingBlobs,
  randomBlob,
  upload,
  type Uploaded,
} from "./support/blobs.ts";
import { clientCommand, runCommand, type Login } from "./support/commands.ts";
import type { Registry } from "./support/observation.ts";

const password = "your-secure-password";
const createDatabase = `
CREATE DATABASE mycelium_cdn_registry;
CREATE USER mycelium WITH PASSWORD '${password}';
GRANT ALL PRIVILEGES ON DATABASE mycelium_cdn_registry TO mycelium;
\\c mycelium_cdn_registry
GRANT ALL ON SCHEMA public TO mycelium;
\\q
`;
const createSecondDatabase = `
CREATE DATABASE restored;
GRANT ALL PRIVILEGES ON DATABASE restored TO mycelium;
\\c restored
GRANT ALL ON SCHEMA public TO mycelium;
`;
const cautions = [
  expect.stringContaining("may upload") as string,
  expect.stringContaining("the secret of --db-password stood on the command line") as string,
];
const unknownKey = "1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2b";
const sizes = [0, 1, 600, 2 * mebibyte, 2 * mebibyte + 1, 3 * mebibyte, 20 * mebibyte];

const versions = (["debian-or-newest", "12"] as const).filter(hasPostgres);

/** The administrator guide, command by command, in its order: each step needs those before it. */
const guide = describe.skipIf(clientTools() === null);
guide.each(versions)("the administrator guide, PostgreSQL %s", (version) => {
  let server: PostgresServer;
  let home: BinaryHome;
  let registry: Registry;
  let superuser: Login;
  let mycelium: Login;
  const uploaded: Uploaded[] = [];

  /** The guide's five flags; only the database's port is another, and ours is any. */
  function guideFlags(name = "mycelium_cdn_registry"): string[] {
    const line =
      `--db-user mycelium --db-password ${password} --db-name ${name} ` +
      `--db-host localhost --db-port ${server.port}`;
    return line.split(" ");
  }

  const startRegistry = async (name?: string): Promise<Registry> =>
    await home.start(guideFlags(name), { environment: { REGISTRY_PORT: "0" } });

  /** Runs a command line of the guide as it stands there, but for ports and paths. */
  const shell = async (line: string, directory = home.path) =>
    await runCommand(["sh", "-c", line], { environment: { PGPASSWORD: password }, directory });

  beforeAll(async () => {
    home = createBinaryHome();
    server = await startPostgres({ version });
    superuser = { user: server.user, password: server.password, port: server.port };
    mycelium = { user: "mycelium", password, port: server.port };
  });

  afterAll(async () => {
    await home.remove();
    await server.remove();
  });

  async function psql(login: Login, words: string[], stdin?: string | Bun.BunFile) {
    const environment = { PGPASSWORD: login.password };
    const options = stdin === undefined ? { environment } : { environment, stdin };
    return await runCommand(clientCommand("psql", login, words), options);
  }

  it("creates database and user by its SQL", async () => {
    expect(await psql(superuser, [], createDatabase)).toMatchObject({ exitCode: 0, stderr: "" });
  });

  it("starts the registry with its five flags", async () => {
    registry = await startRegistry();
    expect(registry.stderr()).toBe("");
    expect(registry.lines().map(({ message }) => message)).toEqual([
      "configuration",
      ...cautions,
      "database migrated",
      "listening",
    ]);
  });

  it("makes the table with the columns that it names", async () => {
    const text = "SELECT hash, data, size, created_at FROM blobs";
    expect(await psql(mycelium, ["-d", "mycelium_cdn_registry", "-c", text])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("(0 rows)"),
    });
  });

  it("uploads and downloads with curl", async () => {
    const bytes = randomBlob(600);
    const directory = home.newDirectory();
    await Bun.write(join(directory, "metadata.bin"), bytes);
    const path = join(directory, "metadata.bin");
    const post = await shell(`curl -sS -X POST \\\n  ${registry.api()} \\\n  -F "data=@${path}"`);
    expect(post).toMatchObject({ exitCode: 0, stderr: "" });
    const { hash } = JSON.parse(post.stdout) as { readonly hash: string };
    const get = `curl -sS -X GET \\\n  ${registry.api()}/${hash} \\\n  --output metadata.out`;
    expect(await shell(get, directory)).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    expect(Buffer.compare(await Bun.file(join(directory, "metadata.out")).bytes(), bytes)).toBe(0);
    uploaded.push({ hash, bytes });
  });

  it("keeps blobs of any size", async () => {
    for (const size of sizes) uploaded.push(await upload(registry.api(), randomBlob(size)));
    expect(await missingBlobs(registry.api(), uploaded)).toEqual([]);
  });

  it("shows the process, and no password, in the list of processes", async () => {
    const { stdout } = await shell("ps aux | grep registry");
    expect(stdout).toContain(`${home.binary} serve --db-user=mycelium`);
    expect(stdout).not.toContain(password);
  });

  it("tests the endpoint with curl: 404 for an unknown key", async () => {
    const { stdout, stderr } = await shell(`curl -v ${registry.api()}/${unknownKey}`);
    expect(stderr).toContain("< HTTP/1.1 404 Not Found");
    expect(JSON.parse(stdout)).toMatchObject({ status: 404, code: "not_found" });
  });

  it("checks the database with psql", async () => {
    const words = ["-d", "mycelium_cdn_registry", "-c", "SELECT 1"];
    expect(await psql(mycelium, words)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("(1 row)"),
    });
  });

  it("serves from several instances: what one took, the other has at once", async () => {
    const second = await startRegistry();
    for (let round = 0; round < 20; round += 1) {
      const [from, to] = round % 2 === 0 ? [registry, second] : [second, registry];
      const blob = await upload(from.api(), randomBlob(round === 0 ? 3 * mebibyte : 600));
      expect(await missingBlobs(to.api(), [blob])).toEqual([]);
    }
    expect(await second.kill()).toBe(0);
  });

  it("starts several instances at the same time on an empty database", async () => {
    for (const name of ["crowded_1", "crowded_2", "crowded_3"]) {
      await psql(superuser, [], createSecondDatabase.replaceAll("restored", name));
      const instances = await Promise.all(Array.from({ length: 6 }, () => startRegistry(name)));
      const stored: Uploaded[] = [];
      for (const { api } of instances) stored.push(await upload(api(), randomBlob(600)));
      for (const { api } of instances) expect(await missingBlobs(api(), stored)).toEqual([]);
      await Promise.all(instances.map((instance) => instance.kill()));
    }
  });

  it("restores its backup into a new database, from which every blob is served", async () => {
    const directory = home.newDirectory();
    const dump = clientCommand("pg_dump", mycelium, ["mycelium_cdn_registry"]).join(" ");
    const saved = await shell(`${dump} > backup.sql`, directory);
    expect(saved).toEqual({ exitCode: 0, stdout: "", stderr: "" });
    await psql(superuser, [], createSecondDatabase);
    const restore = clientCommand("psql", mycelium, ["restored"]).join(" ");
    const restored = await shell(`${restore} < backup.sql`, directory);
    // psql stops at the first error; only the guide's own GRANT may make it warn.
    expect(restored.stderr).toMatch(/^(WARNING: {2}no privileges .* for "public"\n)*$/);
    expect(restored.exitCode).toBe(0);
    const second = await startRegistry("restored");
    expect(await missingBlobs(second.api(), uploaded)).toEqual([]);
    expect(second.lines().map(({ message }) => message)).toEqual([
      "configuration",
      ...cautions,
      "listening",
    ]);
    await second.kill();
  });

  it("keeps everything over a restart", async () => {
    expect(await registry.kill()).toBe(0);
    registry = await startRegistry();
    expect(await missingBlobs(registry.api(), uploaded)).toEqual([]);
  });

  it("keeps everything that it has acknowledged when it is killed", async () => {
    const uploading = keepUploading(registry.api(), [600, 600, 600, 600, 3 * mebibyte]);
    await uploading.reached(100);
    await registry.kill("SIGKILL");
    const acknowledged = await uploading.over;
    registry = await startRegistry();
    expect(await missingBlobs(registry.api(), [...uploaded, ...acknowledged])).toEqual([]);
  });

  it("runs in / as a user without a home, as systemd runs it", async () => {
    const wrapper = process.getuid?.() === 0 ? asNobody : [];
    const environment = { REGISTRY_PORT: "0", HOME: "/nonexistent" };
    const service = await home.start(guideFlags(), { wrapper, environment, directory: "/" });
    expect(await missingBlobs(service.api(), uploaded)).toEqual([]);
    expect(await service.kill()).toBe(0);
  });
});
