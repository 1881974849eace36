/**
 * A port of 127.0.0.1 on which nobody listens: bound for a moment, and given up. None of those that
 * systems lend to outgoing connections (Linux: from 32768 on, others: from 49152 on): one of them
 * could have it before it is bound again, or a client that connects to it while nobody listens
 * could be lent the same and so reach itself.
 */
export async function freePort(): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    const port = portMin + Math.floor(Math.random() * (portEnd - portMin));
    try {
      const probe = Bun.serve({ hostname: "127.0.0.1", port, fetch: () => new Response() });
      await probe.stop(true);
      return port;
    } catch (error) {
      if (tries === triesMax) throw error;
    }
  }
}

// --- internal ---

const portMin = 10_240;
const portEnd = 32_768;
const triesMax = 100;
