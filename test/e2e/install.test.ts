import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { startPostgres } from "../support/postgres.ts";
import { eventually } from "../support/registry.ts";
import { anyPort, asNobody, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { missingBlobs, mebibyte, randomBlob, upload } from "./support/blobs.ts";
import { runCommand } from "./support/commands.ts";
import {
  canBeSandboxed,
  install,
  installScript,
  serviceUser,
  startInstalled,
  unitFile,
  unitValues,
  unsetVariables,
  writeEnvironment,
} from "./support/installed.ts";
import type { Registry } from "./support/observation.ts";

const isRoot = process.getuid?.() === 0;
const isSandbox = await canBeSandboxed();
const hasAnalyze = Bun.which("systemd-analyze") !== null;
const name = "mycelium-cdn-registry";
const userLine = new RegExp(`^${name}:.*:/var/lib/${name}:/usr/sbin/nologin$`, "gm");

let home: BinaryHome;
beforeAll(() => {
  home = createBinaryHome();
});
afterAll(() => home.remove());

/** A root with nothing in it but what was installed. */
async function newRoot(): Promise<string> {
  const root = home.newDirectory();
  const { exitCode, stderr } = await install("--root", root, "--binary", home.binary);
  expect({ exitCode, stderr: stderr.replace(/^Creating .*\n/gm, "") }).toEqual({
    exitCode: 0,
    stderr: "",
  });
  return root;
}

/** `mode owner:group` of a file. */
function ownership(root: string, path: string): string {
  const { mode, uid, gid } = statSync(join(root, path));
  return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
}

describe.skipIf(!isRoot)("deploy/install.sh", () => {
  it("puts everything in its place, for root alone where it is secret", async () => {
    const root = await newRoot();
    expect(ownership(root, `usr/local/bin/${name}`)).toBe("755 0:0");
    expect(ownership(root, `etc/systemd/system/${name}.service`)).toBe("644 0:0");
    expect(ownership(root, `usr/lib/sysusers.d/${name}.conf`)).toBe("644 0:0");
    expect(ownership(root, `etc/${name}`)).toBe("755 0:0");
    expect(ownership(root, `etc/${name}/environment`)).toBe("600 0:0");
    expect(ownership(root, `etc/${name}/db-password`)).toBe("600 0:0");
    const unit = readFileSync(join(root, `etc/systemd/system/${name}.service`), "utf8");
    expect(unit).toBe(readFileSync(unitFile, "utf8"));
    const { uid, gid } = serviceUser(root);
    expect([uid > 0, gid > 0]).toEqual([true, true]);
    expect(readFileSync(join(root, "etc/passwd"), "utf8")).toMatch(userLine);
  });

  it("upgrades, and leaves what an administrator has changed, and the running file", async () => {
    const root = await newRoot();
    const binary = join(root, `usr/local/bin/${name}`);
    const { ino } = statSync(binary);
    writeFileSync(join(root, `etc/${name}/environment`), "REGISTRY_PORT=9000\n", { mode: 0o640 });
    writeFileSync(join(root, `etc/${name}/db-password`), "secret\n");
    writeFileSync(join(root, `etc/systemd/system/${name}.service`), "# of an older version\n");
    chmodSync(join(root, `etc/${name}`), 0o750);
    const before = serviceUser(root);
    const { exitCode, stdout } = await install("--root", root, "--binary", home.binary);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`/etc/${name}/environment is there already and is left as it is`);
    expect(stdout).not.toContain("secret");
    expect(readFileSync(join(root, `etc/${name}/environment`), "utf8")).toBe(
      "REGISTRY_PORT=9000\n",
    );
    expect(readFileSync(join(root, `etc/${name}/db-password`), "utf8")).toBe("secret\n");
    expect(readFileSync(join(root, `etc/systemd/system/${name}.service`), "utf8")).toBe(
      readFileSync(unitFile, "utf8"),
    );
    expect(ownership(root, `etc/${name}`)).toBe("750 0:0");
    expect(serviceUser(root)).toEqual(before);
    expect(statSync(binary).ino).not.toBe(ino);
  });

  it("makes the same user where there is no systemd-sysusers", async () => {
    const tools = home.newDirectory();
    const names = "sh dirname basename id install mkdir mv grep cat useradd".split(" ");
    for (const tool of names) symlinkSync(Bun.which(tool) ?? "", join(tools, tool));
    const root = home.newDirectory();
    const words = ["sh", installScript, "--root", root, "--binary", home.binary];
    for (const time of ["first", "again"]) {
      const { exitCode } = await runCommand(words, { environment: { PATH: tools } });
      expect({ time, exitCode }).toEqual({ time, exitCode: 0 });
    }
    const passwd = readFileSync(join(root, "etc/passwd"), "utf8");
    expect(passwd.match(userLine)).toHaveLength(1);
  });

  it.each(["000", "077"])("takes names without a path, and %s for the umask", async (umask) => {
    const directory = home.newDirectory();
    const root = join(directory, "a root");
    mkdirSync(root, { mode: 0o755 });
    symlinkSync(home.binary, join(directory, "a binary"));
    const script = 'cd "$1"; umask "$2"; exec sh "$3" --root "a root" --binary "a binary"';
    const { exitCode } = await runCommand([
      "sh",
      "-c",
      script,
      "",
      directory,
      umask,
      installScript,
    ]);
    expect(exitCode).toBe(0);
    const paths = await Array.fromAsync(
      new Bun.Glob("**").scan({ cwd: root, onlyFiles: false, dot: true }),
    );
    const folders = paths.filter((path) => statSync(join(root, path)).isDirectory());
    expect(folders).toContain("usr/local/bin");
    for (const path of folders) expect([path, ownership(root, path)]).toEqual([path, "755 0:0"]);
    expect(ownership(root, `usr/local/bin/${name}`)).toBe("755 0:0");
    expect(ownership(root, `etc/${name}/db-password`)).toBe("600 0:0");
  });

  it.each([
    ["an unknown argument", ["--prefix", "/usr"], 2, "unknown argument --prefix"],
    ["--root without a value", ["--root"], 2, "--root needs a value"],
    ["an empty --root", ["--root", ""], 2, "--root needs a value"],
    ["a root that is not there", ["--root", "/nowhere"], 1, "no directory /nowhere"],
    ["a binary that is not there", ["--binary", "/nowhere"], 1, "no binary at /nowhere"],
    ["a folder for a binary", ["--binary", "/etc"], 1, "no binary at /etc"],
    ["a file that does not run", ["--binary", "/etc/passwd"], 1, "does not run on this machine"],
  ])("refuses %s, and has written nothing", async (...[, words, code, told]) => {
    const root = home.newDirectory();
    const named = ["--root", root, "--binary", home.binary, ...words];
    const { exitCode, stderr } = await install(...named);
    expect({ exitCode, stderr }).toEqual({ exitCode: code, stderr: expect.stringContaining(told) });
    expect(await Array.fromAsync(new Bun.Glob("**").scan({ cwd: root, dot: true }))).toEqual([]);
  });

  it("refuses somebody who is not root", async () => {
    const copy = join(home.newDirectory(), "install.sh");
    writeFileSync(copy, readFileSync(installScript), { mode: 0o755 });
    const words = [...asNobody, "sh", copy, "--binary", home.binary];
    const { exitCode, stderr } = await runCommand(words);
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringContaining("run this as root"),
    });
  });
});

