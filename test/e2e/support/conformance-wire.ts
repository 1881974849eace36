import { createConnection } from "node:net";

/** An answer as it came, to the last byte. */
export interface Answer {
  readonly status: number;
  /** Names in lower case; a field that came twice is here twice. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly content: Buffer;
}

/**
 * Sends one request, which must ask for the connection to be closed, and reads to the end: what
 * came must be one answer, framed as RFC 9112 has it, and not a byte more.
 * @throws Error telling what is wrong with it
 */
export async function exchange(port: number, request: Uint8Array): Promise<Answer> {
  const received: Buffer[] = [];
  await new Promise<void>((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port });
    socket.on("data", (bytes: Buffer) => void received.push(bytes));
    socket.on("error", () => {}); // what came tells whether it matters
    socket.on("close", () => resolve());
    socket.write(request);
  });
  const isToHead = Buffer.from(request.subarray(0, 5)).toString() === "HEAD ";
  return parseAnswer(Buffer.concat(received), { isToHead });
}

/** The one answer in what came. @throws Error telling what is wrong with it */
export function parseAnswer(received: Buffer, { isToHead = false } = {}): Answer {
  const headEnd = received.indexOf("\r\n\r\n");
  if (headEnd < 0) throw new Error(`no answer, but ${JSON.stringify(received.toString())}`);
  const [statusLine = "", ...lines] = received.toString("latin1", 0, headEnd).split("\r\n");
  const rest = received.subarray(headEnd + 4);
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1] ?? NaN);
  if (Number.isNaN(status)) throw new Error(`no status line: ${JSON.stringify(statusLine)}`);
  if (status < 200) return parseAnswer(rest, { isToHead });
  const fields = lines.map(parseField);
  const isBare = isToHead || status === 204 || status === 304;
  return { status, fields, content: isBare ? nothing(rest) : framed(rest, fields) };
}

// --- internal ---

function parseField(line: string): readonly [string, string] {
  const found = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line);
  if (found === null) throw new Error(`no field: ${JSON.stringify(line)}`);
  const [, name = "", value = ""] = found;
  return [name.toLowerCase(), value];
}

function nothing(rest: Buffer): Buffer {
  if (rest.length > 0) throw new Error(`${rest.length} bytes behind an answer without content`);
  return rest;
}

function framed(rest: Buffer, fields: Answer["fields"]): Buffer {
  const lengths = fields.filter(([name]) => name === "content-length");
  const codings = fields.filter(([name]) => name === "transfer-encoding");
  if (lengths.length + codings.length !== 1) throw new Error("framed by no field, or by several");
  const [declared] = lengths;
  if (declared === undefined) return dechunked(rest);
  const [, length] = declared;
  if (Number(length) !== rest.length) {
    throw new Error(`Content-Length is ${length}, but ${rest.length} bytes came`);
  }
  return rest;
}

function dechunked(rest: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = rest.indexOf("\r\n", at);
    const size = Number.parseInt(rest.toString("latin1", at, lineEnd), 16);
    const end = lineEnd + 2 + size;
    if (lineEnd < 0 || Number.isNaN(size) || rest.toString("latin1", end, end + 2) !== "\r\n") {
      throw new Error(`the chunk at ${at} is broken`);
    }
    if (size === 0) {
      nothing(rest.subarray(end + 2));
      return Buffer.concat(chunks);
    }
    chunks.push(rest.subarray(lineEnd + 2, end));
    at = end + 2;
  }
}
