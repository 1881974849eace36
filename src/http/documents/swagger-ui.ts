// Swagger UI is for browsers, so what is imported here are paths of embedded files, not modules.
import bundlePath from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import stylePath from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import { ownHostPolicy, type PageAsset } from "./page-asset.ts";

const policy = ownHostPolicy("style-src 'self' 'unsafe-inline'; form-action 'none'");

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Mycelium CDN Registry</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/swagger/swagger-ui.css" />
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/swagger/swagger-ui-bundle.js"></script>
    <script src="/swagger/start.js"></script>
  </body>
</html>
`;

const start = `SwaggerUIBundle({
  url: "/swagger/json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
`;

/** The page of Swagger UI, and its assets, by path. */
export const swaggerUiAssets: Readonly<Record<string, PageAsset>> = {
  "/swagger": { type: "text/html; charset=utf-8", policy, body: () => page },
  "/swagger/start.js": { type: "text/javascript; charset=utf-8", policy, body: () => start },
  "/swagger/swagger-ui-bundle.js": {
    type: "text/javascript; charset=utf-8",
    policy,
    body: () => Bun.file(bundlePath),
  },
  "/swagger/swagger-ui.css": {
    type: "text/css; charset=utf-8",
    policy,
    body: () => Bun.file(stylePath),
  },
};
