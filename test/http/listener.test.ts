import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "bun:test";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { Agent, get } from "node:https";
import type { IncomingMessage } from "node:http";
import { connect, type TLSSocket } from "node:tls";
import { StartError } from "../../src/domain/errors.ts";
import { bind, type Handle, type Listener, type TlsMaterial } from "../../src/http/listener.ts";
import { makeCertificates, type Certificates } from "../support/certificates.ts";
import { eventually } from "../support/registry.ts";

const log = { debug() {}, info() {}, warn() {}, error() {} };
const onFailure = (): Response => new Response("failed", { status: 500 });

let files: Certificates[];
let first: TlsMaterial;
let second: TlsMaterial;
let listener: Listener;
let sockets: TLSSocket[] = [];

beforeAll(() => {
  files = [makeCertificates("IP:127.0.0.1"), makeCertificates("IP:127.0.0.1")];
  [first, second] = files.map(materialOf) as [TlsMaterial, TlsMaterial];
});

afterAll(() => files.forEach((made) => made.remove()));

beforeEach(() => {
  sockets = [];
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await listener.stop();
});

function materialOf({ certFile, keyFile }: Certificates): TlsMaterial {
  return { cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
}

interface Changes {
  readonly host?: string;
  readonly port?: number;
  readonly tls?: TlsMaterial | null;
}

function listen(handle: Handle, { host = "127.0.0.1", port = 0, tls = first }: Changes = {}) {
  const place = { host, hostIsDefault: false, port };
  return bind({ ...place, idleSecondsMax: 30, tls, log, handle, onFailure });
}

const hello: Handle = () => new Response("hello");

/** An answer, and whom it came from. */
interface Answered {
  readonly status: number;
  readonly text: string;
  /** Of the certificate that was met. */
  readonly serial: string;
}

const serialOf = ({ cert }: TlsMaterial): string => new X509Certificate(cert).serialNumber;

/** Asks on a connection of its own, or on those of an agent. */
function ask(path = "/", agent: Agent | false = false): Promise<Answered> {
  const options = { agent, rejectUnauthorized: false };
  return new Promise((resolve, reject) => {
    get(`https://127.0.0.1:${listener.port}${path}`, options, (response: IncomingMessage) => {
      const serial = (response.socket as TLSSocket).getPeerCertificate().serialNumber;
      let text = "";
      response.on("data", (bytes: Buffer) => (text += bytes.toString()));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text, serial }));
    }).on("error", reject);
  });
}

/** A connection on which requests are sent one by one. */
interface Connection {
  /** Sends a request, and gives all that has come from then on, as soon as the answer is there. */
  ask(): Promise<string>;
  readonly closed: Promise<void>;
}

async function openConnection(): Promise<Connection> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const options = { host: "127.0.0.1", port: listener.port, rejectUnauthorized: false };
  let text = "";
  const socket = await new Promise<TLSSocket>((opened, reject) => {
    const connecting = connect(options, () => opened(connecting));
    connecting.on("error", reject);
  });
  sockets.push(socket);
  socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
  socket.on("close", () => resolve());
  return {
    async ask() {
      text = "";
      socket.write("GET / HTTP/1.1\r\nHost: r\r\n\r\n");
      await eventually(() => text.includes("hello"));
      return text;
    },
    closed,
  };
}

describe("bind", () => {
  it("speaks TLS, and says so in its URL", async () => {
    listener = listen(hello);
    expect(listener.url).toBe(`https://127.0.0.1:${listener.port}`);
    expect(await ask()).toMatchObject({ status: 200, text: "hello" });
  });

  it("gives the chain out", async () => {
    const [made] = files;
    const chain = { ...first, cert: first.cert + (made?.ca ?? "") };
    listener = listen(hello, { tls: chain });
    const subjects = await new Promise<string[]>((resolve, reject) => {
      const options = { host: "127.0.0.1", port: listener.port, ca: made?.ca };
      const socket = connect(options, () => {
        const own = socket.getPeerCertificate(true);
        resolve([String(own.subject.CN), String(own.issuerCertificate.subject.CN)]);
      });
      sockets.push(socket);
      socket.on("error", reject);
    });
    expect(subjects).toEqual(["server", "authority"]);
  });

  it("has its port for itself, whether the other one speaks TLS or not", () => {
    listener = listen(hello);
    const { port } = listener;
    for (const tls of [first, null]) {
      expect(() => listen(hello, { port, tls })).toThrow(StartError);
      expect(() => listen(hello, { port, tls })).toThrow(`port ${port} is in use`);
    }
  });

  it("with TLS does not share the port of one without", () => {
    listener = listen(hello, { tls: null });
    expect(() => listen(hello, { port: listener.port })).toThrow("is in use");
  });

  it("says that the certificate cannot be used", () => {
    listener = listen(hello);
    const broken = { ...first, cert: first.cert.replaceAll(/^[A-Za-z].*$/gm, "AAAA") };
    expect(() => listen(hello, { tls: broken })).toThrow(StartError);
    expect(() => listen(hello, { tls: broken })).toThrow("correct --tls-cert and --tls-key");
  });

  it("closes the connection of a client that does not speak TLS, without an answer", async () => {
    listener = listen(hello);
    const asking = fetch(`http://127.0.0.1:${listener.port}/`);
    await expect(asking).rejects.toThrow();
    expect(await ask()).toMatchObject({ status: 200 });
  });
});

