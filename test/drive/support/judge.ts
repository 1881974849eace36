import { codeOf, type Outcome } from "./client.ts";
import type { Scene } from "./scene.ts";

/** What a fault lets happen, while it lasts; nothing of it may happen before or after. */
export interface Allowance {
  /** The registry itself goes: connections may be refused or cut. */
  readonly nodesGo?: boolean;
  /** Nothing can be stored. */
  readonly noWrites?: boolean;
  /** Nothing can be read but what is at hand, so that nobody knows what is absent. */
  readonly noReads?: boolean;
  /** The database answers nothing at all, and /readyz must tell. */
  readonly isUnready?: boolean;
  /** Blobs at hand may be gone from it, since registries are started anew. */
  readonly forgets?: boolean;
  /** Statuses besides those of success and 503. */
  readonly statuses?: readonly number[];
  /** What was acknowledged may be absent, from now on for ever: that is what is measured. */
  readonly mayLose?: boolean;
}

/** The database cannot be reached. */
export const isOut: Allowance = { noWrites: true, noReads: true, isUnready: true };

/** What a request is about. */
interface Question {
  readonly what: "upload" | "read" | "cached read" | "absent key";
  /** Statuses that are right, of an answer that is. */
  readonly right: readonly number[];
  /** Bytes that are sent or received, which tell how long it may take. */
  readonly bytes: number;
}

/** Decides which answers are allowed, and counts all. */
export interface Judge {
  /** A fault is about to begin: from now on its effects may be seen. */
  begin(allowance: Allowance): void;
  /** It is on, until `fades`: now it has all its effects. */
  holds(): void;
  fades(): void;
  /** What is asked from now on may not know that there was a fault. */
  end(): void;
  /** How long the answer to a request may take, from its beginning to its end. */
  deadlineMs(bytes: number): number;
  /** Whether blobs may have gone. */
  mayLose(): boolean;
  /** Counts an answer, and complains where it is not allowed; true when it is right. */
  hear(question: Question, outcome: Outcome): boolean;
}

/** What a machine that is busy may add to a deadline. */
const slackMs = 3000;
const segmentBytes = 1024 * 1024;
const smallBytesMax = 2 * segmentBytes;

/** A judge of what is asked of a scene. */
export function createJudge({ tally, timeoutMs }: Pick<Scene, "tally" | "timeoutMs">): Judge {
  let allowance: Allowance = {};
  const windows: Window[] = [];
  const latest = (): Window => {
    const found = windows.at(-1);
    if (found === undefined) throw new Error("no fault has begun");
    return found;
  };

  /** The database work of one request; a streamed one has a transaction for each segment. */
  function deadlineMs(bytes: number): number {
    const segments = bytes > smallBytesMax ? Math.ceil(bytes / segmentBytes) : 0;
    return 4 * timeoutMs + segments * (2 * timeoutMs + 500) + slackMs;
  }

  function placeOf({ startedAt, endedAt }: Outcome): "outside" | "at the edge" | "inside" {
    if (windows.some(({ on, off }) => startedAt > on + edgeMs && endedAt < off)) return "inside";
    const isNear = windows.some(({ from, to }) => endedAt > from && startedAt < to);
    return isNear ? "at the edge" : "outside";
  }

  function complaintOf(question: Question, outcome: Outcome): string | null {
    const { status, bytes } = outcome;
    const place = placeOf(outcome);
    if (status === "hung") return "no answer within its deadline";
    const mayFail = place !== "outside";
    if (status === "refused" || status === "cut") {
      return mayFail && allowance.nodesGo === true ? null : "no answer";
    }
    if ([503, ...(allowance.statuses ?? [])].includes(status)) {
      return mayFail ? badProblem(question, outcome) : `${status} ${codeOf(outcome)}, needlessly`;
    }
    if (status === 404 && allowance.mayLose === true) return null;
    if (!question.right.includes(status)) return `${status} ${codeOf(outcome)}`;
    if (bytes === null && !mayFail) return `${status} that broke off`;
    return place === "inside" ? impossible(question, status) : null;
  }

  /** What is wrong with an answer that tells of a failure; null: nothing. */
  function badProblem({ what }: Question, outcome: Outcome): string | null {
    const { status, headers } = outcome;
    if (codeOf(outcome) === "") return `${status} that is no problem document`;
    if (status === 503 && !headers.has("retry-after")) return "503 without Retry-After";
    const isAtHand = what === "cached read" && allowance.forgets !== true;
    return isAtHand ? "a blob at hand was not given" : null;
  }

  /** What could not be right while the fault had all its effects; null: it could. */
  function impossible({ what }: Question, status: number): string | null {
    if (what === "upload" && allowance.noWrites === true) {
      return `${status}, and nothing could be stored`;
    }
    if (what === "absent key" && allowance.noReads === true) return `${status}, a false absence`;
    return null;
  }

  function hear(question: Question, outcome: Outcome): boolean {
    const { status, startedAt, endedAt, bytes } = outcome;
    const code = typeof status === "number" && status >= 500 ? ` ${codeOf(outcome)}` : "";
    const isBroken = typeof status === "number" && bytes === null;
    const waitMs = question.bytes > smallBytesMax ? null : endedAt - startedAt;
    tally.count(isBroken ? `${status}, then cut` : `${status}${code}`, waitMs);
    const complaint = complaintOf(question, outcome);
    if (complaint !== null) {
      const times = `${Math.round(startedAt)} to ${Math.round(endedAt)} ms, ${placeOf(outcome)}`;
      tally.complain(`${question.what} of ${question.bytes} bytes: ${complaint} (${times})`);
    }
    return typeof status === "number" && question.right.includes(status) && !isBroken;
  }

  return {
    begin(allowed) {
      allowance = allowed;
      const never = Number.POSITIVE_INFINITY;
      windows.push({ from: performance.now(), on: never, off: never, to: never });
    },
    holds() {
      latest().on = performance.now();
    },
    fades() {
      latest().off = performance.now();
    },
    end() {
      latest().to = performance.now();
    },
    deadlineMs,
    mayLose: () => allowance.mayLose === true,
    hear,
  };
}

// --- internal ---

/** What begins so soon after a fault took hold may still have been served before. */
const edgeMs = 300;

/** When a fault began, was on, was off, and was over; Infinity: not yet. */
interface Window {
  readonly from: number;
  on: number;
  off: number;
  to: number;
}
