import { afterEach, describe, expect, it, jest, spyOn } from "bun:test";
import { createClient, type ClientOptions } from "../../src/client.ts";
import { failureOf } from "../support/client-failure.ts";

const keys = ["0".repeat(64)];
const nowhere = "http://127.0.0.1:1";

/** A client whose requests get these answers, and the last one again and again. */
function clientOf(answers: readonly (Response | Error)[], options: Partial<ClientOptions> = {}) {
  let requests = 0;
  const fetch = async (): Promise<Response> => {
    const next = answers[Math.min(requests, answers.length - 1)];
    requests += 1;
    if (next === undefined || next instanceof Error) throw next ?? new Error("no answer is given");
    return next.clone() as Response;
  };
  const client = createClient({ url: nowhere, fetch, ...options });
  return { client, requests: () => requests };
}

function answer(status: number, headers: Record<string, string> = {}): Response {
  return new Response(null, { status, headers });
}

function problem(status: number, code: string): Response {
  const headers = { "Content-Type": "application/problem+json" };
  return Response.json({ code }, { status, headers });
}

function success(): Response {
  return Response.json({ missing: [] });
}

/** Has every pause end at once, and notes how long it would have been. */
function notePauses(): number[] {
  const pauses: number[] = [];
  const setTimer = globalThis.setTimeout;
  const note = (work: () => void, ms: number): unknown => {
    if (ms === wholeCallMs) return setTimer(work, ms);
    pauses.push(ms);
    return setTimer(work, 0);
  };
  spyOn(globalThis, "setTimeout").mockImplementation(note as typeof setTimeout);
  return pauses;
}

const wholeCallMs = 600_000;

afterEach(() => {
  jest.restoreAllMocks();
});

describe("a request is repeated", () => {
  it.each([
    ["no answer", new TypeError("fetch failed")],
    ["408", answer(408)],
    ["429", answer(429)],
    ["502", answer(502)],
    ["503", answer(503)],
    ["504", answer(504)],
    ["400 with truncated_body", problem(400, "truncated_body")],
    ["507 with Retry-After", answer(507, { "Retry-After": "0" })],
    ["500 with Retry-After", answer(500, { "Retry-After": new Date(0).toUTCString() })],
  ])("after %s", async (_, first) => {
    notePauses();
    const { client, requests } = clientOf([first, success()]);
    expect(await client.exists(keys)).toEqual([true]);
    expect(requests()).toBe(2);
  });

  it("when the body of an answer breaks off", async () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error("cut")) });
    notePauses();
    const { client, requests } = clientOf([new Response(body), success()]);
    expect(await client.exists(keys)).toEqual([true]);
    expect(requests()).toBe(2);
  });

  it("five times at most, or as often as was said", async () => {
    notePauses();
    for (const [retries, expected] of [
      [undefined, 6],
      [0, 1],
      [2, 3],
    ] as const) {
      const options = retries === undefined ? {} : { retries };
      const { client, requests } = clientOf([answer(503)], options);
      expect(await failureOf(client.exists(keys))).toMatchObject({ code: "http_503", status: 503 });
      expect(requests()).toBe(expected);
    }
  });

  it("for each batch of keys anew", async () => {
    notePauses();
    const answers = Array.from({ length: 4 }, () => [answer(503), answer(503), success()]).flat();
    const { client } = clientOf(answers, { retries: 2 });
    const many = Array.from({ length: 4000 }, (_, index) => String(index).padStart(32, "0"));
    expect(await client.exists(many)).toEqual(many.map(() => true));
  });
});

describe("a request that was too much", () => {
  it("is repeated no sooner than Retry-After tells, if that is not too late", async () => {
    const tooMuch = () => answer(429, { "Retry-After": "12" });
    const pauses = notePauses();
    const { client, requests } = clientOf([tooMuch(), success()]);
    expect(await client.exists(keys)).toEqual([true]);
    expect(requests()).toBe(2);
    expect(Math.min(...pauses.filter((ms) => ms !== wholeCallMs))).toBeGreaterThanOrEqual(12_000);
    const hasty = clientOf([tooMuch(), success()], { timeoutMs: 11_000 });
    expect(await failureOf(hasty.client.exists(keys))).toMatchObject({
      code: "http_429",
      status: 429,
      repeatAfterMs: 12_000,
    });
    expect(hasty.requests()).toBe(1);
  });
});

describe("a request is not repeated", () => {
  it.each([400, 403, 404, 413, 422, 500, 501, 507])("after %d", async (status) => {
    const { client, requests } = clientOf([answer(status), success()]);
    const error = await failureOf(client.exists(keys));
    expect(error).toMatchObject({ code: `http_${status}`, status, repeatAfterMs: null });
    expect(requests()).toBe(1);
  });

  it.each([
    ["an hour", "3600"],
    ["until a day to come", new Date(Date.now() + 86_400_000).toUTCString()],
    ["for ever", "9".repeat(30)],
  ])("when it is to wait %s, which is longer than the call may take", async (_, retryAfter) => {
    const { client, requests } = clientOf([answer(503, { "Retry-After": retryAfter })]);
    const error = await failureOf(client.exists(keys));
    expect(error.status).toBe(503);
    expect(error.repeatAfterMs).toBeGreaterThan(3_500_000);
    expect(requests()).toBe(1);
  });

  it("when Retry-After says nothing that can be read", async () => {
    const { client, requests } = clientOf([answer(500, { "Retry-After": "soon" })]);
    expect((await failureOf(client.exists(keys))).status).toBe(500);
    expect(requests()).toBe(1);
  });
});

