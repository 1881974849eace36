import { afterAll, beforeAll, describe, expect, it } from "bun:test";
import { createClient, type RegistryClient } from "../../src/client.ts";
import { failureOf } from "../support/client-failure.ts";
import { startFaultyProxy } from "../support/faulty-proxy.ts";
import { randomBytes, startRegistry, type TestRegistry } from "../support/registry.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(() => registry.stop());

describe("a client with a token", () => {
  const token = "a-token-to-upload-with_.~+/-==";
  const seen: [method: string | undefined, authorization: string | null][] = [];
  const open = (): RegistryClient =>
    createClient({
      url: registry.url,
      token,
      fetch(url, init) {
        seen.push([init.method, new Headers(init.headers).get("authorization")]);
        return fetch(url, init);
      },
    });

  it("sends it with what a registry may want it for, and with nothing else", async () => {
    const { hash } = await open().upload(randomBytes(10));
    await open().exists([hash]);
    await open().download(hash);
    await open().stat(hash);
    const bearer = `Bearer ${token}`;
    expect(seen).toEqual([
      ["PUT", bearer],
      ["POST", bearer],
      [undefined, null],
      ["HEAD", null],
    ]);
  });

  it.each(["", "gehe im", "geheim\n", "gehéim", "a=b"])("is not made with %p", (bad) => {
    const make = (): RegistryClient => createClient({ url: registry.url, token: bad });
    expect(make).toThrow(TypeError);
    expect(make).toThrow("the token has characters that none has");
  });

  it("tells what the registry says of it", async () => {
    const answer = () =>
      Response.json(
        { code: "token_expired", detail: "The token has expired." },
        { status: 401, headers: { "Content-Type": "application/problem+json" } },
      );
    const proxy = startFaultyProxy(registry.url);
    proxy.fail({ answer });
    const through = createClient({ url: proxy.url, token });
    const error = await failureOf(through.upload(randomBytes(10)));
    await proxy.stop();
    expect(error).toMatchObject({ code: "token_expired", status: 401, repeatAfterMs: null });
  });
});
