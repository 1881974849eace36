import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { join } from "node:path";
import { toHex } from "../../src/domain/bytes.ts";
import { randomBlob } from "../support/blobs.ts";
import { databaseFlags, startPostgres, type PostgresServer } from "../support/postgres.ts";
import { rawRequest } from "../support/raw-http.ts";
import { vectors } from "../support/vectors.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { mebibyte, upload } from "./support/blobs.ts";
import { runCommand } from "./support/commands.ts";
import type { Answer } from "./support/conformance-wire.ts";
import {
  askHost,
  fieldOf,
  toBase32,
  toGatewayRequest,
  type HostRequest,
} from "./support/named-hosts.ts";
import {
  apiHosts,
  apiPath,
  badHosts,
  base32,
  blobPath,
  content,
  data,
  domain,
  foreignOrigins,
  forms,
  forwarded,
  label,
  named,
  noRoute,
  ownOrigins,
  proxy,
  questions,
  refusals,
  uploads,
  urls,
} from "./support/name-rows.ts";
import type { Registry } from "./support/observation.ts";

let home: BinaryHome;
let server: PostgresServer;

beforeAll(async () => {
  home = createBinaryHome();
  server = await startPostgres();
});

afterAll(async () => {
  await home.remove();
  await server.remove();
});

async function onPostgres(): Promise<readonly string[]> {
  return databaseFlags(await server.createDatabase());
}

/** Ways to keep blobs, and the words that choose them. */
const stores: [name: string, choose: () => Promise<readonly string[]>][] = [
  ["SQLite", async () => ["--embedded", "data"]],
  ["SQLite without a cache", async () => ["--embedded", "data", "--cache-size", "0"]],
  ["PostgreSQL", onPostgres],
  ["PostgreSQL without a cache", async () => [...(await onPostgres()), "--cache-size", "0"]],
];

const textOf = (answer: Answer): string => answer.content.toString("latin1");

/** An answer without its moment. */
const lasting = (answer: Answer) => ({
  status: answer.status,
  fields: answer.fields.filter(([name]) => name !== "date"),
  content: textOf(answer),
});

/** A problem in a line. */
function refusalOf(answer: Answer): string {
  const { code, detail } = JSON.parse(textOf(answer)) as Readonly<Record<string, string>>;
  return `${answer.status} ${code}: ${detail}`;
}

/** What came of `GET /`, in a word. */
function outcomeOf(answer: Answer): string {
  if (answer.status !== 200) return /^\d+ (\w+)/.exec(refusalOf(answer))?.[1] ?? "";
  return textOf(answer) === content ? "blob" : textOf(answer).startsWith("<!doctype") ? "page" : "";
}

const urlIn = (answer: Answer): unknown =>
  (JSON.parse(textOf(answer)) as { readonly url?: string }).url;

