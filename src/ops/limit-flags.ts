import { limits } from "../domain/limits.ts";
import type { Flag } from "./flag.ts";

const text = { kind: "text" } as const;

/** The flags of the server that say how much is too much. */
export const limitFlags = [
  {
    name: "max-blob-size",
    group: "Limits",
    placeholder: "SIZE",
    type: { kind: "size", bytesMin: 1, bytesMax: limits.blobBytesCeiling },
    default: "64MiB",
    help: "the largest blob that is accepted, up to 1GiB",
  },
  {
    name: "cache-size",
    group: "Limits",
    placeholder: "SIZE",
    type: { kind: "size", bytesMin: 0, bytesMax: 1024 ** 4 },
    default: "256MiB",
    help: "memory for blobs that are read often; 0: none",
  },
  {
    name: "max-in-flight",
    group: "Limits",
    placeholder: "SIZE",
    type: { kind: "size", bytesMin: 16 * 1024 ** 2, bytesMax: 1024 ** 4 },
    default: "256MiB",
    help: "memory for requests under way; the rest waits 1s, then gets 503",
  },
  {
    name: "rate-limit-uploads",
    group: "Limits",
    placeholder: "RATE",
    type: { kind: "rate", of: "requests" },
    default: null,
    note: "default: none",
    help: "uploads of one client: 100/s, 5/m; the rest gets 429",
  },
  {
    name: "rate-limit-upload-bytes",
    group: "Limits",
    placeholder: "RATE",
    type: { kind: "rate", of: "bytes" },
    default: null,
    note: "default: none",
    help: "bytes that one client may upload: 10MiB/s",
  },
  {
    name: "rate-limit-reads",
    group: "Limits",
    placeholder: "RATE",
    type: { kind: "rate", of: "requests" },
    default: null,
    note: "default: none",
    help: "GET and HEAD of blobs by one client: 1000/s",
  },
  {
    name: "max-stored-bytes",
    group: "Limits",
    placeholder: "SIZE",
    type: { kind: "size", bytesMin: 0, bytesMax: 1024 ** 5 },
    default: "0",
    help: "refuse uploads once the database has about so much; 0: no bound",
  },
  {
    name: "read-only",
    group: "Limits",
    placeholder: "",
    type: { kind: "switch" },
    default: null,
    help: "refuse uploads, and write nothing to the database",
  },
  {
    name: "deny-list",
    group: "Limits",
    placeholder: "FILE",
    type: text,
    default: null,
    help: "keys that are neither given out nor taken; read again on SIGHUP",
  },
] as const satisfies readonly Flag[];
