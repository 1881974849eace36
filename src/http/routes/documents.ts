import { describeApi, toYaml } from "../documents/document.ts";
import { homeAssets } from "../documents/home-page.ts";
import { toAssetResponse } from "../documents/page-asset.ts";
import { swaggerUiAssets } from "../documents/swagger-ui.ts";
import { readableFields } from "../origins.ts";
import { pathOf } from "../path-map.ts";

/** The OpenAPI document in JSON and YAML, Swagger UI and the home page, all from the binary. */
export async function documents(request: Request): Promise<Response> {
  const path = pathOf(request.url);
  if (path === "/swagger/json") {
    return text(JSON.stringify(await describeApi()), "application/json");
  }
  if (path === "/openapi.yaml") return text(toYaml(await describeApi()), "application/yaml");
  const asset = homeAssets[path] ?? swaggerUiAssets[path];
  if (asset === undefined) throw new Error(`no document at ${path}`);
  return await toAssetResponse(asset);
}

// --- internal ---

function text(body: string, contentType: string): Response {
  return new Response(body, {
    headers: { "Content-Type": contentType, "Cache-Control": "no-cache", ...readableFields },
  });
}
