import { describe, expect, it } from "bun:test";
import { StartError } from "../../../src/domain/errors.ts";
import { migrate } from "../../../src/storage/migrate.ts";
import { openPostgres } from "../../../src/storage/postgres/open.ts";
import { placeOf, toStartError } from "../../../src/storage/postgres/start-errors.ts";
import { optionsOf } from "../../support/databases.ts";
import { makeLegacyDatabase } from "../../support/legacy-database.ts";
import { hasPostgres } from "../../support/postgres-binaries.ts";
import { sharedPostgres, startPostgres, type TestDatabase } from "../../support/postgres.ts";

const nowhere = { host: "db.test", port: 5432, user: "me", name: "mine", password: "s3cret" };
const options = optionsOf(nowhere as TestDatabase);

/** Why a migration of this database fails, as an operator is told. */
async function migrationComplaint(target: TestDatabase): Promise<string> {
  const database = openPostgres(optionsOf(target));
  try {
    await migrate(database);
    return "no complaint";
  } catch (error) {
    const { message } = toStartError(error, optionsOf(target));
    expect(message).not.toContain(target.password);
    return message;
  } finally {
    await database.close();
  }
}

const least = " What a server needs at least is in docs/security.md";

describe("toStartError", () => {
  it.skipIf(!hasPostgres("newest"))("tells what to grant, where the schema is closed", async () => {
    // From PostgreSQL 15 on nobody may create tables unless told so.
    const server = await startPostgres({ version: "newest" });
    const target = await server.createDatabase({ grantSchema: false });
    const { user, name } = target;
    const grant = `GRANT ALL ON SCHEMA public TO ${user};`;
    expect(await migrationComplaint(target)).toBe(
      `user "${user}" lacks a right in database "${name}" (permission denied for schema public); ` +
        `as a superuser run there: ${grant}${least}`,
    );
    await server.query(grant, name);
    expect(await migrationComplaint(target)).toBe("no complaint");
    await server.remove();
  });

  it("tells whose the table must be, and that helps", async () => {
    const server = await sharedPostgres();
    const target = await server.createDatabase();
    const { user: username, password } = server;
    const superuser = openPostgres(optionsOf({ ...target, user: username, password }));
    await makeLegacyDatabase(superuser, "both");
    await superuser.close();
    const remedy = `ALTER TABLE blobs OWNER TO ${target.user};`;
    expect(await migrationComplaint(target)).toEndWith(
      `(must be owner of table blobs); as a superuser run there: ${remedy}`,
    );
    await server.query(remedy, target.name);
    expect(await migrationComplaint(target)).toBe("no complaint");
    await target.drop();
  });

  it("tells what to grant on tables that another role made, and that helps", async () => {
    const server = await sharedPostgres();
    const target = await server.createDatabase();
    const { user: username, password } = server;
    const superuser = openPostgres(optionsOf({ ...target, user: username, password }));
    await migrate(superuser);
    await superuser.close();
    const remedy = `GRANT ALL ON ALL TABLES IN SCHEMA public TO ${target.user};`;
    expect(await migrationComplaint(target)).toEndWith(
      "(permission denied for table registry_migrations); run this as the user that owns the " +
        `tables, or as a superuser run there: ${remedy}${least}`,
    );
    await server.query(remedy, target.name);
    expect(await migrationComplaint(target)).toBe("no complaint");
    await target.drop();
  });

  it("tells a server that only reads", async () => {
    const server = await sharedPostgres();
    const target = await server.createDatabase();
    await server.query(`ALTER ROLE ${target.user} SET default_transaction_read_only = on`);
    expect(await migrationComplaint(target)).toMatch(
      /^PostgreSQL at .* is read-only \(.*\); connect to the primary$/,
    );
    await target.drop();
  });

  it("makes one line of many", () => {
    expect(toStartError(new Error("first\n  second"), options).message).toBe(
      "PostgreSQL at db.test:5432 did not answer (first second); look at its log",
    );
  });

  it("keeps what is told already", () => {
    const told = new StartError("told");
    expect(toStartError(told, options)).toBe(told);
  });
});

describe("placeOf", () => {
  it.each([
    ["db.test", "db.test:5432"],
    ["10.0.0.1", "10.0.0.1:5432"],
    ["::1", "[::1]:5432"],
    ["/run/postgresql", "/run/postgresql/.s.PGSQL.5432"],
  ])("writes %s as %s", (host, place) => {
    expect(placeOf({ ...options, host })).toBe(place);
  });
});
