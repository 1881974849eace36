import { hashBytes, prefixBytes, toBlobKey, type BlobKey } from "../domain/blob-key.ts";
import type { Bytes } from "../domain/bytes.ts";
import { createDenyList } from "../domain/denied-keys.ts";
import { StartError } from "../domain/errors.ts";
import type { KeySet } from "../domain/key-set.ts";
import { limits } from "../domain/limits.ts";
import { readBoundedFile } from "./bounded-file.ts";
import { toQuoted } from "./printable.ts";

/**
 * Reads the file of --deny-list: a key a line, of 64 or 32 hexadecimal digits; neither empty lines
 * count, nor what follows a `#`. What else is going on goes on meanwhile.
 * @throws StartError that names the file and, where one is wrong, the line
 */
export async function readDenyList(file: string): Promise<KeySet> {
  const bytesMax = limits.denyListBytesMax;
  return await parseDenyList(
    await readBoundedFile({ path: file, flag: "--deny-list", bytesMax }),
    file,
  );
}

/** The keys in the text of a deny list. @throws StartError as `readDenyList` does */
export async function parseDenyList(text: Bytes, file: string): Promise<KeySet> {
  const keys = createDenyList(Math.ceil(text.length / wholeLineBytes));
  let line = 0;
  let start = isMarked(text) ? byteOrderMark.length : 0;
  while (start < text.length) {
    line += 1;
    const newline = text.indexOf(lineFeed, start);
    const end = newline < 0 ? text.length : newline;
    const word = wordIn(text.subarray(start, end));
    start = end + 1;
    if (line % linesPerTurn === 0) await nextTurn();
    if (word.length === 0) continue;
    const key = toKey(word);
    if (key === null) throw wrongLine(file, line, word);
    if (keys.size === limits.deniedKeysMax && !keys.has(key)) throw tooMany(file, line);
    keys.add(key);
  }
  return keys;
}

// --- internal ---

const lineFeed = 0x0a;
const byteOrderMark = [0xef, 0xbb, 0xbf] as const;

/** Of a key of 64 digits: most lists have these. */
const wholeLineBytes = 4 * prefixBytes + 1;

/** A few ms of reading. */
const linesPerTurn = 2048;

function isMarked(text: Bytes): boolean {
  return byteOrderMark.every((byte, index) => text[index] === byte);
}

/** What a line holds, without a comment and the space around. */
function wordIn(line: Bytes): Bytes {
  const comment = line.indexOf(0x23);
  let end = comment < 0 ? line.length : comment;
  let start = 0;
  while (start < end && isSpace(line[start])) start += 1;
  while (start < end && isSpace(line[end - 1])) end -= 1;
  return line.subarray(start, end);
}

/** A space, a tab, or the CR that some systems end lines with. */
function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d;
}

function toKey(word: Bytes): BlobKey | null {
  if (word.length !== 2 * hashBytes && word.length !== 2 * prefixBytes) return null;
  const key = new Uint8Array(word.length / 2);
  for (let index = 0; index < key.length; index += 1) {
    const high = valueOf(word[2 * index]);
    const low = valueOf(word[2 * index + 1]);
    if (high < 0 || low < 0) return null;
    key[index] = high * 16 + low;
  }
  return toBlobKey(key);
}

/** Of a hexadecimal digit; -1: it is none. */
function valueOf(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20; // in lower case
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

async function nextTurn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function wrongLine(file: string, line: number, word: Bytes): StartError {
  const shown = toQuoted(new TextDecoder().decode(word.subarray(0, 256)));
  return new StartError(
    `${file}, line ${line}: ${shown} is no key; write 64 hexadecimal digits, or the first 32`,
  );
}

function tooMany(file: string, line: number): StartError {
  return new StartError(
    `${file}, line ${line}: more than ${limits.deniedKeysMax} keys; leave some out, or take ` +
      "blobs down by registry delete",
  );
}
