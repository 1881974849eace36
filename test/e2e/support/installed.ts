import { chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "./commands.ts";
import { observe, type Registry } from "./observation.ts";

const name = "mycelium-cdn-registry";
const deploy = join(import.meta.dir, "../../../deploy");

/** The unit as it is in the repository. */
export const unitFile = join(deploy, `systemd/${name}.service`);

/** The script that installs, in the repository. */
export const installScript = join(deploy, "install.sh");

/** What the unit says, all values of a name in their order. */
export function unitValues(field: string): string[] {
  const lines = readFileSync(unitFile, "utf8").split("\n");
  const start = `${field}=`;
  return lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));
}

/** Variables that the unit takes away from the service. */
export function unsetVariables(): string[] {
  return unitValues("UnsetEnvironment").flatMap((value) => value.split(" "));
}

/** Runs deploy/install.sh with these words. */
export async function install(...words: readonly string[]) {
  return await runCommand(["sh", installScript, ...words]);
}

/** The user and group of the service in an installed root, as numbers. */
export function serviceUser(root: string): { readonly uid: number; readonly gid: number } {
  const passwd = readFileSync(join(root, "etc/passwd"), "utf8");
  const line = passwd.split("\n").find((each) => each.startsWith(`${name}:`)) ?? "";
  const [, , uid, gid] = line.split(":");
  return { uid: Number(uid), gid: Number(gid) };
}

/** Starts what is installed in `root` as the unit does, on a free port. */
export function startInstalled(
  root: string,
  directory: string,
  environment: Readonly<Record<string, string>> = environmentOf(root),
): Registry {
  const { uid, gid } = serviceUser(root);
  const state = join(directory, "state");
  const credentials = join(directory, "credentials");
  mkdirSync(state, { recursive: true, mode: 0o700 });
  mkdirSync(credentials, { recursive: true, mode: 0o700 });
  chownSync(state, uid, gid);
  for (const credential of unitValues("LoadCredential")) {
    const [id = "", path = ""] = credential.split(":");
    copyFileSync(join(root, path), join(credentials, id));
    chownSync(join(credentials, id), uid, gid);
  }
  chownSync(credentials, uid, gid);
  const command = unitValues("ExecStart")[0]?.split(" ") ?? [];
  const words = [root, state, credentials, String(uid), String(gid), ...command, "--port", "0"];
  return observe(
    Bun.spawn(
      ["unshare", "--mount", "--propagation", "private", "sh", "-c", sandboxed, "unit", ...words],
      {
        env: {
          PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
          CREDENTIALS_DIRECTORY: "/run/credentials",
          REGISTRY_METRICS_PORT: "0",
          ...environment,
        },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      },
    ),
  );
}

/** Whether this machine lets us do that: root in most containers. */
export async function canBeSandboxed(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  const proc = "mount -t proc -o subset=pid,hidepid=invisible none /proc";
  return (await runCommand(["unshare", "--mount", "sh", "-c", proc])).exitCode === 0;
}

/** Writes settings as an administrator does. */
export function writeEnvironment(root: string, settings: Readonly<Record<string, string>>): void {
  const lines = Object.entries(settings).map(([variable, value]) => `${variable}=${value}\n`);
  writeFileSync(join(root, `etc/${name}/environment`), lines.join(""));
}

// --- internal ---

/** What an administrator writes into the environment file, as systemd takes it. */
function environmentOf(root: string): Record<string, string> {
  const text = readFileSync(join(root, `etc/${name}/environment`), "utf8");
  const lines = text.split("\n").filter((line) => /^[A-Z]/.test(line));
  const unset = unsetVariables();
  const pairs = lines.map((line) => [line.split("=", 1)[0] ?? "", line.replace(/^[^=]*=/, "")]);
  return Object.fromEntries(pairs.filter(([variable = ""]) => !unset.includes(variable)));
}

/**
 * Makes the sandbox of the unit as far as it can be had without systemd, in the process itself,
 * then runs the words of ExecStart. `$1`: the installed root; `$2`: the state directory; `$3`: the
 * credentials; `$4` and `$5`: user and group.
 */
const sandboxed = `
set -eu
root=$1 state=$2 credentials=$3 uid=$4 gid=$5
shift 5
mount --bind "$root/usr/local/bin" /usr/local/bin
mount -t tmpfs none /var/lib
mkdir /var/lib/${name}
mount --bind "$state" /var/lib/${name}
mount -t tmpfs none /run
mkdir -p /run/credentials
mount --bind "$credentials" /run/credentials
mount -t tmpfs -o mode=0700 none /root
mount -t tmpfs -o mode=0700 none /home
mount -t tmpfs -o mode=1777,nosuid,nodev none /tmp
mount -t tmpfs -o mode=1777,nosuid,nodev,noexec none /dev/shm
mount -t proc -o nosuid,nodev,noexec,subset=pid,hidepid=invisible none /proc
mount -o remount,bind,ro /
cd /
umask 0077
ulimit -c 0
exec setpriv --reuid="$uid" --regid="$gid" --clear-groups --no-new-privs --inh-caps=-all \\
  --bounding-set=-all -- "$@"`;
