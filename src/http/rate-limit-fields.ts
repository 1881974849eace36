import type { Quota, Rate } from "../rate-limit/token-buckets.ts";

/** One limit, as fields of answers tell it. */
export interface RateLimitPolicy {
  /** Letters and dashes. */
  readonly name: string;
  readonly rate: Rate;
  readonly unit: "requests" | "content-bytes";
}

/** What one client has left of a limit. */
export interface RateLimitState {
  readonly policy: RateLimitPolicy;
  readonly quota: Quota;
}

/**
 * The field RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-10 section 3): a list of strings
 * (RFC 9651) with what may be had (`q`) in how many seconds (`w`).
 */
export function formatRateLimitPolicy(policies: readonly RateLimitPolicy[]): string {
  return policies
    .map(({ name, rate: { amount, perMs }, unit }) => {
      const unitText = unit === "requests" ? "" : `;qu="${unit}"`; // without, it is requests
      return `"${name}";q=${amount};w=${perMs / 1000}${unitText}`;
    })
    .join(", ");
}

/**
 * The field RateLimit (section 4 there): what is left (`r`), and in how many seconds there will be
 * more of it (`t`), which is left out where all there can be is there.
 */
export function formatRateLimit(states: readonly RateLimitState[]): string {
  return states
    .map(({ policy: { name }, quota: { remaining, moreInMs } }) => {
      const moreText = moreInMs === null ? "" : `;t=${Math.ceil(moreInMs / 1000)}`;
      return `"${name}";r=${remaining}${moreText}`;
    })
    .join(", ");
}

/** After how many seconds, at least 1, there is more of each of these (`Retry-After`). */
export function retryAfterSecondsOf(states: readonly RateLimitState[]): number {
  return Math.max(1, ...states.map(({ quota }) => Math.ceil((quota.moreInMs ?? 0) / 1000)));
}
