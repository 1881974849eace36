import { fileURLToPath } from "node:url";
import { spawnChild } from "../measure/child.ts";
import { type Job, type Outcome } from "./job.ts";

/** The load generator. One job at a time; a second generator runs beside it. */
export interface Generator {
  /** @throws Error when the job cannot be run at all */
  run(job: Job): Promise<Outcome>;
  stop(): Promise<void>;
}

/** Starts a load generator in a process of its own. */
export function startGenerator(): Generator {
  const child = spawnChild({
    command: [process.execPath, fileURLToPath(new URL("worker.ts", import.meta.url))],
  });
  return {
    async run(job) {
      child.write(`${JSON.stringify(job)}\n`);
      const answer = JSON.parse(await child.line()) as Outcome | { readonly error: string };
      if ("error" in answer) throw new Error(`the load generator: ${answer.error}`);
      return answer;
    },
    stop: () => child.stop(),
  };
}