describe("renew", () => {
  /** Answers /slow once it is let go, others at once. */
  function slowly() {
    const { promise, resolve: letGo } = Promise.withResolvers<void>();
    const handle: Handle = async (request, server) => {
      const isRetired = (): boolean => listener.isRetired(server);
      if (!request.url.endsWith("/slow")) return new Response(`retired: ${isRetired()}`);
      await promise;
      return new Response(`retired: ${isRetired()}, from ${listener.senderOf(request)}`);
    };
    return { handle, letGo };
  }

  /** Resolves once none but `serial` is met. */
  async function onlyMeets(serial: string): Promise<void> {
    await eventually(async () => {
      const asked = Array.from({ length: 16 }, () => ask());
      // One that is reset in the instant of the change asks again.
      const met = await Promise.allSettled(asked);
      return met.every((each) => each.status === "fulfilled" && each.value.serial === serial);
    });
  }

  it("meets new connections with the new certificate, on the same port", async () => {
    const [one, other] = [serialOf(first), serialOf(second)];
    listener = listen(hello);
    const { port } = listener;
    expect((await ask()).serial).toBe(one);
    listener.renew(second);
    await onlyMeets(other);
    expect(listener.port).toBe(port);
    listener.renew(first);
    listener.renew(second);
    listener.renew(first);
    await onlyMeets(one);
  });

  it("breaks no connection that is in use", async () => {
    listener = listen((_, server) => {
      const fields = listener.isRetired(server) ? { Connection: "close" } : {};
      return new Response("hello", { headers: fields });
    });
    const agents = Array.from({ length: 4 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
    const ending = new AbortController();
    const serials = new Set<string>();
    const clients = agents.map(async (agent) => {
      while (!ending.signal.aborted) serials.add((await ask("/", agent)).serial);
      agent.destroy();
    });
    await eventually(() => serials.size === 1);
    listener.renew(second);
    await onlyMeets(serialOf(second));
    ending.abort();
    await Promise.all(clients); // none of them failed
    expect(serials).toEqual(new Set([serialOf(first), serialOf(second)]));
  });

  it("ends requests under way by the old one, and counts and knows them until then", async () => {
    const { handle, letGo } = slowly();
    listener = listen(handle);
    const before = (await ask()).serial;
    const slow = ask("/slow");
    await eventually(() => listener.pendingRequests() === 1);
    listener.renew(second);
    expect(listener.pendingRequests()).toBe(1);
    await eventually(async () => (await ask()).text === "retired: false");
    letGo();
    expect(await slow).toMatchObject({
      text: "retired: true, from 127.0.0.1",
      serial: before,
    });
    await eventually(() => listener.pendingRequests() === 0);
  });

  it("closes connections that wait for their next request", async () => {
    listener = listen(hello);
    const idle = await openConnection();
    await idle.ask();
    listener.renew(second);
    await idle.closed;
    expect((await ask()).text).toBe("hello");
  });

  it("answers the first request of a connection that was there before, and closes it", async () => {
    listener = listen(hello);
    const fresh = await openConnection();
    listener.renew(second);
    expect(await fresh.ask()).toStartWith("HTTP/1.1 200 OK\r\n");
    await fresh.closed;
  });

  it("changes nothing where the new one cannot be used", async () => {
    listener = listen(hello);
    const before = await ask();
    const renew = (): void => listener.renew({ ...second, cert: "nothing" });
    expect(renew).toThrow(StartError);
    expect(renew).toThrow("correct --tls-cert and --tls-key");
    expect(await ask()).toEqual(before);
  });

  it("does not open the port again once the listener has stopped", async () => {
    listener = listen(hello);
    await listener.stop();
    listener.renew(second);
    await expect(ask()).rejects.toThrow("ECONNREFUSED");
  });

  it("ends at once what was about to end when the listener stops", async () => {
    listener = listen(hello);
    listener.renew(second);
    listener.renew(first);
    await listener.stop();
    await expect(ask()).rejects.toThrow("ECONNREFUSED");
    const again = listen(hello, { port: listener.port, tls: null });
    await again.stop();
  });
});

describe("stop", () => {
  it("cuts what is under way on retired ones too", async () => {
    listener = listen(() => new Promise(() => {}));
    const slow = ask();
    await eventually(() => listener.pendingRequests() === 1);
    listener.renew(second);
    const late = ask();
    await eventually(() => listener.pendingRequests() === 2);
    const [ends] = await Promise.all([Promise.allSettled([slow, late]), listener.stop()]);
    expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await eventually(() => listener.pendingRequests() === 0);
    await expect(ask()).rejects.toThrow("ECONNREFUSED");
  });
});

describe("closeIdleConnections", () => {
  it("closes those of the server that came last", async () => {
    listener = listen(hello);
    listener.renew(second);
    const idle = await openConnection();
    await idle.ask();
    listener.closeIdleConnections();
    await idle.closed;
  });
});
