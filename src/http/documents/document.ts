import { createApi, type Handlers } from "../api.ts";
import { headerComponents, requestFields } from "./fields.ts";
import { schemas } from "./schemas.ts";
import packageJson from "../../../package.json" with { type: "json" };

const specPath = "/swagger/json";

/** What holds for every operation. */
const description = [
  "Keeps metadata blobs, encrypted by their clients, under the BLAKE3 hash of their bytes, and " +
    "hands them out again. Blobs never change: what a hash means never changes.",
  "Every refusal and failure is a problem document (RFC 9457), whose `code` names the cause. " +
    "One that the same request may not meet again has `Retry-After`. All uploads are safe to " +
    "repeat.",
  "What is at no path below is answered by 404 `route_not_found`, a method that a path does not " +
    "take by 405 `method_not_allowed` with `Allow`, a request that does not name one host by " +
    "400 `invalid_host`. Every path takes OPTIONS, and every path that takes GET takes HEAD. The " +
    "answer that refuses a body closes the connection.",
  "Where the operator wants to know who uploads, uploading and asking which blobs are missing " +
    "take a token; reading never does.",
  "With --cdn-domain, a host below that domain names a blob by its first label, and `GET /` " +
    "there answers as the download below does, or with 400 `invalid_label`.",
].join("\n\n");

const tokenScheme = {
  type: "http" as const,
  scheme: "bearer",
  description: "A token from the operator (RFC 6750), where uploading takes one",
};

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
          description,
          license: { name: "Apache-2.0" },
        },
        servers: [{ url: "/" }],
        security: [],
        tags: [
          { name: "Metadata", description: "Blobs in and out" },
          { name: "Health", description: "For load balancers and supervisors" },
        ],
        components: {
          schemas,
          parameters: requestFields,
          headers: headerComponents,
          securitySchemes: { token: tokenScheme },
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
    named: () => null,
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
