import { describe, expect, it } from "bun:test";
import { toHex } from "../../src/domain/bytes.ts";
import { createDestinations } from "../../src/http/destinations.ts";
import { createReceiptResponses } from "../../src/http/receipts.ts";
import { hashing } from "../support/blobs.ts";
import { withoutNames } from "../support/destinations.ts";
import { utf8 } from "../support/form.ts";

const hash = hashing.hash(utf8("a blob"));
const other = hashing.hash(utf8("another"));
const request = new Request("https://cdn.example:8443/api/v1/metadata");

describe.each([200, 201] as const)("a receipt with %d", (status) => {
  const toResponse = createReceiptResponses(status, withoutNames);

  it.each([true, false])("tells what became of the upload (created: %p)", async (created) => {
    const response = toResponse(request, { hash, bytesTotal: 6, created });
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ hash: toHex(hash), size: 6, created });
    expect(Object.fromEntries(response.headers)).toEqual({
      "content-type": "application/json",
      "cache-control": "no-store",
      "access-control-allow-origin": "*",
      "access-control-expose-headers": "*",
      location: `/api/v1/metadata/${toHex(hash)}`,
      etag: `"${toHex(hash)}"`,
    });
  });

  it("has the URL of the blob's own name, where hosts name blobs", async () => {
    const destinations = createDestinations({
      cdnDomain: "cdn.example",
      isTrustedProxy: null,
      senderOf: () => null,
    });
    const toNamed = createReceiptResponses(status, destinations);
    const response = toNamed(request, { hash, bytesTotal: 6, created: true });
    expect(await response.json()).toMatchObject({
      url: `https://${toHex(hash).slice(0, 32)}.cdn.example:8443/`,
    });
  });

  it("shares nothing with the next", () => {
    const first = toResponse(request, { hash, bytesTotal: 6, created: true });
    first.headers.set("Connection", "close");
    const second = toResponse(request, { hash: other, bytesTotal: 7, created: true });
    expect(first.headers.get("etag")).toBe(`"${toHex(hash)}"`);
    expect(second.headers.get("etag")).toBe(`"${toHex(other)}"`);
    expect(second.headers.get("connection")).toBeNull();
  });

  it("writes out a size as it is, however large", async () => {
    const bytesTotal = 1024 ** 3;
    const response = toResponse(request, { hash, bytesTotal, created: true });
    expect(await response.json()).toMatchObject({ size: 1_073_741_824 });
  });
});