describe.skipIf(!hasAnalyze)("the unit", () => {
  it("is one that systemd understands", async () => {
    const unit = join(home.newDirectory(), `${name}.service`);
    const text = readFileSync(unitFile, "utf8");
    writeFileSync(unit, text.replace(/^ExecStart=\S+/m, `ExecStart=${home.binary}`));
    const { exitCode, stdout, stderr } = await runCommand(["systemd-analyze", "verify", unit]);
    expect({ exitCode, said: (stdout + stderr).trim() }).toEqual({ exitCode: 0, said: "" });
  });

  it("is started again after every failure but that of a wrong setting", async () => {
    const { exitCode } = await home.run(["serve"], { environment: { REGISTRY_PORT: "none" } });
    expect(unitValues("Restart")).toEqual(["on-failure"]);
    expect(unitValues("RestartPreventExitStatus")).toEqual([String(exitCode)]);
    expect(unitValues("StartLimitIntervalSec")).toEqual(["0"]);
  });

  it("is as exposed as the documentation says, and no more", async () => {
    const words = ["systemd-analyze", "security", "--offline=true", "--threshold=15", unitFile];
    const { exitCode, stdout } = await runCommand(words);
    expect(exitCode).toBe(0);
    const [, score] = /Overall exposure level for .*: ([\d.]+) OK/.exec(stdout) ?? [];
    const page = await Bun.file(join(import.meta.dir, "../../docs/security.md")).text();
    expect(page).toContain(`exposure level ${score}`);
  });
});

