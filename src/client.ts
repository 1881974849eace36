/**
 * A client of the Mycelium CDN registry in one file. It needs nothing but the web platform: fetch,
 * streams, AbortController; so it runs in browsers, in Bun and in Node.
 */

/** BLAKE3 over bytes that come in pieces. */
export interface Hasher {
  /** Takes the next bytes; they may be reused as soon as it returns. */
  update(bytes: Uint8Array): void;
  /** The 32 bytes of the hash of all bytes so far. */
  digest(): Uint8Array;
}

/** Where the registry is, and how to speak with it. */
export interface ClientOptions {
  /** `https://registry.example.org`, or with a path where a proxy puts the registry below one. */
  readonly url: string | URL;
  /** Who may upload, where the registry asks for it: sent with uploads and with `exists` alone. */
  readonly token?: string;
  /** Sends a request; left out: the platform's `fetch`. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Makes a faster BLAKE3 than this file's. */
  readonly hash?: () => Hasher;
  /** How often a request is repeated where that may help; left out: 5. */
  readonly retries?: number;
  /** How long a call may take in all, with its repetitions and pauses; left out: 10 minutes. */
  readonly timeoutMs?: number;
}

/** What concerns one call. */
export interface CallOptions {
  /** Ends the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What the registry says of an upload. */
export interface Receipt {
  /** The key of the blob: 64 hexadecimal digits. */
  readonly hash: string;
  /** In bytes. */
  readonly size: number;
  /** False: it was there already, maybe from an attempt of this call whose answer got lost. */
  readonly created: boolean;
  /** Where the blob is by a host name of its own; null where the registry gives none. */
  readonly url: string | null;
}

/** What the registry knows of a blob. */
export interface BlobStat {
  /** All 64 digits; those that were asked for where a browser may not see the ETag. */
  readonly hash: string;
  /** In bytes. */
  readonly size: number;
  /** When it was first uploaded, to the second; null: nobody knows. */
  readonly createdAt: Date | null;
}

/** A registry, over HTTP. Keys are 64 hexadecimal digits of BLAKE3, or the first 32 of them. */
export interface RegistryClient {
  /**
   * Uploads a blob under the hash that is computed here, so that no other bytes are stored. A Blob
   * is read twice, as a stream: once for the hash, once for the registry.
   */
  upload(data: Uint8Array | Blob, options?: CallOptions): Promise<Receipt>;
  /** The bytes of a blob, once they are known to hash to the key. For large ones: `downloadTo`. */
  download(key: string, options?: CallOptions): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * Writes a blob to `sink` as it comes; the sink is closed once the bytes are known to hash to the
   * key, else aborted: what it was given may be used only then. A transfer that is cut goes on
   * where it was cut.
   */
  downloadTo(
    key: string,
    sink: WritableStream<Uint8Array>,
    options?: CallOptions,
  ): Promise<Pick<BlobStat, "hash" | "size">>;
  /** What is known of a blob, or null when it is not there. No bytes are transferred. */
  stat(key: string, options?: CallOptions): Promise<BlobStat | null>;
  /** For each key, in order, whether its blob is there. Asks for 1,000 at once. */
  exists(keys: readonly string[], options?: CallOptions): Promise<boolean[]>;
}

/** Why a call failed. One that was ended by its signal fails with the signal's reason instead. */
export class RegistryClientError extends Error {
  override readonly name = "RegistryClientError";
  /**
   * The registry's own word for it (docs/api.md), `http_502` and the like where an answer has none,
   * or this file's: `network`, `timeout`, `wrong_bytes`, `too_large`, `invalid_key`,
   * `unexpected_answer`.
   */
  readonly code: string;
  /** Of the answer; null: there was none, or not its status was wrong. */
  readonly status: number | null;
  /** What went wrong, and what to do. */
  readonly detail: string;
  /** How long to wait before the same call may succeed, in ms; null: it will fail again. */
  readonly repeatAfterMs: number | null;

