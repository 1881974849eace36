import { afterAll, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TlsMaterial } from "../../src/http/listener.ts";
import { createLog } from "../../src/ops/log.ts";
import { openServedIdentity } from "../../src/ops/served-identity.ts";
import { makeCertificates, type Certificates } from "../support/certificates.ts";
import { temporaryDirectory, type LogLine } from "../support/registry.ts";

let ours: Certificates;
let others: Certificates;
let directory: string;
let files: { readonly certFile: string; readonly keyFile: string };
const lines: LogLine[] = [];
const log = createLog({
  level: "debug",
  format: "json",
  write: (line) => lines.push(JSON.parse(line) as LogLine),
});

beforeAll(() => {
  ours = makeCertificates("DNS:a.test");
  others = makeCertificates("DNS:b.test", { days: -1 });
  directory = temporaryDirectory();
  files = { certFile: join(directory, "cert.pem"), keyFile: join(directory, "key.pem") };
});

afterAll(() => {
  ours.remove();
  others.remove();
  rmSync(directory, { recursive: true });
});

beforeEach(() => {
  lines.length = 0;
  use(ours);
});

function use({ certFile, keyFile }: Certificates): void {
  copyFileSync(certFile, files.certFile);
  copyFileSync(keyFile, files.keyFile);
}

/** A server that takes whatever it is given. */
function recordingServer() {
  const taken: TlsMaterial[] = [];
  return { taken, renewTls: (tls: TlsMaterial) => void taken.push(tls) };
}

describe("openServedIdentity", () => {
  it("tells until when the certificate is valid", async () => {
    const served = await openServedIdentity(files, log);
    served.tell();
    const valid_to = new Date(served.identity().validToMs).toISOString();
    expect(lines).toMatchObject([{ level: "info", message: "certificate read", valid_to }]);
  });

  it("has the server use a new one, and warns where it has expired", async () => {
    const served = await openServedIdentity(files, log);
    const server = recordingServer();
    use(others);
    await served.reload(server);
    expect(server.taken).toEqual([served.identity()]);
    expect(served.identity().validToMs).toBeLessThan(Date.now());
    expect(lines.at(-1)).toMatchObject({ level: "warn" });
    expect(lines.at(-1)?.["message"]).toContain("has expired");
  });

  it("leaves the server alone where nothing has changed", async () => {
    const served = await openServedIdentity(files, log);
    const server = recordingServer();
    await served.reload(server);
    expect(server.taken).toEqual([]);
    expect(lines).toMatchObject([{ message: "certificate read" }]);
  });

  it("keeps the one before where the files cannot be used", async () => {
    const served = await openServedIdentity(files, log);
    const server = recordingServer();
    const before = served.identity();
    copyFileSync(others.keyFile, files.keyFile);
    await served.reload(server);
    writeFileSync(files.certFile, "");
    await served.reload(server);
    expect(server.taken).toEqual([]);
    expect(served.identity()).toBe(before);
    const message = "the certificate cannot be renewed: the one before stays in force";
    expect(lines).toMatchObject([
      { level: "error", message },
      { level: "error", message },
    ]);
    expect(lines[0]?.["why"]).toContain("is not that of the first certificate");
  });

  it("keeps the one before where the server cannot use the new one, and tries again", async () => {
    const served = await openServedIdentity(files, log);
    const before = served.identity();
    use(others);
    await served.reload({
      renewTls() {
        throw new Error("no such curve");
      },
    });
    expect(served.identity()).toBe(before);
    expect(lines).toMatchObject([{ level: "error", why: "no such curve" }]);
    const server = recordingServer();
    await served.reload(server);
    expect(server.taken).toHaveLength(1);
  });
});
