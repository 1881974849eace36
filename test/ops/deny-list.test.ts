import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { toHex } from "../../src/domain/bytes.ts";
import { StartError } from "../../src/domain/errors.ts";
import { limits } from "../../src/domain/limits.ts";
import { parseDenyList, readDenyList } from "../../src/ops/deny-list.ts";
import { temporaryDirectory } from "../support/registry.ts";

const whole = "24c83c96c8ffda4f4848b2bedf2800a046f53e745f00f7eae3d6b6e3b49820ed";
const short = whole.slice(0, 32);
const wrong = "write 64 hexadecimal digits, or the first 32";

async function keysIn(text: string | Uint8Array<ArrayBuffer>): Promise<string[]> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return Array.from((await parseDenyList(bytes, "list")).keys(), toHex);
}

/** What reading fails with. */
async function failureOf(reading: Promise<unknown>): Promise<string> {
  try {
    await reading;
  } catch (error) {
    if (error instanceof StartError) return error.message;
    throw error;
  }
  throw new Error("it could be read");
}

describe("the text of a deny list", () => {
  it.each([
    ["nothing", "", []],
    ["one key, without an end of line", whole, [whole]],
    ["both forms, in any case", `${whole.toUpperCase()}\n${short}\n`, [whole, short]],
    ["comments and empty lines", `# why\n\n  \t\n${short} # court order 7\n#${whole}`, [short]],
    ["lines that end with CR LF", `${whole}\r\n\r\n${short}\r\n`, [whole, short]],
    ["space around a key", ` \t${short}\t \n`, [short]],
    ["a byte order mark", `\ufeff${short}\n`, [short]],
    ["a key twice", `${short}\n${short.toUpperCase()}\n`, [short]],
  ])("may hold %s", async (_, text, keys) => {
    expect(await keysIn(text)).toEqual(keys);
  });

  it.each([
    ["a short key", `${short}\n${short.slice(1)}\n`, `list, line 2: "${short.slice(1)}" is no key`],
    ["a long key", `${whole}0`, "list, line 1: "],
    ["a digit that is none", `#\n\n${short.slice(1)}g`, `line 3: "${short.slice(1)}g" is no key`],
    ["two keys in a line", `${short} ${short}`, "line 1"],
    ["a NUL", `${short}\n\0`, String.raw`line 2: "\u{0}" is no key`],
    ["what a terminal would obey", "\u001b[2J", String.raw`line 1: "\u{1b}[2J" is no key`],
    ["lines that end with CR alone", `${short}\r${short}`, "line 1"],
    ["a byte order mark that is not at the beginning", `${short}\n\ufeff${short}`, "line 2"],
    ["no UTF-8", new Uint8Array([0xff, 0xfe, 0x32, 0x00]), "line 1"],
  ])("may not hold %s, and is told where", async (_, text, told) => {
    const failure = await failureOf(keysIn(text));
    expect(failure).toContain(told);
    expect(failure).toEndWith(wrong);
  });

  it("is read to its end or refused with a line that it has, whatever it is", async () => {
    const lines = fc.array(
      fc.oneof(
        fc.constantFrom(whole, short, "", "#", ` ${short}`, `${short}\r`, "\0", `${short}#`),
        fc.string({ unit: "binary", maxLength: 70 }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(lines, async (parts) => {
        const text = parts.join("\n");
        try {
          const keys = await keysIn(text);
          expect(keys.every((key) => key === whole || key === short)).toBe(true);
        } catch (error) {
          const line = Number(/^list, line (\d+): /.exec((error as Error).message)?.[1]);
          expect(line).toBeGreaterThan(0);
          expect(line).toBeLessThanOrEqual(text.split("\n").length);
        }
      }),
    );
  });

  it("has no more keys than may be denied, others than those it has already", async () => {
    const digits = (number: number): string => number.toString(16).padStart(32, "0");
    const text = Array.from({ length: limits.deniedKeysMax }, (_, number) => digits(number));
    const list = `${text.join("\n")}\n${digits(5)}\n`;
    const bytes = new TextEncoder().encode(`${list}${digits(limits.deniedKeysMax)}\n`);
    expect((await parseDenyList(new TextEncoder().encode(list), "list")).size).toBe(1_000_000);
    expect(await failureOf(parseDenyList(bytes, "list"))).toStartWith(
      "list, line 1000002: more than 1000000 keys",
    );
  });
});

describe("the file of a deny list", () => {
  let directory: string;
  beforeAll(() => {
    directory = temporaryDirectory();
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it("may be behind a link", async () => {
    const [file, link] = [join(directory, "list"), join(directory, "link")];
    writeFileSync(file, `${short}\n`);
    symlinkSync(file, link);
    expect((await readDenyList(link)).size).toBe(1);
  });

  it("must be a file, and be there: nobody waits for a pipe", async () => {
    const [pipe, nested] = [join(directory, "pipe"), join(directory, "nested")];
    Bun.spawnSync(["mkfifo", pipe]);
    mkdirSync(nested);
    const failures = [pipe, nested, "/dev/zero", join(directory, "missing")].map(
      async (file) => await failureOf(readDenyList(file)),
    );
    const [ofPipe, ofDirectory, ofDevice, ofNothing] = await Promise.all(failures);
    expect(ofPipe).toBe(`cannot read ${pipe} (it is no regular file); correct --deny-list`);
    expect(ofDirectory).toContain("no regular file");
    expect(ofDevice).toContain("no regular file");
    expect(ofNothing).toContain("ENOENT");
  });

  it("must not be huge", async () => {
    const file = join(directory, "huge");
    writeFileSync(file, "");
    truncateSync(file, limits.denyListBytesMax + 1);
    expect(await failureOf(readDenyList(file))).toContain("it has 134217729 bytes, of 134217728");
  });
});