describe("a variable that makes the binary something else", () => {
  const trap = "require('fs').writeFileSync(process.env.SPRUNG, '');";

  /** What becomes of `registry --version` with a variable, `{trap}` and `{mark}` being files. */
  async function tryOut(variable: string, value: string) {
    const directory = home.newDirectory();
    const mark = join(directory, "mark");
    const file = join(directory, "trap.cjs");
    writeFileSync(file, trap);
    const filled = value.replace("{trap}", file).replace("{mark}", mark);
    const environment = { SPRUNG: mark, [variable]: filled };
    const { stdout, stderr } = await home.run(["--version"], { environment, directory });
    return { sprung: existsSync(mark), said: stdout + stderr };
  }

  it.each([
    ["BUN_OPTIONS", "--preload {trap}", "runs code"],
    ["BUN_BYTECODE_ORDER_OUT", "{mark}", "writes a file"],
    ["BUN_BYTECODE_DIGEST_OUT", "{mark}", "writes a file"],
    ["BUN_BE_BUN", "1", "is bun"],
    ["BUN_JSC_dumpOptions", "1", "says more"],
    ["BUN_JSC_functionOverrides", "{trap}", "reads a file as code"],
    ["NODE_OPTIONS", "--require {trap}", "has no effect"],
    ["BUN_INSPECT_PRELOAD", "{trap}", "has no effect"],
    ["NODE_PATH", "{trap}", "has no effect"],
    ["JSC_dumpOptions", "1", "has no effect"],
  ])("%s=%s %s", async (variable, value, effect) => {
    const plain = await tryOut("UNRELATED", "");
    expect(plain).toEqual({ sprung: false, said: expect.stringContaining("registry") });
    const tried = await tryOut(variable, value);
    const hasEffect = tried.sprung || tried.said !== plain.said;
    expect(hasEffect).toBe(effect !== "has no effect");
    if (hasEffect) expect(unsetVariables()).toContain(variable);
  });

  it("BUN_INSPECT lets a debugger in, and is among those that the unit takes away", async () => {
    const directory = home.newDirectory();
    const door = join(directory, "door");
    const registry = await home.start([...anyPort, "--embedded", "data"], {
      environment: { BUN_INSPECT: `ws+unix://${door}` },
      directory,
    });
    await eventually(() => existsSync(door));
    await registry.kill();
    expect(unsetVariables()).toContain("BUN_INSPECT");
  });

  it("of the loader of programs is taken away too", () => {
    const loader = ["LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH"];
    expect(unsetVariables()).toEqual(expect.arrayContaining(loader));
  });
});

