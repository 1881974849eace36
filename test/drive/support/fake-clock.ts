import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A clock that can be set while programs run by it. */
export interface FakeClock {
  /** Variables of whoever shall run by it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Says how far the clock is off: `+1d`, `-1d`, `+0`. */
  set(offset: string): void;
  /** A directory with `postgres`, which runs the real one in `binDirectory` by this clock. */
  postgresIn(binDirectory: string): string;
  remove(): void;
}

/** Whether Debian's libfaketime is here. */
export const hasFakeClock = findLibrary() !== null;

/** A clock that is right, at first. The monotonic clock stays the machine's own. */
export function createFakeClock(): FakeClock {
  const library = findLibrary();
  if (library === null) throw new Error("there is no libfaketime; install it: faketime");
  const directory = mkdtempSync(join(tmpdir(), "mycelium-clock-"));
  chmodSync(directory, 0o755);
  const file = join(directory, "offset");
  const environment = {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
    DONT_FAKE_MONOTONIC: "1", // its name up to 0.9.8
  };
  const set = (offset: string): void => writeFileSync(file, `${offset}\n`, { mode: 0o644 });
  set("+0");
  return {
    environment,
    set,
    postgresIn(binDirectory) {
      const words = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
      const script = `#!/bin/sh\nexec env ${words.join(" ")} ${binDirectory}/postgres "$@"\n`;
      writeFileSync(join(directory, "postgres"), script, { mode: 0o755 });
      return directory;
    },
    remove: () => rmSync(directory, { recursive: true }),
  };
}

// --- internal ---

function findLibrary(): string | null {
  const machine = process.arch === "x64" ? "x86_64" : "aarch64";
  const path = `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`;
  return existsSync(path) ? path : null;
}
