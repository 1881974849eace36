/** What a flag's value may be; bounds are inclusive. */
type FlagKind =
  | { readonly kind: "text" }
  | { readonly kind: "integer"; readonly min: number; readonly max: number }
  | { readonly kind: "size"; readonly bytesMin: number; readonly bytesMax: number }
  | { readonly kind: "duration"; readonly msMin: number; readonly msMax: number }
  /** So many, or so many bytes, a second, minute or hour. */
  | { readonly kind: "rate"; readonly of: "requests" | "bytes" }
  | { readonly kind: "choice"; readonly choices: readonly string[] }
  /** Takes no value: it is there or not; its variable is `true` or `false`. */
  | { readonly kind: "switch" };

/** The sections of the help, in its order. */
export const flagGroups = [
  "Migration",
  "Verification",
  "Takedown",
  "Token",
  "Client",
  "Output",
  "Database",
  "Server",
  "Limits",
  "Stopping",
  "Logging",
  "Metrics",
] as const;

/** One flag of the registry: everything that is known about it. */
export interface Flag {
  /** As typed, without the two dashes. */
  readonly name: string;
  readonly group: (typeof flagGroups)[number];
  /** What stands for the value in the help; "" for a switch. */
  readonly placeholder: string;
  readonly type: FlagKind;
  /** As it would be typed. */
  readonly default: string | null;
  /** What the help says in place of the default. */
  readonly note?: string;
  /** The value must not be seen: not in a message, not in `ps`, not in a child's environment. */
  readonly isSecret?: true;
  readonly help: string;
}
