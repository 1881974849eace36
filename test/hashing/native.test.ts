import { describe, expect, test } from "bun:test";

import { createHashing } from "../../src/hashing/blake3.ts";

/** The addon is looked for here and nowhere else, so that loading it fails. */
const noAddon = { NAPI_RS_NATIVE_LIBRARY_PATH: "/no/such/addon.node" };
const room = JSON.stringify(new URL("../../src/hashing/blake3.ts", import.meta.url).href);

/** Runs a line of code in a process of its own, where an addon is loaded anew. */
function run(code: string, environment: Record<string, string>) {
  const script = `import { createHashing } from ${room}; ${code}`;
  const child = Bun.spawnSync([process.execPath, "-e", script], {
    env: { ...process.env, ...environment },
  });
  return { exitCode: child.exitCode, out: child.stdout.toString(), err: child.stderr.toString() };
}

describe("which implementation", () => {
  test("the native one, where its addon loads", () => {
    expect(createHashing().implementation).toBe("native");
  });

  test("each says which it is", () => {
    expect(createHashing({ implementation: "native" }).implementation).toBe("native");
    expect(createHashing({ implementation: "wasm" }).implementation).toBe("wasm");
  });

  test("WebAssembly, where the addon does not load, with the same hashes", () => {
    const code =
      "const made = createHashing(); console.log(made.implementation, " +
      "Buffer.from(made.hash(new Uint8Array([0]))).toString('hex'));";
    const { exitCode, out, err } = run(code, noAddon);
    expect(err).toBe("");
    expect(exitCode).toBe(0);
    expect(out).toBe("wasm 2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213\n");
  });

  test("the native one asked for by name fails where it does not load, and says why", () => {
    const code =
      "try { createHashing({ implementation: 'native' }); } " +
      "catch (error) { console.log(error.message, error.cause instanceof Error); }";
    const { out } = run(code, noAddon);
    expect(out).toContain("The native BLAKE3 addon does not load. Use the WebAssembly one");
    expect(out).toEndWith("true\n");
  });
});
