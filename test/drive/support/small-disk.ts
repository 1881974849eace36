import { spawnSync } from "bun";
import { chownSync, mkdtempSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A disk of its own, so small that it can be filled. */
export interface SmallDisk {
  /** Where a server may keep things. */
  readonly path: string;
  /** Leaves no room on it. */
  fill(): void;
  /** Gives the room back. */
  relieve(): void;
  remove(): void;
}

/** Whether we may mount one: root, unless a container forbids it. */
export const canMount = ((): boolean => {
  const path = mkdtempSync(join(tmpdir(), "mycelium-mount-"));
  const isMounted = spawnSync(["mount", "-t", "tmpfs", "-o", "size=1m", "none", path]);
  if (isMounted.exitCode === 0) spawnSync(["umount", path]);
  rmdirSync(path);
  return isMounted.exitCode === 0;
})();

/** Makes one in memory, whose owner is that of `like`. */
export function mountSmallDisk(mebibytes: number, like: string): SmallDisk {
  const root = mkdtempSync(join(tmpdir(), "mycelium-disk-"));
  const mounted = spawnSync(["mount", "-t", "tmpfs", "-o", `size=${mebibytes}m`, "none", root]);
  if (mounted.exitCode !== 0) throw new Error(mounted.stderr.toString());
  const { uid, gid } = statSync(like);
  chownSync(root, uid, gid);
  const path = join(root, "tablespace");
  spawnSync(["install", "-d", "-m", "700", "-o", String(uid), "-g", String(gid), path]);
  const filler = join(root, "filler");
  return {
    path,
    fill() {
      for (const bytes of [1024 * 1024, 8192]) {
        const room = new Uint8Array(bytes);
        while (couldAppend(filler, room));
      }
    },
    relieve: () => rmSync(filler, { force: true }),
    remove() {
      spawnSync(["umount", "--lazy", root]);
      rmdirSync(root);
    },
  };
}

// --- internal ---

function couldAppend(file: string, bytes: Uint8Array): boolean {
  try {
    writeFileSync(file, bytes, { flag: "a" });
    return true;
  } catch {
    return false; // no space left on device
  }
}