describe.each(stores)("names in the host, on %s", (_store, choose) => {
  let registry: Registry;

  beforeAll(async () => {
    const names = ["--cdn-domain", domain, "--trusted-proxy", proxy];
    registry = await home.start([...anyPort, ...names, ...(await choose())]);
    await upload(registry.api(), data);
  });

  const ask = (asked: HostRequest): Promise<Answer> => askHost(registry.port(), asked);

  describe.each(forms)("%s", (_form, host) => {
    it.each(questions)("%s is answered with %d, as by path", async (_what, status, question) => {
      const byName = lasting(await ask({ ...question, host }));
      const withKey = lasting(await ask({ ...question, host, target: "/?key=0123abcd&/=?" }));
      const byPath = lasting(await ask({ ...question, host: domain, target: blobPath }));
      expect(byName.status).toBe(status);
      if (status === 200 && question.method === undefined) expect(byName.content).toBe(content);
      expect(byName).toEqual(byPath);
      expect(withKey).toEqual(byPath);
    });
  });

  it.each([1, 3, 9])("a blob of %d MiB and a byte is by name as by path", async (size) => {
    const { hash, data: bytes } = randomBlob(size * mebibyte + 1);
    await upload(registry.api(), bytes);
    const host = `${toBase32(hash)}.${domain}`;
    const target = `${apiPath}/${toHex(hash)}`;
    for (const question of [{}, { method: "HEAD" }, { fields: ["Range: bytes=-1048580"] }]) {
      const byName = lasting(await ask({ ...question, host }));
      expect(byName).toEqual(lasting(await ask({ ...question, host: domain, target })));
    }
    expect((await ask({ host })).content.equals(bytes)).toBe(true);
  });

  it.each(refusals)("%s: refused", async (...row) => {
    const [, refused, asked, why] = row;
    const host = `${refused}.${domain}`;
    const answer = await ask({ ...asked, host });
    expect(refusalOf(answer)).toMatch(why);
    if (asked.method !== undefined) return;
    const { status, content: sent } = await ask({ ...asked, host, method: "HEAD" });
    expect([status, sent.length]).toEqual([answer.status, 0]);
  });

  it.each(["POST", "PUT", "DELETE", "PATCH", "PROPFIND"])("%s: refused", async (method) => {
    const answer = await ask({ host: named, method, body: method.startsWith("P") ? "x" : "" });
    expect(refusalOf(answer)).toMatch(/^405 method_not_allowed: .*GET, HEAD, OPTIONS/);
    expect(fieldOf(answer, "Allow")).toBe("GET, HEAD, OPTIONS");
  });

  it("OPTIONS tells what there is, and lets every page ask for it", async () => {
    const answer = await ask({ host: named, method: "OPTIONS" });
    expect(answer.status).toBe(204);
    expect(Object.fromEntries(answer.fields)).toMatchObject({
      allow: "GET, HEAD, OPTIONS",
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET, HEAD",
      "access-control-allow-headers": expect.stringMatching(/\bIf-None-Match\b.*\bRange\b/),
      "access-control-max-age": "86400",
    });
  });

  it.each(apiHosts)("Host %p gets the API", async (host) => {
    const version = host === null ? "1.0" : "1.1";
    expect(textOf(await ask({ host, version, target: blobPath }))).toBe(content);
    expect(textOf(await ask({ host, version, target: "/healthz" }))).toBe('{"status":"ok"}');
    expect(outcomeOf(await ask({ host, version }))).toBe("page");
    for (const target of ["/x/healthz", `/xy${blobPath}`, `/${named}/`, `//${named}/`]) {
      expect(refusalOf(await ask({ host, version, target }))).toMatch(noRoute);
    }
  });

  it.each(badHosts)("Host with %s: refused", async (_what, host) => {
    for (const target of ["/", "/healthz", blobPath]) {
      expect(refusalOf(await ask({ host, target }))).toMatch(/^400 invalid_host: /);
    }
  });

  it.each(forwarded)("%s, if a proxy says %p", async (outcome, fields, host = "inside") => {
    expect(outcomeOf(await ask({ host, fields, from: proxy }))).toBe(outcome);
    // Anybody may write this, and is not believed.
    expect(outcomeOf(await ask({ host, fields }))).toBe(host === named ? "blob" : "page");
  });

  it("a proxy that speaks HTTP/1.0 is believed without a host", async () => {
    const asked = { host: null, version: "1.0", fields: [`X-Forwarded-Host: ${named}`] } as const;
    expect(outcomeOf(await ask({ ...asked, from: proxy }))).toBe("blob");
    expect(outcomeOf(await ask(asked))).toBe("page");
  });

  describe.each(uploads)("%s", (_method, sent) => {
    it.each(urls)("gives a url of scheme %s and port %p", async (scheme, port, asked) => {
      const fields = [...(sent.fields ?? []), ...(asked.fields ?? [])];
      const url = urlIn(await ask({ ...sent, ...asked, fields }));
      expect(url).toBe(`${scheme}://${named}${port}/`);
    });
  });

  it.each(ownOrigins)(
    "a page of %s may upload where a proxy says %s, and only there",
    async (origin, host) => {
      const fields = [`Origin: ${origin}`, `X-Forwarded-Host: ${host}`];
      for (const [, asked] of uploads) {
        const byPage = { ...asked, host: "inside", fields: [...(asked.fields ?? []), ...fields] };
        expect((await ask({ ...byPage, from: proxy })).status).toBe(200);
        expect(refusalOf(await ask(byPage))).toMatch(/^403 origin_not_allowed: .*--upload-origin/);
      }
    },
  );

  it.each(foreignOrigins)("a page of %p may upload nothing", async (origin) => {
    for (const [, asked] of uploads) {
      const fields = [...(asked.fields ?? []), `Origin: ${origin}`];
      const answer = await ask({ ...asked, host: domain, fields });
      expect(refusalOf(answer)).toMatch(/^403 origin_not_allowed: /);
    }
  });

  it.each(vectors)("the gateway of a mycelium node gets blob $name", async (vector) => {
    await upload(registry.api(), vector.data);
    const asked = { ...uploads[0]?.[1], target: `${apiPath}/${toHex(vector.hash)}` };
    const body = Buffer.from(vector.data).toString("latin1");
    const url = urlIn(await ask({ ...asked, body, host: `${domain}:8080` }));
    const { host } = new URL(String(url));
    const request = toGatewayRequest(host);
    expect(request?.authority).toBe(`${domain}:8080`);
    const answer = await rawRequest(registry.port(), request?.bytes ?? "");
    expect(answer.status).toBe(200);
    expect(Buffer.compare(answer.body, vector.data)).toBe(0);
    expect((await ask({ host })).content.equals(vector.data)).toBe(true);
  });
});

