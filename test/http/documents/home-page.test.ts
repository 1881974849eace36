import { describe, expect, it } from "bun:test";
import { homeAssets } from "../../../src/http/documents/home-page.ts";
import { documentPaths, metadataPath, methodsOf } from "../../../src/http/path-map.ts";

function textAt(path: string): string {
  const body = homeAssets[path]?.body();
  return typeof body === "string" ? body : "";
}

/** The values of an attribute on the page. */
const valuesOf = (attribute: string): string[] =>
  [...textAt("/").matchAll(new RegExp(` ${attribute}="([^"]*)"`, "g"))].map(
    ([, value = ""]) => value,
  );

describe("the home page", () => {
  it("is at the root, with all that it needs, at paths that are served", () => {
    expect(Object.keys(homeAssets)).toEqual(["/", "/home.css", "/home.js"]);
    for (const path of Object.keys(homeAssets)) expect(documentPaths.join(" ")).toContain(path);
    const needed = [...valuesOf("src"), ...valuesOf("href")];
    const here = needed.filter((url) => url.startsWith("/"));
    expect(here.filter((path) => methodsOf(path) === null)).toEqual([]);
    expect(here).toContain("/swagger");
    expect(here).toContain("/openapi.yaml");
    // No icon is asked for.
    expect(needed.filter((url) => !url.startsWith("/"))).toEqual(["data:,"]);
  });

  it("has a form that is an upload, with or without a script", () => {
    const [form = ""] = /<form[^]*<\/form>/.exec(textAt("/")) ?? [];
    expect(form).toContain(`action="${metadataPath}"`);
    expect(form).toContain('method="post"');
    expect(form).toContain('enctype="multipart/form-data"');
    expect(form).toMatch(/<input [^>]*name="data"[^>]* type="file"/);
    expect(methodsOf(metadataPath)).toContain("POST");
  });

  it("names what its labels, its style and its script are about", () => {
    const page = textAt("/");
    const ids = valuesOf("id");
    const pointed = ["for", "aria-labelledby", "aria-describedby"].flatMap(valuesOf);
    expect(pointed.filter((id) => !ids.includes(id))).toEqual([]);
    const sought = [...textAt("/home.js").matchAll(/querySelector(?:All)?\("([^"]+)"\)/g)];
    expect(sought.length).toBeGreaterThan(3);
    for (const [, selector = ""] of sought) {
      const [mark = "", ...name] = selector;
      const is = { "#": `id="${name.join("")}"`, ".": `class="${name.join("")}"` }[mark];
      expect(page).toContain(is ?? `<${selector}`);
    }
  });

  it("keeps to its policy: nothing inline", () => {
    expect(textAt("/")).not.toMatch(/<style|<script>| style=| on[a-z]+=/);
    for (const { policy } of Object.values(homeAssets)) {
      expect(policy).toContain("style-src 'self'");
      expect(policy).toContain("form-action 'self'");
      expect(policy).not.toContain("unsafe");
    }
  });

  it("makes no markup of what a registry answers", () => {
    expect(textAt("/home.js")).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write/,
    );
  });
});