describe.skipIf(!isSandbox)("what is installed, run as the unit runs it", () => {
  async function expectToServe(registry: Registry): Promise<void> {
    const blobs = [
      await upload(registry.api(), randomBlob(600)),
      await upload(registry.api(), randomBlob(3 * mebibyte)),
    ];
    expect(await missingBlobs(registry.api(), blobs)).toEqual([]);
  }

  it("serves, embedded, without rights, native BLAKE3 in a /tmp of its own", async () => {
    const root = await newRoot();
    const directory = home.newDirectory();
    writeEnvironment(root, {
      REGISTRY_EMBEDDED: `/var/lib/${name}`,
      BUN_OPTIONS: "--preload /nowhere.ts",
    });
    const registry = startInstalled(root, directory);
    expect(await registry.listening).toMatchObject({ store: "sqlite", hashing: "native" });
    await expectToServe(registry);

    const { uid } = serviceUser(root);
    const status = readFileSync(`/proc/${registry.pid}/status`, "utf8");
    expect(status).toMatch(new RegExp(`^Uid:\t${uid}\t${uid}\t${uid}\t${uid}$`, "m"));
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
      expect(status).toMatch(new RegExp(`^${set}:\t0+$`, "m"));
    }
    expect(readlinkSync(`/proc/${registry.pid}/exe`)).toBe(`/usr/local/bin/${name}`);
    expect(readFileSync(`/proc/${registry.pid}/mounts`, "utf8")).toMatch(/^\S+ \/ \S+ ro,/m);
    const state = join(directory, "state");
    const files = await Array.fromAsync(new Bun.Glob("**").scan({ cwd: state }));
    expect(files).toContain("registry.sqlite");
    for (const file of files) expect(ownership(state, file)).toStartWith(`600 ${uid}:`);

    expect(await registry.kill()).toBe(0);
    expect(registry.stderr()).toBe("");
    expect(registry.stdout()).not.toContain('"level":"error"');
  });

  it("takes the password of the database from the credential, and keeps it to itself", async () => {
    const server = await startPostgres();
    try {
      const { user, name: database, host, port } = await server.createDatabase();
      const password = "of-the-credential-7";
      await server.query(`ALTER ROLE ${user} PASSWORD '${password}'`);
      const root = await newRoot();
      writeFileSync(join(root, `etc/${name}/db-password`), `${password}\n`);
      writeEnvironment(root, {
        REGISTRY_DB_USER: user,
        REGISTRY_DB_NAME: database,
        REGISTRY_DB_HOST: host,
        REGISTRY_DB_PORT: String(port),
      });
      const registry = startInstalled(root, home.newDirectory());
      expect(await registry.listening).toMatchObject({ store: "postgres", hashing: "native" });
      await expectToServe(registry);
      const environment = readFileSync(`/proc/${registry.pid}/environ`, "utf8");
      expect(await registry.kill()).toBe(0);
      expect(registry.stdout() + registry.stderr() + environment).not.toContain(password);
    } finally {
      await server.remove();
    }
  });

  it("reads again what it is told to, by the signal of ExecReload", async () => {
    expect(unitValues("ExecReload")).toEqual(["/bin/kill -HUP $MAINPID"]);
    const root = await newRoot();
    const directory = home.newDirectory();
    writeEnvironment(root, {
      REGISTRY_EMBEDDED: `/var/lib/${name}`,
      REGISTRY_DENY_LIST: `/var/lib/${name}/deny`,
    });
    mkdirSync(join(directory, "state"));
    const list = join(directory, "state/deny");
    writeFileSync(list, "", { mode: 0o644 });
    const registry = startInstalled(root, directory);
    await registry.listening;
    const { hash } = await upload(registry.api(), randomBlob(100));
    writeFileSync(list, `${hash}\n`);
    process.kill(registry.pid, "SIGHUP");
    const statusNow = async (): Promise<number> =>
      (await fetch(`${registry.api()}/${hash}`)).status;
    await eventually(async () => (await statusNow()) === 451);
    expect(await registry.kill()).toBe(0);
  });
});
