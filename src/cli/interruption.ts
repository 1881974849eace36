/**
 * Runs `work`, whose signal is aborted by SIGINT and SIGTERM, so that it can clear up before it
 * ends. Gives its exit code, or after a signal what shells expect: 128 and the signal's number.
 */
export async function untilInterrupted(
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const ending = new AbortController();
  let exitCode: number | null = null;
  const end = (name: NodeJS.Signals): void => {
    exitCode ??= exitCodeOf[name] ?? 1;
    ending.abort();
  };
  const names = Object.keys(exitCodeOf) as NodeJS.Signals[];
  for (const name of names) process.on(name, end);
  try {
    const code = await work(ending.signal);
    return exitCode ?? code;
  } catch (error) {
    if (exitCode === null) throw error;
    return exitCode;
  } finally {
    for (const name of names) process.off(name, end);
  }
}

// --- internal ---

const exitCodeOf: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143 };