  constructor(code: string, detail: string, facts: ErrorFacts = {}) {
    super(detail, facts.cause === undefined ? {} : { cause: facts.cause });
    this.code = code;
    this.detail = detail;
    this.status = facts.status ?? null;
    this.repeatAfterMs = facts.repeatAfterMs ?? null;
  }
}

/** Makes a client. @throws TypeError when `url` or `token` is none, or `url` has a password */
export function createClient(options: ClientOptions): RegistryClient {
  const connection: Connection = {
    base: baseOf(options.url),
    authorization: authorizationOf(options.token),
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    createHasher: options.hash ?? createBlake3,
    retries: options.retries ?? 5,
    timeoutMs: Math.min(options.timeoutMs ?? 600_000, timerMsMax),
  };
  return {
    upload: (data, call) => within(connection, call, (run) => upload(run, data)),
    download: (key, call) => within(connection, call, (run) => download(run, key)),
    downloadTo: (key, sink, call) => within(connection, call, (run) => pour(run, key, sink)),
    stat: (key, call) => within(connection, call, (run) => stat(run, key)),
    exists: (keys, call) => within(connection, call, (run) => exists(run, keys)),
  };
}

/** BLAKE3 in plain TypeScript, of bytes that come in any pieces. */
export function createBlake3(): Hasher {
  // The last chunk is hashed otherwise than those before it, so it waits for what may follow.
  const waiting = new Uint8Array(chunkBytes);
  const waitingView = new DataView(waiting.buffer);
  let waitingBytes = 0;
  let chunks = 0;
  /** The values of the whole subtrees to the left of the next chunk, the largest first. */
  const subtrees: Int32Array[] = [];

  function addChunk(view: DataView, start: number): void {
    let value = chunkValue({ view, start, length: chunkBytes, index: chunks, isRoot: false });
    chunks += 1;
    for (let rest = chunks; rest % 2 === 0; rest /= 2) {
      value = parentValue(subtrees.pop() ?? value, value, false);
    }
    subtrees.push(value);
  }

  return {
    update(bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      let at = 0;
      while (at < bytes.length) {
        if (waitingBytes === chunkBytes) {
          addChunk(waitingView, 0);
          waitingBytes = 0;
        }
        if (waitingBytes === 0) {
          for (; bytes.length - at > chunkBytes; at += chunkBytes) addChunk(view, at);
        }
        const piece = bytes.subarray(at, at + chunkBytes - waitingBytes);
        waiting.set(piece, waitingBytes);
        waitingBytes += piece.length;
        at += piece.length;
      }
    },
    digest() {
      waiting.fill(0, waitingBytes); // the last block is padded with zeros
      const isRoot = subtrees.length === 0;
      const last = { view: waitingView, start: 0, length: waitingBytes, index: chunks, isRoot };
      let value = chunkValue(last);
      for (let index = subtrees.length - 1; index >= 0; index -= 1) {
        value = parentValue(subtrees[index] ?? value, value, index === 0);
      }
      const hash = new DataView(new ArrayBuffer(32));
      for (const [index, word] of value.entries()) hash.setInt32(4 * index, word, true);
      return new Uint8Array(hash.buffer);
    },
  };
}

// --- internal ---

const apiPath = "/api/v1/metadata";
/** No registry holds a larger blob. */
const blobBytesMax = 1024 ** 3;
/** How many keys the registry takes at once. */
const keyListMax = 1000;
/** The longest pause before the first repetition; before each further one it is twice as long, */
const pauseMs = 1000;
/** but never longer than this. */
const pauseMsMax = 30_000;
/** Timers that would run longer fire at once. */
const timerMsMax = 2 ** 31 - 1;

interface ErrorFacts {
  readonly status?: number;
  readonly repeatAfterMs?: number | null;
  readonly cause?: unknown;
}

interface Connection {
  readonly base: string;
  /** The header field of what not everybody may do. */
  readonly authorization: Readonly<Record<string, string>>;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly createHasher: () => Hasher;
  readonly retries: number;
  readonly timeoutMs: number;
}

/** A call under way. */
interface Run {
  readonly connection: Connection;
  /** Ends the call, for the caller or because its time is over. */
  readonly signal: AbortSignal;
  leftMs(): number;
}

function baseOf(text: string | URL): string {
  const { protocol, username, password, origin, pathname } = new URL(text);
  if (!/^https?:$/.test(protocol)) throw new TypeError("the URL of a registry is http or https");
  if (username + password !== "") throw new TypeError("no user or password belongs into the URL");
  return origin + pathname.replace(/(?:\/api\/v1\/metadata)?\/*$/, apiPath);
}

/** What is no token stays out of messages: whatever sends it would show all of it. */
function authorizationOf(token?: string): Readonly<Record<string, string>> {
  if (token === undefined) return {};
  if (!/^[\w.~+/-]+=*$/.test(token)) throw new TypeError("the token has characters that none has");
  return { Authorization: `Bearer ${token}` };
}

async function upload(run: Run, data: Uint8Array | Blob): Promise<Receipt> {
  const hash = await hashOf(run, data);
  const { authorization } = run.connection;
  const headers = { "Content-Type": "application/octet-stream", ...authorization };
  return await repeat(run, async () => {
    const init = { method: "PUT", headers, body: data as NonNullable<RequestInit["body"]> };
    const answer = await readJson(run, await send(run, `/${hash}`, init));
    const { hash: key, size, created, url = null } = (answer ?? {}) as Partial<Receipt>;
    if (key !== hash || size === undefined || created === undefined) throw unexpected();
    return { hash, size, created, url };
  });
}

async function hashOf({ connection, signal }: Run, data: Uint8Array | Blob): Promise<string> {
  const hasher = connection.createHasher();
  for await (const piece of "stream" in data ? piecesOf(data.stream()) : [data]) {
    signal.throwIfAborted();
    hasher.update(piece);
  }
  return toHex(hasher.digest());
}

async function download(run: Run, key: string): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  const { size } = await receive(run, key, (piece) => void pieces.push(piece));
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

async function pour(run: Run, key: string, sink: WritableStream<Uint8Array>) {
  const writer = sink.getWriter();
  try {
    const received = await receive(run, key, (piece) => writer.write(piece));
    await writer.close();
    return received;
  } catch (error) {
    await writer.abort(error).catch(() => {}); // the sink may be what failed
    throw error;
  }
}

/** Gives the bytes of a blob to `take`, and resolves once they are known to be right. */
async function receive(run: Run, key: string, take: (piece: Uint8Array) => Promise<void> | void) {
  const digits = parseKey(key);
  const hasher = run.connection.createHasher();
  let size = 0;
  await repeat(run, async () => {
    const headers: Record<string, string> = size === 0 ? {} : { Range: `bytes=${size}-` };
    const response = await send(run, `/${digits}`, { headers }).catch((error: unknown) => {
      // All was there already when the transfer was cut.
      if (size > 0 && error instanceof RegistryClientError && error.status === 416) return null;
      throw error;
    });
    if (response === null) return;
    let known = response.status === 206 ? 0 : size;
    for await (const piece of contentOf(run, response)) {
      const fresh = piece.subarray(known);
      known -= piece.length - fresh.length;
      if (fresh.length === 0) continue;
      size += fresh.length;
      if (size > blobBytesMax) throw new RegistryClientError("too_large", "No blob is so large.");
      hasher.update(fresh);
      await take(fresh);
    }
  });
  const hash = toHex(hasher.digest());
  if (hash.startsWith(digits)) return { hash, size };
  throw new RegistryClientError(
    "wrong_bytes",
    `What came under ${digits} hashes to ${hash}; a cache or proxy on the way may be to blame.`,
  );
}

async function stat(run: Run, key: string): Promise<BlobStat | null> {
  const digits = parseKey(key);
  return await repeat(run, async () => {
    const response = await send(run, `/${digits}`, { method: "HEAD" }).catch(toAbsence);
    if (response === null) return null;
    const [, hash = digits] = /"([0-9a-f]{64})"/.exec(response.headers.get("ETag") ?? "") ?? [];
    const size = Number(response.headers.get("Content-Length") ?? Number.NaN);
    if (!hash.startsWith(digits) || Number.isNaN(size)) throw unexpected();
    const modified = response.headers.get("Last-Modified");
    return { hash, size, createdAt: modified === null ? null : new Date(modified) };
  });
}

function toAbsence(error: unknown): null {
  if (error instanceof RegistryClientError && error.code === "not_found") return null;
  throw error;
}

async function exists(run: Run, keys: readonly string[]): Promise<boolean[]> {
  const all = keys.map(parseKey);
  const missing = new Set<string>();
  for (let first = 0; first < all.length; first += keyListMax) {
    const body = JSON.stringify({ hashes: all.slice(first, first + keyListMax) });
    const headers = { "Content-Type": "application/json", ...run.connection.authorization };
    const answer = await repeat(run, async () => {
      return await readJson(run, await send(run, "/exists", { method: "POST", headers, body }));
    });
    const list = (answer as { readonly missing?: unknown } | null)?.missing;
    if (!Array.isArray(list)) throw unexpected();
    for (const key of list) missing.add(String(key));
  }
  return all.map((key) => !missing.has(key));
}

function parseKey(key: string): string {
  if (/^(?:[0-9a-f]{32}){1,2}$/i.test(key)) return key.toLowerCase();
  throw new RegistryClientError(
    "invalid_key",
    "A key has 64 hexadecimal digits, or the first 32 of them.",
  );
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Runs a call until it is done, its caller ends it, or its time is over. */
async function within<T>(
  connection: Connection,
  { signal }: CallOptions = {},
  work: (run: Run) => Promise<T>,
): Promise<T> {
  const { timeoutMs } = connection;
  const ending = new AbortController();
  const endsAtMs = performance.now() + timeoutMs;
  const timer = setTimeout(() => {
    const detail = `The registry took longer than ${timeoutMs} ms in all.`;
    ending.abort(new RegistryClientError("timeout", detail));
  }, timeoutMs);
  const end = (): void => ending.abort(signal?.reason);
  signal?.addEventListener("abort", end);
  if (signal?.aborted === true) end();
  const leftMs = (): number => endsAtMs - performance.now();
  try {
    return await work({ connection, signal: ending.signal, leftMs });
  } catch (error) {
    // What fails because it was ended says so in many ways.
    throw ending.signal.aborted ? ending.signal.reason : error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}

/** Attempts again what may be attempted again, after a pause of random length. */
async function repeat<T>(run: Run, attempt: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures += 1) {
    run.signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      const askedMs = error instanceof RegistryClientError ? error.repeatAfterMs : null;
      const isLast = failures >= run.connection.retries || run.signal.aborted;
      if (askedMs === null || isLast) throw error;
      const waitMs = askedMs + Math.random() * Math.min(pauseMsMax, pauseMs * 2 ** failures);
      if (waitMs >= run.leftMs()) throw error;
      await pause(waitMs, run.signal);
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Sends a request. @throws RegistryClientError unless the answer is a success */
async function send({ connection, signal }: Run, path: string, init: RequestInit) {
  const { base } = connection;
  const sending = connection.fetch(base + path, { ...init, signal });
  const response = await sending.catch((cause: unknown) => failNetwork(base, cause));
  if (response.ok) return response;
  const { status, headers } = response;
  const { code, detail } = await problemOf(response, init.method === "HEAD");
  throw new RegistryClientError(
    typeof code === "string" ? code : `http_${status}`,
    typeof detail === "string" ? detail : `The answer of ${base} has status ${status}.`,
    { status, repeatAfterMs: repeatAfterMsOf(status, code, headers.get("Retry-After")) },
  );
}

interface Problem {
  readonly code?: unknown;
  readonly detail?: unknown;
}

/** The problem document of an answer (RFC 9457), empty where there is none. */
async function problemOf(response: Response, isHead: boolean): Promise<Problem> {
  const type = response.headers.get("Content-Type") ?? "";
  if (!type.startsWith("application/problem+json")) {
    await response.body?.cancel().catch(() => {});
    return {};
  }
  // To HEAD only the type tells a registry's 404 from that of any other server.
  if (isHead) return response.status === 404 ? { code: "not_found" } : {};
  return (await response.json().catch(() => null)) ?? {};
}

/** How long to wait before a request may be repeated, null: never (RFC 9110 section 10.2.3). */
function repeatAfterMsOf(status: number, code: unknown, retryAfter: string | null) {
  if (retryAfter !== null && /^\d+$/.test(retryAfter)) return 1000 * Number(retryAfter);
  const untilMs = Date.parse(retryAfter ?? "") - Date.now();
  if (!Number.isNaN(untilMs)) return Math.max(0, untilMs);
  const isTemporary = [408, 429, 502, 503, 504].includes(status) || code === "truncated_body";
  return isTemporary ? 0 : null;
}

interface ErrorLike {
  readonly code?: string;
  readonly message?: string;
  readonly cause?: ErrorLike;
}

function failNetwork(base: string, cause: unknown): never {
  const { code, message, cause: inner } = (cause ?? {}) as ErrorLike;
  // Node says what happened in the cause.
  const reason = inner?.code ?? code ?? message ?? "for no reason that is known";
  const detail = `${base} cannot be reached, or the connection broke (${reason}).`;
  throw new RegistryClientError("network", detail, { repeatAfterMs: 0, cause });
}

function unexpected(): RegistryClientError {
  const detail = "The answer is not a registry's; look at the URL, and at proxies on the way.";
  return new RegistryClientError("unexpected_answer", detail);
}

async function readJson({ connection }: Run, response: Response): Promise<unknown> {
  const text = await response.text().catch((cause: unknown) => {
    return failNetwork(connection.base, cause);
  });
  try {
    return JSON.parse(text);
  } catch {
    throw unexpected();
  }
}

/** The bytes of an answer. @throws RegistryClientError `network` when they break off */
async function* contentOf({ connection }: Run, { headers, body }: Response) {
  let left = Number(headers.get("Content-Length") ?? 0);
  try {
    if (body === null) return;
    for await (const piece of piecesOf(body)) {
      left -= piece.length;
      yield piece;
    }
  } catch (cause) {
    failNetwork(connection.base, cause);
  }
  // Not every fetch notices by itself.
  if (left > 0) failNetwork(connection.base, { message: `${left} bytes did not come` });
}

/** What a stream holds; streams are not iterable in every browser. */
async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {}); // whoever takes no more wants no more
  }
}

// --- internal: BLAKE3, by the names of its specification where it has them ---

const chunkBytes = 1024;
const blockBytes = 64;
const flag = { chunkStart: 1, chunkEnd: 2, parent: 4, root: 8 } as const;

const initialValue = Int32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);

const permutation = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
/** Which word of the block is mixed in, step by step: 16 in each of 7 rounds, permuted anew. */
const schedule = Uint8Array.from(scheduleOf(7));

/** What the compression function works on: its state, and the words of the block. */
const state = new Int32Array(16);
const words = new Int32Array(16);

/** A chunk, its number among all, and where it is. */
interface Chunk {
  readonly view: DataView;
  readonly start: number;
  readonly length: number;
  readonly index: number;
  readonly isRoot: boolean;
}

interface Block {
  readonly counter: number;
  readonly length: number;
  readonly flags: number;
}

function scheduleOf(rounds: number): number[] {
  const steps = [...permutation.keys()];
  while (steps.length < rounds * permutation.length) {
    const round = steps.slice(-permutation.length);
    steps.push(...permutation.map((from) => round[from] ?? 0));
  }
  return steps;
}

/** The chaining value of a chunk, the root's being the hash. A last block is padded with zeros. */
function chunkValue({ view, start, length, index, isRoot }: Chunk): Int32Array {
  const value = initialValue.slice();
  const blocks = Math.max(1, Math.ceil(length / blockBytes));
  for (let block = 0; block < blocks; block += 1) {
    const at = block * blockBytes;
    for (let word = 0; word < 16; word += 1) {
      words[word] = view.getInt32(start + at + 4 * word, true);
    }
    const isLast = block === blocks - 1;
    const flags =
      (block === 0 ? flag.chunkStart : 0) |
      (isLast ? flag.chunkEnd : 0) |
      (isLast && isRoot ? flag.root : 0);
    compress(value, { counter: index, length: Math.min(blockBytes, length - at), flags });
  }
  return value;
}

/** The chaining value of two subtrees side by side. */
function parentValue(left: Int32Array, right: Int32Array, isRoot: boolean): Int32Array {
  const value = initialValue.slice();
  words.set(left);
  words.set(right, 8);
  const flags = flag.parent | (isRoot ? flag.root : 0);
  compress(value, { counter: 0, length: blockBytes, flags });
  return value;
}

/** Changes `value` by the block in `words`. */
function compress(value: Int32Array, { counter, length, flags }: Block): void {
  for (let word = 0; word < 8; word += 1) state[word] = value[word] ?? 0;
  for (let word = 0; word < 4; word += 1) state[word + 8] = initialValue[word] ?? 0;
  state[12] = counter | 0;
  state[13] = (counter / 2 ** 32) | 0;
  state[14] = length;
  state[15] = flags;
  for (let step = 0; step < schedule.length; step += 16) {
    for (let column = 0; column < 4; column += 1) mix(column, 0, step + 2 * column);
    for (let diagonal = 0; diagonal < 4; diagonal += 1) mix(diagonal, 1, step + 8 + 2 * diagonal);
  }
  for (let word = 0; word < 8; word += 1) {
    value[word] = (state[word] ?? 0) ^ (state[word + 8] ?? 0);
  }
}

/** Mixes two words into one number of each row; `turn` 0 takes a column, 1 a diagonal. */
function mix(column: number, turn: number, step: number): void {
  const second = 4 + ((column + turn) & 3);
  const third = 8 + ((column + 2 * turn) & 3);
  const fourth = 12 + ((column + 3 * turn) & 3);
  let a = state[column] ?? 0;
  let b = state[second] ?? 0;
  let c = state[third] ?? 0;
  let d = state[fourth] ?? 0;
  a = (a + b + (words[schedule[step] ?? 0] ?? 0)) | 0;
  d = turnRight(d ^ a, 16);
  c = (c + d) | 0;
  b = turnRight(b ^ c, 12);
  a = (a + b + (words[schedule[step + 1] ?? 0] ?? 0)) | 0;
  d = turnRight(d ^ a, 8);
  c = (c + d) | 0;
  b = turnRight(b ^ c, 7);
  state[column] = a;
  state[second] = b;
  state[third] = c;
  state[fourth] = d;
}

function turnRight(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}
