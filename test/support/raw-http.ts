import { createConnection, type Socket } from "node:net";

/** An answer as it came over the wire. */
export interface RawResponse {
  readonly status: number;
  /** By lower-case name; repeated fields joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** All of the body came, as Content-Length or the last chunk says. */
  readonly isComplete: boolean;
}

/** A connection on which bytes are sent exactly as given. */
export interface RawConnection {
  /** Resolves once the bytes are handed to the network; slow when the server reads slowly. */
  send(bytes: string | Uint8Array): Promise<void>;
  /** Sends FIN; answers may still come. */
  halfClose(): void;
  /** Stops and resumes reading. */
  pause(): void;
  resume(): void;
  /** The next answer; rejects when the connection ends before its header is there. */
  response(options?: { readonly isHead?: boolean }): Promise<RawResponse>;
  /** Resolves when the connection has ended: `reset` when the server broke it off. */
  readonly ended: Promise<"closed" | "reset">;
  /** Bytes received so far. */
  received(): number;
  /** Breaks the connection off. */
  destroy(): void;
}

/** Opens a connection to a port of 127.0.0.1. */
export async function connectRaw(port: number): Promise<RawConnection> {
  const socket = createConnection({ host: "127.0.0.1", port, allowHalfOpen: true });
  let buffered: Buffer = Buffer.alloc(0);
  let receivedTotal = 0;
  let isOver = false;
  let wake = (): void => {};
  let arrived = new Promise<void>((resolve) => (wake = resolve));
  const stir = (): void => {
    wake();
    arrived = new Promise<void>((resolve) => (wake = resolve));
  };
  let broken = false;
  socket.on("data", (bytes: Buffer) => {
    receivedTotal += bytes.length;
    buffered = Buffer.concat([buffered, bytes]);
    stir();
  });
  socket.on("error", () => (broken = true));
  const ended = new Promise<"closed" | "reset">((resolve) => {
    const over = (): void => {
      isOver = true;
      stir();
      resolve(broken ? "reset" : "closed");
    };
    socket.on("end", over);
    socket.on("close", over);
  });
  await opened(socket);

  /** Waits until `find` finds something in what has come; null when the connection ends first. */
  async function until<T>(find: (bytes: Buffer) => T | null): Promise<T | null> {
    for (;;) {
      const found = find(buffered);
      if (found !== null || isOver) return found;
      await arrived;
    }
  }

  function taken(bytes: number): Buffer {
    const taking = buffered.subarray(0, bytes);
    buffered = buffered.subarray(bytes);
    return taking;
  }

  async function response({ isHead = false } = {}): Promise<RawResponse> {
    const headEnd = await until((bytes) => positionOf(bytes, "\r\n\r\n"));
    if (headEnd === null)
      throw new Error(`the connection ended before an answer: "${buffered.toString()}"`);
    const { status, headers } = parseHead(taken(headEnd + 4).toString("latin1"));
    if (isHead || status < 200 || status === 204) {
      return { status, headers, body: new Uint8Array(0), isComplete: true };
    }
    const body = await readBody(headers);
    return { status, headers, ...body };
  }

  async function readBody(headers: Readonly<Record<string, string>>) {
    if (headers["transfer-encoding"] === "chunked") return await readChunks();
    const length = Number(headers["content-length"] ?? Number.NaN);
    if (Number.isNaN(length)) {
      await until(() => null);
      return { body: taken(buffered.length), isComplete: true };
    }
    const whole = await until((bytes) => (bytes.length >= length ? length : null));
    return { body: taken(whole ?? buffered.length), isComplete: whole !== null };
  }

  async function readChunks() {
    const chunks: Buffer[] = [];
    for (;;) {
      const lineEnd = await until((bytes) => positionOf(bytes, "\r\n"));
      if (lineEnd === null) return { body: Buffer.concat(chunks), isComplete: false };
      const size = Number.parseInt(taken(lineEnd + 2).toString("latin1"), 16);
      const whole = await until((bytes) => (bytes.length >= size + 2 ? size + 2 : null));
      if (whole === null) return { body: Buffer.concat(chunks), isComplete: false };
      chunks.push(taken(whole).subarray(0, size));
      if (size === 0) return { body: Buffer.concat(chunks), isComplete: true };
    }
  }

  return {
    send: (bytes) =>
      new Promise((resolve, reject) => {
        socket.write(bytes, (error) => (error ? reject(error) : resolve()));
      }),
    halfClose: () => void socket.end(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    response,
    ended,
    received: () => receivedTotal,
    destroy: () => void socket.resetAndDestroy(),
  };
}

/** Sends one request and gives its answer. */
export async function rawRequest(port: number, bytes: string | Uint8Array): Promise<RawResponse> {
  const connection = await connectRaw(port);
  try {
    await connection.send(bytes);
    const isHead = Buffer.from(bytes.slice(0, 5)).toString() === "HEAD ";
    return await connection.response({ isHead });
  } finally {
    connection.destroy();
  }
}

// --- internal ---

function opened(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
}

function positionOf(bytes: Buffer, text: string): number | null {
  const position = bytes.indexOf(text);
  return position < 0 ? null : position;
}

function parseHead(text: string): Pick<RawResponse, "status" | "headers"> {
  const [statusLine = "", ...fieldLines] = text.trimEnd().split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of fieldLines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return { status: Number(statusLine.split(" ")[1]), headers };
}
