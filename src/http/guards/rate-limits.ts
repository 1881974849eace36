import { RegistryError } from "../../domain/errors.ts";
import { limits } from "../../domain/limits.ts";
import { clientNetworkOf } from "../../rate-limit/client-network.ts";
import { createSampling, samplingEvery } from "../../rate-limit/sampling.ts";
import {
  createTokenBuckets,
  type Rate,
  type TokenBuckets,
} from "../../rate-limit/token-buckets.ts";
import { readClient } from "../forwarded.ts";
import {
  formatRateLimit,
  formatRateLimitPolicy,
  retryAfterSecondsOf,
  type RateLimitPolicy,
  type RateLimitState,
} from "../rate-limit-fields.ts";

/** How much one client may ask for; null: as much as it likes. */
export interface Rates {
  readonly uploads: Rate | null;
  readonly reads: Rate | null;
  readonly uploadBytes: Rate | null;
}

/** What the limits need. */
export interface RateLimitsOptions {
  readonly rates: Rates;
  /** The address that a request comes from; null when that is not known. */
  readonly senderOf: (request: Request) => string | null;
  /** Whether what is at an address may say on whose behalf it sends; null: nobody may. */
  readonly isTrustedProxy: ((address: string) => boolean) | null;
  /** A clock that never goes back, in ms. */
  readonly nowMs?: () => number;
  readonly clientsMax?: number;
}

/** Tells clients of the limits that their requests count against. */
interface Teller {
  /** The answer, once it is there, with what is left to whom it goes to. */
  told(request: Request, answering: Promise<Response>): Promise<Response>;
}

/** Holds back those who upload. */
interface UploadLimit extends Teller {
  /**
   * Counts an upload, by the name of its token where it has one.
   * @throws RegistryError `rate_limited`
   */
  admit(request: Request, bearer: string | null): void;
  /** Counts a question about many blobs; it has no bytes. @throws RegistryError `rate_limited` */
  admitQuestion(request: Request, bearer: string | null): void;
  /** Counts bytes that have come of the body of an upload: what is too much becomes a debt. */
  spend(request: Request, bytes: number): void;
}

/** Holds back those who read blobs. */
export interface ReadLimit extends Teller {
  /** @throws RegistryError `rate_limited` */
  admit(request: Request): void;
  /**
   * Counts a read that is answered at hand: null when it is too much, which is for `admit` to tell;
   * else the field RateLimit to tell, or "".
   */
  admitAtHand(request: Request): string | null;
  /** The field RateLimit-Policy, which goes with it. */
  readonly policyText: string;
}

/** The limits there are; null: none. */
export interface RateLimits {
  readonly uploads: UploadLimit | null;
  readonly reads: ReadLimit | null;
  /** How many clients are remembered, by the name of the limit. */
  clients(): Readonly<Record<RateLimitName, number>>;
}

/** As fields and metrics name them. */
type RateLimitName = "uploads" | "upload-bytes" | "reads";

/** Limits for each client: an IPv4 address, the /64 of an IPv6 address, or the name of a token. */
export function createRateLimits(options: RateLimitsOptions): RateLimits {
  const {
    rates,
    nowMs = () => performance.now(),
    clientsMax = limits.rateLimitClientsMax,
  } = options;
  const policyOf = (name: RateLimitName, rate: Rate | null): Policy | null => {
    if (rate === null) return null;
    const unit = name === "upload-bytes" ? "content-bytes" : "requests";
    return { name, rate, unit, buckets: createTokenBuckets({ rate, keysMax: clientsMax, nowMs }) };
  };
  const uploads = policyOf("uploads", rates.uploads);
  const bytes = policyOf("upload-bytes", rates.uploadBytes);
  const reads = policyOf("reads", rates.reads);
  const clientOf = createClients(options);
  return {
    uploads: uploads === null && bytes === null ? null : limitUploads({ uploads, bytes, clientOf }),
    reads: reads === null ? null : limitReads(reads, { clientOf, nowMs }),
    clients: () => ({
      uploads: uploads?.buckets.size ?? 0,
      "upload-bytes": bytes?.buckets.size ?? 0,
      reads: reads?.buckets.size ?? 0,
    }),
  };
}

// --- internal ---

interface Policy extends RateLimitPolicy {
  readonly buckets: TokenBuckets;
}

type ClientOf = (request: Request) => string;

