import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StartError } from "../../src/domain/errors.ts";
import { cautionOf, readTlsIdentity } from "../../src/ops/tls-identity.ts";
import { makeCertificates, type Certificates } from "../support/certificates.ts";

let ours: Certificates;
let others: Certificates;
let directory: string;

beforeAll(() => {
  ours = makeCertificates("DNS:a.test");
  others = makeCertificates("DNS:b.test");
  directory = mkdtempSync(join(tmpdir(), "mycelium-tls-"));
});

afterAll(() => {
  ours.remove();
  others.remove();
  rmSync(directory, { recursive: true });
});

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function reasonOf(certFile: string, keyFile: string): string {
  try {
    readTlsIdentity({ certFile, keyFile });
  } catch (error) {
    expect(error).toBeInstanceOf(StartError);
    return (error as StartError).message;
  }
  return "none";
}

describe("readTlsIdentity", () => {
  it("reads a certificate, those behind it, its key, and how long it is valid", () => {
    const { certFile, keyFile, ca } = ours;
    const chain = file("chain.crt", readFileSync(certFile, "utf8") + ca);
    const identity = readTlsIdentity({ certFile: chain, keyFile });
    expect(identity.cert).toContain(ca);
    expect(identity.key).toBe(readFileSync(keyFile, "utf8"));
    expect(identity.validToMs - identity.validFromMs).toBe(2 * 86_400_000);
  });

  it("refuses a key that is another's, and a chain in the wrong order", () => {
    expect(reasonOf(ours.certFile, others.keyFile)).toContain(
      "is not that of the first certificate",
    );
    const turned = file("turned.crt", ours.ca + readFileSync(ours.certFile, "utf8"));
    expect(reasonOf(turned, ours.keyFile)).toContain("comes first");
  });

  it("names the file that it cannot read", () => {
    const { certFile, keyFile } = ours;
    const missing = join(directory, "missing");
    expect(reasonOf(missing, keyFile)).toBe(`--tls-cert: ${missing} cannot be read (ENOENT)`);
    expect(reasonOf(certFile, missing)).toBe(`--tls-key: ${missing} cannot be read (ENOENT)`);
    expect(reasonOf(directory, keyFile)).toBe(`--tls-cert: ${directory} cannot be read (EISDIR)`);
    expect(reasonOf(keyFile, keyFile)).toContain("holds no certificate in PEM form");
    expect(reasonOf(certFile, certFile)).toContain("holds no private key in PEM form");
    expect(reasonOf(file("empty", ""), keyFile)).toContain("holds no certificate");
  });

  it("tells nothing of a key that it cannot use", () => {
    const secret = readFileSync(ours.keyFile, "utf8").split("\n")[1] ?? "";
    const broken = file("broken.key", `-----BEGIN PRIVATE KEY-----\n${secret}\n`);
    const error = (): unknown => readTlsIdentity({ certFile: ours.certFile, keyFile: broken });
    expect(error).toThrow("holds no private key");
    expect(Bun.inspect(catchFrom(error), { depth: 9 })).not.toContain(secret.slice(0, 16));
    const encrypted =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----";
    expect(reasonOf(ours.certFile, file("encrypted.key", encrypted))).toContain("is encrypted");
  });
});

describe("cautionOf", () => {
  it("warns of a certificate that no client takes, and of no other", () => {
    const identity = { cert: "", key: "", validFromMs: 1000, validToMs: 2000 };
    expect(cautionOf(identity, 999)).toContain("not valid yet");
    expect(cautionOf(identity, 1000)).toBeNull();
    expect(cautionOf(identity, 1999)).toBeNull();
    expect(cautionOf(identity, 2000)).toContain("has expired");
  });
});

function catchFrom(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
