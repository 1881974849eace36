/** What a proxy does to one request instead of passing it on. */
export type Fault =
  /** Answers so, without asking the registry. */
  | { readonly answer: () => Response }
  /** Passes the answer on, with other bytes. */
  | { readonly alter: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer> }
  /** Passes so many bytes of the answer on, and resets the connection. */
  | { readonly cutAfter: number };

/** A request that came by. */
interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
}

/** A proxy before a registry that does, request by request, what it was told to do. */
export interface FaultyProxy {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  /** The next requests get these, in order; all after them are passed on. */
  fail(...faults: readonly Fault[]): void;
  /** Every request gets this. */
  failAlways(fault: Fault): void;
  stop(): Promise<void>;
}

/** Starts a proxy on a free port before the registry at `target`. */
export function startFaultyProxy(target: string): FaultyProxy {
  const seen: SeenRequest[] = [];
  let faults: Fault[] = [];
  let constant: Fault | null = null;

  async function handle(request: Request): Promise<Response> {
    const { method, headers } = request;
    const { pathname } = new URL(request.url);
    seen.push({ method, path: pathname, range: headers.get("range") });
    const fault = constant ?? faults.shift();
    if (fault !== undefined && "answer" in fault) {
      await request.bytes();
      return fault.answer();
    }
    const body = method === "PUT" || method === "POST" ? await request.bytes() : null;
    const answer = await fetch(target + pathname, { method, headers, body });
    if (fault === undefined) return answer;
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const init = { status: answer.status, headers: new Headers(answer.headers) };
    if ("alter" in fault) {
      init.headers.delete("content-length");
      return new Response(fault.alter(bytes), init);
    }
    return new Response(cut(bytes, fault.cutAfter), init);
  }

  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: handle, development: false });
  return {
    url: server.url.href.replace(/\/$/, ""),
    seen,
    fail(...next) {
      faults = [...next];
    },
    failAlways(fault) {
      constant = fault;
    },
    stop: async () => await server.stop(true),
  };
}

/** An answer of this status, without a problem document unless `body` is one. */
export function status(
  code: number,
  headers: Readonly<Record<string, string>> = {},
  body: unknown = null,
): Fault {
  const type = body === null ? {} : { "Content-Type": "application/problem+json" };
  return {
    answer: () =>
      new Response(body === null ? "" : JSON.stringify(body), {
        status: code,
        headers: { ...type, ...headers },
      }),
  };
}

// --- internal ---

/** The first bytes, each piece on its own, and then a failure. */
function cut(bytes: Uint8Array<ArrayBuffer>, length: number): ReadableStream<Uint8Array> {
  let isSent = false;
  return new ReadableStream({
    async pull(controller) {
      if (!isSent && length > 0) {
        isSent = true;
        controller.enqueue(bytes.subarray(0, length));
        return;
      }
      await Bun.sleep(20); // what was sent shall be read before the connection is reset
      controller.error(new Error("cut, as the test wants it"));
    },
  });
}
