import type { CommandName } from "./commands.ts";

/** What the help of a command says below its flags. */
export interface CommandNotes {
  /** What its exit codes mean. */
  readonly exitCodes: string;
  /** What else is worth knowing. */
  readonly facts?: string;
  /** Why, and how. */
  readonly examples: readonly (readonly [why: string, how: string])[];
}

const key = "24c83c96c8ffda4f4848b2bedf2800a0";

const expiry = "2027-01-31T00:00:00Z";

/** By command. */
export const notesOf: Readonly<Record<CommandName, CommandNotes>> = {
  serve: {
    exitCodes: "0 stopped as asked, 1 could not start or go on, 2 wrong usage",
    examples: [
      ["Try it out, without a database server:", "registry --embedded ./data"],
      ["On PostgreSQL:", "registry --db-user mycelium --db-password your-secure-password"],
      [
        "On PostgreSQL elsewhere, the password in a file, the server's certificate checked:",
        "registry --db-user mycelium --db-password-file /etc/mycelium/password \\\n" +
          "         --db-host db.example.org --db-tls verify-full",
      ],
    ],
  },
  migrate: {
    exitCodes: "0 done, 1 failed or bad blobs found, 2 wrong usage",
    examples: [
      ["Look at a database, without changing it:", "registry migrate --status --embedded ./data"],
      [
        "Give blobs of a Rust registry their whole hash, while registries serve them:",
        "registry migrate --rekey --db-user mycelium --db-password-file /etc/mycelium/password",
      ],
    ],
  },
  verify: {
    exitCodes: "0 all good, 1 something is bad or it could not go on, 2 wrong usage",
    facts:
      "A line is printed for each bad row, and one at the end. Nothing is changed without " +
      "--quarantine. Interrupted, it tells where to go on; the log tells that every ten seconds, " +
      "where there is no terminal.",
    examples: [
      ["Verify an embedded store:", "registry verify --embedded ./data"],
      [
        "Verify a database, with little load, and take what is bad out of the way:",
        "registry verify --quarantine --rate 10MiB \\\n" +
          "         --db-user mycelium --db-password-file /etc/mycelium/password",
      ],
    ],
  },
  delete: {
    exitCodes: "0 all done, 1 a key failed or had no blob, 2 wrong usage",
    facts:
      "A line is printed for each key, in their order. A key that is taken down is answered " +
      "with 451, and what it names is not taken again: by every registry within seconds. A key " +
      "without a blob is taken down all the same. From standard input, a key is read from each " +
      "line, without what follows a #. An embedded store may be in use meanwhile. See " +
      "docs/takedown.md for what caches still hold.",
    examples: [
      [
        "Take a blob down:",
        `registry delete ${key} \\\n` +
          "         --db-user mycelium --db-password-file /etc/mycelium/password",
      ],
      ["Take many down:", "registry delete - --embedded ./data < keys.txt"],
      ["A wrong one: let it be uploaded again:", `registry delete --undo ${key} --embedded ./data`],
    ],
  },
  put: {
    exitCodes: "0 all are there now, 1 a file failed, 2 wrong usage",
    facts:
      "A line is printed for each file, in their order: its key, two spaces, its name. The hash " +
      "is computed here, so the registry stores these bytes or none. What is there already is " +
      "not stored again.",
    examples: [
      [
        "Upload files, and one that is made on the way:",
        "tar c photos | registry put a.bin b.bin -",
      ],
      ["To a registry elsewhere:", "registry put --url https://registry.example.org a.bin"],
      ["To one that wants a token:", "registry put --token-file ~/.registry-token a.bin"],
    ],
  },
  get: {
    exitCodes: "0 all are here now, 1 a blob is missing or failed, 2 wrong usage",
    facts:
      "A key has 64 hexadecimal digits, or the first 32 of them. Bytes that do not hash to their " +
      "key are never given out: a file is the whole blob, or what it was before.",
    examples: [
      ["Download one blob:", `registry get ${key} > hello.bin`],
      ["Download several into a directory, under their keys:", "registry get --output blobs K1 K2"],
    ],
  },
  stat: {
    exitCodes: "0 all are there, 1 a blob is missing or could not be asked for, 2 wrong usage",
    facts:
      "A line is printed for each key, in their order: the key, then the size of its blob in " +
      'bytes and when it was uploaded, or "missing".',
    examples: [["See whether a blob is there:", `registry stat ${key}`]],
  },
  token: {
    exitCodes: "0 done, 2 wrong usage",
    facts:
      "Two lines are printed: the token, shown this once, which is for whoever uploads, and the " +
      "line to be added to the file of --upload-token-file, which holds a hash of it. The server " +
      "takes it after SIGHUP. NAME is what its log calls the bearer.",
    examples: [
      ["A token for alice, until the end of January:", `registry token alice --expires ${expiry}`],
    ],
  },
  openapi: { exitCodes: "0 done, 2 wrong usage", examples: [] },
};
