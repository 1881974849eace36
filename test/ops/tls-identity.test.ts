import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StartError } from "../../src/domain/errors.ts";
import { limits } from "../../src/domain/limits.ts";
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

async function reasonOf(certFile: string, keyFile: string): Promise<string> {
  try {
    await readTlsIdentity({ certFile, keyFile });
  } catch (error) {
    expect(error).toBeInstanceOf(StartError);
    return (error as StartError).message;
  }
  return "none";
}

describe("readTlsIdentity", () => {
  it("reads a certificate, those behind it, its key, and how long it is valid", async () => {
    const { certFile, keyFile, ca } = ours;
    const chain = file("chain.crt", readFileSync(certFile, "utf8") + ca);
    const identity = await readTlsIdentity({ certFile: chain, keyFile });
    expect(identity.cert).toContain(ca);
    expect(identity.key).toBe(readFileSync(keyFile, "utf8"));
    expect(identity.validToMs - identity.validFromMs).toBe(2 * 86_400_000);
  });

  it("refuses a key that is another's, and a chain in the wrong order", async () => {
    expect(await reasonOf(ours.certFile, others.keyFile)).toContain(
      "is not that of the first certificate",
    );
    const turned = file("turned.crt", ours.ca + readFileSync(ours.certFile, "utf8"));
    expect(await reasonOf(turned, ours.keyFile)).toContain("comes first");
  });

  it("names the file that it cannot read", async () => {
    const { certFile, keyFile } = ours;
    const missing = join(directory, "missing");
    for (const [cert, key, flag] of [
      [missing, keyFile, "--tls-cert"],
      [certFile, missing, "--tls-key"],
    ] as const) {
      const why = await reasonOf(cert, key);
      expect(why).toStartWith(`cannot read ${missing} (ENOENT`);
      expect(why).toEndWith(`; correct ${flag}`);
    }
    expect(await reasonOf(directory, keyFile)).toBe(
      `cannot read ${directory} (it is no regular file); correct --tls-cert`,
    );
    const huge = file("huge", "a".repeat(limits.tlsFileBytesMax + 1));
    expect(await reasonOf(certFile, huge)).toContain("131073 bytes, of 131072 at most");
  });

  it("says of a file that it holds something else", async () => {
    const { certFile, keyFile } = ours;
    expect(await reasonOf(keyFile, keyFile)).toContain("holds no certificate in PEM form");
    expect(await reasonOf(certFile, certFile)).toContain("holds no private key in PEM form");
    expect(await reasonOf(file("empty", ""), keyFile)).toContain("holds no certificate");
  });

  it("refuses a chain with a broken certificate behind the first, or half of one", async () => {
    const cut = ours.ca.slice(0, 200);
    for (const end of ["\n-----END CERTIFICATE-----\n", "\n", "\n-----END CERTIF"]) {
      const chain = file("cut.crt", readFileSync(ours.certFile, "utf8") + cut + end);
      expect(await reasonOf(chain, ours.keyFile)).toContain(`a certificate in ${chain} is broken`);
    }
  });

  it("says of a key that it is of another kind", async () => {
    const child = Bun.spawnSync(["openssl", "genpkey", "-algorithm", "ED448"]);
    const keyFile = file("other.key", child.stdout.toString());
    expect(await reasonOf(ours.certFile, keyFile)).toContain("of a kind that cannot be used");
  });

  it("tells nothing of a key that it cannot use", async () => {
    const secret = readFileSync(ours.keyFile, "utf8").split("\n")[1] ?? "";
    const keyFile = file("broken.key", `-----BEGIN PRIVATE KEY-----\n${secret}\n`);
    const error = await readTlsIdentity({ certFile: ours.certFile, keyFile }).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(StartError);
    expect(Bun.inspect(error, { depth: 9 })).toContain("is broken, or of a kind");
    expect(Bun.inspect(error, { depth: 9 })).not.toContain(secret.slice(0, 16));
  });

  it("takes no key with a passphrase, and a remark about one for none", async () => {
    const { certFile, keyFile } = ours;
    for (const form of ["ec -aes128", "pkcs8 -topk8"]) {
      const words = `${form} -in ${keyFile} -passout pass:geheim`.split(" ");
      const { stdout } = Bun.spawnSync(["openssl", ...words]);
      const encrypted = file("encrypted.key", stdout.toString());
      expect(await reasonOf(certFile, encrypted)).toContain("is encrypted");
    }
    const remark = file("remark.key", `was ENCRYPTED\n${readFileSync(keyFile, "utf8")}`);
    expect(await reasonOf(certFile, remark)).toBe("none");
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
