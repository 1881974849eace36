import type { Flag } from "./flag.ts";

/** The flags of other commands than `serve`. */
export const commandFlags = [
  {
    name: "status",
    group: "Migration",
    placeholder: "",
    type: { kind: "switch" },
    default: null,
    help: "say what is in the database and what is pending; change nothing",
  },
  {
    name: "rekey",
    group: "Migration",
    placeholder: "",
    type: { kind: "switch" },
    default: null,
    help: "give blobs of 16-byte keys their whole hash, while registries run",
  },
  {
    name: "url",
    group: "Client",
    placeholder: "URL",
    type: { kind: "text" },
    default: "http://localhost:8080",
    help: "the registry to talk to",
  },
  {
    name: "output",
    group: "Client",
    placeholder: "PATH",
    type: { kind: "text" },
    default: null,
    note: "default: standard output; ./KEY for several",
    help: "a file, or a directory for several blobs; -: standard output",
  },
  {
    name: "json",
    group: "Output",
    placeholder: "",
    type: { kind: "switch" },
    default: null,
    help: "one line of JSON for each result, for machines",
  },
] as const satisfies readonly Flag[];
