import { blobOf, type Family, keyOf } from "../load/blobs.ts";
import { type Job } from "../load/job.ts";
import { uploadRequestBytes } from "../load/requests.ts";
import { answerBytes, constantFields, download, upload } from "./answers.ts";
import { type Bench, freshNumber, type Server } from "./bench.ts";
import { type Figure, type Target } from "./figure.ts";
import { startProduct } from "./product.ts";
import { startPlain } from "./programs.ts";
import { alternate, headroomOf, type Measured, type NullAnswer, nullRate } from "./slices.ts";
import { ratioOf, spreadOf } from "./spread.ts";
import { createTables } from "./stock.ts";
import { perSecondText } from "./text.ts";

/** The registry and the plain handler, each on its own process. */
export interface Rivals {
  readonly product: Server;
  readonly plain: Server;
}

/**
 * Starts both, on one database, or, for uploads, each on its own; both end with `stack`. The plain
 * handler gives the header fields that the registry was seen to give.
 */
export async function startRivals(
  bench: Bench,
  stack: AsyncDisposableStack,
  { isShared, isUncached }: { readonly isShared: boolean; readonly isUncached: boolean },
): Promise<Rivals> {
  const keeps = await createTables(bench, stack);
  const product = await startProduct(bench, { keeps, isUncached });
  stack.defer(() => product.stop());
  const family: Family = { name: "fields", bytesTotal: 500 };
  const fields = {
    upload: constantFields(await upload(product, blobOf(family, 0))),
    download: constantFields(await download(product, keyOf(family, 0))),
  };
  const plain = await startPlain(isShared ? keeps : await createTables(bench, stack), fields);
  stack.defer(() => plain.stop());
  return { product, plain };
}

/** What is compared, and how it is told. */
export interface Comparison {
  readonly what: string;
  readonly job: Omit<Job, "port" | "durationMs">;
  /** Left out: the figure is only reported. */
  readonly target?: Target;
}

/** Both sides measured in turn, by their rates. */
export async function compareRates(
  bench: Bench,
  { product, plain }: Rivals,
  { what, job, target }: Comparison,
): Promise<{ readonly figure: Figure; readonly sides: readonly [Measured, Measured] }> {
  await bench.postgres.query("CHECKPOINT");
  const sides = [product, plain].map((server) => ({ server, job }));
  const [ours, theirs] = await alternate(bench, sides);
  if (ours === undefined || theirs === undefined) throw new Error("a side is missing");
  const most = await nullRate(bench, job, await nullAnswer(product, job.ask));
  const figure: Figure = {
    what,
    measured: [ours, theirs].map((side) => perSecondText(spreadOf(side.perSecond))).join(" to "),
    counts: ratioOf(ours.perSecond, theirs.perSecond),
    unit: "×",
    ...(target === undefined ? {} : { target }),
    headroom: headroomOf(most, [ours, theirs]),
    failures: [...ours.failures, ...theirs.failures],
  };
  return { figure, sides: [ours, theirs] };
}

// --- internal ---

async function nullAnswer(product: Server, ask: Job["ask"]): Promise<NullAnswer> {
  const { family } = ask;
  if (ask.kind === "get") {
    return { answer: answerBytes(await download(product, keyOf(family, 0))), requestBytes: 0 };
  }
  const receipt = await upload(product, blobOf(family, freshNumber()));
  return { answer: answerBytes(receipt), requestBytes: uploadRequestBytes(family.bytesTotal) };
}
