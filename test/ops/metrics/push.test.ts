import { afterEach, describe, expect, it } from "bun:test";
import { createServer, type Server } from "node:net";
import { createLog } from "../../../src/ops/log.ts";
import type { Metric } from "../../../src/ops/metrics/metric.ts";
import { createProducer } from "../../../src/ops/metrics/producer.ts";
import { startPush, type Push } from "../../../src/ops/metrics/push.ts";
import { startOtlpReceiver, type OtlpReceiver } from "../../support/otlp-receiver.ts";
import { eventually, type LogLine } from "../../support/registry.ts";

const one: Metric = {
  name: "registry.one",
  unit: "{blob}",
  description: "",
  kind: "total",
  points: [{ attributes: { kind: "a" }, value: 3 }],
};

let lines: LogLine[] = [];
let push: Push | null = null;
let receiver: OtlpReceiver | null = null;
let sockets: Server | null = null;

afterEach(async () => {
  await push?.stop(100);
  await receiver?.stop();
  sockets?.close();
  [push, receiver, sockets] = [null, null, null];
});

function start(url: string, timeoutMs = 50): Push {
  lines = [];
  const log = createLog({
    level: "debug",
    format: "json",
    write: (line) => void lines.push(JSON.parse(line) as LogLine),
  });
  const producer = createProducer(() => [one], Date.now());
  push = startPush(producer, { url, intervalMs: 50, timeoutMs, log });
  return push;
}

const warnings = (): readonly LogLine[] => lines.filter(({ level }) => level === "warn");

describe("a push", () => {
  it("comes again and again, and once more at the end", async () => {
    receiver = startOtlpReceiver();
    const { exports } = receiver;
    start(`${receiver.url}/v1/metrics`);
    await eventually(() => exports.length >= 3);
    const before = exports.length;
    await push?.stop(5000);
    expect(exports.length).toBeGreaterThan(before);
    expect(exports[0]?.metrics).toEqual([
      {
        name: "registry.one",
        unit: "{blob}",
        kind: "sum",
        isMonotonic: true,
        points: [{ attributes: { kind: "a" }, value: 3 }],
      },
    ]);
    expect(warnings()).toEqual([]);
  });

  it("says who sends", async () => {
    receiver = startOtlpReceiver();
    const { exports } = receiver;
    start(`${receiver.url}/v1/metrics`);
    await eventually(() => exports.length > 0);
    expect(exports[0]?.headers.get("content-type")).toBe("application/x-protobuf");
    expect(exports[0]?.resource).toMatchObject({
      "service.name": "mycelium-cdn-registry",
      "service.version": expect.any(String),
      "service.instance.id": expect.any(String),
    });
  });

  it("warns once of a receiver that is not there", async () => {
    receiver = startOtlpReceiver();
    const { port } = receiver;
    await receiver.stop();
    start(`http://127.0.0.1:${port}/v1/metrics`);
    await eventually(() => warnings().length > 0);
    expect(warnings()).toMatchObject([{ message: "metrics could not be pushed; trying again" }]);
    await Bun.sleep(200);
    expect(warnings()).toHaveLength(1);
  });

  it("warns once of a receiver that refuses", async () => {
    receiver = startOtlpReceiver(() => new Response("no", { status: 400 }));
    const { exports } = receiver;
    start(`${receiver.url}/v1/metrics`);
    await eventually(() => exports.length >= 3 && warnings().length > 0);
    expect(warnings()).toHaveLength(1);
  });

  it("ends in its time when the receiver takes everything and says nothing", async () => {
    const { promise: connected, resolve } = Promise.withResolvers<void>();
    sockets = createServer(() => resolve()).listen(0, "127.0.0.1");
    await new Promise((done) => sockets?.once("listening", done));
    const address = sockets.address();
    const port = typeof address === "object" ? address?.port : 0;
    start(`http://127.0.0.1:${port}/v1/metrics`);
    await connected;
    await eventually(() => warnings().length > 0);
    await push?.stop(100);
    expect(warnings()).toHaveLength(1);
  });
});
