import { describe, expect, it } from "bun:test";
import { toPosition } from "../../src/storage/key-space.ts";

describe("the position of a key", () => {
  it.each([
    [[], 0],
    [[0, 0, 0, 0, 0, 0, 0xff], 0],
    [[0x40], 0.25],
    [[0x80, 0, 0, 0, 0, 0], 0.5],
    [[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 1 - 2 ** -48],
  ])("of %j is %d", (bytes, position) => {
    expect(toPosition(new Uint8Array(bytes))).toBe(position);
  });
});
