import { afterEach, beforeEach, describe, expect, it } from "bun:test";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../src/domain/bytes.ts";
import { randomBlob } from "../support/blobs.ts";
import { runCommandLine } from "../support/command-line.ts";
import { databaseFlags, startPostgres } from "../support/postgres.ts";
import { eventually, temporaryDirectory } from "../support/registry.ts";
import { startRegistryProcess, type RegistryProcess } from "../support/registry-process.ts";

let directory: string;
let running: RegistryProcess[] = [];
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(async () => {
  await Promise.all(running.map((registry) => registry.kill()));
  running = [];
  rmSync(directory, { recursive: true });
});

function start(...args: readonly string[]): RegistryProcess {
  const registry = startRegistryProcess(["--embedded", join(directory, "data"), ...args]);
  running.push(registry);
  return registry;
}

describe("SIGHUP", () => {
  it("reloads the deny list, and what has been taken down, and ends nothing", async () => {
    const [listed, taken] = [toHex(randomBlob(100).hash), toHex(randomBlob(100).hash)];
    const list = join(directory, "list");
    writeFileSync(list, "");
    const registry = start("--deny-list", list);
    const { api } = await registry.listening;
    const statuses = async (): Promise<number[]> =>
      await Promise.all([listed, taken].map(async (key) => (await fetch(`${api}/${key}`)).status));
    expect(await statuses()).toEqual([404, 404]);
    writeFileSync(list, `${listed}\n`);
    await runCommandLine(["delete", taken, "--embedded", join(directory, "data")]);
    registry.signal("SIGHUP");
    await eventually(async () => (await statuses()).every((status) => status === 451));
    registry.signal("SIGHUP"); // as often as one likes
    registry.signal("SIGTERM");
    expect(await registry.exited).toBe(0);
  });

  it("is done as soon as it can be where it comes while the registry starts", async () => {
    const server = await startPostgres();
    const flags = databaseFlags(await server.createDatabase());
    await server.stop();
    const [list, { hash }] = [join(directory, "list"), randomBlob(100)];
    writeFileSync(list, "");
    const words = [...flags, "--db-connect-timeout", "60s", "--deny-list", list];
    const registry = startRegistryProcess(words);
    running.push(registry);
    await registry.message("waiting for PostgreSQL");
    writeFileSync(list, `${toHex(hash)}\n`); // the empty one has been read
    registry.signal("SIGHUP");
    await registry.message("signal received: reloading");
    await server.start();
    const { api } = await registry.listening;
    await eventually(async () => (await fetch(`${api}/${toHex(hash)}`)).status === 451);
    await registry.kill();
    await server.remove();
  });

  it("is not forgotten where it comes before there is something to reload", async () => {
    const script = join(directory, "hang-up.ts");
    writeFileSync(
      script,
      `import { catchSignals } from "${join(import.meta.dir, "../../src/ops/signals.ts")}";
      const told = Promise.withResolvers();
      const log = { debug() {}, info: told.resolve, warn() {}, error() {} };
      const stop = catchSignals(log);
      process.kill(process.pid, "SIGHUP");
      await told.promise;
      stop.onReload(() => console.log("reloads"));
      process.exit(0);`,
    );
    const child = Bun.spawn([process.execPath, script], { stdin: "ignore" });
    expect(await child.stdout.text()).toBe("reloads\n");
  });

  const script = Bun.which("script");
  if (script === null) process.stderr.write("no script(1), so no terminal goes away\n");

  it.skipIf(script === null)(
    "ends the registry when it says that its terminal has gone",
    async () => {
      const main = join(import.meta.dir, "../../src/main.ts");
      const data = join(directory, "data");
      const command = `${process.execPath} ${main} --embedded ${data} --port 0 --metrics-port 0`;
      const terminal = Bun.spawn(["script", "-qfc", `${command} --log-format json`, "/dev/null"], {
        env: { PATH: process.env["PATH"], SHELL: "/bin/sh" },
        stdin: "pipe",
        stdout: "pipe",
      });
      let said = "";
      const reading = (async () => {
        for await (const piece of terminal.stdout) said += new TextDecoder().decode(piece);
      })();
      await eventually(() => said.includes('"listening"'));
      const url = /"url":"([^"]+)"/.exec(said)?.[1] ?? "";
      terminal.kill("SIGKILL");
      await reading;
      const isRefused = (): Promise<boolean> =>
        fetch(`${url}/healthz`).then(
          () => false,
          () => true,
        );
      await eventually(isRefused);
      await eventually(() => !existsSync(join(data, "registry.sqlite-wal"))); // closed, not killed
    },
  );
});

describe("a deny list that is wrong", () => {
  it("keeps the registry from starting, before it touches anything", async () => {
    const list = join(directory, "list");
    const data = join(directory, "data");
    writeFileSync(list, "#\n\nno key\n");
    const ended = await runCommandLine(["--embedded", data, "--port", "0", "--deny-list", list]);
    expect(ended).toEqual({
      exitCode: 1,
      stdout: "",
      stderr:
        `registry: ${list}, line 3: "no key" is no key; ` +
        "write 64 hexadecimal digits, or the first 32\n",
    });
    expect(existsSync(data)).toBe(false);
  });
});
