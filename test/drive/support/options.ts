/** What the drive was asked for, by `main.ts`; without it, by `bun test` alone, the defaults. */
export interface DriveOptions {
  /** Everything that is random follows from it. */
  readonly seed: number;
  /** Times as long as the short form, which takes about four minutes. */
  readonly scale: number;
  /** Where each fault's row is appended as a line of JSON; null: nowhere. */
  readonly tableFile: string | null;
}

/** The variables that `main.ts` hands over by. */
export const variables = {
  seed: "FAULTS_SEED",
  minutes: "FAULTS_MINUTES",
  tableFile: "FAULTS_TABLE",
} as const;

/** How long the short form takes. */
export const minutesUsual = 4;

export const driveOptions: DriveOptions = {
  seed: Number(process.env[variables.seed] ?? "1"),
  scale: Number(process.env[variables.minutes] ?? minutesUsual) / minutesUsual,
  tableFile: process.env[variables.tableFile] ?? null,
};
