import { describe, expect, it } from "bun:test";
import { isStreamed } from "../../src/http/streamed.ts";
import { watchBody, type SentBody } from "../../src/http/watched-body.ts";

type Controller = ReadableStreamDefaultController<Uint8Array>;

function watch(pull: (controller: Controller) => void, cancel?: () => void) {
  const told: SentBody[] = [];
  const source = { pull, ...(cancel === undefined ? {} : { cancel }) };
  const body = new ReadableStream<Uint8Array>(source, { highWaterMark: 0 });
  const inner = new Response(body, { status: 206, headers: { "X-Name": "a" } });
  const response = watchBody(inner, (sent) => void told.push(sent));
  return { told, response };
}

describe("a watched body", () => {
  it("is the same, in an answer that is the same, and its end is told", async () => {
    let pieces = 0;
    const { told, response } = watch((controller) => {
      pieces += 1;
      if (pieces > 2) controller.close();
      else controller.enqueue(new Uint8Array(10).fill(pieces));
    });
    expect(response.status).toBe(206);
    expect(response.headers.get("x-name")).toBe("a");
    expect(isStreamed(response)).toBe(true);
    expect(told).toEqual([]);
    expect((await response.bytes()).toHex()).toBe("01".repeat(10) + "02".repeat(10));
    expect(told).toEqual([{ bytes: 20, isBroken: false }]);
  });

  it("tells of a client that goes", async () => {
    let cancelled = 0;
    const { told, response } = watch(
      (controller) => controller.enqueue(new Uint8Array(10)),
      () => {
        cancelled += 1;
      },
    );
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect(told).toEqual([{ bytes: 10, isBroken: true }]);
    expect(cancelled).toBe(1);
  });

  it("tells what failed, and fails so itself", async () => {
    const error = new Error("gone");
    const { told, response } = watch((controller) => controller.error(error));
    expect(await response.bytes().catch((thrown: unknown) => thrown)).toBe(error);
    expect(told).toEqual([{ bytes: 0, isBroken: true, error }]);
  });
});
