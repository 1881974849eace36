import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate authority of our own, and a server's certificate that it has signed. */
export interface Certificates {
  /** PEM text of the authority. */
  readonly ca: string;
  readonly certFile: string;
  readonly keyFile: string;
  remove(): void;
}

/** Whether certificates can be made here. */
export function hasOpenssl(): boolean {
  return Bun.which("openssl") !== null;
}

/**
 * Makes a certificate for `names`, as subjectAltName writes them: `IP:127.0.0.1`, `DNS:a.test`.
 * It is valid for so many days; -1: it was yesterday.
 */
export function makeCertificates(names: string, { days = 2 } = {}): Certificates {
  const directory = mkdtempSync(join(tmpdir(), "mycelium-certificates-"));
  const run = (command: string): void => {
    const child = Bun.spawnSync(["openssl", ...command.split(" ")], { cwd: directory });
    if (child.exitCode !== 0) throw new Error(child.stderr.toString());
  };
  const key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
  writeFileSync(join(directory, "names"), `subjectAltName=${names}\n`);
  run(`req -x509 ${key} -subj /CN=authority -days 2 -keyout ca.key -out ca.crt`);
  run(`req ${key} -subj /CN=server -keyout server.key -out server.csr`);
  run(
    `x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days ${days} ` +
      "-extfile names -out server.crt",
  );
  return {
    ca: readFileSync(join(directory, "ca.crt"), "utf8"),
    certFile: join(directory, "server.crt"),
    keyFile: join(directory, "server.key"),
    remove: () => rmSync(directory, { recursive: true }),
  };
}
