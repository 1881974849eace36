import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { createBudget } from "../../src/domain/budget.ts";
import { limits } from "../../src/domain/limits.ts";
import { createSending } from "../../src/http/sending.ts";
import { codeRejectedBy } from "../support/error-code.ts";
import { askRaw, stock } from "../support/downloads.ts";
import { connectRaw, type RawConnection } from "../support/raw-http.ts";
import { eventually, startRegistry, type TestRegistry } from "../support/registry.ts";

const mebibyte = 1024 * 1024;

function open() {
  const budget = createBudget({ bytesMax: 16 * mebibyte, waitMsMax: 5 });
  const underWay = new Set<Request>();
  const sending = createSending({ budget, isUnderWay: (request) => underWay.has(request) });
  const ask = (): Request => {
    const request = new Request("http://r/");
    underWay.add(request);
    return request;
  };
  return { budget, sending, underWay, ask };
}

const answer = async (): Promise<Response> => new Response();

describe("createSending", () => {
  it("charges answers until they have been sent, each once", async () => {
    const { budget, sending, underWay, ask } = open();
    const [first, second] = [ask(), ask()];
    expect(sending.tryCharge(first, 3 * mebibyte)).toBe(true);
    await sending.charged(second, 4 * mebibyte, answer);
    await Bun.sleep(50);
    expect(budget.counts.bytesTaken).toBe(7 * mebibyte);
    underWay.delete(second);
    await eventually(() => budget.counts.bytesTaken === 3 * mebibyte);
    underWay.delete(first);
    await eventually(() => budget.counts.bytesTaken === 0);
    expect(sending.tryCharge(ask(), mebibyte)).toBe(true); // it goes on looking
    underWay.clear();
    await eventually(() => budget.counts.bytesTaken === 0);
  });

  it("does not charge small ones", async () => {
    const { budget, sending, ask } = open();
    expect(budget.tryTake(14 * mebibyte)).toBe(true);
    expect(sending.tryCharge(ask(), limits.smallTransferBytesMax)).toBe(true);
    await sending.charged(ask(), limits.smallTransferBytesMax, answer);
    expect(budget.counts.bytesTaken).toBe(14 * mebibyte);
    expect(sending.tryCharge(ask(), limits.smallTransferBytesMax + 1)).toBe(false);
  });

  it("makes no answer that the budget has no room for", async () => {
    const { budget, sending, ask } = open();
    expect(budget.tryTake(14 * mebibyte)).toBe(true);
    let made = 0;
    const making = sending.charged(ask(), mebibyte, async () => {
      made += 1;
      return await answer();
    });
    expect(await codeRejectedBy(making)).toBe("overloaded");
    expect(made).toBe(0);
    expect(budget.counts.bytesTaken).toBe(14 * mebibyte);
  });

  it("gives back what an answer that failed was to hold", async () => {
    const { budget, sending, underWay, ask } = open();
    const request = ask();
    const failing = sending.charged(request, mebibyte, async () => {
      await Bun.sleep(0);
      throw new Error("it failed");
    });
    await expect(failing).rejects.toThrow("it failed");
    underWay.delete(request);
    await eventually(() => budget.counts.bytesTaken === 0);
  });
});

describe("answers under way", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry({ inFlightBytesMax: 16 * mebibyte });
  });
  afterAll(() => registry.stop());

  const taken = (): number => registry.app.measures.inFlight.bytesTaken;

  /** Asks for a blob, whole or in part, and reads nothing of the answer. */
  async function startStalled(key: string, field = ""): Promise<RawConnection> {
    const before = taken();
    const connection = await connectRaw(registry.port);
    connection.pause();
    await connection.send(`GET /api/v1/metadata/${key} HTTP/1.1\r\nHost: r\r\n${field}\r\n`);
    await eventually(() => taken() > before);
    return connection;
  }

  async function expectOverloaded(key: string): Promise<void> {
    const { status, headers, body } = await askRaw(registry.port, { key });
    expect(status).toBe(503);
    expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({ code: "overloaded" });
    expect(Number(headers["retry-after"])).toBeGreaterThan(0);
  }

  it("hold their bytes while nobody reads them; what is too much is refused", async () => {
    const large = await stock(registry, 8 * mebibyte);
    const small = await stock(registry, 1000);
    const stalled = await startStalled(large.hex);
    expect(taken()).toBe(8 * mebibyte);
    await expectOverloaded(large.hex);
    expect(await (await fetch(`${registry.api}/${small.hex}`)).bytes()).toEqual(small.data);
    const waiting = fetch(`${registry.api}/${large.hex}`);
    await eventually(() => registry.app.measures.inFlight.waiting === 1);
    stalled.destroy();
    const body = await (await waiting).bytes();
    expect(Buffer.compare(body, large.data)).toBe(0);
    await eventually(() => taken() === 0);
  });

  it("hold two segments when they are streams, whole or in part", async () => {
    const { hex, data } = await stock(registry, 40 * mebibyte);
    const range = "Range: bytes=5-\r\n";
    const stalled: RawConnection[] = [];
    while (stalled.length < 7) {
      stalled.push(await startStalled(hex, stalled.length % 2 === 0 ? "" : range));
    }
    expect(taken()).toBe(7 * limits.streamedAnswerBytes);
    await expectOverloaded(hex);
    const [first, ...others] = stalled;
    for (const connection of others) connection.destroy();
    await eventually(() => taken() === limits.streamedAnswerBytes);
    first?.resume();
    expect(Buffer.compare((await first?.response())?.body ?? data.subarray(1), data)).toBe(0);
    await eventually(() => taken() === 0); // sent, though the connection stays
    first?.destroy();
  });

  it("hold nothing once they have failed", async () => {
    const { hex } = await stock(registry, 3 * mebibyte);
    await registry.database.query("write", "DELETE FROM blob_segments");
    expect((await fetch(`${registry.api}/${hex}`)).status).toBe(500);
    await eventually(() => taken() === 0);
  });

  it("hold nothing of what HEAD, a condition or a bad range asks for", async () => {
    const { hex } = await stock(registry, 100_000);
    const asked = [
      { method: "HEAD" },
      { headers: { "If-None-Match": "*" } },
      { headers: { Range: "bytes=100000-" } },
    ];
    for (const init of asked) await fetch(`${registry.api}/${hex}`, init);
    expect(taken()).toBe(0);
  });
});
