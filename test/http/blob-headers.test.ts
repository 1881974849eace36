import { expect, test } from "bun:test";

import { toBlobHash } from "../../src/domain/blob-key.ts";
import { blobFields, entityTagOf } from "../../src/http/blob-headers.ts";

const hash = toBlobHash(new Uint8Array(32).fill(0xab));
const tag = `"${"ab".repeat(32)}"`;

test("the entity tag is the quoted hash, lower case, and strong", () => {
  expect(entityTagOf(hash)).toBe(tag);
});

test("a blob is kept for good, read by anybody, and never taken for a document", () => {
  expect(blobFields(tag)).toEqual({
    "Content-Type": "application/octet-stream",
    ETag: tag,
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Allow-Origin": "*",
  });
});
