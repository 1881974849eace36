import { describe, expect, it } from "bun:test";
import { createDeniedKeys, createDenyList, takenDown } from "../../src/domain/denied-keys.ts";
import { randomBlob, shortKey } from "../support/blobs.ts";

describe("denied keys", () => {
  it("are none to begin with", () => {
    expect(createDeniedKeys().denies(randomBlob(5).hash)).toBe(false);
  });

  it("are those taken down and those of the list, by both forms", () => {
    const [taken, listed, other] = [randomBlob(5).hash, randomBlob(5).hash, randomBlob(5).hash];
    const denied = createDeniedKeys();
    denied.takedowns.add(taken);
    const list = createDenyList();
    list.add(shortKey(listed));
    denied.replaceList(list);
    const asked = [taken, shortKey(taken), listed, shortKey(listed), other, shortKey(other)];
    expect(asked.map(denied.denies)).toEqual([true, true, true, true, false, false]);
    denied.replaceList(createDenyList());
    expect([denied.denies(taken), denied.denies(listed)]).toEqual([true, false]);
  });

  it("are refused with one code, which tells nothing of the blob", () => {
    expect(takenDown()).toMatchObject({
      code: "taken_down",
      message: expect.not.stringMatching(/\d/),
    });
  });
});
