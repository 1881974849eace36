import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import fc from "fast-check";

import type { Bytes } from "../../src/domain/bytes.ts";
import { readDigests, reprDigestOf } from "../../src/http/digest-fields.ts";
import { codeThrownBy } from "../support/error-code.ts";
import { utf8 } from "../support/form.ts";

/** The example of RFC 9530 appendices B.1 and D: the line, and its digests. */
const example = utf8('{"hello": "world"}\n');
const sha256 = "RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=";
const sha512 =
  "YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4yP+pgk4vf2aCsyRZOtw8MjkM7iw7yZ/WkppmM44T3qg==";

const fields = ["Content-Digest", "Repr-Digest"] as const;

/** The code of what comes of a body that these fields announce. */
function outcome(headers: Headers | Record<string, string>, ...pieces: readonly Bytes[]): string {
  return codeThrownBy(() => {
    const check = readDigests(new Headers(headers));
    if (check === null) throw new Error("nothing was announced");
    for (const piece of pieces) check.update(piece);
    check.end();
  });
}

/** A digest as another implementation has it. */
function digestOf(algorithm: "sha-256" | "sha-512", data: Bytes): string {
  const hash = createHash(algorithm.replace("-", ""));
  return `${algorithm}=:${hash.update(data).digest("base64")}:`;
}

