/** What all requests of a drive came to. */
export interface Tally {
  /** Counts an answer; `wait` is in ms, null where the client itself took its time. */
  count(outcome: string, waitMs: number | null): void;
  /** Notes that something is not as it must be. */
  complain(text: string): void;
  requests(): number;
  /** How many of each: a status with the code of a failure, or cut, refused, hung. */
  readonly outcomes: ReadonlyMap<string, number>;
  longestMs(): number;
  complaintCount(): number;
  /** The first of them. */
  readonly complaints: readonly string[];
}

const complaintsKept = 25;

/** An empty one. */
export function createTally(): Tally {
  const outcomes = new Map<string, number>();
  const complaints: string[] = [];
  let requests = 0;
  let complaintCount = 0;
  let longestMs = 0;
  return {
    count(outcome, waitMs) {
      requests += 1;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      longestMs = Math.max(longestMs, waitMs ?? 0);
    },
    complain(text) {
      complaintCount += 1;
      if (complaints.length < complaintsKept) complaints.push(text);
    },
    requests: () => requests,
    outcomes,
    longestMs: () => longestMs,
    complaintCount: () => complaintCount,
    complaints,
  };
}
