import { randomBytes } from "node:crypto";

/** A blob that was uploaded, and the hash that the registry gave. */
export interface Uploaded {
  readonly hash: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export const mebibyte = 1024 * 1024;

/** Random bytes: no two blobs are alike. */
export function randomBlob(bytesTotal: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(randomBytes(bytesTotal));
}

/** Uploads a blob as a browser's form would. @throws Error when the answer is not 200 */
export async function upload(api: string, bytes: Uint8Array<ArrayBuffer>): Promise<Uploaded> {
  const form = new FormData();
  form.set("data", new Blob([bytes]), "metadata.bin");
  const response = await fetch(api, { method: "POST", body: form });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`POST: ${response.status} ${text}`);
  const { hash } = JSON.parse(text) as { readonly hash: string };
  return { hash, bytes };
}

/** The hashes of the blobs that are not there, or not as they were uploaded. */
export async function missingBlobs(api: string, blobs: readonly Uploaded[]): Promise<string[]> {
  const missing: string[] = [];
  for (const { hash, bytes } of blobs) {
    const found = await download(api, hash).catch(() => null);
    if (found === null || Buffer.compare(found, bytes) !== 0) missing.push(hash);
  }
  return missing;
}

/** Uploads under way, one after the other on each of several connections, until one fails. */
export interface Uploading {
  /** Resolves once so many have been acknowledged. @throws Error when they end before */
  reached(count: number): Promise<void>;
  /** Resolves when all have ended, with what was acknowledged. */
  readonly over: Promise<readonly Uploaded[]>;
}

/** Uploads blobs of these sizes again and again, each size on its own, until the registry goes. */
export function keepUploading(api: string, sizes: readonly number[]): Uploading {
  const acknowledged: Uploaded[] = [];
  const uploaders = sizes.map(async (size): Promise<never> => {
    for (;;) acknowledged.push(await upload(api, randomBlob(size)));
  });
  const over = Promise.allSettled(uploaders).then(() => acknowledged);
  const broken = Promise.all(uploaders);
  broken.catch(() => {}); // whoever waits for a number hears of it
  return {
    async reached(count) {
      while (acknowledged.length < count) await Promise.race([broken, Bun.sleep(1)]);
    },
    over,
  };
}

// --- internal ---

/** Downloads a blob. @throws Error when the answer is not 200 */
async function download(api: string, hash: string): Promise<Uint8Array> {
  const response = await fetch(`${api}/${hash}`);
  if (response.status !== 200) throw new Error(`GET: ${response.status} ${await response.text()}`);
  return await response.bytes();
}
