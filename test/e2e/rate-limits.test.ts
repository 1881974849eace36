import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { connect } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../src/domain/bytes.ts";
import { randomBlob } from "../support/blobs.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import type { Registry } from "./support/observation.ts";

let home: BinaryHome;
let registry: Registry;

beforeAll(() => {
  home = createBinaryHome();
});

afterEach(async () => {
  await registry.kill();
});

afterAll(() => home.remove());

async function start(...args: readonly string[]): Promise<void> {
  registry = await home.start([...anyPort, "--embedded", "data", ...args]);
}

interface Question {
  /** Where it comes from, which says where to, by its family. */
  readonly from?: string;
  readonly method?: string;
  readonly path: string;
  readonly fields?: readonly string[];
  readonly body?: Uint8Array;
  /** Announces so many bytes, and sends only what `body` has. */
  readonly announcedBytes?: number;
}

interface Told {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Asks on a connection of its own from that address of this machine. */
async function ask({ from = "127.0.0.1", ...question }: Question): Promise<Told> {
  const { method = "GET", path, fields = [], body = new Uint8Array(0) } = question;
  const length = question.announcedBytes ?? body.length;
  const lines = [`${method} ${path} HTTP/1.1`, "Host: registry.test", ...fields];
  lines.push("Connection: close", ...(method === "GET" ? [] : [`Content-Length: ${length}`]));
  const host = from.includes(":") ? "::1" : "127.0.0.1";
  const received = await new Promise<Buffer>((resolve, reject) => {
    const pieces: Buffer[] = [];
    const socket = connect({ host, localAddress: from, port: registry.port() });
    socket.on("data", (piece: Buffer) => pieces.push(piece));
    socket.on("end", () => resolve(Buffer.concat(pieces)));
    socket.on("error", reject);
    socket.write(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), body]));
  });
  const [head = "", text = ""] = received.toString("latin1").split("\r\n\r\n");
  const [first = "", ...rest] = head.split("\r\n");
  const pairs = rest.map((line) => [
    line.slice(0, line.indexOf(":")).toLowerCase(),
    line.slice(line.indexOf(":") + 1).trim(),
  ]);
  return { status: Number(first.split(" ")[1]), fields: Object.fromEntries(pairs), text };
}

const put = (bytes: number, question: Partial<Question> = {}): Promise<Told> => {
  const { hash, data } = randomBlob(bytes);
  const path = `/api/v1/metadata/${toHex(hash)}`;
  return ask({ method: "PUT", path, body: data, ...question });
};

/** The statuses of so many uploads, one after the other. */
async function uploads(count: number, question: Partial<Question> = {}): Promise<number[]> {
  const statuses: number[] = [];
  for (let each = 0; each < count; each += 1) statuses.push((await put(10, question)).status);
  return statuses;
}

