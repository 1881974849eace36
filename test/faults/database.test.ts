import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { limits } from "../../src/domain/limits.ts";
import { startFaultProxy, type FaultProxy } from "../drive/support/fault-proxy.ts";
import { createRandom } from "../support/random.ts";
import { randomBlob } from "../support/blobs.ts";
import { sharedPostgres, type PostgresServer, type TestDatabase } from "../support/postgres.ts";
import { eventually } from "../support/registry.ts";
import { startRegistryProcess, type RegistryProcess } from "../support/registry-process.ts";
import { lockTable } from "../support/table-lock.ts";

type Blob = ReturnType<typeof randomBlob>;

let server: PostgresServer;
let target: TestDatabase;
let proxy: FaultProxy;
let registry: RegistryProcess;
let url: string;
/** A blob that is at hand, and one that only the database has. */
const atHand = randomBlob(300);
const distant = randomBlob(limits.inlineBlobBytesMax + 1);

beforeAll(async () => {
  server = await sharedPostgres();
  target = await server.createDatabase();
  proxy = await startFaultProxy(target.port, createRandom(1));
  const { user, password, name } = target;
  const environment = {
    REGISTRY_DB_URL: `postgres://${user}:${password}@127.0.0.1:${proxy.port}/${name}`,
  };
  const words = ["--db-tls", "disable", "--db-timeout", "500ms"];
  registry = startRegistryProcess(["serve", ...words], { environment });
  ({ url } = await registry.listening);
  expect((await put(atHand)).status).toBe(201);
  expect((await put(distant)).status).toBe(201);
  expect((await get(atHand)).status).toBe(200);
});
afterAll(async () => {
  await registry.kill();
  proxy.stop();
  await target.drop();
});

const urlOf = ({ hash }: Blob): string => `${url}/api/v1/metadata/${hash.toHex()}`;
const put = async (blob: Blob): Promise<Response> =>
  await fetch(urlOf(blob), { method: "PUT", body: blob.data });
const get = async (blob: Blob): Promise<Response> => await fetch(urlOf(blob));

async function ready(): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await fetch(`${url}/readyz`);
  return { status: answer.status, text: await answer.text() };
}

async function expectRefused(answer: Response, code: string): Promise<void> {
  expect(answer.status).toBe(503);
  expect(answer.headers.get("Retry-After")).toBe("1");
  expect(await answer.json()).toMatchObject({ code });
}

async function expectWorks(): Promise<void> {
  expect((await put(randomBlob(300))).status).toBe(201);
  const answer = await get(distant);
  expect(answer.status).toBe(200);
  expect(await answer.bytes()).toEqual(new Uint8Array(distant.data));
  expect((await get(randomBlob(300))).status).toBe(404);
}

describe("a database that cannot be reached", () => {
  it("fails but for what is at hand, and works with the first request after", async () => {
    proxy.close();
    const linesBefore = registry.lines.length;
    for (let n = 0; n < 20; n += 1) await expectRefused(await put(randomBlob(300)), unavailable);
    for (const absent of [randomBlob(300), distant]) {
      await expectRefused(await get(absent), unavailable);
    }
    expect((await get(atHand)).status).toBe(200);
    await eventually(async () => (await ready()).status === 503);
    const { text } = await ready();
    expect(text).toContain('"database":{"status":"unavailable","detail":"The database refuses');
    for (const secret of [target.password, target.user, String(proxy.port)]) {
      expect(text).not.toContain(secret);
    }
    const told = registry.lines.slice(linesBefore).filter(({ message }) => message === outMessage);
    expect(new Set(told.map(({ lane }) => lane)).size).toBe(told.length);
    expect(told.map(({ lane }) => lane)).toContain("write");
    await proxy.open();
    await expectWorks();
    await eventually(async () => (await ready()).status === 200);
    expect((await ready()).text).not.toContain('"uploads"');
  });

  it("fills no log, however many ask", async () => {
    proxy.close();
    const asked = 300;
    const failures = (): number =>
      registry.lines.filter(({ message }) => message === "request failed").length;
    const before = failures();
    await Promise.all(
      Array.from({ length: asked }, async () => await (await put(randomBlob(10))).bytes()),
    );
    await proxy.open();
    await expectWorks();
    expect(failures() - before).toBeGreaterThan(0);
    expect(failures() - before).toBeLessThan(asked / 2);
  });
});

describe("a database that may only be read", () => {
  it("is read, and /readyz tells why nothing is stored", async () => {
    await server.query(`ALTER ROLE ${target.user} SET default_transaction_read_only = on`);
    proxy.cutAll();
    await eventually(async () => (await put(randomBlob(300))).status === 503);
    await expectRefused(await put(randomBlob(300)), unavailable);
    expect((await get(distant)).status).toBe(200);
    const { status, text } = await ready();
    expect(status).toBe(200);
    expect(text).toContain("the last one failed: The database may only be read");
    await server.query(`ALTER ROLE ${target.user} RESET default_transaction_read_only`);
    // Its sessions stay as they are: the registry has to leave them by itself.
    await Bun.sleep(limits.standbyRenewMs);
    await put(randomBlob(300));
    await expectWorks();
  });
});

describe("a table that somebody holds", () => {
  it("is waited for until the deadline, and the database does not count as out", async () => {
    const lock = await lockTable(server, target, "blobs");
    const answers = await Promise.all([
      ...Array.from({ length: 8 }, () => put(randomBlob(300))),
      ...Array.from({ length: 8 }, () => get(randomBlob(300))),
    ]);
    for (const answer of answers) await expectRefused(answer, "database_timeout");
    expect((await get(atHand)).status).toBe(200);
    expect((await ready()).status).toBe(200);
    await lock.release();
    await expectWorks();
  });
});

const unavailable = "database_unavailable";
const outMessage = "the database is out; what needs it is refused until it is back";
