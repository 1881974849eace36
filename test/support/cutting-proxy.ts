import type { Socket } from "bun";

/** When a proxy cuts the connection whose statement it was armed for. */
type Cut = "before the statement arrives" | "before its answer arrives";

/** A proxy on a port of its own that passes everything on, until it is armed. */
export interface CuttingProxy {
  readonly port: number;
  /** How many connections it has cut. */
  readonly cuts: () => number;
  /** Cuts the next connection that sends these bytes. */
  arm(cut: Cut, marker: Uint8Array): void;
  stop(): void;
}

interface Pair {
  server: Socket<Pair> | null;
  client: Socket<Pair> | null;
  /** What came before the server could be reached. */
  waiting: Buffer[];
  /** The answer to what it sent is not to arrive. */
  isDoomed: boolean;
}

/** Starts a proxy before a server on this machine. */
export function startCuttingProxy(target: {
  readonly host: string;
  readonly port: number;
}): CuttingProxy {
  let armed: { readonly cut: Cut; readonly marker: Buffer } | null = null;
  let cutCount = 0;

  function cutOff(pair: Pair): void {
    cutCount += 1;
    pair.client?.terminate();
    pair.server?.terminate();
  }

  function fromClient(pair: Pair, bytes: Buffer): void {
    const cut = armed !== null && bytes.includes(armed.marker) ? armed.cut : null;
    if (cut !== null) armed = null;
    if (cut === "before the statement arrives") {
      cutOff(pair);
      return;
    }
    if (cut !== null) pair.isDoomed = true;
    if (pair.server === null) pair.waiting.push(Buffer.from(bytes));
    else pair.server.write(bytes);
  }

  function fromServer(pair: Pair, bytes: Buffer): void {
    // The server has done what it was told: it is the news of it that gets lost.
    if (pair.isDoomed) cutOff(pair);
    else pair.client?.write(bytes);
  }

  async function connect(pair: Pair): Promise<void> {
    await Bun.connect<Pair>({
      hostname: target.host,
      port: target.port,
      data: pair,
      socket: {
        open(socket) {
          pair.server = socket;
          for (const bytes of pair.waiting) socket.write(bytes);
        },
        data: (_, bytes) => fromServer(pair, bytes),
        close: () => void pair.client?.end(),
      },
    });
  }

  const listener = Bun.listen<Pair>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { server: null, client: socket, waiting: [], isDoomed: false };
        void connect(socket.data);
      },
      data: (socket, bytes) => fromClient(socket.data, bytes),
      close: (socket) => void socket.data.server?.end(),
    },
  });

  return {
    port: listener.port,
    cuts: () => cutCount,
    arm(cut, marker) {
      armed = { cut, marker: Buffer.from(marker) };
    },
    stop: () => listener.stop(true),
  };
}