describe("the pause before a repetition", () => {
  it("is random, up to a bound that doubles until it is 30 s", async () => {
    const pauses = notePauses();
    const random = spyOn(Math, "random").mockReturnValue(1);
    await failureOf(clientOf([answer(503)], { retries: 8 }).client.exists(keys));
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    random.mockReturnValue(0);
    await failureOf(clientOf([answer(503)], { retries: 3 }).client.exists(keys));
    expect(pauses.slice(8)).toEqual([0, 0, 0]);
  });

  it("comes on top of what Retry-After asks for", async () => {
    const pauses = notePauses();
    spyOn(Math, "random").mockReturnValue(0.5);
    const answers = [answer(503, { "Retry-After": "7" }), answer(503), success()];
    await clientOf(answers).client.exists(keys);
    expect(pauses).toEqual([7500, 1000]);
  });
});

describe("a call ends", () => {
  /** As a server that never answers. */
  const silence: ClientOptions["fetch"] = (_, { signal }) =>
    new Promise((__, reject) => {
      signal?.addEventListener("abort", () => reject(new DOMException("ended", "AbortError")));
    });

  it("when its time is over", async () => {
    const client = createClient({ url: nowhere, fetch: silence, timeoutMs: 20 });
    const error = await failureOf(client.exists(keys));
    expect(error).toMatchObject({ code: "timeout", status: null, repeatAfterMs: null });
    expect(error.detail).toContain("20 ms");
  });

  it("with the reason of its signal, whatever it is", async () => {
    const client = createClient({ url: nowhere, fetch: silence });
    const ending = new AbortController();
    const call = client.download(keys[0] ?? "", { signal: ending.signal });
    ending.abort("changed my mind");
    expect(await call.catch((reason: unknown) => reason)).toBe("changed my mind");
    const late = client.stat(keys[0] ?? "", { signal: ending.signal });
    expect(await late.catch((reason: unknown) => reason)).toBe("changed my mind");
  });

  it("also while it hashes, and aborts the sink of a download", async () => {
    const client = createClient({ url: nowhere, fetch: silence });
    const ending = new AbortController();
    let pulls = 0;
    const endless = new ReadableStream({
      pull(controller) {
        pulls += 1;
        if (pulls === 3) ending.abort("enough");
        controller.enqueue(new Uint8Array(10));
      },
    });
    const blob = Object.assign(new Blob(), { stream: () => endless });
    const call = client.upload(blob, { signal: ending.signal });
    expect(await call.catch((reason: unknown) => reason)).toBe("enough");
    let abortedFor: unknown = null;
    const sink = new WritableStream({ abort: (reason) => void (abortedFor = reason) });
    const late = client.downloadTo(keys[0] ?? "", sink, { signal: ending.signal });
    expect(await late.catch((reason: unknown) => reason)).toBe("enough");
    expect(abortedFor).toBe("enough");
  });

  it("also while it pauses, without another request", async () => {
    const { client, requests } = clientOf([answer(503, { "Retry-After": "300" })]);
    const ending = new AbortController();
    const call = client.exists(keys, { signal: ending.signal });
    while (requests() === 0) await Bun.sleep(1);
    await Bun.sleep(1);
    ending.abort();
    expect(await call.catch((reason: Error) => reason.name)).toBe("AbortError");
    expect(requests()).toBe(1);
  });

  it("without holding on to its signal", async () => {
    const { signal } = new AbortController();
    const added = spyOn(signal, "addEventListener");
    const removed = spyOn(signal, "removeEventListener");
    await clientOf([success()]).client.exists(keys, { signal });
    expect(added).toHaveBeenCalledTimes(1);
    expect(removed.mock.calls).toEqual(added.mock.calls);
  });

  it("in no time when none was given that a timer could hold", async () => {
    spyOn(Math, "random").mockReturnValue(0);
    const { client } = clientOf([answer(503), success()], { timeoutMs: Infinity });
    expect(await client.exists(keys)).toEqual([true]);
  });
});

it("says why nothing can be reached, as Bun and as Node tell it", async () => {
  const bun = await failureOf(createClient({ url: nowhere, retries: 0 }).exists(keys));
  expect(bun).toMatchObject({ code: "network", status: null, repeatAfterMs: 0 });
  expect(bun.detail).toBe(
    "http://127.0.0.1:1/api/v1/metadata cannot be reached, or the connection broke (ECONNREFUSED).",
  );
  const cause = Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
  const asNode = [new TypeError("fetch failed", { cause })];
  const node = await failureOf(clientOf(asNode, { retries: 0 }).client.exists(keys));
  expect(node.detail).toContain("(ENOTFOUND)");
  expect(node.cause).toBe(asNode[0]);
});