interface UploadPolicies {
  readonly uploads: Policy | null;
  readonly bytes: Policy | null;
  readonly clientOf: ClientOf;
}

function limitUploads({ uploads, bytes, clientOf }: UploadPolicies): UploadLimit {
  const teller = createTeller([uploads, bytes].filter((policy) => policy !== null));
  const questionTeller = createTeller(uploads === null ? [] : [uploads]);
  /** Whose the requests under way are: later their clients may have gone. */
  const clients = new WeakMap<Request, Counted>();

  function note(request: Request, bearer: string | null, tell: Tell): string {
    const client = bearer === null ? clientOf(request) : `token ${bearer}`;
    clients.set(request, { client, tell });
    return client;
  }

  function takeOne(client: string): void {
    if (uploads?.buckets.take(client) === false) throw tooMany("uploads");
  }

  return {
    admit(request, bearer) {
      const client = note(request, bearer, teller);
      if (bytes?.buckets.isEmpty(client) === true) throw tooMany("bytes uploaded");
      takeOne(client);
    },
    admitQuestion(request, bearer) {
      takeOne(note(request, bearer, questionTeller));
    },
    spend(request, length) {
      const client = clients.get(request)?.client;
      if (client !== undefined && length > 0) bytes?.buckets.spend(client, length);
    },
    async told(request, answering) {
      const response = await answering;
      const counted = clients.get(request);
      counted?.tell(counted.client, response);
      return response;
    },
  };
}

function limitReads(
  policy: Policy,
  { clientOf, nowMs }: { readonly clientOf: ClientOf; readonly nowMs: () => number },
): ReadLimit {
  const { rate, buckets } = policy;
  const sampling = createSampling({ rate, buckets, nowMs });
  const tell = createTeller([policy]);
  // While reads are sampled, what is left is not known well; and to tell it is half of the cost.
  const remainingToldMax = samplingEvery(rate) === 1 ? rate.amount : rate.amount / 2;
  const clients = new WeakMap<Request, string>();
  return {
    admit(request) {
      const client = clientOf(request);
      clients.set(request, client);
      if (!sampling.take(client)) throw tooMany("reads");
    },
    admitAtHand(request) {
      if (sampling.passes()) return "";
      const client = clientOf(request);
      if (!sampling.takeForMany(client)) return null;
      const quota = buckets.quotaOf(client);
      return quota.remaining > remainingToldMax ? "" : formatRateLimit([{ policy, quota }]);
    },
    policyText: formatRateLimitPolicy([policy]),
    async told(request, answering) {
      const response = await answering;
      const client = clients.get(request);
      if (client !== undefined) tell(client, response);
      return response;
    },
  };
}

type Tell = (client: string, response: Response) => void;

/** Whom a request was counted for, and of which limits it hears. */
interface Counted {
  readonly client: string;
  readonly tell: Tell;
}

function createTeller(policies: readonly Policy[]): Tell {
  const policyText = formatRateLimitPolicy(policies);
  return (client, { status, headers }) => {
    if (policies.length === 0) return;
    const all = policies.map((policy) => ({ policy, quota: policy.buckets.quotaOf(client) }));
    const states = status === 429 ? inTheWayOf(all) : all;
    headers.set("RateLimit-Policy", policyText);
    headers.set("RateLimit", formatRateLimit(states));
    if (status === 429) headers.set("Retry-After", String(retryAfterSecondsOf(states)));
  };
}

/** A refusal tells of what it is for: Retry-After should not be earlier than any `t` beside it. */
function inTheWayOf(states: readonly RateLimitState[]): readonly RateLimitState[] {
  const inTheWay = states.filter(({ quota }) => quota.remaining === 0);
  return inTheWay.length > 0 ? inTheWay : states;
}

/** Who sends a request, as limits count; those of whom it is not known any more are one. */
function createClients({ senderOf, isTrustedProxy }: RateLimitsOptions): ClientOf {
  return (request) => {
    const sender = senderOf(request);
    if (sender === null) return "unknown";
    return clientNetworkOf(readClient(request.headers, sender, isTrustedProxy));
  };
}

function tooMany(what: string): RegistryError {
  return new RegistryError(
    "rate_limited",
    `These are more ${what} than the operator of this registry allows one client; go on after ` +
      "the seconds that Retry-After tells.",
  );
}
