import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { X509Certificate } from "node:crypto";
import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { hasOpenssl, makeCertificates, type Certificates } from "../support/certificates.ts";
import { freePort } from "../support/ports.ts";
import { eventually } from "../support/registry.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { mebibyte, randomBlob } from "./support/blobs.ts";
import { runCommand } from "./support/commands.ts";
import type { Registry } from "./support/observation.ts";

const names = "DNS:localhost,DNS:*.cdn.test,IP:127.0.0.1";

let home: BinaryHome;
let first: Certificates;
let second: Certificates;
let expired: Certificates;

describe.skipIf(!hasOpenssl())("HTTPS", () => {
  beforeAll(() => {
    home = createBinaryHome();
    first = makeCertificates(names);
    second = makeCertificates(names);
    expired = makeCertificates(names, { days: -1 });
  });

  afterAll(async () => {
    await home.remove();
    for (const { remove } of [first, second, expired]) remove();
  });

  let registry: Registry | null = null;
  afterEach(async () => {
    await registry?.kill("SIGKILL");
    registry = null;
  });

  /** Where the registry's certificate and key are, and what is in them now. */
  interface Files {
    readonly flags: readonly string[];
    use(made: Pick<Certificates, "certFile" | "keyFile">): void;
  }

  function newFiles(): Files {
    const directory = home.newDirectory();
    const [cert, key] = [join(directory, "tls.crt"), join(directory, "tls.key")];
    const use: Files["use"] = ({ certFile, keyFile }) => {
      copyFileSync(certFile, cert);
      copyFileSync(keyFile, key);
      appendFileSync(cert, first.ca); // as those in between come behind the first
    };
    use(first);
    return { flags: ["--tls-cert", cert, "--tls-key", key], use };
  }

  async function start(files: Files, ...flags: string[]): Promise<Registry> {
    const embedded = ["--embedded", home.newDirectory()];
    registry = await home.start([...anyPort, ...embedded, ...files.flags, ...flags]);
    return registry;
  }

  const originOf = (started: Registry): string => `https://localhost:${started.port()}`;
  const apiOf = (started: Registry): string => `${originOf(started)}/api/v1/metadata`;

  /** By default on a connection that is kept for the next request. */
  async function ask(url: string, init: RequestInit = {}, { ca } = first): Promise<Response> {
    return await fetch(url, { ...init, tls: { ca } });
  }

  async function put(started: Registry, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    const body = new FormData();
    body.set("data", new Blob([bytes]));
    const response = await ask(apiOf(started), { method: "POST", body });
    expect(response.status).toBe(200);
    return ((await response.json()) as { readonly hash: string }).hash;
  }

  /** Sends SIGHUP, and gives the next line of the log that tells what came of the certificate. */
  async function reload(started: Registry): Promise<Readonly<Record<string, unknown>>> {
    const told = () =>
      started.lines().filter(({ message }) => /^(?:the )?certificate /.test(String(message)));
    const before = told().length;
    process.kill(started.pid, "SIGHUP");
    await eventually(() => told().length > before);
    return told()[before] ?? {};
  }

  /** Of the certificate that a new connection meets. */
  async function serialOf(started: Registry): Promise<string> {
    const socket = await open(started);
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  }

  /** Resolves once all new connections meet this certificate. */
  async function onlyMeets(started: Registry, { certFile }: Certificates): Promise<void> {
    const { serialNumber } = new X509Certificate(readFileSync(certFile));
    await eventually(async () => {
      const meeting = Array.from({ length: 16 }, () => serialOf(started));
      // One that is reset in the instant of the change looks again.
      const met = await Promise.all(meeting.map(async (serial) => await serial.catch(() => "")));
      return met.every((serial) => serial === serialNumber);
    });
  }

  function open(started: Registry): Promise<TLSSocket> {
    const options = { host: "127.0.0.1", port: started.port(), rejectUnauthorized: false };
    return new Promise((resolve, reject) => {
      const socket = connect(options, () => resolve(socket));
      socket.on("error", reject);
    });
  }

  /** Sends bytes on a connection of its own, and gives all that comes until it ends. */
  async function exchange(started: Registry, text: string): Promise<string> {
    const socket = await open(started);
    let received = "";
    socket.on("data", (bytes: Buffer) => (received += bytes.toString("latin1")));
    socket.write(text);
    await new Promise((resolve) => socket.on("close", resolve));
    return received;
  }

  async function handshake(started: Registry, ...words: string[]): Promise<string> {
    const target = ["openssl", "s_client", "-connect", `127.0.0.1:${started.port()}`];
    const { stdout, stderr } = await runCommand([...target, ...words], { stdin: "" });
    return stdout + stderr;
  }

  it("gives its whole chain out, and tells its URL", async () => {
    const started = await start(newFiles());
    const { url } = await started.listening;
    expect(url).toBe(`https://[::]:${started.port()}`);
    const shown = await handshake(started, "-showcerts");
    expect(shown.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(await (await ask(`${originOf(started)}/healthz`)).json()).toEqual({ status: "ok" });
  });

  it("speaks TLS 1.2 and 1.3 only", async () => {
    const started = await start(newFiles());
    const weak = ["-cipher", "ALL:@SECLEVEL=0"];
    for (const [version, isSpoken] of [
      ["-tls1", false],
      ["-tls1_1", false],
      ["-tls1_2", true],
      ["-tls1_3", true],
    ] as const) {
      const shown = await handshake(started, version, ...weak);
      expect([version, !shown.includes("Cipher is (NONE)")]).toEqual([version, isSpoken]);
      if (!isSpoken) expect(shown).toContain("alert protocol version");
    }
  });

  it("speaks TLS 1.2 with authenticated encryption and forward secrecy only", async () => {
    const started = await start(newFiles());
    const offered = (cipher: string) =>
      handshake(started, "-tls1_2", "-cipher", `${cipher}:@SECLEVEL=0`);
    for (const suite of ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"]) {
      expect(await offered(`ECDHE-ECDSA-${suite}`)).toContain(`Cipher is ECDHE-ECDSA-${suite}`);
    }
    const others = "ALL:!ECDHE+AESGCM:!ECDHE+CHACHA20:!CHACHA20+ECDHE";
    for (const cipher of [others, "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA"]) {
      expect(await offered(cipher)).toContain("alert handshake failure");
    }
  });

  it("works as HTTP does: uploads up to 64 MiB, cached blobs, ranges, names", async () => {
    const started = await start(newFiles(), "--cdn-domain", "cdn.test");
    const bytes = randomBlob(64 * mebibyte);
    const hash = await put(started, bytes);
    const whole = await (await ask(`${apiOf(started)}/${hash}`)).bytes();
    expect(Bun.hash(whole)).toBe(Bun.hash(bytes));

    const small = randomBlob(5000);
    const body = new FormData();
    body.set("data", new Blob([small]));
    const posted = await ask(apiOf(started), { method: "POST", body });
    const receipt = (await posted.json()) as { readonly hash: string; readonly url: string };
    expect(receipt.url).toMatch(/^https:\/\/[0-9a-f]{32}\.cdn\.test:\d+\/$/);
    const key = `${apiOf(started)}/${receipt.hash}`;
    for (const url of [key, key, `${apiOf(started)}/${receipt.hash.slice(0, 32)}`]) {
      expect(await (await ask(url)).bytes()).toEqual(small);
    }
    const part = await ask(key, { headers: { Range: "bytes=10-19" } });
    expect(part.status).toBe(206);
    expect(await part.bytes()).toEqual(small.slice(10, 20));

    const host = new URL(receipt.url).host;
    const named = `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
    const answer = await exchange(started, named);
    expect(answer).toStartWith("HTTP/1.1 200 OK\r\n");
    expect(answer).toContain(`ETag: "${receipt.hash}"`);
    expect(answer).toEndWith(Buffer.from(small).toString("latin1"));
    const hostless = await exchange(started, "GET /healthz HTTP/1.0\r\n\r\n");
    expect(hostless).toStartWith("HTTP/1.1 200 OK\r\n");
  });

  it("tells browsers to use nothing else, with every answer, if that is wanted", async () => {
    const started = await start(newFiles(), "--hsts", "8760h");
    const hash = await put(started, randomBlob(100));
    const invalid = { method: "POST", body: "x", headers: { "Content-Type": "text/plain" } };
    for (const [path, init, status] of [
      [`/${hash}`, {}, 200],
      [`/${hash}`, {}, 200],
      [`/${hash}`, { method: "HEAD" }, 200],
      ["/nothing", {}, 400],
      ["", {}, 405],
      ["", invalid, 415],
      ["", { method: "OPTIONS" }, 204],
    ] as const) {
      const { status: found, headers } = await ask(`${apiOf(started)}${path}`, init);
      expect([path, found, headers.get("strict-transport-security")]).toEqual([
        path,
        status,
        "max-age=31536000",
      ]);
    }
    const twoHosts = "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
    expect(await exchange(started, twoHosts)).toContain("Strict-Transport-Security: max-age=");
    await started.kill("SIGKILL");
    const { headers } = await ask(`${originOf(await start(newFiles()))}/healthz`);
    expect(headers.get("strict-transport-security")).toBeNull();
  });

  it("tells when its certificate expires, in the log, and as a metric", async () => {
    const files = newFiles();
    files.use(expired);
    const port = await freePort();
    const started = await start(files, "--metrics-port", String(port));
    const told = started.lines().find(({ message }) => message === "certificate read");
    const validTo = Date.parse(String(told?.["valid_to"]));
    expect(validTo).toBeLessThan(Date.now());
    const warned = () =>
      started.lines().filter(({ message }) => String(message).includes("has expired"));
    expect(warned()).toMatchObject([{ level: "warn" }]);
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(metrics).toContain(`\nregistry_tls_certificate_expiry_seconds ${validTo / 1000}\n`);

    files.use(second);
    expect(await reload(started)).toMatchObject({ level: "info", message: "certificate read" });
    const after = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const [, seconds] = /\nregistry_tls_certificate_expiry_seconds (\S+)\n/.exec(after) ?? [];
    expect(Number(seconds) * 1000).toBeGreaterThan(Date.now());
    expect(warned()).toHaveLength(1);
  });

  it("takes a new certificate on SIGHUP, and ends what is under way with the old one", async () => {
    const files = newFiles();
    const started = await start(files);
    const bytes = randomBlob(48 * mebibyte);
    const hash = await put(started, bytes);
    await onlyMeets(started, first);
    const download = await ask(`${apiOf(started)}/${hash}`); // nobody reads it yet
    files.use(second);
    await reload(started);
    await onlyMeets(started, second);
    const answer = await ask(`${originOf(started)}/healthz`, { keepalive: false }, second);
    expect(answer.status).toBe(200);
    expect(Bun.hash(await download.bytes())).toBe(Bun.hash(bytes));
    expect(await started.kill()).toBe(0);
  });

  it("keeps the certificate that it has where the new one is broken", async () => {
    const files = newFiles();
    const started = await start(files);
    const error = { level: "error", message: expect.stringContaining("cannot be renewed") };
    files.use({ certFile: second.certFile, keyFile: first.keyFile });
    expect(await reload(started)).toMatchObject(error);
    writeFileSync(files.flags[3] ?? "", "");
    expect(await reload(started)).toMatchObject(error);
    await onlyMeets(started, first);
    files.use(second);
    expect(await reload(started)).toMatchObject({ level: "info" });
    await onlyMeets(started, second);
  });

  it("on SIGTERM waits for what is under way on a listener that was replaced", async () => {
    const files = newFiles();
    const started = await start(files);
    const bytes = randomBlob(48 * mebibyte);
    const download = await ask(`${apiOf(started)}/${await put(started, bytes)}`);
    files.use(second);
    await reload(started);
    await onlyMeets(started, second);
    const ending = started.kill();
    await eventually(() => started.lines().some(({ message }) => message === "stopping"));
    expect(started.lines().find(({ message }) => message === "stopping")).toMatchObject({
      pending_requests: 1,
    });
    expect(Bun.hash(await download.bytes())).toBe(Bun.hash(bytes));
    expect(await ending).toBe(0);
  });

  it("closes on plain HTTP without an answer; a plain port does not speak TLS", async () => {
    const started = await start(newFiles());
    const plain = createConnection({ host: "127.0.0.1", port: started.port() });
    plain.write("GET /healthz HTTP/1.1\r\nHost: r\r\n\r\n");
    let received = 0;
    plain.on("data", (bytes: Buffer) => (received += bytes.length));
    plain.on("error", () => {});
    await new Promise((resolve) => plain.on("close", resolve));
    expect(received).toBe(0);
    await started.kill("SIGKILL");
    registry = await home.start([...anyPort, "--embedded", home.newDirectory()]);
    expect(await handshake(registry)).toContain("wrong version number"); // it is no TLS
  });

  it("has its port for itself", async () => {
    const files = newFiles();
    const started = await start(files);
    const words = ["--port", String(started.port()), "--embedded", home.newDirectory()];
    for (const flags of [files.flags, []]) {
      const { exitCode, stderr } = await home.run([...words, ...flags]);
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining("is in use")]);
    }
  });

  it("does not wait for handshakes that nobody ends", async () => {
    const started = await start(newFiles());
    const beginning = Buffer.from("16030100f8010000f40303", "hex");
    const closed = [null, beginning].map(async (bytes) => {
      const socket = createConnection({ host: "127.0.0.1", port: started.port() });
      if (bytes !== null) socket.write(bytes);
      socket.resume();
      await new Promise((resolve) => socket.on("close", resolve));
    });
    const secure = await open(started);
    secure.resume();
    await Promise.all([...closed, new Promise((resolve) => secure.on("close", resolve))]);
    expect((await ask(`${originOf(started)}/healthz`)).status).toBe(200);
  });

  describe("does not start", () => {
    async function failure(code: number, ...flags: string[]): Promise<string> {
      const embedded = ["--embedded", home.newDirectory()];
      const { exitCode, stderr } = await home.run([...anyPort, ...embedded, ...flags]);
      expect(exitCode).toBe(code);
      return stderr;
    }

    it("with one of its two files, or with HSTS and none", async () => {
      const { certFile, keyFile } = first;
      expect(await failure(2, "--tls-cert", certFile)).toContain("without --tls-key");
      expect(await failure(2, "--tls-key", keyFile)).toContain("without --tls-cert");
      expect(await failure(2, "--hsts", "1h")).toContain("without --tls-cert and --tls-key");
    });

    it("with files that it cannot use, and says why in a line without the key", async () => {
      const { certFile, keyFile } = first;
      const secret = readFileSync(keyFile, "utf8").split("\n")[1] ?? "";
      for (const [cert, key, why] of [
        [certFile, second.keyFile, "is not that of the first certificate"],
        [certFile, "/no/such/key", "cannot read /no/such/key (ENOENT"],
        [certFile, certFile, "holds no private key"],
        [keyFile, keyFile, "holds no certificate"],
      ] as const) {
        const line = await failure(1, "--tls-cert", cert, "--tls-key", key);
        expect(line).toMatch(/^registry: [^\n]+; [^\n]+\n$/);
        expect(line).toContain(why);
        expect(line).not.toContain(secret);
      }
    });
  });
});
