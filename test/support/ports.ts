/** A port of 127.0.0.1 on which nobody listens: bound for a moment, and given up. */
export async function freePort(): Promise<number> {
  const probe = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const port = Number(probe.port);
  await probe.stop(true);
  return port;
}
