/** A page for browsers, or what it needs. */
export interface PageAsset {
  /** Its Content-Type. */
  readonly type: string;
  /** Its Content-Security-Policy. */
  readonly policy: string;
  body(): string | Blob;
}

/**
 * A policy by which nothing comes from another host: the page says so, and the browser holds it to
 * it. `more` are the directives that only one page needs.
 */
export function ownHostPolicy(more: string): string {
  return (
    "default-src 'none'; script-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    `base-uri 'none'; frame-ancestors 'none'; ${more}`
  );
}

/** The answer that carries an asset. */
export async function toAssetResponse(asset: PageAsset): Promise<Response> {
  const { type, policy, body } = asset;
  const content = body();
  return new Response(content instanceof Blob ? await loaded(asset, content) : content, {
    headers: {
      "Content-Type": type,
      "Content-Security-Policy": policy,
      "X-Content-Type-Options": "nosniff",
      // With `no-referrer` a form would be sent with `Origin: null`, and refused.
      "Referrer-Policy": "same-origin",
      "Cache-Control": "no-cache",
    },
  });
}

// --- internal ---

/** Files, in memory: all answers to whoever does not read them share one, and none has a copy. */
const files = new WeakMap<PageAsset, Promise<Blob>>();

function loaded(asset: PageAsset, file: Blob): Promise<Blob> {
  let loading = files.get(asset);
  if (loading === undefined) {
    loading = file.arrayBuffer().then((bytes) => new Blob([bytes]));
    files.set(asset, loading);
  }
  return loading;
}
