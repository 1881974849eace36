/*
 * When the bodies of requests were there: what a slow request spent on its client, and what on us.
 * Only requests with a body are kept, and only for as long as they are.
 */

const readAt = new WeakMap<Request, number>();

/** Notes that the body of a request has been read to its end. */
export function noteBodyRead(request: Request): void {
  readAt.set(request, performance.now());
}

/** When that was, by `performance.now()`; null when there was no body, or it never ended. */
export function bodyReadAt(request: Request): number | null {
  return readAt.get(request) ?? null;
}
