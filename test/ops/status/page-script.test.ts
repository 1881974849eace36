import { expect, it } from "bun:test";
import { buildPageScript } from "../../../src/ops/status/page-script.ts";

it("the script of the page is one file that a browser runs as it is", () => {
  const script = buildPageScript();
  expect(new Bun.Transpiler({ loader: "js" }).scanImports(script)).toEqual([]);
  expect(script).toContain("/status/data?since=");
  expect(script).toStartWith("(()=>{");
});
