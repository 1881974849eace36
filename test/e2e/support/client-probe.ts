import type * as Client from "../../../src/client.ts";
import type vectors from "../../support/blake3-vectors.json";

/** What a platform is told to try the client with. */
export interface ProbeOptions {
  /** Where the client is, for `import`. */
  readonly module: string;
  readonly url: string;
  /** Blobs that are there, by their sizes; null: to be uploaded first. */
  readonly keys: Readonly<Record<number, string>> | null;
  readonly cases: typeof vectors.cases;
}

/** What came of it. */
export interface ProbeReport {
  /** Official vectors that the client's BLAKE3 gets wrong. */
  readonly wrongHashes: readonly number[];
  readonly uploads: readonly Client.Receipt[];
  /** Blobs that did not come back as they were. */
  readonly wrongDownloads: readonly number[];
  readonly streamed: { readonly bytes: number; readonly isClosed: boolean };
  readonly stat: { readonly size?: number; readonly hasDate: boolean };
  readonly missing: Client.BlobStat | null;
  readonly exists: readonly boolean[];
  /** Codes of failures: a missing blob, wrong bytes, too large a blob. */
  readonly failures: readonly string[];
}

/** Sizes of a small blob, a streamed upload, and a download without Content-Length. */
export const probeSizes = [600, 3_000_000, 9_000_000];

/** The bytes of a blob of the probe: 0, 1, … 250, 0, 1, … */
export function probeBytes(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, index) => index % 251);
}

/**
 * Tries the client on the platform that runs this. It is sent there as text, so it uses nothing
 * from outside of itself.
 */
export async function probeClient(options: ProbeOptions): Promise<ProbeReport> {
  const { createClient, createBlake3 } = (await import(options.module)) as typeof Client;
  const { url, keys, cases } = options;
  const client = createClient({ url, retries: 0 });
  const bytesOf = (size: number) => Uint8Array.from({ length: size }, (_, index) => index % 251);
  const sizes = [600, 3_000_000, 9_000_000];
  const none = "0".repeat(64);

  const wrongHashes = cases.filter(({ input_len: length, hash }) => {
    const hasher = createBlake3();
    hasher.update(bytesOf(length));
    const digits = Array.from(hasher.digest(), (byte) => byte.toString(16).padStart(2, "0"));
    return digits.join("") !== hash;
  });

  const uploads: Client.Receipt[] = [];
  for (const size of keys === null ? sizes : []) {
    const bytes = bytesOf(size);
    uploads.push(await client.upload(size > 1_000_000 ? new Blob([bytes]) : bytes));
  }
  const keyOf = (size: number): string =>
    keys?.[size] ?? uploads.find((receipt) => receipt.size === size)?.hash ?? "";

  const wrongDownloads: number[] = [];
  for (const size of sizes) {
    const found = await client.download(keyOf(size));
    const isRight = found.length === size && found.every((byte, index) => byte === index % 251);
    if (!isRight) wrongDownloads.push(size);
  }

  let streamedBytes = 0;
  let isClosed = false;
  const sink = new WritableStream<Uint8Array>({
    write: (piece) => void (streamedBytes += piece.length),
    close: () => void (isClosed = true),
  });
  await client.downloadTo(keyOf(9_000_000).slice(0, 32), sink);

  const codeOf = (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => "none",
      (error: Client.RegistryClientError) => error.code,
    );
  const liar = createClient({ url, fetch: async () => new Response(new Uint8Array(600)) });
  const stat = await client.stat(keyOf(600));
  return {
    wrongHashes: wrongHashes.map(({ input_len: length }) => length),
    uploads,
    wrongDownloads,
    streamed: { bytes: streamedBytes, isClosed },
    stat: { ...(stat === null ? {} : { size: stat.size }), hasDate: stat?.createdAt != null },
    missing: await client.stat(none),
    exists: await client.exists([none, keyOf(600)]),
    failures: [
      await codeOf(client.download(none)),
      await codeOf(liar.download(keyOf(600))),
      await codeOf(client.upload(new Uint8Array(30_000_000))),
    ],
  };
}
