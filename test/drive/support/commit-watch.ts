/** Reads what a client of PostgreSQL sends, and sees when it is about to commit something. */
export interface CommitWatch {
  /** Takes the next bytes; true when a message in them, once carried out, commits. */
  sees(bytes: Buffer): boolean;
}

/** A watch for a new connection (PostgreSQL, section 55.7): framed messages after the first. */
export function createCommitWatch(): CommitWatch {
  let rest: Buffer = Buffer.alloc(0);
  /** Bytes of a message that began earlier, and that tell nothing more. */
  let skipped = 0;
  let isStarted = false;
  /** Prepared statements that commit. */
  const committing = new Set<string>();

  function commits(type: string, body: Buffer): boolean {
    if (type === "Q") return commitPattern.test(body.toString("latin1"));
    const [first = "", second = ""] = body.toString("latin1").split("\0", 2);
    if (type === "P") {
      if (commitPattern.test(second)) committing.add(first);
      else committing.delete(first);
      return false;
    }
    return type === "B" && committing.has(second);
  }

  function sees(bytes: Buffer): boolean {
    const passed = Math.min(skipped, bytes.length);
    skipped -= passed;
    rest = Buffer.concat([rest, bytes.subarray(passed)]);
    let found = false;
    for (;;) {
      const typeBytes = isStarted ? 1 : 0;
      if (rest.length < typeBytes + 4) return found;
      const total = typeBytes + rest.readUInt32BE(typeBytes);
      if (rest.length < Math.min(total, headBytes)) return found;
      if (isStarted) {
        const type = String.fromCharCode(rest[0] ?? 0);
        if (commits(type, rest.subarray(5, Math.min(total, headBytes)))) found = true;
      }
      isStarted = true;
      skipped = Math.max(0, total - rest.length);
      rest = rest.subarray(total);
    }
  }

  return { sees };
}

// --- internal ---

/** What of a message is looked at: names and the beginning of a statement. */
const headBytes = 512;
const commitPattern = /^\s*(?:COMMIT\b|INSERT INTO blobs\b)/i;