describe("readDigests", () => {
  test("is null where nothing is announced, or nothing that is known", () => {
    expect(readDigests(new Headers())).toBeNull();
    expect(readDigests(new Headers({ "Content-Digest": "" }))).toBeNull();
    expect(readDigests(new Headers({ "Want-Repr-Digest": "sha-256=1", Digest: "x" }))).toBeNull();
    for (const unknown of ["md5=:AA==:", "unixsum=1", "x", "sha=(1 2);q=1", "toString=:AA==:"]) {
      const text = unknown.toLowerCase();
      expect(readDigests(new Headers({ "Repr-Digest": text }))).toBeNull();
    }
  });

  describe.each(fields)("of %s", (field) => {
    test.each([
      ["sha-256", `sha-256=:${sha256}:`],
      ["sha-512", `sha-512=:${sha512}:`],
      ["both", `sha-512=:${sha512}:, sha-256=:${sha256}:`],
      ["an unknown one besides", `md5=:AAAA:, sha-256=:${sha256}:, crc32c=1.5`],
      ["parameters", `sha-256=:${sha256}:;a=1;b`],
      ["tabs around commas", `md5=1\t,\tsha-256=:${sha256}:`],
      ["a key twice, of which the last counts", `sha-256=1, sha-256=:${sha256}:`],
      ["no padding, which parsers make up", `sha-256=:${sha256.replace("=", "")}:`],
      ["spare bits that are not zero", `sha-256=:${sha256.replace("g=", "h=")}:`],
    ])("accepts what it announces: %s", (_, text) => {
      expect(outcome({ [field]: text }, example)).toBe("none");
      expect(outcome({ [field]: ` ${text}\t` }, example)).toBe("none");
      expect(outcome({ [field]: text }, utf8("hello"))).toBe("digest_mismatch");
      expect(outcome({ [field]: text })).toBe("digest_mismatch");
    });

    test("refuses a body that has one digest and not the other", () => {
      const wrong = Buffer.alloc(64).toString("base64");
      const text = `sha-256=:${sha256}:, sha-512=:${wrong}:`;
      expect(outcome({ [field]: text }, example)).toBe("digest_mismatch");
    });

    test("says which digest is wrong", () => {
      const check = readDigests(new Headers({ [field]: `sha-512=:${sha512}:` }));
      expect(() => check?.end()).toThrow(`does not have the sha-512 that ${field} announces`);
    });

    test.each([
      "x y",
      "sha-256",
      "sha-256=",
      "sha-256=1",
      "sha-256=?1",
      `sha-256="${sha256}"`,
      `sha-256=${sha256}`, // as Digest had it (RFC 3230)
      `SHA-256=:${sha256}:`,
      `sha-256=:${sha256}`,
      `sha-256=(:${sha256}:)`,
      `sha-256 =:${sha256}:`,
      `sha-256= :${sha256}:`,
      `sha-256=:${sha256}:,`,
      `,sha-256=:${sha256}:`,
      `sha-256=:${sha256}: x=1`,
      `sha-256=:${sha256}:, MD5=:AAAA:`,
      `sha-256=:${sha256}:, sha-256`,
      `sha-256=:${sha256.replace("/", "_")}:`,
      `sha-256=:${sha256.replace("/", " ")}:`,
      `sha-256=:${sha256.replace("K", "=")}:`,
      "sha-256=::",
      "sha-256=:AA==:",
      `sha-256=:${sha512}:`,
      `sha-512=:${sha256}:`,
      `sha-256=:${Buffer.from(example.toHex()).toString("base64")}:`,
      `sha-256=${"0".repeat(64)}`,
      "sha-256=:\u00e9:",
    ])("refuses %j as unreadable", (text) => {
      expect(codeThrownBy(() => readDigests(new Headers({ [field]: text })))).toBe(
        "invalid_digest",
      );
      expect(() => readDigests(new Headers({ [field]: text }))).toThrow(`${field} cannot be read`);
    });

    test("reads a field sent several times as one", () => {
      const headers = new Headers();
      headers.append(field, "md5=:AAAA:");
      headers.append(field, `sha-256=:${sha256}:`);
      headers.append(field, `sha-512=:${sha512}:`);
      expect(outcome(headers, example)).toBe("none");
      expect(outcome(headers, utf8("hello"))).toBe("digest_mismatch");
    });
  });

  test("compares with both fields", () => {
    const right = `sha-256=:${sha256}:`;
    const wrong = digestOf("sha-256", utf8("hello"));
    const both = { "Content-Digest": right, "Repr-Digest": right };
    expect(outcome(both, example)).toBe("none");
    expect(outcome({ ...both, "Content-Digest": wrong }, example)).toBe("digest_mismatch");
    expect(outcome({ ...both, "Repr-Digest": wrong }, example)).toBe("digest_mismatch");
    expect(outcome({ ...both, "Repr-Digest": "md5=1" }, example)).toBe("none");
    expect(outcome({ ...both, "Repr-Digest": "?" }, example)).toBe("invalid_digest");
  });

  test("accepts the empty body", () => {
    const empty = new Uint8Array();
    expect(outcome({ "Content-Digest": digestOf("sha-256", empty) })).toBe("none");
    expect(outcome({ "Content-Digest": digestOf("sha-512", empty) }, empty, empty)).toBe("none");
  });

  test("takes any body, in any pieces, views of larger buffers too; not a bit changed", () => {
    const algorithm = fc.constantFrom("sha-256" as const, "sha-512" as const);
    const body = fc.uint8Array({ minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(algorithm, fc.constantFrom(...fields), fc.array(body), fc.nat(), (...given) => {
        const [name, field, pieces, at] = given;
        const whole = new Uint8Array(Buffer.concat(pieces));
        const ends = pieces.map((_, n) => Buffer.concat(pieces.slice(0, n + 1)).length);
        const views = ends.map((end, n) => whole.subarray(ends[n - 1] ?? 0, end));
        const headers = { [field]: digestOf(name, whole) };
        expect(outcome(headers, ...views)).toBe("none");
        if (whole.length === 0) return;
        const changed = whole.map((byte, index) =>
          index === at % whole.length ? byte ^ (1 << (at & 7)) : byte,
        );
        expect(outcome(headers, changed)).toBe("digest_mismatch");
        expect(outcome(headers, whole.subarray(1))).toBe("digest_mismatch");
      }),
    );
  });

  test.each(["a", "a=1,", "a;", "(", ":", "a=:,", "9", "\\", "sha-256=::,", "?1"])(
    "ends on 16 KiB of %j",
    (piece) => {
      const text = piece.repeat(16_384 / piece.length);
      for (const start of ["", "sha-256=", "sha-256=:", 'sha-256="', "sha-256=("]) {
        const headers = new Headers({ "Content-Digest": `${start}${text}~` });
        expect(codeThrownBy(() => readDigests(headers))).toBe("invalid_digest");
      }
    },
  );
});

describe("reprDigestOf", () => {
  const as256 = `sha-256=:${sha256}:`;
  const as512 = `sha-512=:${sha512}:`;

  test.each([
    ["sha-256=1", as256],
    ["sha-512=1", as512],
    ["sha-512=3, sha-256=10, unixsum=0", as256],
    ["sha-512=10, sha-256=3", as512],
    ["sha-256=3, sha-512=10", as512],
    ["sha-256=5, sha-512=5", as256],
    ["sha-512=5, sha-256=5", as512],
    ["md5=10, sha-256=1", as256],
    ["md5, sha-256=1", as256],
    ["sha-256=0, sha-512=1", as512],
    ["sha-256=11, sha-512=1", as512],
    ["sha-256=-1, sha-512=1", as512],
    ["sha-256=1.5, sha-512=1", as512],
    ["sha-256, sha-512=1", as512],
    ["sha-256=?1, sha-512=1", as512],
    ["sha-256=(9), sha-512=1", as512],
    ["sha-256=10, sha-512=5, sha-256=1", as512],
    ["sha-256=1;q=0", as256],
  ])("%s gives %s", (wanted, digest) => {
    expect(reprDigestOf(wanted, example)).toBe(digest);
  });

  test.each([
    "",
    "md5=10",
    "sha-256=0",
    "sha-256=-1",
    "sha-256=11",
    "sha-256=999999999999999",
    "sha-256",
    "sha-256=a",
    'sha-256="1"',
    "SHA-256=1",
    "sha-256=1,",
    "sha-256=1 sha-512=1",
    "sha-256;q=1, *",
    "constructor=10",
    `sha-256=${"9".repeat(16_000)}`,
  ])("%j gives none", (wanted) => {
    expect(reprDigestOf(wanted, example)).toBeNull();
  });

  test("gives what the reader of uploads accepts, for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array(), (data, other) => {
        for (const algorithm of ["sha-256", "sha-512"] as const) {
          const digest = reprDigestOf(`${algorithm}=1`, data) ?? "";
          expect(digest).toBe(digestOf(algorithm, data));
          expect(outcome({ "Repr-Digest": digest }, data)).toBe("none");
          if (Buffer.compare(data, other) === 0) continue;
          expect(outcome({ "Repr-Digest": digest }, other)).toBe("digest_mismatch");
        }
      }),
    );
  });
});
