import { createConnection } from "node:net";
import { join } from "node:path";
import { toHex } from "../../src/domain/bytes.ts";
import { hashing } from "./blobs.ts";
import { concatBytes, uploaderBody, utf8 } from "./form.ts";

/** Runs the commands that documents show. */
export interface Shell {
  /** What the command prints. */
  run(command: string): Promise<string>;
}

export interface ShellOptions {
  /** Stands for port 8080 in URLs. */
  readonly port: number;
  /** Where files are. */
  readonly directory: string;
  /** A true curl; null: requests are made here, as curl would make them. */
  readonly curl: string | null;
}

/**
 * A shell that knows just what the documents of this project use: variables, `echo … > FILE`,
 * `b3sum`, and curl.
 */
export function createShell({ port, directory, curl }: ShellOptions): Shell {
  const variables = new Map<string, string>();

  async function run(command: string): Promise<string> {
    const assignment = /^(\w+)=(.*)$/.exec(command);
    if (assignment !== null) {
      const [, name = "", text = ""] = assignment;
      variables.set(name, wordsOf(text).join(" "));
      return "";
    }
    const [program = "", ...words] = wordsOf(command);
    if (program === "echo") return await echo(words);
    if (program === "b3sum") return await sum(words);
    if (program !== "curl") throw new Error(`this shell does not know ${program}`);
    return await (curl === null ? ownCurl(words) : trueCurl(curl, words));
  }

  /** Quoted with ' as it is, with " or not at all with its variables filled in. */
  function wordsOf(text: string): string[] {
    const words = text.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g);
    return [...words].map(([word]) =>
      word.replaceAll(/'[^']*'|"[^"]*"|[^'"]+/g, (part) => {
        if (part.startsWith("'")) return part.slice(1, -1);
        return filledIn(part.startsWith('"') ? part.slice(1, -1) : part);
      }),
    );
  }

  function filledIn(text: string): string {
    const named = text.replaceAll(/\$(\w+)/g, (_, name: string) => variables.get(name) ?? "");
    return named.replace("//localhost:8080", `//127.0.0.1:${port}`);
  }

  const pathOf = (file: string): string => join(directory, file);

  async function echo([text = "", , file = ""]: readonly string[]): Promise<string> {
    await Bun.write(pathOf(file), `${text}\n`);
    return "";
  }

  async function sum(words: readonly string[]): Promise<string> {
    const bytes = await Bun.file(pathOf(words.at(-1) ?? "")).bytes();
    return `${toHex(hashing.hash(bytes))}\n`;
  }

  async function trueCurl(program: string, words: readonly string[]): Promise<string> {
    const child = Bun.spawn([program, "-q", "-s", "--noproxy", "*", ...words], { cwd: directory });
    const output = await new Response(child.stdout).text();
    if ((await child.exited) !== 0) throw new Error(`curl ${words.join(" ")} failed`);
    return output;
  }

  async function ownCurl(words: readonly string[]): Promise<string> {
    const { url, flags, method, fields, body } = await readCurl(words, pathOf);
    const head = [
      `${method} ${url.pathname} HTTP/1.1`,
      `Host: ${url.host}`,
      "Connection: close",
      ...(body === null ? [] : [`Content-Length: ${body.length}`]),
      ...fields,
    ];
    const request = concatBytes(`${head.join("\r\n")}\r\n\r\n`, body ?? utf8(""));
    const answer = await exchange(port, request);
    if (flags.has("-i") || flags.has("-I")) return answer;
    const content = answer.slice(answer.indexOf("\r\n\r\n") + 4);
    const file = flags.get("-o");
    if (file === undefined) return content;
    await Bun.write(pathOf(file), content);
    return "";
  }

  return { run };
}

// --- internal ---

interface CurlRequest {
  readonly url: URL;
  /** With their values; those that may come twice are in `fields`. */
  readonly flags: ReadonlyMap<string, string>;
  readonly method: string;
  readonly fields: readonly string[];
  readonly body: Uint8Array<ArrayBuffer> | null;
}

const flagsWithValue = ["-F", "-H", "-T", "-X", "-d", "-o", "-r"];

async function readCurl(
  words: readonly string[],
  pathOf: (file: string) => string,
): Promise<CurlRequest> {
  const flags = new Map<string, string>();
  const fields: string[] = [];
  let url = "";
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? "";
    if (!word.startsWith("-")) {
      url = word;
      continue;
    }
    if (flagsWithValue.includes(word)) at += 1;
    else if (!["-i", "-I", "-s"].includes(word)) throw new Error(`this curl has no ${word}`);
    if (word === "-H") fields.push(words[at] ?? "");
    else flags.set(word, words[at] ?? "");
  }
  const range = flags.get("-r");
  if (range !== undefined) fields.push(`Range: bytes=${range}`);
  const { type, body, method } = await bodyOf(flags, pathOf);
  if (type !== null) fields.push(`Content-Type: ${type}`);
  return { url: new URL(url), flags, method: flags.get("-X") ?? method, fields, body };
}

async function bodyOf(flags: ReadonlyMap<string, string>, pathOf: (file: string) => string) {
  const form = flags.get("-F");
  if (form !== undefined) {
    const bytes = await Bun.file(pathOf(form.replace("data=@", ""))).bytes();
    const { contentType, body } = uploaderBody(bytes);
    return { type: contentType, body, method: "POST" };
  }
  const file = flags.get("-T");
  if (file !== undefined) {
    return { type: null, body: await Bun.file(pathOf(file)).bytes(), method: "PUT" };
  }
  const text = flags.get("-d");
  if (text !== undefined) return { type: null, body: utf8(text), method: "POST" };
  return { type: null, body: null, method: flags.has("-I") ? "HEAD" : "GET" };
}

/** Sends a request and gives all that comes until the server closes, as text. */
function exchange(port: number, request: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: "127.0.0.1", port }, () => socket.write(request));
    let answer = "";
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => (answer += text));
    socket.on("end", () => {
      socket.end();
      resolve(answer);
    });
    socket.on("error", reject);
  });
}
