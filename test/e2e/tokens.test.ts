import { afterAll, afterEach, beforeAll, describe, expect, it } from "bun:test";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { connectRaw, rawRequest } from "../support/raw-http.ts";
import { answerOn, headOf, jsonOf, postOf, putOf } from "../support/raw-upload.ts";
import { eventually } from "../support/registry.ts";
import { anyPort, createBinaryHome, type BinaryHome } from "./support/binary.ts";
import { mebibyte, randomBlob } from "./support/blobs.ts";
import type { Registry } from "./support/observation.ts";

let home: BinaryHome;
beforeAll(() => {
  home = createBinaryHome();
});
afterAll(() => home.remove());

let registry: Registry | null = null;
afterEach(async () => {
  await registry?.kill("SIGKILL");
  registry = null;
});

/** A token, and its line, as `registry token` makes them. */
async function newToken(...words: string[]): Promise<{ token: string; line: string }> {
  const { stdout, exitCode } = await home.run(["token", "--json", ...words]);
  expect(exitCode).toBe(0);
  return JSON.parse(stdout) as { token: string; line: string };
}

/** Puts the lines into the file as an operator should: nobody sees half of it. */
async function replace(file: string, lines: readonly string[]): Promise<void> {
  await Bun.write(`${file}.new`, lines.map((line) => `${line}\n`).join(""));
  renameSync(`${file}.new`, file);
}

async function newFile(...lines: string[]): Promise<string> {
  const file = join(home.newDirectory(), "tokens");
  await replace(file, lines);
  return file;
}

async function start(flags: readonly string[], environment = {}): Promise<Registry> {
  const embedded = ["--embedded", home.newDirectory()];
  registry = await home.start([...anyPort, ...embedded, ...flags], { environment });
  return registry;
}

/** What becomes of an upload: its status, and the code of a refusal. */
async function post({ api }: Registry, token?: string): Promise<string> {
  const { body, fields } = postOf(randomBlob(100));
  const headers = new Headers(fields.map((field) => field.split(/: /) as [string, string]));
  if (token !== undefined) headers.set("Authorization", `Bearer ${token}`);
  const answer = await fetch(api(), { method: "POST", body, headers });
  const { code = "" } = (await answer.json()) as { readonly code?: string };
  return `${answer.status} ${code}`.trim();
}

const linesOf = ({ lines }: Registry, text: string) =>
  lines().filter(({ message }) => String(message).startsWith(text));

describe("who may upload", () => {
  it("is everybody where nothing is said, and a public address has a warning", async () => {
    const open = await start([]);
    expect(await post(open)).toBe("200");
    expect(linesOf(open, "everybody who can reach this port may upload")).toHaveLength(1);
  });

  it("is who has a token of the file, which need not hold it", async () => {
    const [alice, bob] = [await newToken("alice"), await newToken("bob")];
    const guarded = await start(["--access-log", "--upload-token-file", await newFile(alice.line)]);
    expect(linesOf(guarded, "everybody")).toEqual([]);
    expect(await post(guarded)).toBe("401 token_required");
    expect(await post(guarded, bob.token)).toBe("401 token_invalid");
    expect(await post(guarded, alice.line.slice(7, 71))).toBe("401 token_invalid");
    expect(await post(guarded, alice.token)).toBe("200");
    await eventually(() => linesOf(guarded, "request").length === 4);
    expect(linesOf(guarded, "request").at(-1)).toMatchObject({ bearer: "alice", status: 200 });
  });

  it("is nobody whose token has expired while the registry ran", async () => {
    const soon = new Date(Date.now() + 3000).toISOString();
    const { token, line } = await newToken("carol", "--expires", soon);
    const guarded = await start(["--upload-token-file", await newFile(line)]);
    expect(await post(guarded, token)).toBe("200");
    await eventually(async () => (await post(guarded, token)) !== "200");
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(soon));
    expect(await post(guarded, token)).toBe("401 token_expired");
  });

  it("is who has one in a credential of systemd", async () => {
    const { token, line } = await newToken();
    const directory = home.newDirectory();
    await Bun.write(join(directory, "upload-tokens"), line);
    const guarded = await start([], { CREDENTIALS_DIRECTORY: directory });
    expect([await post(guarded), await post(guarded, token)]).toEqual([
      "401 token_required",
      "200",
    ]);
  });

  it.each<[what: string, lines: string[] | null, why: RegExp]>([
    ["has no token", ["# nobody"], /holds no token, so nobody could upload/],
    ["is broken", ["a-token-of-somebody", "short"], /line 2: a token has at least 16/],
    ["has a date for a name", ["a-token-of-somebody 2027-01-31"], /line 1: .* an expiry/],
    ["is not there", null, /ENOENT/],
  ])("is not everybody where the file %s: the registry does not start", async (_, lines, why) => {
    const file = lines === null ? join(home.path, "gone") : await newFile(...lines);
    const words = [...anyPort, "--embedded", home.newDirectory(), "--upload-token-file", file];
    const { exitCode, stdout, stderr } = await home.run(words);
    expect([exitCode, stdout]).toEqual([1, ""]);
    expect(stderr).toMatch(why);
    expect(stderr).not.toContain("a-token-of-somebody");
  });
});

