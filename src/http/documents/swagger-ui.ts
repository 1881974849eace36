// Swagger UI is for browsers, so what is imported here are paths of embedded files, not modules.
import bundlePath from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import stylePath from "swagger-ui-dist/swagger-ui.css" with { type: "file" };

/** Nothing comes from another host: the page says so, and the browser holds it to it. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'";

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

const assets: Readonly<
  Record<string, { readonly type: string; readonly body: () => string | Blob }>
> = {
  "/swagger": { type: "text/html; charset=utf-8", body: () => page },
  "/swagger/start.js": { type: "text/javascript; charset=utf-8", body: () => start },
  "/swagger/swagger-ui-bundle.js": {
    type: "text/javascript; charset=utf-8",
    body: () => Bun.file(bundlePath),
  },
  "/swagger/swagger-ui.css": {
    type: "text/css; charset=utf-8",
    body: () => Bun.file(stylePath),
  },
};

/** The page of Swagger UI, or one of its assets, by path. */
export async function swaggerUiAsset(path: string): Promise<Response> {
  const asset = assets[path];
  if (asset === undefined) throw new Error(`no asset at ${path}`);
  const body = asset.body();
  return new Response(body instanceof Blob ? await body.arrayBuffer() : body, {
    headers: {
      "Content-Type": asset.type,
      "Content-Security-Policy": policy,
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
      "Cache-Control": "no-cache",
    },
  });
}
