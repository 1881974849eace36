import { expect, it } from "bun:test";
import { describeReadiness } from "../../../src/ops/status/readiness-text.ts";

const database = { name: "database", status: "ok", detail: "answers" };

it("readiness is a word, or what it lacks", () => {
  expect(describeReadiness([database])).toEqual({ text: "Ready", isReady: true });
  const silent = { ...database, status: "unavailable", detail: "no answer for 3 s" };
  const stopping = { name: "lifecycle", status: "unavailable", detail: "stopping" };
  expect(describeReadiness([silent, stopping])).toEqual({
    text: "Not ready: database: no answer for 3 s; lifecycle: stopping",
    isReady: false,
  });
});