describe("without a domain", () => {
  it("every host gets the API, and an upload no url", async () => {
    const registry = await home.start([...anyPort, "--embedded", "data"]);
    await upload(registry.api(), data);
    for (const [, asked] of uploads) {
      const answer = await askHost(registry.port(), { ...asked, host: domain });
      expect([answer.status, urlIn(answer)]).toEqual([200, undefined]);
    }
    expect(outcomeOf(await askHost(registry.port(), { host: named }))).toBe("page");
    await registry.kill();
  });
});

describe("docs/dns.md", () => {
  const page = Bun.file(join(import.meta.dir, "../../docs/dns.md"));

  it("shows the labels of a blob as they are", async () => {
    const rows = [...(await page.text()).matchAll(/^\|.*\| (\d+) .*\| `(\w+)` *\|$/gm)];
    expect(rows.map(([, length, shown]) => [Number(length), shown])).toEqual([
      [32, label],
      [52, base32],
    ]);
  });

  it.skipIf(Bun.which("curl") === null)("shows how to try it on one machine", async () => {
    const [, block = ""] = /^```sh\n([^`]+)^```/m.exec(await page.text()) ?? [];
    const [start = "", post = "", ...more] = block.trim().split("\n");
    expect(more).toEqual([]);
    const directory = home.newDirectory();
    await Bun.write(join(directory, "README.md"), data);
    const registry = await home.start([...start.split(" ").slice(1), ...anyPort], { directory });
    const shell = async (line: string): Promise<string> => {
      const quiet = line.replace("curl", "curl -qs --noproxy '*'");
      return (await runCommand(["sh", "-c", quiet], { directory })).stdout;
    };
    const receipt = await shell(post.replace("8080", String(registry.port())));
    const { url } = JSON.parse(receipt) as { readonly url: string };
    expect(url).toBe(`http://${label}.cdn.localhost:${registry.port()}/`);
    const [, elsewhere = ""] = /(--connect-to [^`]+)`/.exec(await page.text()) ?? [];
    const there = elsewhere.replace("8080", String(registry.port()));
    for (const line of [`curl ${url}`, `curl ${there} ${url}`]) {
      expect(await shell(`${line} | od -An -v -tx1 | tr -d ' \\n'`)).toBe(data.toHex());
    }
    await registry.kill();
  });
});

describe("flags that say nothing", () => {
  it.each([
    ["--cdn-domain", "https://cdn.test", "write it without scheme, port, wildcard and path"],
    ["--cdn-domain", "*.cdn.test", "write it without scheme, port, wildcard and path"],
    ["--cdn-domain", "192.0.2.1", "write it without scheme, port, wildcard and path"],
    ["--trusted-proxy", "10.0.0.0/33", "write 192.0.2.1 or 10.0.0.0/8"],
    ["--trusted-proxy", "proxy.test", "write 192.0.2.1 or 10.0.0.0/8"],
    ["--upload-origin", "app.test", "write scheme, host and port"],
    ["--upload-origin", "https://app.test/a", "write scheme, host and port"],
  ])("%s %s ends with 2, and says how to write it", async (flag, value, remedy) => {
    const variable = `REGISTRY_${flag.slice(2).toUpperCase().replace("-", "_")}`;
    const embedded = [...anyPort, "--embedded", "data"];
    const byFlag = await home.run([...embedded, flag, value]);
    const byVariable = await home.run(embedded, { environment: { [variable]: value } });
    for (const [{ exitCode, stdout, stderr }, source] of [
      [byFlag, flag],
      [byVariable, variable],
    ] as const) {
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
      expect(stderr).toContain(`${source}: "${value}" `);
      expect(stderr).toContain(remedy);
    }
  });
});
