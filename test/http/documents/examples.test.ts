import { describe, expect, it } from "bun:test";
import { toHex } from "../../../src/domain/bytes.ts";
import { emptyHash, exampleBlob, unknownKeyExample } from "../../../src/http/documents/examples.ts";
import { reprDigestOf } from "../../../src/http/digest-fields.ts";
import { hashing } from "../../support/blobs.ts";
import { utf8 } from "../../support/form.ts";

describe("the example blob", () => {
  const bytes = utf8(exampleBlob.text);

  it("has the hash, the digest and the length that the document tells", () => {
    expect<string>(toHex(hashing.hash(bytes))).toBe(exampleBlob.hash);
    expect<string | null>(reprDigestOf("sha-256=1", bytes)).toBe(exampleBlob.sha256);
    expect<number>(bytes.length).toBe(exampleBlob.bytesTotal);
  });

  it("is that of README", async () => {
    const readme = await Bun.file(`${import.meta.dir}/../../../README.md`).text();
    expect(readme).toContain(exampleBlob.hash);
  });
});

describe("the other keys", () => {
  it("are the hash of no bytes, and nobody's", () => {
    expect(toHex(hashing.hash(utf8("")))).toBe(emptyHash);
    expect(unknownKeyExample).toMatch(/^0{32}$/);
  });
});
