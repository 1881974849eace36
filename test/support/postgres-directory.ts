import { spawnSync } from "bun";
import { chownSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The account a server runs as, to be spread into spawn's options; empty means our own. */
interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/** A directory owned by the server's account, with everything one server needs inside it. */
export interface ServerDirectory {
  readonly path: string;
  readonly account: Account;
  /** Stops the server whose data is in `path`/data, if one runs, and deletes the directory. */
  remove(): Promise<void>;
}

/** The whole environment of a server's processes: none of ours, so that no PG* slips in. */
export const serverEnvironment = {
  PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
  LC_ALL: "C",
  TZ: "UTC",
} as const;

/**
 * Creates a fresh directory below os.tmpdir() that vanishes, together with the server in it, when
 * this process ends, however it ends; throws when the server's account cannot enter it.
 */
export function createServerDirectory(): ServerDirectory {
  const account = serverAccount();
  const path = mkdtempSync(join(tmpdir(), "mycelium-postgres-"));
  const remover = Bun.spawn(["/bin/sh", "-c", removeScript, "sh", path], {
    cwd: "/",
    env: serverEnvironment,
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
    // Its own session: neither Ctrl-C nor a kill of our process group may reach it.
    detached: true,
  });
  remover.unref();
  // A collected child would close its pipe, and the pipe is what keeps the server alive.
  held.add(remover);

  const remove = async (): Promise<void> => {
    await remover.stdin.end();
    await remover.exited;
    held.delete(remover);
  };

  if (account.uid !== undefined && account.gid !== undefined) {
    chownSync(path, account.uid, account.gid);
  }
  const entered = spawnSync(["test", "-w", path], { ...account, cwd: "/", env: serverEnvironment });
  if (entered.exitCode !== 0) {
    void remove();
    throw new Error(
      `uid ${account.uid}, which PostgreSQL shall run as, cannot enter ${path}: set TMPDIR`,
    );
  }
  return { path, account, remove };
}

// --- internal ---

const held = new Set<unknown>();

/*
 * `bun test` runs no "exit" handlers (tried with 1.4.5) and a SIGKILL would run none anyway, so the
 * removing is done by a process of its own, which waits for the end of the pipe that we hold open.
 * SIGQUIT is the immediate shutdown. An initdb cut short may still write: hence the repeated rm.
 */
const removeScript = `
trap '' HUP INT QUIT TERM
cat >/dev/null
pidfile="$1/data/postmaster.pid"
if pid=$(head -n 1 "$pidfile" 2>/dev/null) && [ -n "$pid" ] && kill -QUIT "$pid" 2>/dev/null; then
  tries=0
  while [ -e "$pidfile" ] && [ "$tries" -lt 500 ] && kill -0 "$pid" 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -ne 490 ] || kill -KILL "$pid"
    sleep 0.02
  done
fi
tries=0
until rm -rf "$1" 2>/dev/null && sleep 0.02 && [ ! -e "$1" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 200 ] || exit 1
  sleep 0.05
done
`;

/** PostgreSQL refuses to run as root, so root lends it the account of Debian's package or nobody. */
function serverAccount(): Account {
  if (process.getuid?.() !== 0) return {};
  for (const name of ["postgres", "nobody"]) {
    const uid = spawnSync(["id", "-u", name], { env: serverEnvironment });
    const gid = spawnSync(["id", "-g", name], { env: serverEnvironment });
    if (uid.exitCode === 0 && gid.exitCode === 0) {
      return { uid: Number(uid.stdout.toString()), gid: Number(gid.stdout.toString()) };
    }
  }
  throw new Error("there is no account, postgres or nobody, that PostgreSQL could run as");
}
