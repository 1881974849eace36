import { isIP } from "node:net";
import { parseTokenFile, TokenFileError } from "../../src/auth/token-file.ts";
import { parseBlobKey, toBlobHash } from "../../src/domain/blob-key.ts";
import { createBudget } from "../../src/domain/budget.ts";
import { toHex, type Bytes } from "../../src/domain/bytes.ts";
import { RegistryError, StartError } from "../../src/domain/errors.ts";
import { formatHttpDate, parseHttpDate } from "../../src/domain/http-date.ts";
import { parseAuthority } from "../../src/http/authority.ts";
import { evaluateConditions } from "../../src/http/conditions.ts";
import { readDigests, reprDigestOf } from "../../src/http/digest-fields.ts";
import { readClient, readForwarded } from "../../src/http/forwarded.ts";
import { hostLabelOf, parseHostLabel } from "../../src/http/host-label.ts";
import { parseRange } from "../../src/http/ranges.ts";
import { createExists } from "../../src/http/routes/exists.ts";
import { readTraceparent } from "../../src/http/traceparent.ts";
import { parseBoundary } from "../../src/multipart/boundary.ts";
import { readForm } from "../../src/multipart/form-reader.ts";
import { parseDenyList } from "../../src/ops/deny-list.ts";
import { cutBytes } from "../support/form.ts";
import { dataOutcome, inSingleBytes, outcomeOf } from "../support/form-outcome.ts";
import type { Target } from "./fuzzing.ts";
import { readRangeSlowly } from "./slow-range.ts";

const digits = "0123456789abcdef".repeat(4);
const label = hostLabelOf(toBlobHash(new Uint8Array(32).fill(0xa5)));
const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
const base32 = "a".repeat(51);
const date = "Sun, 06 Nov 1994 08:49:37 GMT";
const tag = `"${digits}"`;
const conditionNames = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since"];
const digest = `sha-256=:${"A".repeat(43)}=:`;

