import { describeApi } from "../../src/http/documents/document.ts";

/** A schema of OpenAPI 3.0.3, as far as the document uses them. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly maxItems?: number;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly format?: string;
  readonly description?: string;
  readonly example?: unknown;
}

/** A header field of an answer. */
interface Field {
  readonly required?: boolean;
  readonly schema: Schema;
}

/** What an operation says of an answer, its references followed. */
export interface ApiResponse {
  readonly description: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, Field>>;
  readonly content: Readonly<
    Record<
      string,
      { readonly schema: Schema; readonly example?: Readonly<Record<string, unknown>> }
    >
  >;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
  readonly example?: unknown;
}

/** An operation, its references followed. */
export interface Operation {
  readonly id: string;
  readonly path: string;
  /** In upper case. */
  readonly method: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: unknown;
  readonly responses: Readonly<Record<number, ApiResponse>>;
}

/** The document that the routes give, to be asked. */
export interface ApiDocument {
  readonly whole: Json;
  readonly operations: readonly Operation[];
  operation(id: string): Operation;
  /** What is wrong with a value, as its schema has it. */
  schemaComplaints(schema: Schema, value: unknown, place?: string): string[];
}

type Json = Readonly<Record<string, unknown>>;

/** Reads the document. */
export async function readApiDocument(): Promise<ApiDocument> {
  const whole = await describeApi();
  const operations = Object.entries(whole["paths"] as Json).flatMap(([path, item]) =>
    Object.entries(item as Json).map(([method, detail]) =>
      toOperation({ ...(detail as RawOperation), path, method: method.toUpperCase() }),
    ),
  );

  function toOperation({
    operationId,
    parameters = [],
    responses,
    ...rest
  }: RawOperation): Operation {
    return {
      ...rest,
      id: operationId,
      parameters: parameters.map((parameter) => follow(parameter)),
      responses: Object.fromEntries(
        Object.entries(responses).map(([status, { description, headers = {}, content = {} }]) => [
          status,
          {
            description,
            content,
            headers: Object.fromEntries(
              Object.entries(headers).map(([name, field]) => [name.toLowerCase(), follow(field)]),
            ),
          },
        ]),
      ),
    };
  }

  function follow<T extends object>(part: T): T {
    const { $ref } = part as { readonly $ref?: string };
    if ($ref === undefined) return part;
    const found = $ref
      .split("/")
      .slice(1)
      .reduce<unknown>((at, key) => (at as Json)[key], whole);
    if (found === undefined) throw new Error(`${$ref} leads nowhere`);
    return found as T;
  }

  function schemaComplaints(reference: Schema, value: unknown, place = "value"): string[] {
    const schema = follow(reference);
    if (typeOf(value) !== schema.type) return [`${place} is no ${schema.type}`];
    const found: string[] = [];
    if (schema.enum?.includes(value) === false) found.push(`${place} is none of its values`);
    if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(String(value))) {
      found.push(`${place} is not as its pattern`);
    }
    if (Array.isArray(value)) {
      const { items = {}, maxItems = Infinity } = schema;
      if (value.length > maxItems) found.push(`${place} has too many items`);
      found.push(...value.flatMap((item, at) => schemaComplaints(items, item, `${place}[${at}]`)));
    } else if (schema.type === "object") {
      found.push(...memberComplaints(schema, value as Json, place));
    }
    return found;
  }

  function memberComplaints(schema: Schema, value: Json, place: string): string[] {
    const { required = [], properties = {}, additionalProperties } = schema;
    const missing = required.filter((name) => !(name in value));
    return [
      ...missing.map((name) => `${place}.${name} is missing`),
      ...Object.entries(value).flatMap(([name, member]) => {
        const known = properties[name] ?? additionalProperties;
        if (known === undefined) return [`${place}.${name} is not told of`];
        return schemaComplaints(known, member, `${place}.${name}`);
      }),
    ];
  }

  return {
    whole,
    operations,
    operation(id) {
      const found = operations.find((operation) => operation.id === id);
      if (found === undefined) throw new Error(`there is no operation ${id}`);
      return found;
    },
    schemaComplaints,
  };
}

// --- internal ---

interface RawOperation extends Omit<Operation, "id" | "parameters" | "responses"> {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly responses: Readonly<
    Record<string, Partial<ApiResponse> & Pick<ApiResponse, "description">>
  >;
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}
