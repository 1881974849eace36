import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { join } from "node:path";
import { hasOpenssl, makeCertificates, type Certificates } from "../support/certificates.ts";
import { startPostgres, type PostgresServer } from "../support/postgres.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { missingBlobs, randomBlob, upload } from "./support/blobs.ts";

describe.skipIf(!hasOpenssl())("--db-tls verify-full", () => {
  let home: BinaryHome;
  let made: Certificates[] = [];
  let servers: PostgresServer[] = [];
  /** Of an authority of ours: one as it should be, one for another name, one that is too old. */
  let [right, misnamed, expired, plain] = servers;

  beforeAll(async () => {
    home = createBinaryHome();
    made = [
      makeCertificates("IP:127.0.0.1"),
      makeCertificates("DNS:elsewhere.test"),
      makeCertificates("IP:127.0.0.1", { days: -1 }),
    ];
    const withTls = made.map(async (tls) => await startPostgres({ tls }));
    servers = await Promise.all([...withTls, startPostgres()]);
    [right, misnamed, expired, plain] = servers;
  });

  afterAll(async () => {
    await home.remove();
    await Promise.all(servers.map(async (server) => await server.remove()));
    for (const { remove } of made) remove();
  });

  /** The flags for a server, which is to have a certificate of the authority of `made[of]`. */
  async function flagsFor(server: PostgresServer | undefined, of: number): Promise<string[]> {
    const { host, port, user, password } = server ?? { host: "", port: 0, user: "", password: "" };
    const file = join(home.newDirectory(), "ca.pem");
    await Bun.write(file, made[of]?.ca ?? "");
    const access = ["--db-host", host, "--db-port", String(port), "--db-name", "postgres"];
    const login = ["--db-user", user, "--db-password", password, "--db-connect-timeout", "0s"];
    return [...access, ...login, "--db-tls", "verify-full", "--db-tls-ca", file];
  }

  async function refusal(flags: readonly string[], environment = {}): Promise<string> {
    const { exitCode, stderr } = await home.run([...anyPort, ...flags], { environment });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^registry: [^\n]+; [^\n]+\n$/);
    return stderr.slice("registry: ".length, -1);
  }

  const notAccepted = (server: PostgresServer | undefined): string =>
    `the certificate of PostgreSQL at 127.0.0.1:${server?.port} is not accepted (`;

  it("serves where the certificate is right", async () => {
    const registry = await home.start([...anyPort, ...(await flagsFor(right, 0))]);
    const blob = await upload(registry.api(), randomBlob(1000));
    expect(await missingBlobs(registry.api(), [blob])).toEqual([]);
    const sessions = await right?.query(
      "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) " +
        "WHERE client_addr IS NOT NULL AND pid <> pg_backend_pid()",
    );
    expect(sessions).toEqual([{ ssl: true }]);
    expect(await registry.kill()).toBe(0);
  });

  it("refuses a certificate for another name", async () => {
    const line = await refusal(await flagsFor(misnamed, 1));
    expect(line).toStartWith(notAccepted(misnamed));
    expect(line).toEndWith("; name the host with --db-host as the certificate does");
  });

  it("refuses a certificate that has expired", async () => {
    const line = await refusal(await flagsFor(expired, 2));
    expect(line).toStartWith(notAccepted(expired));
    expect(line).toEndWith("expired); renew it, and have PostgreSQL read it");
  });

  it("refuses a certificate of another authority, and of one that nobody gave", async () => {
    expect(await refusal(await flagsFor(right, 1))).toStartWith(notAccepted(right));
    const flags = await flagsFor(right, 0);
    const line = await refusal(flags.slice(0, -2));
    expect(line).toStartWith(notAccepted(right));
    expect(line).toEndWith("; give its authority with --db-tls-ca");
  });

  it("refuses all of them whatever the environment says", async () => {
    const environment = { NODE_TLS_REJECT_UNAUTHORIZED: "0", PGSSLMODE: "disable" };
    const unnamed = (await flagsFor(right, 0)).slice(0, -2);
    expect(await refusal(unnamed, environment)).toStartWith(notAccepted(right));
    for (const [server, of] of [
      [right, 1],
      [misnamed, 1],
      [expired, 2],
    ] as const) {
      const line = await refusal(await flagsFor(server, of), environment);
      expect(line).toStartWith(notAccepted(server));
    }
  });

  it("refuses a file that names no authority", async () => {
    const flags = await flagsFor(right, 0);
    const file = flags.at(-1) ?? "";
    await Bun.write(file, (made[0]?.ca ?? "").slice(0, 200)); // half written
    expect(await refusal(flags)).toStartWith(`--db-tls-ca: a certificate in ${file} is broken; `);
    await Bun.write(file, "");
    expect(await refusal(flags)).toStartWith(`--db-tls-ca: ${file} holds no certificate in PEM`);
  });

  it("refuses a server without TLS", async () => {
    expect(await refusal(await flagsFor(plain, 0))).toStartWith(
      `PostgreSQL at 127.0.0.1:${plain?.port} does not offer TLS, which --db-tls verify-full asks`,
    );
  });
});