const strict: readonly Target[] = [
  {
    name: "form",
    seeds: [
      '--b\r\nContent-Disposition: form-data; name="data"\r\n\r\nbytes\r\n--b--\r\n',
      '--b\r\nContent-Disposition: form-data; name="x"; filename="y"\r\n\r\n1\r\n--b\r\n' +
        "content-disposition: form-data; name=data\r\nContent-Type: text/plain\r\n\r\n\r\n--b--",
      'preamble\r\n--b \t\r\nContent-Disposition: form-data; name="d\\"a"\r\n\r\n\r\n--b--\r\nend',
    ],
    words: [
      "--b",
      "--b--",
      "\r\n",
      "\r\n\r\n",
      "\r\n--b\r\n",
      "\r\n--b--\r\n",
      "\n",
      "data",
      "name=",
      '"',
    ],
    read: readFormBothWays,
  },
  {
    name: "content-type",
    seeds: ["multipart/form-data; boundary=b", 'multipart/form-data; x=1; boundary="a b"'],
    words: ["multipart/form-data", "boundary=", ";", '"', "\\", "charset=utf-8", "a".repeat(70)],
    read: (input) => {
      const boundary = parseBoundary(textOf(input));
      expectThat(/^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/.test(boundary), "a legal boundary");
      return `boundary ${boundary.length > 20 ? "long" : "short"}`;
    },
  },
  {
    name: "key",
    seeds: [digits, digits.slice(0, 32), digits.toUpperCase()],
    words: [digits, "f", "%61", "é"],
    read: (input) => {
      const text = textOf(input);
      const key = parseBlobKey(text);
      expectThat(toHex(key) === text.toLowerCase(), "the digits that were sent");
      return `key of ${key.length}`;
    },
  },
  {
    name: "host-label",
    seeds: [label, `${base32}a`, digits],
    words: [label, base32, "a", "7", "xn--"],
    read: (input) => {
      const text = textOf(input).toLowerCase();
      const key = parseHostLabel(text);
      expectThat(text === (key.length === 32 ? base32Of(key) : toHex(key)), "what was sent");
      return `label of ${text.length}`;
    },
  },
  {
    name: "range",
    seeds: ["bytes=0-1", "bytes=-5", "bytes=5-", "bytes=0-0,-1", "items=1-2"],
    words: ["bytes=", "-", ",", "0", "99999999999999999999999", " ", "\t", "="],
    read: (input) => {
      const text = textOf(input);
      const total = input.length % 7 === 0 ? 0 : input.length * 3;
      const asked = parseRange(text, total);
      const slowly = readRangeSlowly(text, total);
      expectThat(Bun.deepEquals(asked, slowly), `${Bun.inspect(slowly)} of ${total}`);
      if (asked === null || asked === "unsatisfiable") return String(asked);
      const { first, last } = asked;
      return first === 0 ? "from the start" : last === total - 1 ? "to the end" : "within";
    },
  },
  {
    name: "conditions",
    seeds: [`if-match: ${tag}`, `if-none-match: W/${tag}, *`, `if-modified-since: ${date}`],
    words: [
      "if-match: ",
      "if-none-match: ",
      "if-unmodified-since: ",
      "*",
      "W/",
      tag,
      date,
      "\n",
      ", ",
    ],
    read: (input) => {
      const headers = headersOf(textOf(input));
      const method = input.length % 2 === 0 ? "GET" : "PUT";
      const verdict = evaluateConditions(
        { method, headers },
        input.length % 3 === 0 ? null : { entityTag: tag, modifiedAtMs: 784_111_777_000 },
      );
      expectThat(method === "GET" || verdict !== "not-modified", "304 for reads alone");
      const given = conditionNames.filter((name) => headers.has(name));
      return `${method} ${verdict} ${given.join()}`;
    },
  },
  {
    name: "date",
    seeds: [date, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"],
    words: ["GMT", "Feb", "29", "31", "23:59:60", "0000", "9999", " "],
    read: (input) => {
      const ms = parseHttpDate(textOf(input));
      if (ms === null) return "no date";
      expectThat(parseHttpDate(formatHttpDate(ms)) === ms, "the same date when it is written");
      return `a date ${input.length}`;
    },
  },
  {
    name: "digests",
    seeds: [`content-digest: ${digest}`, "want-repr-digest: sha-512=3, sha-256=10, unixsum=0"],
    words: [
      "content-digest: ",
      "repr-digest: ",
      "want-repr-digest: ",
      digest,
      "sha-512=",
      ":",
      ";",
      ",",
      "\n",
      "=?1",
    ],
    read: (input) => {
      const headers = headersOf(textOf(input));
      const wanted = headers.get("want-repr-digest");
      const given = wanted === null ? null : reprDigestOf(wanted, input);
      const shape = /^sha-(?:256=:[\w+/]{43}=|512=:[\w+/]{86}==):$/;
      expectThat(given === null || shape.test(given), "a digest of the form that was promised");
      return `${given?.slice(0, 7)} ${readDigests(headers) === null ? "none" : "announced"}`;
    },
  },
  {
    name: "key-list",
    seeds: [`{"hashes":["${digits}","${digits.slice(0, 32)}"]}`, '{"hashes":[]}', "[]"],
    words: [
      '{"hashes":',
      "[",
      "]",
      "}",
      `"${digits}"`,
      ",",
      "null",
      "1e999",
      '"\\u0000"',
      "__proto__",
    ],
    read: readKeyList,
  },
  {
    name: "authority",
    seeds: ["cdn.example.org:8080", "[::1]:80", "192.0.2.1"],
    words: [".", ":", "[", "]", "@", "80", "%00", "xn--a", "localhost"],
    read: (input) => {
      const text = textOf(input);
      const authority = parseAuthority(text);
      if (authority === null) return "none";
      const { host, port } = authority;
      const whole = text.toLowerCase();
      expectThat(
        [host, `${host}.`].some((start) => whole.startsWith(start)),
        "what was sent",
      );
      expectThat(/^(?:[a-z0-9_][a-z0-9._-]*|\[[0-9a-f:.]+\])$/.test(host), "a host alone");
      expectThat(port === "" || (/^:\d+$/.test(port) && whole.endsWith(port)), "its port");
      return `a host, ${port === "" ? "no" : "a"} port`;
    },
  },
  {
    name: "forwarded",
    seeds: [
      'forwarded: for="[2001:db8::17]:4711";proto=https;host=a.example, for=192.0.2.1',
      "x-forwarded-for: 192.0.2.7, 10.0.0.1\nx-forwarded-proto: https",
    ],
    words: [
      "forwarded: ",
      "x-forwarded-for: ",
      "for=",
      "host=",
      '"',
      "\\",
      ",",
      ";",
      "\n",
      "10.0.0.1",
    ],
    read: (input) => {
      const headers = headersOf(textOf(input));
      const isTrusted = (address: string): boolean => address.startsWith("10.");
      const client = readClient(headers, "10.9.9.9", isTrusted);
      expectThat(isIP(client) !== 0 && client.length <= 45, "an address, whatever is written");
      const { host, scheme } = readForwarded(headers, isTrusted);
      return `${client === "10.9.9.9" ? "sender" : "another"} ${host === null} ${scheme === null}`;
    },
  },
  {
    name: "traceparent",
    seeds: [`00-${digits.slice(0, 32)}-${digits.slice(0, 16)}-01`],
    words: ["00-", "ff-", "-01", "0".repeat(32), "-", digits.slice(0, 16)],
    read: (input) => {
      const parent = readTraceparent(headersOf(`traceparent: ${textOf(input)}`));
      const id = parent?.traceId ?? null;
      expectThat(id === null || /^(?!0{32})[0-9a-f]{32}$/.test(id), "an id of 32 digits");
      return id === null
        ? "none"
        : `a trace, ${input.length === 55 ? "plain" : "of a later version"}`;
    },
  },
  {
    name: "token-file",
    seeds: ["# who\nabcdefghijklmnop alice 2027-01-31T00:00:00Z\n", `sha256:${digits} bob # b\n`],
    words: [
      "sha256:",
      digits,
      "\n",
      "\r\n",
      "#",
      " ",
      "\t",
      "2027-02-29T00:00:00Z",
      "\ufeff",
      "abcdefghijklmnopq",
    ],
    read: (input) => {
      try {
        const text = textOf(input);
        const tokens = parseTokenFile(text);
        const lines = text.split("\n").map((line) => line.replace(/(?:^|\s)#.*/, ""));
        const filled = lines.filter((line) => /[^ \t\r]/.test(line));
        expectThat(tokens.length === filled.length, "a token a line");
        for (const { digest: sum, expiresAtMs } of tokens) {
          expectThat(/^[0-9a-f]{64}$/.test(sum), "digests alone");
          expectThat(expiresAtMs === null || Number.isInteger(expiresAtMs), "a time that comes");
        }
        const hasExpiry = tokens.some(({ expiresAtMs }) => expiresAtMs !== null);
        return `${Math.min(tokens.length, 3)} tokens, ${hasExpiry}`;
      } catch (error) {
        if (!(error instanceof TokenFileError)) throw error;
        return error.message.replace(/\d+/g, "n");
      }
    },
  },
  {
    name: "deny-list",
    seeds: [`# why\n${digits}\r\n\t${digits.slice(0, 32)} # court order 7\n`, "\ufeff#\n\n"],
    words: [digits, digits.slice(0, 32), "\n", "\r\n", "#", " ", "\t", "\ufeff", "\0"],
    read: readDenyListBothWays,
  },
];

/** Every parser of what strangers send, or of what operators write. */
export const targets: readonly Target[] = strict.map(withRefusals);

// --- internal ---

/** A refusal is an answer; every other error is a finding. */
function withRefusals(target: Target): Target {
  return {
    ...target,
    async read(input) {
      try {
        return await target.read(input);
      } catch (error) {
        if (!(error instanceof RegistryError) || error.code === "internal_error") throw error;
        expectThat(error.message.length < 1000, "a message that nobody made long");
        return error.code;
      }
    },
  };
}

function expectThat(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`not so: ${what}`);
}

/** A whole hash in base32 (RFC 4648 section 6), by way of a number of 260 bits. */
function base32Of(hash: Bytes): string {
  const digitsOf32 = (BigInt(`0x${toHex(hash)}`) << 4n).toString(32).padStart(52, "0");
  return digitsOf32.replace(/./g, (digit) => alphabet.charAt(Number.parseInt(digit, 32)));
}

/** One character a byte, as Bun reads header fields. */
function textOf(bytes: Bytes): string {
  return Buffer.from(bytes).toString("latin1");
}

/** Lines as header fields; those that no request can have are left out. */
function headersOf(text: string): Headers {
  const headers = new Headers();
  for (const line of text.split("\n")) {
    const at = line.indexOf(": ");
    try {
      headers.append(line.slice(0, at), line.slice(at + 2));
    } catch {
      // Bun's parser would have refused it
    }
  }
  return headers;
}

/** A form read whole, in pieces and byte by byte: it must come to the same. */
function readFormBothWays(input: Bytes): string {
  const wanted = wholeOutcome(input);
  const size = 1 + (input.length % 13);
  const sizes = Array<number>(Math.ceil(input.length / size)).fill(size);
  expectThat(outcomeOf("b", cutBytes(input, sizes)) === wanted, `${wanted}, in pieces of ${size}`);
  if (input.length < 512)
    expectThat(outcomeOf("b", inSingleBytes(input)) === wanted, `${wanted}, in bytes`);
  if (!wanted.startsWith("data ")) return wanted;
  const data = wanted.slice(5);
  expectThat(toHex(input).includes(data), "bytes of the body, as they stand there");
  return `data ${Math.min(data.length / 2, 8)}`;
}

function wholeOutcome(input: Bytes): string {
  try {
    return dataOutcome(readForm(input, "b"));
  } catch (error) {
    if (error instanceof RegistryError) return error.code;
    throw error;
  }
}

const missing = createExists(
  { missing: async (keys) => keys.map(() => true) },
  createBudget({ bytesMax: 2 ** 30 }),
);

async function readKeyList(body: Bytes): Promise<string> {
  const headers = { "Content-Type": "application/json", "Content-Length": String(body.length) };
  const request = new Request("http://localhost/", { method: "POST", body, headers });
  const { missing: names } = (await (await missing(request)).json()) as { missing: string[] };
  expectThat(
    names.every((name) => /^(?:[0-9a-f]{32}){1,2}$/i.test(name)),
    "keys alone",
  );
  const { hashes } = JSON.parse(new TextDecoder().decode(body)) as { hashes: unknown };
  expectThat(Bun.deepEquals(names, hashes), "all of them, in their order");
  return `${Math.min(names.length, 3)} keys`;
}

/** A deny list, and what the lines of the same text hold for somebody who reads it slowly. */
async function readDenyListBothWays(input: Bytes): Promise<string> {
  const words = textOf(input)
    .replace(/^\xef\xbb\xbf/, "")
    .split("\n")
    .map((line) => line.replace(/#.*/s, "").replace(/^[ \t\r]+|[ \t\r]+$/g, ""))
    .filter((word) => word !== "");
  const wrong = words.find((word) => !/^(?:[0-9a-f]{32}){1,2}$/i.test(word));
  try {
    const keys = await parseDenyList(input, "list");
    expectThat(wrong === undefined, "a list of keys alone");
    expectThat(
      words.every((word) => keys.has(parseBlobKey(word))),
      "each of the keys",
    );
    expectThat(keys.size === new Set(words.map((word) => word.toLowerCase())).size, "no other");
    return `${Math.min(keys.size, 3)} keys`;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    expectThat(wrong !== undefined, "a refusal of what is wrong");
    expectThat(/^[\x20-\x7e\xa0-\uffff]+$/.test(error.message), "one line without controls");
    return "no key";
  }
}