describe("without limits", () => {
  it("nothing is refused, and nothing told", async () => {
    await start();
    const answers = await Promise.all(Array.from({ length: 50 }, () => put(10)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(answers.flatMap(({ fields }) => Object.keys(fields)).join()).not.toMatch(/ratelimit/);
  });
});

describe("--rate-limit-uploads", () => {
  it("counts each address of IPv4, and each /64 of IPv6, by itself", async () => {
    await start("--rate-limit-uploads", "2/h");
    expect(await uploads(3)).toEqual([201, 201, 429]);
    expect(await uploads(3, { from: "127.0.0.2" })).toEqual([201, 201, 429]);
    expect(await uploads(3, { from: "::1" })).toEqual([201, 201, 429]);
  });

  it("believes nobody who forges who they are", async () => {
    await start("--rate-limit-uploads", "2/h", "--trusted-proxy", "127.0.0.9");
    for (const [turn, status] of [201, 201, 429, 429].entries()) {
      const fields = [`Forwarded: for=192.0.2.${turn}`, `X-Forwarded-For: 198.51.100.${turn}`];
      expect((await put(10, { fields })).status).toBe(status);
    }
  });

  it("believes a trusted proxy, but not what a client put before what it adds", async () => {
    await start("--rate-limit-uploads", "2/h", "--trusted-proxy", "127.0.0.0/8");
    const by = (list: string) =>
      put(10, { from: "127.0.0.9", fields: [`X-Forwarded-For: ${list}`] });
    expect((await by("192.0.2.1")).status).toBe(201);
    expect((await by("198.51.100.1, 192.0.2.1")).status).toBe(201);
    expect((await by("198.51.100.2, 192.0.2.1, 127.0.0.8")).status).toBe(429);
    expect((await by("192.0.2.2")).status).toBe(201);
    expect((await by("2001:db8:0:1::1")).status).toBe(201);
    expect((await by("2001:db8:0:1::2")).status).toBe(201);
    expect((await by("2001:db8:0:1:f::3")).status).toBe(429);
    expect((await by("2001:db8:0:2::1")).status).toBe(201);
  });

  it("believes neither field where a proxy passes on the one that its client forged", async () => {
    await start("--rate-limit-uploads", "2/h", "--trusted-proxy", "127.0.0.9");
    const by = async (...fields: string[]) => (await put(10, { from: "127.0.0.9", fields })).status;
    const written = "X-Forwarded-For: 192.0.2.1";
    for (const [turn, status] of [201, 201, 429, 429].entries()) {
      expect(await by(`Forwarded: for=198.51.100.${turn}`, written)).toBe(status);
    }
    expect(await by(written)).toBe(201);
    expect(await by("Forwarded: for=192.0.2.1", written)).toBe(201);
    expect(await by(written)).toBe(429);
    // A quote that is left open would make what the proxy adds a part of what the client says.
    expect(await by('Forwarded: for=198.51.100.9;x="', 'Forwarded: for="[2001:db8::1]"')).toBe(429);
    expect(await by('Forwarded: for="[2001:db8::1]:_x"')).toBe(201);
  });

  it("counts by the token where there are tokens", async () => {
    const file = join(home.newDirectory(), "tokens");
    writeFileSync(file, "alice-has-this-token alice\nbob-has-this-token bob\n");
    await start("--rate-limit-uploads", "2/h", "--upload-token-file", file);
    const as = (who: string) => [`Authorization: Bearer ${who}-has-this-token`];
    expect(await uploads(1, { fields: as("alice") })).toEqual([201]);
    const elsewhere = { from: "127.0.0.2", fields: as("alice") };
    expect(await uploads(2, elsewhere)).toEqual([201, 429]);
    expect(await uploads(3, { fields: as("bob") })).toEqual([201, 201, 429]);
    expect(await uploads(2, { fields: as("mallory") })).toEqual([401, 401]);
  });

  it("refuses before the body", async () => {
    await start("--rate-limit-uploads", "1/h");
    await put(10);
    const refused = await put(10, { body: new Uint8Array(1), announcedBytes: 50_000_000 });
    expect(refused.status).toBe(429);
    const { "retry-after": seconds = "", ...fields } = refused.fields;
    expect(fields).toMatchObject({
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      connection: "close",
      "ratelimit-policy": '"uploads";q=1;w=3600',
      ratelimit: `"uploads";r=0;t=${seconds}`,
    });
    expect(Number(seconds)).toBeGreaterThan(3000);
    expect(refused.text).toContain('"code":"rate_limited"');
  });

  it("says until when, and means it", async () => {
    await start("--rate-limit-uploads", "20/m");
    const answers = await Promise.all(Array.from({ length: 25 }, () => put(10)));
    const refused = answers.find(({ status }) => status === 429);
    const seconds = Number(refused?.fields["retry-after"]);
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(3);
    await Bun.sleep(1000 * seconds);
    expect((await put(10)).status).toBe(201);
  });
});

describe("--rate-limit-upload-bytes", () => {
  it("lets an upload end as it began, and the next one wait until it is paid", async () => {
    await start("--rate-limit-upload-bytes", "1MiB/h");
    const first = await put(3 * 1024 ** 2);
    expect(first.status).toBe(201);
    expect(first.fields["ratelimit-policy"]).toBe(
      '"upload-bytes";q=1048576;w=3600;qu="content-bytes"',
    );
    const refused = await put(1);
    expect(refused.status).toBe(429);
    // 2 MiB too many, of which an hour pays one.
    const seconds = Number(refused.fields["retry-after"]);
    expect(Math.abs(seconds - 7200)).toBeLessThanOrEqual(60);
    expect(refused.fields["ratelimit"]).toBe(`"upload-bytes";r=0;t=${seconds}`);
    expect((await put(1, { from: "127.0.0.2" })).status).toBe(201);
  });
});

describe("--rate-limit-reads", () => {
  it("counts what is at hand and what is not, by path and by name, and nothing else", async () => {
    await start("--rate-limit-reads", "5/h", "--cdn-domain", "cdn.test");
    const stored = await put(100);
    expect(stored.fields["ratelimit"]).toBeUndefined();
    const path = stored.fields["location"] ?? "";
    const told: string[] = [];
    for (let each = 0; each < 6; each += 1) {
      const answer = await ask({ path });
      told.push(`${answer.status} ${answer.fields["ratelimit"]?.replace(/;t=.*/, "")}`);
    }
    const left = [4, 3, 2, 1, 0].map((count) => `200 "reads";r=${count}`);
    expect(told).toEqual([...left, '429 "reads";r=0']);
    expect((await ask({ path, from: "127.0.0.2" })).status).toBe(200);
    for (const free of ["/healthz", "/readyz", "/swagger", "/"]) {
      expect((await ask({ path: free })).status).toBe(200);
    }
  });

  it.each([
    [256, 2],
    [4096, 16],
  ])("of %d holds what it says, but for one block of %d", async (amount, every) => {
    await start("--rate-limit-reads", `${amount}/h`);
    const url = `http://127.0.0.1:${registry.port()}${(await put(100)).fields["location"]}`;
    await (await fetch(url)).arrayBuffer(); // from the database, which is told
    const granted: (string | null)[] = [];
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        for (let each = 0; each < amount / 10; each += 1) {
          const answer = await fetch(url);
          if (answer.status === 200) granted.push(answer.headers.get("RateLimit"));
          await answer.arrayBuffer();
        }
      }),
    );
    // 1.6 times as many were asked for; some come back while this runs.
    expect(granted.length).toBeGreaterThanOrEqual(amount - 1 - every);
    expect(granted.length).toBeLessThanOrEqual(amount + every + amount / 30);
    // Told from half on.
    const told = granted.filter((text) => text !== null);
    const most = Math.max(...told.map((text) => Number(/r=(\d+)/.exec(text)?.[1])));
    expect(most).toBeLessThanOrEqual(amount / 2);
    expect(most).toBeGreaterThanOrEqual(amount / 2 - every);
    expect(Math.abs(told.length - amount / 2)).toBeLessThanOrEqual(every + amount / 30);
  });
});

describe("what is no rate", () => {
  it.each([
    ["--rate-limit-uploads", "100"],
    ["--rate-limit-reads", "0/s"],
    ["--rate-limit-upload-bytes", "10MB/s"],
  ])("%s %s: is told, and nothing starts", async (flag, value) => {
    const ended = await home.run([...anyPort, "--embedded", "data", flag, value]);
    expect(ended.exitCode).toBe(2);
    expect(ended.stderr).toContain(`${flag}: "${value}" is not a rate`);
  });
});
