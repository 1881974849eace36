import { beforeAll, describe, expect, it } from "bun:test";
import { readApiDocument, type ApiDocument } from "../../support/api-document.ts";

type Json = Readonly<Record<string, unknown>>;

/** What a schema of OpenAPI 3.0.3 may hold, as far as the document needs it. */
const schemaWords = [
  "$ref",
  "type",
  "required",
  "properties",
  "additionalProperties",
  "items",
  "maxItems",
  "enum",
  "pattern",
  "format",
  "description",
  "example",
];

/** Header parameters that OpenAPI leaves to media types and security schemes (4.7.12.1). */
const forbiddenParameters = ["accept", "content-type", "authorization"];

let document: ApiDocument;
beforeAll(async () => {
  document = await readApiDocument();
});

describe("the document keeps to OpenAPI 3.0.3", () => {
  it("is of that version, and says who may ask: everybody", () => {
    expect(document.whole["openapi"]).toBe("3.0.3");
    expect(document.whole["security"]).toEqual([]);
  });

  it("refers to nothing that is not there, and holds nothing that nobody refers to", () => {
    const references = [...nodesOf(document.whole)].flatMap(({ $ref }) =>
      typeof $ref === "string" ? [$ref] : [],
    );
    const held = Object.entries(document.whole["components"] as Json).flatMap(([kind, parts]) =>
      // Operations name these otherwise.
      kind === "securitySchemes"
        ? []
        : Object.keys(parts as Json).map((name) => `#/components/${kind}/${name}`),
    );
    expect([...new Set(references)].toSorted()).toEqual(held.toSorted());
  });

  it("names each operation once, and its path's parameters, and no others there", () => {
    const ids = document.operations.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, parameters } of document.operations) {
      const inPath = parameters.filter((parameter) => parameter.in === "path");
      expect(inPath.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(inPath.every(({ required }) => required)).toBe(true);
    }
  });

  it("has no header parameter that tools ignore, and none twice", () => {
    for (const { parameters } of document.operations) {
      const names = parameters.map(({ name }) => name.toLowerCase());
      expect(names.filter((name) => forbiddenParameters.includes(name))).toEqual([]);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it("gives optional parameters no example: Swagger UI would send it", () => {
    const optional = document.operations
      .flatMap(({ parameters }) => parameters)
      .filter(({ required = false }) => !required);
    expect(optional.length).toBeGreaterThan(0);
    for (const { example, schema } of optional) {
      expect([example, schema.example]).toEqual([undefined, undefined]);
    }
  });

  it("tells no Content-Type among the headers of an answer, and no body of GET and HEAD", () => {
    for (const { method, requestBody, responses } of document.operations) {
      if (method === "GET" || method === "HEAD") expect(requestBody).toBeUndefined();
      for (const { headers, content } of Object.values(responses)) {
        expect(headers).not.toHaveProperty("content-type");
        if (method === "HEAD") expect(content).toEqual({});
      }
    }
  });

  it("writes its schemas in the words of that version", () => {
    const { schemas } = document.whole["components"] as { readonly schemas: Json };
    const found = [...nodesOf(schemas)].filter(({ type }) => typeof type === "string");
    expect(found.length).toBeGreaterThan(Object.keys(schemas).length);
    const words = new Set(found.flatMap((schema) => Object.keys(schema)));
    expect([...words].filter((word) => !schemaWords.includes(word))).toEqual([]);
  });

  it("gives each example the shape of its schema", () => {
    for (const { responses } of document.operations) {
      for (const { content } of Object.values(responses)) {
        for (const { schema, example } of Object.values(content)) {
          if (example === undefined) continue;
          expect(document.schemaComplaints(schema, example)).toEqual([]);
        }
      }
    }
    const { schemas } = document.whole["components"] as {
      readonly schemas: Readonly<Record<string, { readonly type: string; example?: unknown }>>;
    };
    for (const [name, schema] of Object.entries(schemas)) {
      if (schema.example === undefined) continue;
      expect([name, ...document.schemaComplaints(schema, schema.example)]).toEqual([name]);
    }
  });
});

// --- internal ---

/** Every object of a document, however deep. */
function* nodesOf(node: unknown): Generator<Json> {
  if (typeof node !== "object" || node === null) return;
  if (!Array.isArray(node)) yield node as Json;
  for (const child of Object.values(node)) yield* nodesOf(child);
}
