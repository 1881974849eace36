import { createApi, type Handlers } from "../api.ts";
import {
  keyListSchema,
  missingSchema,
  problemSchema,
  readinessSchema,
  receiptSchema,
} from "./schemas.ts";
import packageJson from "../../../package.json" with { type: "json" };

const specPath = "/swagger/json";

/** An OpenAPI document, as JSON holds it. */
export type ApiDocument = Readonly<Record<string, unknown>>;

let generated: Promise<ApiDocument> | null = null;

/** The OpenAPI document (3.0.3), generated from the routes and what they say of themselves. */
export async function describeApi(): Promise<ApiDocument> {
  generated ??= generate();
  return await generated;
}

/** A document as YAML: what openapi.yaml holds. */
export function toYaml(document: ApiDocument): string {
  const text = Bun.YAML.stringify(document, null, 2);
  return `# Generated from the routes by \`bun run openapi\`.\n${text}\n`;
}

// --- internal ---

async function generate(): Promise<ApiDocument> {
  // Only now: the plugin and what it brings are as large as the rest of the house.
  const { swagger } = await import("@elysiajs/swagger");
  // Routes that do nothing: the document is about what they say, and needs no database.
  const api = createApi(silentHandlers()).use(
    swagger({
      path: "/swagger-page-of-the-plugin",
      specPath,
      exclude: [/^\/swagger/],
      documentation: {
        info: {
          title: "Mycelium CDN Registry",
          version: packageJson.version,
          description:
            "Keeps metadata blobs, encrypted by their clients, under the BLAKE3 hash of their " +
            "bytes, and hands them out again. Blobs never change: what a hash means never changes.",
          license: { name: "Apache-2.0" },
        },
        servers: [{ url: "/" }],
        tags: [
          { name: "Metadata", description: "Blobs in and out" },
          { name: "Health", description: "For load balancers and supervisors" },
        ],
        components: {
          schemas: {
            Problem: problemSchema,
            Receipt: receiptSchema,
            KeyList: keyListSchema,
            Missing: missingSchema,
            Readiness: readinessSchema,
          },
        },
      },
    }),
  );
  const response = await api.handle(new Request(`http://registry.test${specPath}`));
  return (await response.json()) as ApiDocument;
}

async function silent(): Promise<Response> {
  return new Response();
}

function silentHandlers(): Handlers {
  return {
    saveMetadata: silent,
    findMissing: silent,
    loadMetadata: silent,
    headMetadata: silent,
    putMetadata: silent,
    health: silent,
    ready: silent,
    document: silent,
    unmatched: silent,
  };
}
