import { createConnection } from "node:net";
import { request } from "../../support/http-edges.ts";
import { parseAnswer, type Answer } from "./conformance-wire.ts";

/** A request to some host. */
export interface HostRequest {
  /** As in Host; null: it names none. */
  readonly host: string | null;
  readonly method?: string;
  readonly target?: string;
  readonly fields?: readonly string[];
  readonly body?: string;
  readonly version?: "1.0" | "1.1";
  /** The address of this machine from which it is sent. */
  readonly from?: string;
}

/** Sends a request exactly so, and reads to the end. @throws Error when that is not one answer */
export async function askHost(port: number, asked: HostRequest): Promise<Answer> {
  const { host, method = "GET", target = "/", fields = [], body = "", version = "1.1" } = asked;
  const named = host === null ? [] : [`Host: ${host}`];
  const length = method === "PUT" || method === "POST" ? [`Content-Length: ${body.length}`] : [];
  const bytes = request(
    `${method} ${target} HTTP/${version}`,
    [...named, ...fields, ...length, "Connection: close"],
    body,
  );
  const received = await exchange(port, Buffer.from(bytes, "latin1"), asked.from ?? "127.0.0.1");
  return parseAnswer(received, { isToHead: method === "HEAD" });
}

/** The value of a field of an answer; null when it is not there. */
export function fieldOf({ fields }: Answer, name: string): string | null {
  return fields.find(([found]) => found === name.toLowerCase())?.[1] ?? null;
}

/** What a gateway asks, and whom. */
export interface GatewayRequest {
  readonly authority: string;
  readonly bytes: string;
}

/**
 * What the gateway of a mycelium node (its releases from 0.6.2 to 0.7.10) makes of the host that
 * it is asked by: the first label is the key, and what follows its dot, the port included, is the
 * registry, which it asks by plain HTTP with these fields and no other. Null: it answers 400.
 */
export function toGatewayRequest(host: string): GatewayRequest | null {
  const [label = "", ...rest] = host.split(".");
  if (!/^[0-9a-f]{32}$/i.test(label)) return null;
  const authority = rest.join(".");
  const line = `GET /api/v1/metadata/${label.toLowerCase()} HTTP/1.1`;
  return { authority, bytes: request(line, ["accept: */*", `host: ${authority}`]) };
}

/** A hash in base32 (RFC 4648 section 6), in lower case, without padding. */
export function toBase32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  const digits = bits.match(/.{1,5}/g) ?? [];
  return digits.map((five) => alphabet[Number.parseInt(five.padEnd(5, "0"), 2)]).join("");
}

// --- internal ---

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

function exchange(port: number, bytes: Buffer, localAddress: string): Promise<Buffer> {
  const received: Buffer[] = [];
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port, localAddress });
    socket.on("data", (piece: Buffer) => void received.push(piece));
    socket.on("error", () => {}); // what came tells whether it matters
    socket.on("close", () => resolve(Buffer.concat(received)));
    socket.write(bytes);
  });
}