describe("on SIGHUP", () => {
  it("tokens come and go at once, and a broken or empty file changes nothing", async () => {
    const [alice, bob] = [await newToken("alice"), await newToken("bob")];
    const file = await newFile(alice.line);
    const guarded = await start(["--upload-token-file", file]);
    const both = async (): Promise<string[]> =>
      await Promise.all([alice, bob].map(async ({ token }) => await post(guarded, token)));

    async function reload(lines: readonly string[], message: string): Promise<void> {
      const before = linesOf(guarded, message).length;
      await replace(file, lines);
      process.kill(guarded.pid, "SIGHUP");
      await eventually(() => linesOf(guarded, message).length > before);
    }

    expect(await both()).toEqual(["200", "401 token_invalid"]);
    await reload([alice.line, bob.line], "upload tokens read");
    expect(await both()).toEqual(["200", "200"]);
    await reload([bob.line], "upload tokens read");
    expect(await both()).toEqual(["401 token_invalid", "200"]);
    for (const lines of [[], ["# none"], [alice.line, "!"]]) {
      await reload(lines, "the upload tokens cannot be read");
      expect(await both()).toEqual(["401 token_invalid", "200"]);
      expect(await post(guarded)).toBe("401 token_required");
    }
    await reload([alice.line], "upload tokens read");
    expect(await both()).toEqual(["200", "401 token_invalid"]);
  });
});

describe("a refusal for want of a token", () => {
  it("comes before the body, and has nothing to do with what the request is", async () => {
    const { line } = await newToken();
    const guarded = await start(["--upload-token-file", await newFile(line)]);
    const port = guarded.port();
    for (const upload of [putOf(randomBlob(10)), { ...postOf(randomBlob(10)), fields: [] }]) {
      const connection = await connectRaw(port);
      const asking = { ...upload, fields: [...upload.fields, "Expect: 100-continue"] };
      await connection.send(headOf(asking, 64 * mebibyte)); // and not a byte of it
      expect((await connection.response()).status).toBe(100); // Bun says so by itself
      const answer = await connection.response();
      expect([answer.status, answer.headers["connection"]]).toEqual([401, "close"]);
      expect(await connection.ended).toBe("closed");
      connection.destroy();
    }
  });

  it("is what hostile fields get, and the registry goes on", async () => {
    const { token, line } = await newToken();
    const guarded = await start(["--upload-token-file", await newFile(line)]);
    const good = `Bearer ${token}`;
    const fields = [
      [good, good],
      ["Bearer \u0000".replace("\u0000", "\u0001")],
      [`Bearer ${"\u00e9".repeat(100)}`],
      [`Bearer ${"a=".repeat(6000)}`],
      [`Bearer ${"a".repeat(15_000)}`],
      [`${" ".repeat(100)}Bearer ${"=".repeat(10_000)}`],
      [`Bearer ${token}\tx`],
      [`Bearer\t${token}`],
      [`Bearer "${token}"`],
      [`Basic ${btoa(`x:${token}`)}`],
      [`Bearer ${token}, Basic eDp5`],
    ];
    for (const values of fields) {
      const upload = postOf(randomBlob(10), ...values.map((value) => `Authorization: ${value}`));
      const head = Buffer.from(headOf(upload, upload.body.length), "latin1");
      const answer = await rawRequest(guarded.port(), Buffer.concat([head, upload.body]));
      expect([values, answer.status]).toEqual([values, answer.status === 400 ? 400 : 401]);
    }
    expect(await post(guarded, token)).toBe("200");
    expect(guarded.stdout()).not.toContain(token);
  });

  it("tells the same of a blob that is here as of one that is not", async () => {
    const { token, line } = await newToken();
    const guarded = await start(["--upload-token-file", await newFile(line)]);
    const here = putOf(randomBlob(10), `Authorization: Bearer ${token}`);
    const connection = await connectRaw(guarded.port());
    await connection.send(headOf(here, here.body.length));
    await connection.send(here.body);
    expect((await answerOn(connection)).status).toBe(201);
    const refusals = [];
    for (const upload of [{ ...here, fields: [] }, putOf(randomBlob(10))]) {
      const again = await connectRaw(guarded.port());
      await again.send(headOf(upload, upload.body.length));
      await again.send(upload.body);
      const { headers, ...answer } = await answerOn(again);
      refusals.push([jsonOf({ headers, ...answer }), Object.keys(headers)]);
    }
    expect(refusals[0]).toEqual(refusals[1]);
  });
});
