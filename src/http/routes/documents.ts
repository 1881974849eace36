import { describeApi, toYaml } from "../documents/document.ts";
import { swaggerUiAsset } from "../documents/swagger-ui.ts";
import { pathOf } from "../path-map.ts";

/** The OpenAPI document in JSON and YAML, and Swagger UI, all from the binary. */
export async function documents(request: Request): Promise<Response> {
  const path = pathOf(request.url);
  if (path === "/swagger/json") {
    return text(JSON.stringify(await describeApi()), "application/json");
  }
  if (path === "/openapi.yaml") return text(toYaml(await describeApi()), "application/yaml");
  return await swaggerUiAsset(path);
}

// --- internal ---

function text(body: string, contentType: string): Response {
  return new Response(body, {
    headers: { "Content-Type": contentType, "Cache-Control": "no-cache" },
  });
}
